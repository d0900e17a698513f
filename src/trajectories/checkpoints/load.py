"""Loading one checkpoint: model, tokenizer, and the hash that tells its weights from all others."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from trajectories.checkpoints.dimensions import read_configuration
from trajectories.checkpoints.places import find_folder
from trajectories.checkpoints.weights import fingerprint, require_readable

# Published models round their vocabulary up for speed, by less than this share of it.
PADDING_SHARE = 0.01
TOKENIZER_FILES = ("tokenizer*", "vocab*", "*.model")
NO_ARCHITECTURE = {"_name_or_path", "architectures", "dtype", "transformers_version"}  # of a configuration
NUMBER_FORMATS = ("float32", "bfloat16", "float16")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A model in evaluation mode without gradients, its tokenizer, and the hash of its stored weights."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    fingerprint: str


def load_checkpoint(
    path_or_repository: str | Path, revision: str | None = None, device: str = "auto", dtype: str = "auto"
) -> Checkpoint:
    """Load a causal language model; no code that comes with it is run.

    Args:
        path_or_repository: A Hugging Face folder, or owner/name of a repository of the Hub.
        revision: Branch, tag or commit of the repository.
        device: A torch device, or `auto`: CUDA where there is one, else the processor.
        dtype: `float32`, `bfloat16`, `float16`, or `auto`: as stored.

    Raises:
        FileNotFoundError: There is no such folder, or it lacks its configuration or weights.
        OSError: The weights are truncated or corrupted, the tokenizer cannot be read, the Hub not reached.
        ValueError: Vocabulary and tokenizer, or weights and configuration, do not fit together.
    """
    if dtype not in {"auto", *NUMBER_FORMATS}:
        raise ValueError(f"dtype must be auto, {', '.join(NUMBER_FORMATS)}, got '{dtype}'")
    folder = find_folder(path_or_repository, revision)
    configuration = read_configuration(folder)
    identity = fingerprint(folder)
    tokenizer = _read_tokenizer(folder)
    _require_vocabulary(configuration.vocab_size, len(tokenizer), folder=folder)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    model = _read_model(folder, dtype)
    model.to(device).eval().requires_grad_(requires_grad=False)  # type: ignore[arg-type]
    return Checkpoint(model, tokenizer, identity)


def load_weights(model: PreTrainedModel, folder: Path) -> None:
    """Replace the model's weights by those of another checkpoint of its trajectory, in milliseconds.

    Device and number format stay the model's. When an error is raised the model is unchanged.

    Raises:
        OSError: The weights are missing, truncated or corrupted.
        ValueError: The checkpoint is of another architecture, or lacks a weight.
    """
    theirs, ours = (_architecture(each) for each in (read_configuration(folder), model.config))
    different = sorted(name for name in {*theirs, *ours} if theirs.get(name) != ours.get(name))
    if different:
        name = "model_type" if "model_type" in different else different[0]
        raise ValueError(
            f"{folder} has {name} {theirs.get(name)}, the model it should go into {ours.get(name)}; "
            "weights go only into a model of the same architecture"
        )
    require_readable(folder)
    model.load_state_dict(_read_model(folder, dtype="auto").state_dict())


def _architecture(configuration: PreTrainedConfig) -> dict[str, Any]:
    settings: dict[str, Any] = configuration.to_dict()
    return {name: value for name, value in settings.items() if name not in NO_ARCHITECTURE}


def _read_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    # Without its files transformers makes up an empty tokenizer.
    if not any(path for pattern in TOKENIZER_FILES for path in folder.glob(pattern)):
        raise FileNotFoundError(f"{folder} has no tokenizer; put tokenizer.json or its like there")
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise OSError(f"{folder} has no tokenizer that can be read: {reason}") from error
    return tokenizer


def _require_vocabulary(rows: int, tokens: int, *, folder: Path) -> None:
    if not tokens <= rows <= tokens * (1 + PADDING_SHARE):
        raise ValueError(
            f"the model in {folder} has a vocabulary of {rows}, its tokenizer one of {tokens}; "
            "give the model the tokenizer that it was trained with"
        )


def _read_model(folder: Path, dtype: str) -> PreTrainedModel:
    with _quiet():
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            trust_remote_code=False,
            weights_only=True,
            ignore_mismatched_sizes=True,  # they are in the report, and so in our message
            output_loading_info=True,
        )
    model, report = loaded
    wrong = {
        "missing": sorted(report["missing_keys"]),
        "of another shape": sorted(str(name) for name, *_ in report["mismatched_keys"]),
    }
    for what, names in wrong.items():
        if names:
            raise ValueError(
                f"the weights in {folder} do not fit its config.json ({len(names)} {what}, the first "
                f"{names[0]}); fetch or train the checkpoint again"
            )
    checked: PreTrainedModel = model
    return checked


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' progress bars and reports: what is wrong becomes an error."""
    verbosity, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity(logging.CRITICAL)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]

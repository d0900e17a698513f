"""Loading checkpoints: a model and its tokenizer, or the weights of the next one into a living model."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from trajectories.checkpoints.devices import SPREAD, choose_device, explaining_lack
from trajectories.checkpoints.dimensions import architectural_difference, read_configuration, read_dimensions
from trajectories.checkpoints.places import find_folder
from trajectories.checkpoints.pretrained import read_pretrained
from trajectories.checkpoints.stored_names import (
    Sources,
    names_of,
    prove_sources,
    proven_sources,
    same_bits,
    weights_of,
)
from trajectories.checkpoints.tokenizers import read_tokenizer, require_vocabulary
from trajectories.checkpoints.weights import Stored, fingerprint, require_readable, stored_tensors

LOG = logging.getLogger(__name__)
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
    """Load a causal language model with its tokenizer; no code that comes with it is run.

    Args:
        path_or_repository: A Hugging Face folder, or owner/name of a repository of the Hub.
        revision: Branch, tag or commit of the repository.
        device: See `load_model`.
        dtype: See `load_model`.

    Raises:
        FileNotFoundError: There is no such folder, or it lacks its configuration or weights.
        OSError: The weights are truncated or corrupted, the tokenizer cannot be read, the Hub not reached.
        ValueError: Vocabulary and tokenizer, or weights and configuration, do not fit together; or the device
            cannot be had.
    """
    _require_number_format(dtype)
    folder = find_folder(path_or_repository, revision)
    configuration = read_configuration(folder)
    identity = fingerprint(folder)
    tokenizer = read_tokenizer(folder)
    require_vocabulary(configuration.get_text_config().vocab_size, tokenizer, folder=folder)
    return Checkpoint(load_model(folder, device=device, dtype=dtype), tokenizer, identity)


def load_model(folder: Path, *, device: str = "auto", dtype: str = "auto") -> PreTrainedModel:
    """The causal language model in a Hugging Face folder, in evaluation mode without gradients.

    Args:
        folder: Configuration and weights; a tokenizer is not needed.
        device: A torch device such as `cpu` or `cuda:1`; `auto`: CUDA where there is one, else the processor;
            `map`: spread by accelerate over all devices, memory and disk, as `auto` does with a model that
            is too large for one CUDA device.
        dtype: `float32`, `bfloat16`, `float16`, or `auto`: as stored.

    Raises:
        OSError: Configuration or weights are missing, truncated or corrupted.
        ValueError: Weights and configuration do not fit together, or the device cannot be had, or has no
            memory for them.
    """
    _require_number_format(dtype)
    configuration = read_configuration(folder)
    require_readable(folder)
    size: Any = configuration.dtype or torch.float32 if dtype == "auto" else getattr(torch, dtype)

    def needed() -> int:
        return read_dimensions(folder).parameters * int(size.itemsize)

    place = choose_device(device, needed=needed)
    spread = place == SPREAD
    with explaining_lack(folder, place="this machine" if spread else "cpu", needed=needed):
        model = read_pretrained(folder, dtype=dtype, device_map="auto" if spread else None)
    if can_replace_weights(model):
        with stored_tensors(folder) as stored:
            prove_sources(model, stored, model.state_dict())
    if not spread:
        with explaining_lack(folder, place=place, needed=needed):
            model.to(place)  # type: ignore[arg-type]
    model.eval().requires_grad_(requires_grad=False)  # type: ignore[no-untyped-call]
    return model


def can_replace_weights(model: PreTrainedModel) -> bool:
    """Whether all weights lie on devices; one that accelerate keeps elsewhere is loaded anew instead."""
    return not any(weight.is_meta for weight in weights_of(model).values())


def load_weights(model: PreTrainedModel, folder: Path) -> None:
    """Replace the model's weights by those of another checkpoint of its trajectory.

    Device and number format stay the model's. When an error is raised the model is unchanged.

    Raises:
        OSError: The weights are missing, truncated or corrupted.
        ValueError: The checkpoint is of another architecture, or lacks a weight; or the model has weights
            that lie on no device.
    """
    replace_weights(model, read_weights(model, folder))


def read_weights(model: PreTrainedModel, folder: Path) -> Mapping[str, Tensor]:
    """The weights of another checkpoint, for `replace_weights`; the model is not changed and may be in use.

    Returns:
        A copy of each weight by the model's name for it, in its number format and in memory, which is pinned
        where the weight lies on a CUDA device and the system allows.

    Raises:
        OSError: The weights are missing, truncated or corrupted.
        ValueError: The checkpoint is of another architecture, or lacks a weight; or the model has weights
            that lie on no device.
    """
    _require_replaceable(model)
    difference = architectural_difference(read_configuration(folder), model.config)
    if difference is not None:
        name, theirs, ours = difference
        raise ValueError(
            f"{folder} has {name} {theirs}, the model it should go into {ours}; "
            "weights go only into a model of the same architecture"
        )
    with stored_tensors(folder) as stored:
        sources = proven_sources(model, stored)
        if sources is None:
            return _read_as_transformers(model, folder, stored)
        return _read_from(sources, model, folder, stored=stored)


def replace_weights(model: PreTrainedModel, tensors: Mapping[str, Tensor]) -> None:
    """Copy weights that `read_weights` gave for this model, in milliseconds.

    Raises:
        ValueError: They are not the weights of this model; it is unchanged.
    """
    _require_replaceable(model)
    weights = weights_of(model)
    for name in sorted({*weights, *tensors}):
        ours, theirs = (tuple(held[name].shape) if name in held else None for held in (weights, tensors))
        if ours != theirs:
            raise ValueError(
                f"the weight {name} has shape {ours} in the model and {theirs} in what should replace it; "
                "read the weights for this model"
            )
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(tensors[name], non_blocking=True)


def _read_from(
    sources: Sources, model: PreTrainedModel, folder: Path, *, stored: Mapping[str, Stored]
) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for name, weight in weights_of(model).items():
        first, *others = (stored[source].read() for source in sources[name])
        _require_tied(first, others, folder=folder, name=name)
        tensors[name] = _copy_for(weight, first)
    return tensors


def _read_as_transformers(
    model: PreTrainedModel, folder: Path, stored: Mapping[str, Stored]
) -> dict[str, Tensor]:
    """The slow way, which knows all names that weights ever had, and tells whether the fast one is right.

    It does not read in half precision: meanwhile transformers would make that the default of torch in all
    threads, where a model may be at work.
    """
    whole = torch.promote_types(model.dtype, torch.float32)
    loaded = read_pretrained(folder, dtype=whole).state_dict()
    weights = weights_of(model)
    tensors: dict[str, Tensor] = {}
    for name, *others in names_of(model):
        _require_tied(loaded[name], [loaded[other] for other in others], folder=folder, name=name)
        tensors[name] = _copy_for(weights[name], loaded.pop(name))
    prove_sources(model, stored, tensors)
    return tensors


def _copy_for(weight: Tensor, tensor: Tensor) -> Tensor:
    """A copy in memory of its own: what safetensors gives is still in the file until it is used."""
    return _empty_like(weight).copy_(tensor)


def _empty_like(weight: Tensor) -> Tensor:
    """In memory that is pinned for CUDA, from which copying is fast; systems limit how much that may be."""
    if weight.is_cuda:
        try:
            return torch.empty(weight.shape, dtype=weight.dtype, pin_memory=True)
        except RuntimeError as error:
            LOG.debug("no pinned memory (%s), so ordinary memory serves", error)
    return torch.empty(weight.shape, dtype=weight.dtype)


def _require_tied(tensor: Tensor, others: list[Tensor], *, folder: Path, name: str) -> None:
    if not all(same_bits(tensor, other) for other in others):
        raise ValueError(
            f"{folder} stores two values of {name}, which is one weight with several names in the model it "
            "should go into; load the checkpoint by itself"
        )


def _require_replaceable(model: PreTrainedModel) -> None:
    if not can_replace_weights(model):
        raise ValueError(
            "the model has weights that accelerate keeps off its devices; load each checkpoint by itself"
        )


def _require_number_format(dtype: str) -> None:
    if dtype not in {"auto", *NUMBER_FORMATS}:
        raise ValueError(f"dtype must be auto, {', '.join(NUMBER_FORMATS)}, got '{dtype}'")

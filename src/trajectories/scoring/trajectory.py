"""The scores of one model at every checkpoint: its trajectory on held-out text."""

import hashlib
from importlib import metadata
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from trajectories import arrays
from trajectories.checkpoints import Checkpoint, Trajectory, fingerprint, load_checkpoint, load_weights
from trajectories.scoring import attention, linear, logits, windows
from trajectories.scoring.labels import label_scores
from trajectories.scoring.progress import progress
from trajectories.scoring.shards import ShardStore, shard_key

CODE = (attention, linear, logits, windows)  # the modules that the values of a shard come from
PACKAGES = ("torch", "transformers")
CHOICES = ("error", "skip")


class NonFiniteScoresError(ValueError):
    """A checkpoint gives log-likelihoods that are NaN or infinite."""


def score_trajectory(
    trajectory: Trajectory,
    held_out: xr.Dataset,
    *,
    store: Path,
    batch_tokens: int = 2048,
    precision: str = "float32",
    nonfinite: str = "error",
    flops: str = "chowdhery",
) -> xr.Dataset:
    """Log-likelihoods of the tokens of held-out windows at every checkpoint of a model.

    What is finished is kept in `store`: a run that was killed continues there, and gives the same result.

    Args:
        trajectory: The model's checkpoints.
        held_out: `token_id` (window, position) with `split`, `document` and `domain` over window; over
            vocabulary `token_text` and `training_frequency`.
        store: Folder of the shard store.
        batch_tokens: Tokens of one forward pass.
        precision: Number format of the forward pass: float32, bfloat16 or float16.
        nonfinite: What scores that are not finite do: `error`, or `skip`, which leaves their checkpoint NaN.
        flops: How compute is counted: `chowdhery` or `plain`, see trajectories.checkpoints.compute.

    Returns:
        See `trajectories.scoring.labels.label_scores`.

    Raises:
        ValueError: The windows do not fit the model.
        NonFiniteScoresError: A score is not finite, and `nonfinite` is `error`.
        OSError: A checkpoint cannot be read, or the store not be written because the disk is full.
    """
    if nonfinite not in CHOICES:
        raise ValueError(f"nonfinite must be one of {', '.join(CHOICES)}, got '{nonfinite}'")
    arrays.require(held_out, "window", "position", "vocabulary", what="held-out windows")
    engine = _Engine(held_out["token_id"].values, store, batch_tokens=batch_tokens, precision=precision)
    scores: dict[int, NDArray[np.float32]] = {}
    skipped: list[int] = []
    tokens, checkpoints = held_out["token_id"].size, trajectory.checkpoints
    with progress(trajectory.model, checkpoints=len(checkpoints), tokens=tokens) as report:
        for step, folder in checkpoints:
            known = engine.computed
            scores[step] = engine.score(folder)
            if not np.isfinite(scores[step]).all():
                if nonfinite == "error":
                    raise NonFiniteScoresError(
                        _first_nonfinite(trajectory.model, step, scores[step], held_out)
                    )
                scores[step] = np.full_like(scores[step], np.nan)
                skipped.append(step)
            report(engine.computed > known)
    return label_scores(scores, held_out, trajectory=trajectory, skipped=skipped, flops=flops)


class _Engine:
    """Scores checkpoints that are not in the store; loads the model once, and then only weights."""

    def __init__(self, ids: NDArray[np.int32], store: Path, *, batch_tokens: int, precision: str) -> None:
        self.ids, self.store = ids, ShardStore(store)
        self.batch_tokens, self.precision = batch_tokens, precision
        self.computed = 0
        hashed = hashlib.sha256(np.ascontiguousarray(ids, "<i8").tobytes()).hexdigest()
        self.shared_content = {
            "windows": f"{ids.shape} {hashed}",
            "settings": f"{precision}, {batch_tokens} tokens in a batch, {_hardware()}",
            "code": _code_hash(),
            **{name: metadata.version(name) for name in PACKAGES},
        }
        self.loaded: Checkpoint | None = None
        self.configuration = b""

    def score(self, folder: Path) -> NDArray[np.float32]:
        """[window, position - 1], from the store where it is there."""
        weights, configuration = fingerprint(folder), (folder / "config.json").read_bytes()
        own = {"weights": weights, "configuration": hashlib.sha256(configuration).hexdigest()}

        def compute() -> NDArray[np.float32]:
            self.computed += 1
            checkpoint = self._load(folder, weights, configuration)
            return windows.score_windows(checkpoint, self.ids, batch_tokens=self.batch_tokens)

        return self.store.fetch(shard_key(self.shared_content | own), compute)

    def _load(self, folder: Path, weights: str, configuration: bytes) -> Checkpoint:
        if self.loaded is None or configuration != self.configuration:
            self.loaded = load_checkpoint(folder, dtype=self.precision)
            self.configuration = configuration
            return self.loaded
        load_weights(self.loaded.model, folder)
        return Checkpoint(self.loaded.model, self.loaded.tokenizer, weights)


def _code_hash() -> str:
    sources = [Path(str(module.__file__)).read_bytes() for module in CODE]
    return hashlib.sha256(b"\0".join(sources)).hexdigest()


def _hardware() -> str:
    """What of this machine decides the last digits: a store may be shared between machines."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    products = "oneDNN" if linear.available() else "torch"
    return f"{torch.backends.cpu.get_cpu_capability()} with {products}"


def _first_nonfinite(model: str, step: int, scores: NDArray[np.float32], held_out: xr.Dataset) -> str:
    window, before = np.argwhere(~np.isfinite(scores))[0]
    position = before + 1
    token = int(held_out["token_id"][window, position])
    text, document = str(held_out["token_text"].values[token]), str(held_out["document"].values[window])
    return (
        f"{model}, checkpoint {step}: the log-likelihood of token {text!r} at position {position} of "
        f"document {document!r} is {scores[window, before]}; train that checkpoint again, or leave it out "
        "(`python -m trajectories.compose scoring.nonfinite=skip`)"
    )

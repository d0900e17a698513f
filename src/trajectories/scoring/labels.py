"""The labels of a model's scores: tokens, validation domains, checkpoints, and the model itself."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

if TYPE_CHECKING:
    from trajectories.checkpoints import Trajectory

ANALYSIS, VALIDATION = "analysis", "validation"
# Attributes; the second and the third are JSON.
PRECISION, PRECISION_DIFFERENCE, SKIPPED = "precision", "precision_difference", "skipped_checkpoints"
AXES = ("tokens_seen", "flops", "training_fraction")


def label_scores(
    scores: Mapping[int, NDArray[np.float32]],
    held_out: xr.Dataset,
    *,
    trajectory: "Trajectory",
    skipped: Sequence[int],
    flops: str = "chowdhery",
) -> xr.Dataset:
    """The scores of one model as a dataset.

    Args:
        scores: By training step, [window, position - 1] in nats.
        held_out: The windows, see `score_trajectory`.
        trajectory: The model.
        skipped: Steps whose scores were not finite and are NaN.
        flops: How compute is counted, see `trajectories.checkpoints.compute.CONVENTIONS`.

    Returns:
        `log_likelihood` (checkpoint, token), float32, of the tokens of analysis windows; of validation
        windows the mean over `validation_tokens`, `validation_log_likelihood` (checkpoint,
        validation_domain). Coordinates: checkpoint (the training step, rising) with `tokens_seen`, `flops`
        and `training_fraction`; of tokens `document`, `position`, `token_id`, `token_text`, `domain` and
        `training_frequency`; of the model `model`, `label`, `family`, `parameters` and `seed` (NaN where it
        is not known). The attribute `skipped_checkpoints` holds `skipped` as JSON.
    """
    steps = sorted(scores)
    kind = held_out["split"].values
    stacked = np.stack([scores[step] for step in steps])
    tokens = stacked[:, kind == ANALYSIS].reshape(len(steps), -1)
    return xr.Dataset(
        {"log_likelihood": (("checkpoint", "token"), tokens)}
        | _by_domain(stacked[:, kind == VALIDATION], held_out["domain"].values[kind == VALIDATION]),
        coords=checkpoint_labels(steps, trajectory, flops=flops)
        | _of_tokens(held_out)
        | model_labels(trajectory),
        attrs={SKIPPED: json.dumps(sorted(skipped))},
    )


def checkpoint_labels(
    steps: Sequence[int], trajectory: "Trajectory", *, flops: str = "chowdhery"
) -> dict[str, object]:
    """The coordinates `checkpoint`, `tokens_seen`, `flops` and `training_fraction` of training steps."""
    return {
        "checkpoint": list(steps),
        "tokens_seen": ("checkpoint", [trajectory.tokens_seen(step) for step in steps]),
        "flops": (
            "checkpoint",
            [trajectory.flops(step, convention=flops) for step in steps],
            {"convention": flops},
        ),
        "training_fraction": ("checkpoint", [trajectory.training_fraction(step) for step in steps]),
    }


def model_labels(trajectory: "Trajectory") -> dict[str, object]:
    """The coordinates `model`, `label`, `family`, `parameters` and `seed`, NaN where it is not known."""
    named = {name: getattr(trajectory, name) for name in ("model", "label", "family", "parameters")}
    return {**named, "seed": math.nan if trajectory.seed is None else float(trajectory.seed)}


def _by_domain(scores: NDArray[np.float32], domains: NDArray[np.str_]) -> dict[str, xr.DataArray]:
    """From [checkpoint, window, position - 1]; domains in alphabetical order."""
    names = np.unique(domains)
    parts = [scores[:, domains == name] for name in names]
    means = [part.mean(axis=(1, 2), dtype=np.float64) for part in parts]
    label = {"validation_domain": names}
    return {
        "validation_log_likelihood": xr.DataArray(
            np.stack(means, axis=1) if means else np.empty((len(scores), 0)),
            dims=("checkpoint", "validation_domain"),
            coords=label,
        ),
        "validation_tokens": xr.DataArray(
            np.array([part[0].size for part in parts], np.int64), dims="validation_domain", coords=label
        ),
    }


def _of_tokens(held_out: xr.Dataset) -> dict[str, object]:
    windows = held_out.isel(window=held_out["split"].values == ANALYSIS)
    ids = windows["token_id"].values[:, 1:]
    count, length = ids.shape
    values = {
        "document": np.repeat(windows["document"].values, length),
        "domain": np.repeat(windows["domain"].values, length),
        "position": np.tile(np.arange(1, length + 1, dtype=np.int32), count),
        "token_id": ids.ravel(),
        "token_text": held_out["token_text"].values[ids.ravel()],
        "training_frequency": held_out["training_frequency"].values[ids.ravel()],
    }
    return {name: ("token", value) for name, value in values.items()}

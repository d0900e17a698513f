"""One model's trajectory in labelled scores: the checkpoints it has, in the order of training."""

from collections.abc import Iterator

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from trajectories import arrays

Floats = NDArray[np.float64]

REGRESSORS = {
    "index": "1/checkpoint",
    "step": "1/step",
    "log_step": "1/ln(step)",
    "tokens_seen": "1/token",
    "flops": "1/FLOP",
}  # what the perplexity is regressed on, and the unit of the slope


def ordered(scores: xr.DataArray, what: str) -> xr.DataArray:
    """The scores with checkpoints in the order of their steps.

    Raises ValueError, naming `what`, without the dimensions checkpoint and token, without the coordinates
    checkpoint and training_fraction, or when two checkpoints carry the same step.
    """
    arrays.require(scores, "checkpoint", "token", what=what)
    for name in ("checkpoint", "training_fraction"):
        if name not in scores.coords:
            raise ValueError(
                f"{what} needs the coordinate '{name}' over its checkpoints, "
                f"got {sorted(map(str, scores.coords))}; add it with assign_coords({name}=...)"
            )
    steps = scores["checkpoint"].values
    distinct, counts = np.unique(steps, return_counts=True)
    if len(distinct) < len(steps):
        twice = ", ".join(str(step) for step in distinct[counts > 1])
        raise ValueError(f"{what} has more than one checkpoint at step {twice}; keep one of each")
    return scores if bool(np.all(np.diff(steps) > 0)) else scores.sortby("checkpoint")


def by_model(scores: xr.DataArray) -> Iterator[xr.DataArray]:
    """Each model's scores [checkpoint, ...] at the checkpoints it has: those that are not NaN throughout."""
    for position in range(scores.sizes.get("model", 1)):
        model = scores.isel(model=position) if "model" in scores.dims else scores
        model = model.transpose("checkpoint", "token", ...).compute()
        present = model.notnull().any([name for name in model.dims if name != "checkpoint"]).values
        yield model if present.all() else model.isel(checkpoint=np.flatnonzero(present))


def name_of(trajectory: xr.DataArray) -> str:
    """The model as it is named in messages."""
    return f"model {trajectory['model'].item()}" if "model" in trajectory.coords else "the model"


def require_positive(trajectory: xr.DataArray, what: str) -> None:
    """Raise ValueError, naming the first offender, unless every value is positive and finite, or NaN."""
    values = trajectory.values
    wrong = (values <= 0) | np.isinf(values)
    if wrong.any():
        first = np.unravel_index(int(wrong.argmax()), wrong.shape)
        where = ", ".join(
            f"{dimension} {trajectory[dimension].values[index]}"
            for dimension, index in zip(trajectory.dims, first, strict=True)
        )
        raise ValueError(
            f"{what} of {name_of(trajectory)} is {values[first]} at {where}; it must be positive and finite, "
            f"or NaN where it is missing"
        )


def start_index(trajectory: xr.DataArray, start: float) -> int:
    """Index of the checkpoint nearest to the fraction `start` of training, the earlier one of two as near.

    Raises ValueError when fewer than three checkpoints are left from there on.
    """
    fraction = trajectory["training_fraction"].values.astype(float)
    if np.isnan(fraction).any():
        step = trajectory["checkpoint"].values[np.isnan(fraction)][0]
        raise ValueError(
            f"{name_of(trajectory)} has scores at step {step} but no training_fraction there; "
            f"add it to the coordinate"
        )
    distance = np.abs(fraction - start).round(12)  # so that a tie is a tie
    first = int(np.argmin(distance)) if len(distance) else 0
    left = len(distance) - first
    if left < 3:
        raise ValueError(
            f"{name_of(trajectory)} has {left} checkpoints from {start:g} of training on, "
            f"a trend needs three; use an earlier start or score more checkpoints"
        )
    return first


def regressor_values(trajectory: xr.DataArray, regressor: str) -> Floats:
    """[checkpoint] what the perplexity is regressed on, increasing.

    Raises ValueError when its coordinate is absent, or is not finite and increasing.
    """
    if regressor == "index":
        return np.arange(trajectory.sizes["checkpoint"], dtype=float)
    source = "checkpoint" if regressor in {"step", "log_step"} else regressor
    if source not in trajectory.coords:
        raise ValueError(
            f"the regressor {regressor} needs the coordinate '{source}' over the checkpoints; "
            f"add it with assign_coords({source}=...) or regress on the index"
        )
    values: Floats = trajectory[source].values.astype(float)
    steps = trajectory["checkpoint"].values
    if regressor == "log_step":
        if (values <= 0).any():
            raise ValueError(
                f"{name_of(trajectory)} has a checkpoint at step {steps[values <= 0][0]}, "
                f"which has no logarithm; start later, leave it out, or regress on step"
            )
        values = np.log(values)
    if not np.isfinite(values).all() or not (np.diff(values) > 0).all():
        wrong = ~np.isfinite(values) | ~(np.diff(values, prepend=-np.inf) > 0)
        raise ValueError(
            f"{source} of {name_of(trajectory)} must increase from checkpoint to checkpoint, but is "
            f"{values[wrong][0]} at step {steps[wrong][0]}; correct the coordinate or regress on the index"
        )
    return values

"""Axes that sizes are compared along: coordinates over model and checkpoint, most in their logarithm."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

Floats = NDArray[np.float64]

COMPUTE, PERPLEXITY = "flops", "validation_perplexity"  # the two axes of the claim
AXES = (COMPUTE, "tokens_seen", "training_fraction", PERPLEXITY)
LOGARITHMIC = frozenset({COMPUTE, "tokens_seen", PERPLEXITY, "parameters", "checkpoint"})


def along_axis(values: xr.DataArray, axis: str) -> Floats:
    """[model, checkpoint] the axis, in its logarithm where that is how it is compared; NaN where unknown."""
    across = values[axis].broadcast_like(values).transpose("model", "checkpoint").values.astype(np.float64)
    if axis in LOGARITHMIC:
        across = np.log(across, out=np.full(across.shape, np.nan), where=across > 0)
    return np.where(np.isfinite(across), across, np.nan)


def require_axis(measure: xr.DataArray, axis: str) -> None:
    """Raise ValueError unless the measure has this coordinate, over model, checkpoint or both."""
    if axis not in measure.coords or not set(measure[axis].dims) <= {"model", "checkpoint"}:
        there = ", ".join(sorted(str(key) for key in measure.coords)) or "none"
        raise ValueError(
            f"the axis {axis!r} must be a coordinate over model and checkpoint of the measure; there "
            f"are {there}; add it with assign_coords({axis}=...)"
        )

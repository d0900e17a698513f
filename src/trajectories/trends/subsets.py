"""Sets of tokens picked by their trend."""

import numpy as np
import xarray as xr

from trajectories.trends.categories import code


def select(trends: xr.Dataset, *, start: float, trend: str, model: str | None = None) -> xr.DataArray:
    """Which tokens have this trend from this start on: boolean over token, a token without a trend is False.

    Args:
        trends: what `fit_trends` returns.
        start: one of its starts.
        trend: stagnated, upward, downward or other.
        model: the selecting model; None: every model selects for itself, boolean over (model, token).

    Raises:
        ValueError: a start, model or category that is not there; the message lists those that are.
    """
    codes = trends["trend"].isel(start=start_position(trends, start), drop=True)
    if model is not None:
        require_model(trends, model)
        codes = codes.sel(model=model, drop=True)
    return (codes == code(trend)).rename("selected").drop_attrs(deep=False)


def start_position(trends: xr.Dataset, start: float) -> int:
    """Index of a start; raises ValueError that lists the starts when it is not there."""
    starts = trends["start"].values
    near = np.flatnonzero(np.abs(starts - start) < 1e-6)
    if not len(near):
        listed = ", ".join(f"{value:g}" for value in starts)
        raise ValueError(f"there are no trends from start {start:g}; there are those from {listed}")
    return int(near[0])


def nearest_start(trends: xr.Dataset, start: float) -> float:
    """The start of the trends that is nearest to this one, the earlier one of two as near."""
    starts = np.sort(trends["start"].values)
    return float(starts[np.abs(starts - start).round(12).argmin()])  # rounded, so that a tie is a tie


def require_model(trends: xr.Dataset, model: str) -> None:
    """Raise ValueError, listing the models that there are, unless the trends have this one."""
    models = [str(name) for name in np.atleast_1d(trends["model"].values)]
    if model not in models:
        raise ValueError(f"there are no trends of model {model!r}; there are those of {', '.join(models)}")

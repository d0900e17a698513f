"""The few numbers of section 3 that a reader compares between runs."""

import math

import xarray as xr

from trajectories.trends.categories import shares
from trajectories.trends.subsets import start_position

Number = float | str | None
DIGITS = 6  # significant; fewer than the last bits in which two machines may differ


def summary(trends: xr.Dataset, descent: xr.Dataset, *, start: float) -> dict[str, dict[str, Number]]:
    """Shares of the categories of each model, and `double_descent` in the largest; None for NaN.

    Args:
        trends: what `fit_trends` returns, over (start, model, token).
        descent: what `find_double_descent` returns; without a larger model there is no `double_descent`.
        start: one of the starts of `trends`.
    """
    at_start = shares(trends).isel(start=start_position(trends, start))
    numbers: dict[str, dict[str, Number]] = {
        str(of_model["model"].item()): {
            str(name): _rounded(share)
            for name, share in zip(of_model["trend"].values, of_model.values.tolist(), strict=True)
        }
        for of_model in at_start.transpose("model", "trend")
    }
    if descent.sizes["model"]:
        largest = descent.isel(model=-1)
        numbers["double_descent"] = {
            "selected_by": descent.attrs["selected_by"],
            "selected_share": _rounded(descent.attrs["selected_share"]),
            **{str(name): _rounded(value.item()) for name, value in largest.reset_coords("model").items()},
        }
    return numbers


def _rounded(value: float | str) -> Number:
    if isinstance(value, str):
        return value
    return None if math.isnan(value) else float(f"{value:.{DIGITS}g}")

"""The categories of section 3.1: their codes, the rule that assigns them, and how many tokens each holds."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CATEGORIES = ("stagnated", "upward", "downward", "other")
STAGNATED, UPWARD, DOWNWARD, OTHER = range(4)
FLAGS = {
    "flag_values": np.arange(4, dtype=np.int8),
    "flag_meanings": " ".join(CATEGORIES),
}  # CF conventions, 3.5


def classify(
    slope: Floats, p_value: Floats, steady: NDArray[np.bool_], *, significance: float
) -> NDArray[np.float32]:
    """Code of the category of every series, NaN where there is no slope (section 3.1).

    Args:
        slope: any shape.
        p_value: the same shape.
        steady: the same shape; whether the first and the last value lie near the series' mean.
        significance: p-values below it make a trend upward or downward.
    """
    significant = p_value < significance
    without_trend = np.where(steady, STAGNATED, OTHER)
    codes = np.where(significant & (slope < 0), DOWNWARD, without_trend)
    codes = np.where(significant & (slope > 0), UPWARD, codes)
    return np.where(np.isnan(slope), np.nan, codes).astype(np.float32)


def code(trend: str) -> int:
    """The code of a category; raises ValueError that lists the categories."""
    if trend not in CATEGORIES:
        raise ValueError(f"there is no trend {trend!r}; choose one of {', '.join(CATEGORIES)}")
    return CATEGORIES.index(trend)


def shares(trends: xr.Dataset) -> xr.DataArray:
    """Share of each category (start, [model,] trend), as a fraction of the tokens that have a trend.

    Tokens without a trend (missing in `trends`) count in no share, so the four add up to 1; where no token
    has a trend, the shares are NaN.
    """
    codes = trends["trend"].drop_attrs(deep=False)  # the flags are not those of a share
    over = [name for name in codes.dims if name not in {"start", "model"}]
    counts = xr.concat([(codes == value).sum(over) for value in range(len(CATEGORIES))], dim="trend")
    counts = counts.assign_coords(trend=list(CATEGORIES))
    total = codes.notnull().sum(over)
    fractions = (counts / total.where(total > 0)).transpose("start", ..., "trend")
    return fractions.rename("share").assign_attrs(
        long_name="share of the tokens that have a trend", units="1"
    )

"""Least-squares slopes of many series at once, with the two-sided t-test of each slope."""

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]


def least_squares(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Slope of y on x and its p-value for every series; NaN in y is a missing point of its series.

    A series of ones, which is what a constant becomes when it is divided by its first value, has slope 0 and
    p-value 1 exactly; a series with fewer than three points has NaN.

    Args:
        x: [point], increasing.
        y: [point, series].

    Returns:
        slope [series] in units of y per unit of x, p_value [series].
    """
    present = _present(y)  # [point, series], or [point, 1] where nothing is missing
    points = present.sum(axis=0)  # [series] or [1]
    with np.errstate(divide="ignore", invalid="ignore"):
        x_spread = _centred(x[:, None], present, points)  # [point, series] or [point, 1]
        y_spread = _centred(y, present, points)  # [point, series]
        x_squares = np.einsum("ps,ps->s", x_spread, x_spread)
        slope = np.einsum("ps,ps->s", x_spread, y_spread) / x_squares
        # Squares of the residuals themselves: differences of sums of squares cancel where the fit is close.
        y_spread -= slope * x_spread
        deviation = np.sqrt(np.einsum("ps,ps->s", y_spread, y_spread) / (points - 2) / x_squares)
        statistic = np.where(slope == 0, 0.0, np.abs(slope) / deviation)
    p_value = 2 * special.stdtr(points - 2.0, -statistic)
    few = np.broadcast_to(points < 3, slope.shape)
    return np.where(few, np.nan, slope), np.where(few, np.nan, p_value)


def _present(y: Floats) -> NDArray[np.bool_]:
    if np.isnan(y.sum()):
        return np.isfinite(y)
    return np.ones((len(y), 1), dtype=bool)


def _centred(values: Floats, present: NDArray[np.bool_], points: NDArray[np.int64]) -> Floats:
    """[point, series] differences from the mean of the present points; 0 where a point is missing."""
    kept = values if present.shape[1] == 1 else np.where(present, values, 0.0)
    centred: Floats = kept - kept.sum(axis=0) / points
    return centred if present.shape[1] == 1 else np.where(present, centred, 0.0)

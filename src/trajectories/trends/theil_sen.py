"""Theil-Sen slopes of many series at once, with the Mann-Kendall test of each."""

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]


def theil_sen(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Median slope of all pairs of points and the Mann-Kendall p-value, for every series.

    The test is two-sided and normal, with the correction for ties and for continuity (Mann, 1945; Kendall,
    1975). NaN in y is a missing point of its series; fewer than three points give NaN. Memory grows with the
    square of the points: 8 bytes x points²/2 x series, so callers pass blocks of series.

    Args:
        x: [point], increasing.
        y: [point, series].

    Returns:
        slope [series] in units of y per unit of x, p_value [series].
    """
    few = np.isfinite(y).sum(axis=0) < 3
    return np.where(few, np.nan, _median_slope(x, y)), np.where(few, np.nan, _mann_kendall(y))


def _median_slope(x: Floats, y: Floats) -> Floats:
    earlier, later = np.triu_indices(len(x), k=1)
    series = y.T  # [series, point], so that a series' pairs lie side by side for the sort
    slopes = (series[:, later] - series[:, earlier]) / (x[later] - x[earlier])  # [series, pair]
    slopes.sort(axis=1)  # NaN goes to the end
    pairs = np.isfinite(slopes).sum(axis=1)
    middle = np.stack([(pairs - 1) // 2, pairs // 2], axis=1).clip(min=0)
    medians: Floats = np.take_along_axis(slopes, middle, axis=1).mean(axis=1)
    return medians


def _mann_kendall(y: Floats) -> Floats:
    n = np.isfinite(y).sum(axis=0)  # [series]
    score = np.zeros(y.shape[1])
    ties = np.zeros(y.shape[1])
    for point, values in enumerate(y):
        score += np.nansum(np.sign(y[point + 1 :] - values), axis=0)
        # Summed over a group of t equal values, (t-1)(2t+5) is the t(t-1)(2t+5) of the correction.
        equal = (y == values).sum(axis=0)
        ties += np.where(equal > 0, (equal - 1) * (2 * equal + 5), 0)
    variance = (n * (n - 1) * (2 * n + 5) - ties) / 18
    deviation = np.sqrt(np.maximum(variance, 1.0))  # a constant series has no variance and a score of 0
    z = np.maximum(np.abs(score) - 1, 0.0) / deviation
    p_value: Floats = 2 * special.ndtr(-z)
    return p_value

"""Intervals of a statistic from its values on resampled data."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FEWEST_SAMPLES = 20  # that have a value


def centred(estimate: float, values: Floats, *, confidence: float) -> tuple[float, float]:
    """Ends of the percentile interval of resampled values, moved so that their median is the estimate.

    Data that are drawn anew from noisy data have noise twice, so that a fit explains less of them: plain
    percentiles may lie below the estimate altogether. Their distances from their median still tell how far
    the statistic moves.

    Args:
        estimate: of the data as they are.
        values: [sample], NaN where a sample has none.
        confidence: that the interval holds the truth.

    Returns:
        NaN with fewer than 20 values, or without an estimate.
    """
    known = values[np.isfinite(values)]
    if known.size < FEWEST_SAMPLES or not np.isfinite(estimate):
        return float("nan"), float("nan")
    tail = (1 - confidence) / 2
    low, median, high = np.quantile(known, [tail, 0.5, 1 - tail])
    return float(estimate + low - median), float(estimate + high - median)


def of_r_squared(estimate: float, values: Floats, *, confidence: float) -> tuple[float, float]:
    """The interval of an R², by the logarithm of what is not explained: never above 1.

    The arguments are those of `centred`.
    """
    unexplained = np.log(np.maximum(1 - np.append(values, estimate), np.finfo(float).tiny))
    high, low = centred(float(unexplained[-1]), unexplained[:-1], confidence=confidence)
    return 1 - float(np.exp(low)), 1 - float(np.exp(high))

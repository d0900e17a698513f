"""Normalises, fits and corrects many series at once: the array core of the trends."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from trajectories.trends.least_squares import least_squares
from trajectories.trends.theil_sen import theil_sen

Floats = NDArray[np.float64]
Estimator = Callable[[Floats, Floats], tuple[Floats, Floats]]

ESTIMATORS: dict[str, Estimator] = {"least_squares": least_squares, "theil_sen": theil_sen}
FALSE_DISCOVERY = ("none", "bh", "by")
BLOCK_VALUES = 2**17  # numbers in a block of series: a megabyte, which stays in a core's cache


class Fit(NamedTuple):
    """What is fitted to series from several starts; each [start, series]."""

    slope: Floats
    p_value: Floats
    steady: NDArray[np.bool_]


def fit_series(
    values: Floats,
    x: Floats,
    starts: Sequence[int],
    *,
    estimator: str = "least_squares",
    tolerance: float = 0.05,
) -> Fit:
    """Fit each series, divided by its first value, from each start on (Eq. 1); NaN is a missing value.

    A series is steady when its first and its last value lie within `tolerance` of its geometric mean.

    Args:
        values: [checkpoint, series], positive.
        x: [checkpoint], increasing.
        starts: indices into the checkpoints.
        estimator: a name of `ESTIMATORS`.
        tolerance: as a fraction of the geometric mean.
    """
    shape = (len(starts), values.shape[1])
    fit = Fit(np.empty(shape), np.empty(shape), np.empty(shape, dtype=bool))
    estimate = ESTIMATORS[estimator]
    width = max(1, BLOCK_VALUES // len(x))

    def fit_block(begin: int) -> None:
        block = slice(begin, begin + width)
        for row, first in enumerate(starts):
            y, last = _normalised(values[first:, block])
            fit.slope[row, block], fit.p_value[row, block] = estimate(x[first:], y)
            fit.steady[row, block] = _steady(y, last, tolerance)

    # Threads help because NumPy and SciPy compute outside the lock of the interpreter.
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(fit_block, range(0, values.shape[1], width)))
    return fit


def corrected(p_values: Floats, false_discovery: str) -> Floats:
    """[..., test] p-values, each row corrected for the number of tests that have one; NaN stays NaN."""
    if false_discovery == "none":
        return p_values
    rows = [_corrected_row(row, false_discovery) for row in p_values.reshape(-1, p_values.shape[-1])]
    return np.stack(rows).reshape(p_values.shape)


def _corrected_row(p_values: Floats, false_discovery: str) -> Floats:
    known = np.isfinite(p_values)
    result = np.full_like(p_values, np.nan)
    if known.any():
        method: Literal["bh", "by"] = "bh" if false_discovery == "bh" else "by"
        result[known] = stats.false_discovery_control(p_values[known], method=method)
    return result


def _normalised(values: Floats) -> tuple[Floats, Floats]:
    """Series [point, series] divided by their first present value, and their last present value [series]."""
    first, last = values[0], values[-1]
    if np.isnan(values.sum()):
        present = np.isfinite(values)
        first = np.take_along_axis(values, present.argmax(axis=0)[None], axis=0)[0]
        final = len(values) - 1 - present[::-1].argmax(axis=0)
        last = np.take_along_axis(values, final[None], axis=0)[0]
    return values / first, last / first


def _steady(y: Floats, last: Floats, tolerance: float) -> NDArray[np.bool_]:
    """Whether 1, the normalised first value, and `last` lie near the geometric mean of [point, series]."""
    logarithm = np.log(y)
    missing = np.isnan(logarithm)
    points = len(y) - missing.sum(axis=0)
    mean = np.exp(np.where(missing, 0.0, logarithm).sum(axis=0) / np.maximum(points, 1))
    near: NDArray[np.bool_] = (np.abs(1 / mean - 1) <= tolerance) & (np.abs(last / mean - 1) <= tolerance)
    return near

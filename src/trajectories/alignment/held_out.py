"""How well curves of the other models predict those of a model: the array core of alignment."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trajectories.alignment.local_regression import lines, neighbourhoods

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Mask = NDArray[np.bool_]

FEWEST_TO_FIT = 4  # points of the other models
FEWEST_IN_RANGE = 4  # held-out points; R² of fewer says nothing
SAME = 1e-9  # standard deviation, in parts of the largest value, of numbers that differ by rounding alone


class Points(NamedTuple):
    """All checkpoints of all models: x along an axis and y of a measure, and the group that is held out.

    `x` and `group` are [point]; `y` is [sample, point], the first sample being the measure as it is.
    """

    x: Floats
    y: Floats
    group: Indices


def predict_held_out(points: Points, counts: Floats, *, span: float) -> Floats:
    """[sample, point] what the other groups' points predict at each point's x.

    The local line through all points of the other groups, each counting as often as a sample has it.

    Args:
        points: x is finite where it is known, and all samples of y where the first is.
        counts: [sample, point], how often a point counts.
        span: of the local lines.

    Returns:
        NaN for points that are unknown or whose x lies within no other group's range, and for all points of a
        group when the others have fewer than four.
    """
    known = np.isfinite(points.x) & np.isfinite(points.y[0])
    predicted = np.full(counts.shape, np.nan)
    for group in np.unique(points.group[known]):
        others, own = known & (points.group != group), known & (points.group == group)
        if others.sum() < FEWEST_TO_FIT:
            continue
        inside = np.flatnonzero(own & _covered(points, others))
        if inside.size:
            near = neighbourhoods(points.x[others], points.x[inside], span=span)
            predicted[:, inside] = lines(near, points.y[:, others], counts[:, others])
    return predicted


def _covered(points: Points, others: Mask) -> Mask:
    """[point] whether the x of a point lies within the trajectory of any one group among the others.

    Within the range of all of them together is not enough: between two that are far apart nothing is known.
    """
    covered = np.zeros(len(points.x), dtype=bool)
    for group in np.unique(points.group[others]):
        x = points.x[others & (points.group == group)]
        covered |= (points.x >= x.min()) & (points.x <= x.max())
    return covered


def r_squared(y: Floats, predicted: Floats, counts: Floats) -> Floats:
    """[sample] 1 - squared errors / squared distances from the mean, over the points that are predicted.

    Args:
        y: [sample, point].
        predicted: [sample, point], NaN where a point is not predicted.
        counts: [sample, point].

    Returns:
        NaN where the predicted points all have one value, or there is none.
    """
    weight = np.where(np.isfinite(predicted), counts, 0.0)
    total = weight.sum(axis=1, keepdims=True)
    value, guess = np.nan_to_num(y), np.nan_to_num(predicted)
    mean = (weight * value).sum(axis=1, keepdims=True) / np.where(total > 0, total, np.nan)
    squares = (weight * (value - mean) ** 2).sum(axis=1)
    errors = (weight * (value - guess) ** 2).sum(axis=1)
    least = (SAME * np.abs(value).max(axis=1, initial=0)) ** 2 * total[:, 0]
    safe = np.where(squares > least, squares, np.nan)
    return np.asarray(1 - errors / safe)


def why_not(points: Points, predicted: Floats, *, axis: str) -> str:
    """Why there is no R²; empty where there is one.

    Args:
        points: with y [1, point].
        predicted: [point].
        axis: its name in words.
    """
    measured = np.isfinite(points.y[0])
    known, inside = measured & np.isfinite(points.x), np.isfinite(predicted)
    held_out = points.y[0, inside]
    reasons = {
        "not measured": not measured.any(),
        f"{axis} is not known": not known.any(),
        "one model": len(np.unique(points.group[known])) < 2,
        f"{axis} is constant": _constant(points.x[known]),
        "the measure is constant": _constant(points.y[0, known]),
        f"no overlap: {inside.sum()} points within the range of another model": (
            inside.sum() < FEWEST_IN_RANGE
        ),
        "the measure is constant where models overlap": _constant(held_out),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _constant(values: Floats) -> bool:
    return not values.size or bool(values.std() <= SAME * np.abs(values).max())

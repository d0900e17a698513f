"""The core of accuracy: which option of each example of a task is chosen, and what that is worth."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import softmax

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

MEASURES = ("accuracy", "accuracy_standard_error", "confidence", "calibration_error")
ROUNDING = 4 * float(np.finfo(np.float32).eps)  # of log-likelihoods, in parts of them
BINS = 10  # of equal width, of the confidence in calibration errors


@dataclass(frozen=True)
class Layout:
    """Where the options of one task stand, example by example.

    `options` [example, place] is the index of each option; `present` [example, place] is false where an
    example has no more, and its first option stands there again; `subtask` [example] numbers them from 0.
    """

    options: Indices
    present: NDArray[np.bool_]
    subtask: Indices


def lay_out(subtask: NDArray[np.generic], example: NDArray[np.generic]) -> Layout:
    """The layout of options whose subtask and example are [option], in any order.

    An example is one of its subtask. Examples are in the order of their first options, their options as
    they come.
    """
    number = _numbered(subtask)
    of_example = _numbered(number * len(number) + _numbered(example))
    counts = np.bincount(of_example)
    in_order = np.argsort(of_example, kind="stable")
    place = np.arange(len(of_example)) - np.repeat(np.cumsum(counts) - counts, counts)
    present = np.arange(counts.max()) < counts[:, None]
    table = np.repeat(in_order[np.cumsum(counts) - counts][:, None], counts.max(), axis=1)
    table[of_example[in_order], place] = in_order
    return Layout(options=table, present=present, subtask=number[table[:, 0]])


def choose(scores: Floats, size: Floats, target: Floats, *, layout: Layout) -> dict[str, Floats]:
    """The `MEASURES` [row] of choosing the highest score; of equal ones each in the same part.

    Args:
        scores: [row, option], by which options are chosen.
        size: [row, option], of the numbers that the scores are differences or parts of: scores that differ by
            less than these are rounded are equal.
        target: [option], target scores.
        layout: of the task's options.
    """
    missing, ranked, credit = _earned(scores, size, target, layout)
    confidence = softmax(ranked, axis=-1).max(axis=-1)
    found = {
        "accuracy": mean_over_examples(credit, layout.subtask),
        "accuracy_standard_error": _standard_error(credit, layout.subtask),
        "confidence": mean_over_examples(confidence, layout.subtask),
        "calibration_error": _calibration_error(confidence, credit, layout.subtask),
    }
    return {name: np.where(missing, np.nan, values) for name, values in found.items()}


def earned_scores(scores: Floats, size: Floats, target: Floats, *, layout: Layout) -> Floats:
    """[row, example] what each example earns, given as `choose`; NaN in a row in which a score is missing."""
    missing, _, credit = _earned(scores, size, target, layout)
    return np.where(missing[:, None], np.nan, credit)


def _earned(
    scores: Floats, size: Floats, target: Floats, layout: Layout
) -> tuple[NDArray[np.bool_], Floats, Floats]:
    """[row] if any score is missing; [row, example, place] the scores; [row, example] what is earned."""
    missing = np.asarray(~np.isfinite(scores).all(axis=1))
    ranked, margin = (
        np.where(layout.present, np.where(missing[:, None], 0, values)[:, layout.options], absent)
        for values, absent in ((scores, -np.inf), (ROUNDING * size, 0))
    )  # [row, example, place]
    chosen = ranked >= ranked.max(axis=-1, keepdims=True) - margin
    credit = (target[layout.options] * chosen).sum(axis=-1) / chosen.sum(axis=-1)
    return missing, ranked, credit


def guess(target: Floats, *, layout: Layout) -> tuple[float, float]:
    """Accuracy of choosing any option with the same probability, and the standard error of its mean.

    Args:
        target: [option], target scores.
        layout: of the task's options.
    """
    counts = layout.present.sum(axis=1)
    scores = target[layout.options]  # [example, place]
    mean = (scores * layout.present).sum(axis=1) / counts
    variance = (((scores - mean[:, None]) ** 2) * layout.present).sum(axis=1) / counts
    of_subtasks = _by_subtask(variance[None], layout.subtask)
    squares = sum(part.sum() / part.shape[1] ** 2 for part in of_subtasks)
    return float(mean_over_examples(mean[None], layout.subtask)[0]), float(squares**0.5 / len(of_subtasks))


def answer_alike(target: Floats, text: NDArray[np.generic], *, layout: Layout) -> float:
    """Accuracy of the one text that is the best answer to all examples; of subtasks the mean of each one's.

    Args:
        target: [option], target scores.
        text: [option]; where an example does not have it as an option, it earns nothing.
        layout: of the task's options.
    """
    number = _numbered(text)
    earned = np.where(layout.present, target[layout.options], 0)  # [example, place]
    best = [
        np.bincount(number[layout.options[own]].ravel(), weights=earned[own].ravel()).max() / own.sum()
        for own in (layout.subtask == each for each in range(layout.subtask.max() + 1))
    ]
    return float(np.mean(best))


def mean_over_examples(values: Floats, subtask: Indices) -> Floats:
    """[row] mean over subtasks of the mean over their examples, from [row, example] and [example]."""
    # Not by weights: rounding would tell apart equal numbers of right answers.
    means: Floats = np.mean([part.mean(axis=1) for part in _by_subtask(values, subtask)], axis=0)
    return means


def _standard_error(values: Floats, subtask: Indices) -> Floats:
    """[row] of that mean; NaN where a subtask has one example."""
    parts = _by_subtask(values, subtask)
    if any(part.shape[1] < 2 for part in parts):
        return np.full(len(values), np.nan)
    squares = np.sum([part.var(axis=1, ddof=1) / part.shape[1] for part in parts], axis=0)
    errors: Floats = np.sqrt(squares) / len(parts)
    return errors


def _calibration_error(confidence: Floats, credit: Floats, subtask: Indices) -> Floats:
    """[row] expected calibration error from [row, example]; examples weigh as in the accuracy."""
    number = np.minimum((confidence * BINS).astype(np.intp), BINS - 1)
    apart = [mean_over_examples((number == each) * (confidence - credit), subtask) for each in range(BINS)]
    error: Floats = np.abs(apart).sum(axis=0)
    return error


def _by_subtask(values: Floats, subtask: Indices) -> list[Floats]:
    return [values[:, subtask == each] for each in range(subtask.max() + 1)]


def _numbered(labels: NDArray[np.generic]) -> Indices:
    """The different labels as numbers from 0, in the order in which they first occur."""
    numbers: Indices = pd.factorize(labels)[0]
    return numbers

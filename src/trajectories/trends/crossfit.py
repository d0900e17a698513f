"""Rise and fall of a mean curve, picked on one half of the documents and measured on the other."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

CONFIDENCE = 0.95
FEWEST_DOCUMENTS = 4  # two in each half


def turning_points(curves: Floats) -> tuple[Indices, Indices]:
    """Indices of the trough and of the later peak with the largest rise between them.

    A curve that never rises has both at its first point.

    Args:
        curves: [curve, checkpoint].

    Returns:
        trough [curve], peak [curve].
    """
    lowest = np.minimum.accumulate(curves, axis=1)  # so far
    peak = np.argmax(curves - lowest, axis=1)
    trough = np.argmax(curves == np.take_along_axis(lowest, peak[:, None], axis=1), axis=1)
    return trough, peak


def log_perplexity(weights: Floats, sums: Floats, counts: Floats) -> Floats:
    """[curve, checkpoint] log perplexity of the tokens of weighted documents.

    Args:
        weights: [curve, document], how often a document counts.
        sums: [document, checkpoint], summed log-likelihood of its tokens, nats.
        counts: [document], its tokens.
    """
    curves: Floats = -(weights @ sums) / (weights @ counts)[:, None]
    return curves


def rise_and_fall(sums: Floats, counts: Floats, *, resamples: int, rng: np.random.Generator) -> Floats:
    """Cross-fitted rise and fall of the curve, with their 95 % interval.

    The documents are split into random halves; the trough and the peak are picked on one half, rise (peak
    minus trough) and fall (peak minus last) are measured on the other, both ways, and averaged. The estimate
    is the mean over `resamples` splits. The interval holds the percentiles of the same measure, one split
    each, on documents drawn with replacement within each half (bootstrap): the chance of the split is in it
    too, so it is wide rather than narrow.

    Args:
        sums: [document, checkpoint], as in `log_perplexity`.
        counts: [document].
        resamples: number of splits and of bootstrap samples.
        rng: source of both.

    Returns:
        [2 (rise, fall), 3 (estimate, low, high)], nats; NaN with fewer than four documents.
    """
    documents = len(counts)
    if documents < FEWEST_DOCUMENTS:
        return np.full((2, 3), np.nan)
    order = rng.permuted(np.tile(np.arange(documents), (resamples, 1)), axis=1)  # [split, document]
    halves = order[:, : documents // 2], order[:, documents // 2 :]
    drawn = [
        np.take_along_axis(half, rng.integers(half.shape[1], size=half.shape), axis=1) for half in halves
    ]
    estimate = _crossed([_weights(half, documents) for half in halves], sums, counts)
    bootstrap = _crossed([_weights(half, documents) for half in drawn], sums, counts)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(bootstrap, [tail, 1 - tail], axis=1)
    return np.stack([estimate.mean(axis=1), low, high], axis=1)


def _weights(drawn: Indices, documents: int) -> Floats:
    """[split, document] how often each document is among the drawn ones [split, draw]."""
    cells = drawn + documents * np.arange(len(drawn))[:, None]
    counted = np.bincount(cells.ravel(), minlength=len(drawn) * documents)
    return counted.reshape(len(drawn), documents).astype(np.float64)


def _crossed(halves: list[Floats], sums: Floats, counts: Floats) -> Floats:
    """[2 (rise, fall), split] picked on each half and measured on the other, averaged."""
    one, other = (log_perplexity(half, sums, counts) for half in halves)
    return (_measured(one, *turning_points(other)) + _measured(other, *turning_points(one))) / 2


def _measured(curves: Floats, trough: Indices, peak: Indices) -> Floats:
    """[2 (rise, fall), curve] of curves [curve, checkpoint] between given points."""
    each = np.arange(len(curves))
    top = curves[each, peak]
    return np.stack([top - curves[each, trough], top - curves[:, -1]])

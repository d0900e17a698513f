"""Checkpoints drawn anew from each model's trajectory, in blocks of neighbours."""

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


def draw_checkpoints(known: NDArray[np.bool_], *, resamples: int, rng: np.random.Generator) -> Counts:
    """How often each checkpoint is drawn, [resample, model, checkpoint]: of each model as many as it has.

    What a model's curve is off by lasts over several checkpoints, so neighbours are drawn together: blocks
    of about the cube root of their number (Künsch, 1989), which go round from the last checkpoint to the
    first (Politis and Romano, 1992), so that all are drawn equally often.

    Args:
        known: [model, checkpoint], in the order of training; only these are drawn.
        resamples: number of samples.
        rng: what draws them.
    """
    counts = np.zeros((resamples, *known.shape), dtype=np.int64)
    for model, has in enumerate(known):
        places = np.flatnonzero(has)
        if not places.size:
            continue
        length = block_length(len(places))
        first = rng.integers(len(places), size=(resamples, -(-len(places) // length), 1))
        drawn = ((first + np.arange(length)) % len(places)).reshape(resamples, -1)[:, : len(places)]
        for sample, taken in enumerate(drawn):
            counts[sample, model, places] = np.bincount(taken, minlength=len(places))
    return counts


def weigh_checkpoints(known: NDArray[np.bool_], *, resamples: int, rng: np.random.Generator) -> Floats:
    """How much each checkpoint counts, [resample, model, checkpoint]: a Bayesian bootstrap (Rubin, 1981).

    Blocks of neighbours as in `draw_checkpoints`, from a random place on, have exponential weights in common
    instead of being drawn or not: no part of a curve is ever without points, which a local line through what
    is left would fill with anything. The weights of a model add up to the number of its checkpoints.

    The arguments are those of `draw_checkpoints`.
    """
    weights = np.zeros((resamples, *known.shape))
    for model, has in enumerate(known):
        places = np.flatnonzero(has)
        if not places.size:
            continue
        length = block_length(len(places))
        first = rng.integers(len(places), size=(resamples, 1))
        of_blocks = rng.exponential(size=(resamples, -(-len(places) // length)))
        block = (np.arange(len(places)) + first) % len(places) // length
        own = np.take_along_axis(of_blocks, block, axis=1)
        weights[:, model, places] = own / own.mean(axis=1, keepdims=True)
    return weights


def block_length(checkpoints: int) -> int:
    """Neighbours that are drawn together, of so many checkpoints."""
    return max(1, round(float(np.cbrt(checkpoints))))

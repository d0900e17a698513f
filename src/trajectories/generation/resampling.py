"""Sets of texts drawn anew from a set of texts, and the perplexity of each."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from trajectories.generation.perplexity import OF_CONFIGURATION, OF_SOURCE, SET

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Key = tuple[str, str, str, int]  # source, configuration, method, new tokens

FEWEST_TEXTS = 8  # with fewer even a widened interval holds the truth too seldom; four in each half
LABELS = ("source", *OF_SOURCE, *SET, *OF_CONFIGURATION)  # of a set, those of its first text


class Halves(NamedTuple):
    """How often each text counts, [resample, text], in either half of a random split."""

    one: Floats
    other: Floats


def text_sets(scores: xr.Dataset) -> tuple[xr.Coordinates, list[Indices]]:
    """Labels of all sets of texts, corrupted and generated, and the indices of the texts of each.

    Returns:
        Coordinates over `set`, whose own label reads like `replace-0.2` or `p_s - p_l, greedy, 50`.
    """
    keys: list[Key] = list(zip(*(scores[name].values.tolist() for name in ("source", *SET)), strict=True))
    members: dict[Key, list[int]] = {}
    for text, key in enumerate(keys):
        members.setdefault(key, []).append(text)
    first = [texts[0] for texts in members.values()]
    labels = {name: ("set", scores[name].values[first]) for name in LABELS if name in scores.coords}
    names = [_name(*key) for key in members]
    return xr.Dataset(coords={"set": names, **labels}).coords, [np.array(of) for of in members.values()]


@lru_cache(maxsize=4)  # of a thousand times a few hundred texts each; most sets hold as many texts
def bootstrap(texts: int, *, resamples: int, seed: int) -> Floats:
    """[resample, text] how often a text is among as many drawn with replacement; the same for all sets."""
    return _drawn(np.random.default_rng(seed), texts, resamples)


@lru_cache(maxsize=4)
def split(texts: int, *, resamples: int, seed: int) -> tuple[Halves, Halves]:
    """Random halves of the texts, and texts drawn with replacement within each of these halves."""
    rng = np.random.default_rng(seed)
    order = rng.permuted(np.tile(np.arange(texts), (resamples, 1)), axis=1)
    halves = order[:, : texts // 2], order[:, texts // 2 :]
    once = (_scattered(half, np.ones(half.shape), texts) for half in halves)
    again = (_scattered(half, _drawn(rng, half.shape[1], resamples), texts) for half in halves)
    return Halves(*once), Halves(*again)


def log_perplexity(weights: Floats, sums: Floats, counts: Floats) -> Floats:
    """[resample, column] log perplexity, nats, of weighted texts.

    Args:
        weights: [resample, text], how often a text counts.
        sums: [text, column], its summed log-likelihood under a model or at a checkpoint, nats.
        counts: [text, column] or [text, 1], its tokens.
    """
    values: Floats = -(weights @ sums) / (weights @ counts)
    return values


def interval(values: Floats, *, texts: int, confidence: float) -> Floats:
    """[2, ...] ends of the expanded percentile interval (Hesterberg, 2015, "What teachers should know").

    Plain percentiles are those of a normal law with the spread of the texts at hand; they are too narrow for
    few texts. These lie as far out as Student's t with the unbiased spread does.

    Args:
        values: [resample, ...], the measure on texts drawn with replacement.
        texts: how many were drawn each time.
        confidence: that the interval holds the truth.
    """
    far = np.sqrt(texts / (texts - 1)) * stats.t.ppf((1 + confidence) / 2, texts - 1)
    tail = float(stats.norm.cdf(-far))
    return np.quantile(values, [tail, 1 - tail], axis=0)


def require_settings(*, resamples: int, confidence: float) -> None:
    """Raise ValueError for settings that give no interval."""
    if resamples < 1 or not 0 < confidence < 1:
        raise ValueError(
            f"an interval needs at least one resample and a confidence between 0 and 1, got {resamples} and "
            f"{confidence:g}; 1000 and 0.95 are usual"
        )


def _drawn(rng: np.random.Generator, texts: int, resamples: int) -> Floats:
    return rng.multinomial(texts, np.full(texts, 1 / texts), size=resamples).astype(np.float64)


def _scattered(members: Indices, counts: Floats, texts: int) -> Floats:
    """[resample, text] with the counts [resample, member] in the members' places."""
    weights = np.zeros((len(members), texts))
    np.put_along_axis(weights, members, counts, axis=1)
    return weights


def _name(source: str, configuration: str, method: str, new_tokens: int) -> str:
    return f"{configuration}, {method}, {new_tokens}" if configuration else source

"""Effect sizes and tests of how the tokens of a group differ from all others, many groups at once."""

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def contrast_shares(groups: Flags, properties: Flags) -> Floats:
    """Contrast what share of each group and of the tokens outside it has each property.

    Args:
        groups: [group, token].
        properties: [property, token].

    Returns:
        [5, group, property]: share inside, share outside, Cohen's h, odds ratio with half a token added to
        each count (Haldane-Anscombe), p-value of Pearson's chi-squared test. NaN where a group holds no token
        or every token, or where a property does.
    """
    tokens = groups.shape[1]
    both = groups.astype(np.float64) @ properties.astype(np.float64).T  # [group, property]
    size = groups.sum(axis=1, dtype=np.float64)[:, None]
    having = properties.sum(axis=1, dtype=np.float64)[None, :]
    only_group, only_property = size - both, having - both
    neither = tokens - both - only_group - only_property
    with np.errstate(divide="ignore", invalid="ignore"):
        inside, outside = both / size, only_property / (tokens - size)
        chi_squared = (
            tokens
            * (both * neither - only_group * only_property) ** 2
            / (size * (tokens - size) * having * (tokens - having))
        )
    odds = (both + 0.5) * (neither + 0.5) / ((only_group + 0.5) * (only_property + 0.5))
    effect = 2 * (np.arcsin(np.sqrt(inside)) - np.arcsin(np.sqrt(outside)))
    table = np.stack([inside, outside, effect, odds, special.chdtrc(1, chi_squared)])
    return np.where(np.isnan(chi_squared), np.nan, table)


def contrast_values(groups: Flags, values: Floats) -> Floats:
    """Contrast the values of each group with those of the tokens outside it; NaN values are left out.

    Args:
        groups: [group, token].
        values: [token].

    Returns:
        [5, group]: median inside, median outside, rank-biserial correlation (1: every value inside is above
        every one outside), NaN in the odds ratio's place, p-value of the Mann-Whitney test (two-sided,
        normal, with the corrections for ties and continuity). NaN where a group holds no token or every
        token.
    """
    known = np.isfinite(values)
    groups, values = groups[:, known], values[known]
    inside = groups.sum(axis=1, dtype=np.float64)  # [group]
    outside = len(values) - inside
    ranks = stats.rankdata(values)
    surplus = groups @ ranks - inside * (inside + 1) / 2 - inside * outside / 2  # U minus its expectation
    _, ties = np.unique(values, return_counts=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        tied = (ties.astype(np.float64) ** 3 - ties).sum() / (len(values) * (len(values) - 1.0))
        deviation = np.sqrt(inside * outside / 12 * (len(values) + 1 - tied))
        z = np.maximum(np.abs(surplus) - 0.5, 0) / deviation
        effect = 2 * surplus / (inside * outside)
    medians = [[_median(values[group]), _median(values[~group])] for group in groups]
    table = np.stack([*np.array(medians).T, effect, np.full(len(groups), np.nan), 2 * special.ndtr(-z)])
    return np.where((inside == 0) | (outside == 0), np.nan, table)


def _median(values: Floats) -> float:
    return float(np.median(values)) if len(values) else float("nan")

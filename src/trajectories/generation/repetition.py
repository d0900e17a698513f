"""How much a text repeats itself: distinct n-grams, and the longest span that occurs twice."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Names = NDArray[np.int64]  # of the spans that begin at each position: equal spans have equal names


def distinct_ngrams(tokens: ArrayLike, *, largest: int = 4) -> NDArray[np.float64]:
    """Share of different n-grams among all n-grams of a text, for n = 1, 2, ..., `largest`.

    Args:
        tokens: token ids, integers [tokens].
        largest: largest n.

    Returns:
        [n], fractions; 1: nothing is repeated; NaN where the text has fewer than n tokens.
    """
    single = _renamed(np.asarray(tokens))
    spans, shares = single, np.full(largest, np.nan)
    for n in range(1, min(largest, len(single)) + 1):
        spans = single if n == 1 else _joined(spans[:-1], single[n - 1 :])
        shares[n - 1] = (spans.max() + 1) / len(spans)
    return shares


def longest_repeat(tokens: ArrayLike) -> int:
    """Tokens of the longest span that occurs at two positions of a text; the two may overlap.

    A text that repeats one token k times has a longest repeat of k - 1; one without any token twice, of 0.
    """
    doubled = [_renamed(np.asarray(tokens))]  # names of the spans of 1, 2, 4, ... tokens
    while _has_repeat(doubled[-1]):
        half = 2 ** (len(doubled) - 1)
        doubled.append(_joined(doubled[-1][:-half], doubled[-1][half:]))
    longest = 0
    found: Names = np.zeros(len(doubled[0]) + 1, np.int64)  # spans of no token, all alike
    for power in reversed(range(len(doubled) - 1)):
        longer = _joined(found[: len(doubled[power][longest:])], doubled[power][longest:])
        if _has_repeat(longer):
            longest, found = longest + 2**power, longer
    return longest


def _renamed(values: NDArray[np.generic]) -> Names:
    """The values as 0, 1, 2, ..."""
    names: Names = np.unique(values, return_inverse=True)[1].astype(np.int64)
    return names


def _joined(left: Names, right: Names) -> Names:
    """Names of spans that begin like `left` and go on like `right`."""
    return _renamed(left * (right.max(initial=0) + 1) + right)


def _has_repeat(spans: Names) -> bool:
    return bool(len(spans)) and int(spans.max()) + 1 < len(spans)

"""Paragraphs of training text that the held-out text nearly repeats are found by shared runs of words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from trajectories.corpora.documents import BREAK, Document

WORD = re.compile(r"\w+")
FEWEST_WORDS = 2  # with fewer, a document can be a single token, which predicts nothing


@dataclass(frozen=True)
class Cleaned:
    """Training documents without near-duplicates; `kept` marks the paragraphs that stayed.

    `too_short`: how many documents were dropped because too little of them was left.
    `overlap_before` and `overlap_after`: the share of the held-out text's distinct runs of words that the
    training text has too.
    """

    documents: list[Document]
    kept: NDArray[np.bool_]
    too_short: int
    overlap_before: float
    overlap_after: float


@dataclass(frozen=True)
class _Runs:
    """Every run of words within a paragraph: its hash [r] and its paragraph [r], one of `paragraphs`."""

    hashes: NDArray[np.uint64]
    paragraph: NDArray[np.int64]
    paragraphs: int


def drop_near_duplicates(
    training: Sequence[Document], held_out: Sequence[Document], *, words: int, share: float, minimum: int
) -> Cleaned:
    """Training documents without the paragraphs of whose runs of `words` words at least `share` are held out.

    Paragraphs are what blank lines separate; those shorter than `words` words have no runs and stay. Words
    are compared without case and punctuation. A document that loses paragraphs is dropped when fewer than
    `minimum` characters or two words are left of it.

    Raises:
        ValueError: `words` below 1, `share` outside (0, 1], or no training text is left.
    """
    if words < 1 or not 0 < share <= 1:
        raise ValueError(
            f"corpus.near_duplicates needs words >= 1 and a share in (0, 1], got words {words}, share {share}"
        )
    numbers: dict[str, int] = {}
    ours = _runs(training, words=words, numbers=numbers)
    theirs = np.unique(_runs(held_out, words=words, numbers=numbers).hashes)
    shared = np.isin(ours.hashes, theirs)
    total = np.bincount(ours.paragraph, minlength=ours.paragraphs)
    repeated = np.bincount(ours.paragraph[shared], minlength=ours.paragraphs)
    kept = (repeated < share * total) | (total == 0)
    documents, kept, too_short = _without(training, kept, minimum=minimum)
    if not documents:
        raise ValueError(
            "empty corpus: all training text nearly repeats held-out text; add other documents, or raise "
            f"corpus.near_duplicates.share ({share})"
        )
    return Cleaned(
        documents,
        kept,
        too_short,
        overlap_before=_coverage(theirs, ours.hashes[shared]),
        overlap_after=_coverage(theirs, ours.hashes[shared & kept[ours.paragraph]]),
    )


def _runs(documents: Sequence[Document], *, words: int, numbers: dict[str, int]) -> _Runs:
    # `numbers` counts the distinct words in the order they are met, the same in every process.
    lengths: list[int] = []
    met: list[int] = []
    for document in documents:
        for paragraph in document.text.split(BREAK):
            found = WORD.findall(paragraph.lower())
            lengths.append(len(found))
            met += [numbers.setdefault(word, len(numbers)) for word in found]
    owner = np.repeat(np.arange(len(lengths)), lengths)
    starts = max(owner.size - words + 1, 0)
    inside = owner[:starts] == owner[owner.size - starts :]
    return _Runs(_hashes(np.array(met, np.uint64), words=words)[inside], owner[:starts][inside], len(lengths))


def _hashes(numbers: NDArray[np.uint64], *, words: int) -> NDArray[np.uint64]:
    """64-bit hashes of all runs of `words` numbers [n - words + 1]: equal runs, equal hashes.

    Among 10^7 different runs, the chance that any two share a hash is 3e-6.
    """
    mixed = _mix(numbers)
    count = max(numbers.size - words + 1, 0)
    hashes = np.zeros(count, np.uint64)
    for offset in range(words):
        hashes = _mix(hashes ^ mixed[offset : offset + count])
    return hashes


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele et al., 2014): a bijection that spreads close numbers."""
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _without(
    documents: Sequence[Document], kept: NDArray[np.bool_], *, minimum: int
) -> tuple[list[Document], NDArray[np.bool_], int]:
    # The documents left, the paragraphs left in these, and how many documents became too short.
    cleaned: list[Document] = []
    left = kept.copy()
    too_short = 0
    start = 0
    for document in documents:
        paragraphs = document.text.split(BREAK)
        marks = left[start : start + len(paragraphs)]  # a view
        start += len(paragraphs)
        text = document.text if marks.all() else BREAK.join(compress(paragraphs, marks))
        if not marks.all() and (len(text) < minimum or len(WORD.findall(text)) < FEWEST_WORDS):
            too_short += bool(text.strip())
            marks[:] = False
        elif text.strip():
            cleaned.append(replace(document, text=text))
    return cleaned, left, too_short


def _coverage(held_out: NDArray[np.uint64], shared: NDArray[np.uint64]) -> float:
    return float(np.unique(shared).size / held_out.size) if held_out.size else 0.0

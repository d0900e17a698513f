"""Quality of generated texts beside the documents: MAUVE, repetition and length (appendices C.3 and C.4)."""

import json
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from trajectories.generation.mauve import mauve_scores
from trajectories.generation.repetition import distinct_ngrams, longest_repeat

Tokens = NDArray[np.integer[Any]]
Features = Callable[[Sequence[Tokens]], NDArray[np.float32]]  # texts → [text, width]

LARGEST_NGRAM = 4
SETS = ("configuration", "method", "new_tokens")
MISSING = "mauve_missing"  # attribute: JSON, set → why it has no MAUVE
LONG_NAMES = {
    "mauve": "MAUVE against the documents",
    "distinct": "share of distinct n-grams in a text",
    "longest_repeat": "longest span that occurs twice in a text, in tokens",
    "mean_tokens": "tokens of a text",
    "ended": "share of texts ended by the end-of-text token",
    "texts": "number of texts",
    "reference_distinct": "share of distinct n-grams in a document",
    "reference_longest_repeat": "longest span that occurs twice in a document, in tokens",
    "reference_mean_tokens": "tokens of a document",
}


class TextSet(NamedTuple):
    """Texts without the end-of-text token, what each was continued from, and which ended by that token."""

    prompts: list[Tokens]
    texts: list[Tokens]
    ended: list[bool]


def measure_quality(
    generations: xr.Dataset,
    *,
    features: Features,
    seeds: Sequence[int],
    lengths: Sequence[int],
    end_token: int | None,
) -> xr.Dataset:
    """MAUVE, repetition and length of every set of generated texts, and repetition of the documents.

    A set of length L holds the prompts that were allowed L new tokens; of a longer continuation it takes the
    first L, and a text that ended before is whole. Where a document goes on for fewer than L tokens, the
    texts that compare with it are cut as short. The end-of-text token is part of no text: documents do not
    hold it, so that it alone would tell the two apart.

    MAUVE compares prompt and continuation with prompt and document; all else is of continuations alone.

    Args:
        generations: `token_id` and its count `new_tokens` over (configuration, method, prompt), and over
            prompt `limit` and the token ids of prompts and references with their counts.
        features: gives [text, width] of texts, which are token ids of the models that generated them.
        seeds: of MAUVE's clustering.
        lengths: numbers of new tokens.
        end_token: id of the end-of-text token, None where the family has none.

    Returns:
        `mauve` (configuration, method, new_tokens, seed), a fraction, NaN where a set cannot be clustered,
        with the reason by set in the attribute `mauve_missing` (JSON). Over (configuration, method,
        new_tokens): `distinct` (and n), mean over the texts that have n tokens, NaN without any;
        `longest_repeat` and `mean_tokens`, means over texts; `ended`; `texts`. Of the documents
        `reference_distinct` (new_tokens, n), `reference_longest_repeat` and `reference_mean_tokens`.

    Raises:
        ModuleNotFoundError: the package mauve-text is not installed.
        ValueError: there are no lengths, or one is below 1 or above what any prompt was allowed.
    """
    _require_lengths(generations, lengths)
    documents = [_documents(generations, length) for length in lengths]
    shape = (generations.sizes["configuration"], generations.sizes["method"], len(lengths))
    cells = list(product(*map(range, shape)))
    sets = [
        _generated(generations.isel(configuration=configuration, method=method), lengths[length], end_token)
        for configuration, method, length in cells
    ]
    states = _states([*documents, *sets], features)
    scores = [
        _mauve(states[len(documents) + index], states[cell[2]], seeds) for index, cell in enumerate(cells)
    ]
    found = {
        "mauve": ((*SETS, "seed"), np.reshape([score for score, _ in scores], (*shape, len(seeds)))),
        **_repetition(sets, shape, SETS),
        "ended": (SETS, np.reshape([np.mean(texts.ended) for texts in sets], shape)),
        "texts": (SETS, np.reshape([len(texts.texts) for texts in sets], shape)),
    }
    of_documents = _repetition(documents, (len(lengths),), ("new_tokens",))
    found |= {f"reference_{name}": values for name, values in of_documents.items()}
    reasons = {
        _name(generations, cell, lengths): reason
        for cell, (_, reason) in zip(cells, scores, strict=True)
        if reason is not None
    }
    return _labelled(
        xr.Dataset(found), generations, {"new_tokens": list(lengths), "seed": list(seeds)}, reasons
    )


def _documents(generations: xr.Dataset, length: int) -> TextSet:
    """How the documents really go on, for the prompts of a length."""
    allowed = generations.isel(prompt=np.flatnonzero(generations["limit"].values >= length))
    texts = _rows(allowed, "reference_token_id", "reference_tokens")
    prompts = _rows(allowed, "prompt_token_id", "prompt_tokens")
    return TextSet(prompts, [text[:length] for text in texts], [False] * len(texts))


def _generated(of_set: xr.Dataset, length: int, end_token: int | None) -> TextSet:
    """The texts of one configuration and method, cut to a length and to their documents."""
    prompts, documents, _ = _documents(of_set, length)
    allowed = of_set.isel(prompt=np.flatnonzero(of_set["limit"].values >= length))
    texts = _rows(allowed, "token_id", "new_tokens")
    texts = [text[: len(document)] for text, document in zip(texts, documents, strict=True)]
    ended = [bool(len(text)) and text[-1] == end_token for text in texts]
    whole = [text[:-1] if at_end else text for text, at_end in zip(texts, ended, strict=True)]
    return TextSet(prompts, whole, ended)


def _rows(texts: xr.Dataset, name: str, count: str) -> list[Tokens]:
    """Ragged rows of token ids that are stored as a rectangle."""
    rows = texts[name].transpose("prompt", ...).values
    return [row[:tokens] for row, tokens in zip(rows, texts[count].values, strict=True)]


def _states(sets: Sequence[TextSet], features: Features) -> list[NDArray[np.float32]]:
    """Features [text, width] of each set's prompts with their texts; all at once, as many texts recur."""
    wholes = [np.concatenate(pair) for texts in sets for pair in zip(texts.prompts, texts.texts, strict=True)]
    return np.split(features(wholes), np.cumsum([len(texts.texts) for texts in sets])[:-1])


def _mauve(
    generated: NDArray[np.float32], documents: NDArray[np.float32], seeds: Sequence[int]
) -> tuple[NDArray[np.float64], str | None]:
    """[seed] scores, or NaN and why there are none."""
    try:
        return mauve_scores(generated, documents, seeds=seeds), None
    except ValueError as error:
        return np.full(len(seeds), np.nan), str(error)


def _repetition(
    sets: Sequence[TextSet], shape: tuple[int, ...], dimensions: tuple[str, ...]
) -> dict[str, tuple[tuple[str, ...], NDArray[np.float64]]]:
    """Means over the texts of each set."""
    distinct = [
        _known_mean(np.stack([distinct_ngrams(text, largest=LARGEST_NGRAM) for text in of_set.texts]))
        for of_set in sets
    ]
    repeats = [np.mean([longest_repeat(text) for text in of_set.texts]) for of_set in sets]
    tokens = [np.mean([len(text) for text in of_set.texts]) for of_set in sets]
    return {
        "distinct": ((*dimensions, "n"), np.reshape(distinct, (*shape, LARGEST_NGRAM))),
        "longest_repeat": (dimensions, np.reshape(repeats, shape)),
        "mean_tokens": (dimensions, np.reshape(tokens, shape)),
    }


def _known_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """[column] mean of what is known of [row, column], NaN where nothing is."""
    known = np.isfinite(values)
    counts = known.sum(axis=0)
    return np.where(counts > 0, np.where(known, values, 0).sum(axis=0) / np.maximum(counts, 1), np.nan)


def _labelled(
    found: xr.Dataset, generations: xr.Dataset, labels: dict[str, Any], reasons: dict[str, str]
) -> xr.Dataset:
    kept = {
        name: of.variable
        for name, of in generations.coords.items()
        if of.dims in {("configuration",), ("method",)}
    }
    labelled = found.assign_coords(kept | labels | {"n": np.arange(1, LARGEST_NGRAM + 1)})
    for name in labelled.data_vars:
        labelled[name].attrs = {"long_name": LONG_NAMES[str(name)], "units": "1"}
    models = {name: value for name, value in generations.attrs.items() if str(name).endswith("_label")}
    return labelled.assign_attrs({**models, MISSING: json.dumps(reasons)})


def _name(generations: xr.Dataset, cell: tuple[int, ...], lengths: Sequence[int]) -> str:
    configuration, method, length = cell
    names = generations["configuration"].values[configuration], generations["method"].values[method]
    return f"{names[0]}, {names[1]}, {lengths[length]} tokens"


def _require_lengths(generations: xr.Dataset, lengths: Sequence[int]) -> None:
    most = int(generations["limit"].max()) if generations.sizes["prompt"] else 0
    wrong = [length for length in lengths if not 1 <= length <= most]
    if wrong or not lengths:
        raise ValueError(
            f"lengths must be from 1 to the {most} new tokens that prompts were allowed, got "
            f"{', '.join(map(str, wrong)) or 'none'}; choose others or generate longer texts"
        )

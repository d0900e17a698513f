"""Held-out texts with noise: random tokens in place of theirs, tokens deleted, inserted, or repeated."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from trajectories import arrays
from trajectories.corpora.beginnings import document_beginnings

OPERATIONS = ("replace", "delete", "insert", "repeat")
POOLS = ("sequences", "vocabulary")
CLEAN = "clean"  # the source of texts without noise
SHORTEST = 2  # tokens of a text: one for context and one to score

Ids = NDArray[np.int32]


@dataclass(frozen=True)
class Corruption:
    """One kind of noise.

    Attributes:
        operation: `replace`, `delete`, `insert` or `repeat`.
        rates: Shares of the tokens that are touched, above 0 and at most 1, or below 1 for `delete`.
        pool: Where random tokens are drawn from: `sequences`, the tokens of all texts as often as they occur
            there (the paper's way), or `vocabulary`, each token that training has met once.
        span: How many adjacent tokens are touched at a time.

    Raises:
        ValueError: A setting is none of those.
    """

    operation: str
    rates: Sequence[float]
    pool: str = "sequences"
    span: int = 1

    def __post_init__(self) -> None:
        if self.pool not in POOLS:
            raise ValueError(f"pool must be one of {', '.join(POOLS)}, got '{self.pool}'")
        twice = {rate for rate in self.rates if list(self.rates).count(rate) > 1}
        if twice:
            raise ValueError(f"rates must differ, got {min(twice):g} more than once; give it once")
        for rate in self.rates:
            _require_settings(self.operation, rate=rate, span=self.span)


def corrupted_texts(
    windows: xr.Dataset,
    kinds: Mapping[str, Corruption],
    *,
    texts: int,
    limit: int,
    seed: int,
    special: Collection[int] = (),
) -> xr.Dataset:
    """The beginnings of held-out documents, as they are and with every kind and rate of noise (section 4.1).

    Of one kind all rates share the random numbers of a document: what is touched at 20 % is touched at 40 %,
    by the same random tokens. Other documents decide nothing but the pool `sequences`.

    Args:
        windows: `token_id` (window, position) with `split`, `document` and `domain` over window, and for the
            pool `vocabulary` also `training_frequency` (vocabulary). The attribute `first_token_id` is there
            where windows begin with a token that is not text.
        kinds: By name.
        texts: How many documents, in the order of the windows; all of them, and a warning, where they are
            fewer. The first analysis window of each begins it.
        limit: Tokens of a text at most, before and after (appendix C.1: 100).
        seed: Of all noise.
        special: Tokens that no text holds, left out of the pool `vocabulary` besides the first token.

    Returns:
        `token_id` (sequence, position) without the first token, padded with 0, and `tokens` (sequence), how
        many there are. Coordinates over sequence: `source` (`clean`, `replace-0.2`), `kind`, `rate` (0 where
        clean), `document`, `domain`. The attribute `first_token_id` is that of the windows.

    Raises:
        ValueError: There is no document, or the windows have less than two tokens of text; `texts` is below
            1 or `limit` below 2; a kind is named `clean`, or a pool is empty.
    """
    _require_limit(limit)
    if CLEAN in kinds:
        raise ValueError(f"no kind of corruption can be named '{CLEAN}', as texts without noise are")
    chosen = document_beginnings(windows, texts)
    first = 1 if "first_token_id" in windows.attrs else 0
    clean: Ids = chosen["token_id"].transpose("window", "position").values[:, first : first + limit]
    pools = {name: _pool(name, clean, windows, special) for name in {kind.pool for kind in kinds.values()}}
    sources: dict[tuple[str, float], list[Ids]] = {(CLEAN, 0.0): list(clean)}
    for name, kind in kinds.items():
        seeds = [_seed(seed, document=str(document), kind=name) for document in chosen["document"].values]
        for rate in kind.rates:
            sources[name, rate] = [
                corrupt(
                    tokens,
                    operation=kind.operation,
                    rate=rate,
                    pool=pools[kind.pool],
                    seed=own,
                    span=kind.span,
                    limit=limit,
                )
                for tokens, own in zip(clean, seeds, strict=True)
            ]
    attributes = {"first_token_id": windows.attrs["first_token_id"]} if first else {}
    return _label(sources, chosen).assign_attrs(attributes)


def corrupt(
    tokens: Ids,
    *,
    operation: str,
    rate: float,
    pool: Ids,
    seed: Sequence[int],
    span: int = 1,
    limit: int = 100,
) -> Ids:
    """One text with noise.

    round(rate * n) of its n tokens are touched, in a random order that the seed decides: replaced by random
    tokens, deleted, given as many random tokens in front, or repeated right after. With a span tokens are
    touched in runs of so many, of which the last may be touched in part.

    Args:
        tokens: The text [n], two tokens or more.
        operation: `replace`, `delete`, `insert` or `repeat`.
        rate: Share of the tokens that are touched.
        pool: What random tokens are drawn from, each element with the same probability.
        seed: Whole numbers of at least 0; with the same ones a higher rate touches the same tokens and more.
        span: Tokens of a run.
        limit: What is longer then is cut to so many tokens.

    Returns:
        The text, at most `limit` tokens; a random token may be the one that it replaces.

    Raises:
        ValueError: The operation, rate, span or limit is none that there is, the pool is empty, or fewer than
            two tokens are there or would be left.
    """
    _require_settings(operation, rate=rate, span=span)
    _require_limit(limit)
    if not len(pool):
        raise ValueError("the pool of random tokens is empty; give tokens to draw from")
    touched = round(rate * len(tokens))
    left = len(tokens) - touched * (operation == "delete")
    if left < SHORTEST:
        raise ValueError(
            f"{operation} at rate {rate:g} leaves {left} of {len(tokens)} tokens, and {SHORTEST} are needed "
            "to score one; give longer texts or lower the rate"
        )
    random = np.random.default_rng(list(seed))
    runs = (np.arange(len(tokens)) + random.integers(span)) // span
    order = _order(runs, random)[:touched]
    noise = pool[(random.random(len(tokens)) * len(pool)).astype(np.intp)]
    return _apply(operation, tokens, runs=runs, order=order, noise=noise)[:limit]


def _require_settings(operation: str, *, rate: float, span: int) -> None:
    if operation not in OPERATIONS:
        raise ValueError(f"operation must be one of {', '.join(OPERATIONS)}, got '{operation}'")
    if not (0 < rate <= 1) or (operation == "delete" and rate == 1):
        most = "below 1: something has to be left" if operation == "delete" else "at most 1"
        raise ValueError(f"the rate of '{operation}' must be above 0 and {most}, got {rate:g}")
    if span < 1:
        raise ValueError(f"span must be at least 1 token, got {span}")


def _require_limit(limit: int) -> None:
    if limit < SHORTEST:
        raise ValueError(f"limit must be at least {SHORTEST} tokens, one to score after one, got {limit}")


def _order(runs: NDArray[np.intp], random: np.random.Generator) -> NDArray[np.intp]:
    """All positions, run by run [n], the runs in random order."""
    ranks = random.permutation(runs[-1] + 1)
    return np.argsort(ranks[runs], kind="stable")


def _apply(
    operation: str, tokens: Ids, *, runs: NDArray[np.intp], order: NDArray[np.intp], noise: Ids
) -> Ids:
    """The whole text after an operation on the tokens at the positions `order`."""
    touched = np.zeros(len(tokens), bool)
    touched[order] = True
    if operation == "replace":
        return np.where(touched, noise, tokens)
    if operation == "delete":
        return tokens[~touched]
    added = (noise if operation == "insert" else tokens)[touched]
    # Within a run: what is inserted, the touched tokens, what repeats them, and the others.
    place = 4 * runs + np.where(touched, 1, 3)
    added_place = 4 * runs[touched] + (0 if operation == "insert" else 2)
    by_place = np.argsort(np.concatenate([place, added_place]), kind="stable")
    return np.concatenate([tokens, added])[by_place]


def _pool(name: str, clean: Ids, windows: xr.Dataset, special: Collection[int]) -> Ids:
    if name == "sequences":
        return clean.ravel()
    arrays.require(windows, "vocabulary", what="a pool of random tokens from the vocabulary")
    met = np.flatnonzero(windows["training_frequency"].values > 0)
    return met[~np.isin(met, [*special, windows.attrs.get("first_token_id", -1)])].astype(np.int32)


def _seed(seed: int, *, document: str, kind: str) -> list[int]:
    digest = hashlib.sha256(f"{kind}\0{document}".encode()).digest()
    return [seed, *np.frombuffer(digest, "<u4").tolist()]


def _label(sources: Mapping[tuple[str, float], list[Ids]], chosen: xr.Dataset) -> xr.Dataset:
    texts = [text for group in sources.values() for text in group]
    padded = np.zeros((len(texts), max(map(len, texts))), np.int32)
    for row, text in zip(padded, texts, strict=True):
        row[: len(text)] = text
    each = chosen.sizes["window"]
    names = [kind if kind == CLEAN else f"{kind}-{rate:g}" for kind, rate in sources]
    return xr.Dataset(
        {
            "token_id": (("sequence", "position"), padded, {"padding": arrays.PADDING}),
            "tokens": ("sequence", [len(text) for text in texts]),
        },
        coords={
            "source": ("sequence", np.repeat(names, each)),
            "kind": ("sequence", np.repeat([kind for kind, _ in sources], each)),
            "rate": ("sequence", np.repeat([rate for _, rate in sources], each)),
            "document": ("sequence", np.tile(chosen["document"].values, len(sources))),
            "domain": ("sequence", np.tile(chosen["domain"].values, len(sources))),
        },
    )

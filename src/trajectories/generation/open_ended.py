"""Open-ended generation from long contexts: larger models with and without smaller ones (appendix C.4)."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import xarray as xr

from trajectories.generation.contrastive import contrastive_decode
from trajectories.generation.decoding import interpolated_decode, joint_decode
from trajectories.generation.generations import label_texts
from trajectories.generation.prompts import cut_prompts, prompt_ids

if TYPE_CHECKING:
    from trajectories.checkpoints import Checkpoint

INTERPOLATED, CONTRASTIVE = "interpolated", "contrastive"
HELD = 2  # models in memory: those that decode together


class Decoder(NamedTuple):
    """A large model, alone where `small` is empty, else less a small one or in contrast to it."""

    large: str
    small: str
    decoder: str


def generate_open_ended(  # noqa: PLR0913, settings of one stage, all named
    windows: xr.Dataset,
    names: Sequence[str],
    *,
    load: Callable[[str], "Checkpoint"],
    labels: Mapping[str, str],
    methods: Sequence[str],
    texts: int,
    context_tokens: int,
    new_tokens: int,
    top_p: float = 0.9,
    plausibility: float = 0.1,
    seed: int = 0,
) -> xr.Dataset:
    """Continue long contexts with each model but the smallest: alone, and less each smaller one (Table 4).

    Beside p_l - p_s stands contrastive decoding (Li et al. 2022) with the same two models. A single model
    decodes alone.

    Args:
        windows: held-out text, see `trajectories.generation.prompts.cut_prompts`.
        names: of the models, from small to large.
        load: gives a model by its name; two are held at a time.
        labels: of the models, as written in tables.
        methods: `greedy`, `nucleus`, `sample`.
        texts: how many documents.
        context_tokens: tokens that are given, the first token that texts begin with included.
        new_tokens: tokens of a continuation at most.
        top_p: mass of the nucleus.
        plausibility: of contrastive decoding: tokens with less than this share of the likeliest token's
            probability have no part.
        seed: of all draws.

    Returns:
        See `trajectories.generation.generations.label_texts`, over the configurations `large`, `small` (empty
        for a model alone) and `decoder` (`interpolated` or `contrastive`).

    Raises:
        ValueError: No model was named; else see `cut_prompts` and `interpolated_decode`.
    """
    if not names:
        raise ValueError("open-ended generation needs a model, got none; name some in conf/open_ended")
    begins = 1 if "first_token_id" in windows.attrs else 0
    prompts = cut_prompts(windows, tokens=context_tokens - begins, lengths={new_tokens: texts})
    ids, held = prompt_ids(prompts), lru_cache(HELD)(load)
    settings: dict[str, Any] = {"max_new_tokens": new_tokens, "top_p": top_p, "seed": seed}
    found = {
        (each, method): _decode(each, ids, load=held, method=method, plausibility=plausibility, **settings)
        for each in sorted(decoders(names), key=lambda each: (names.index(each.large), each.small))
        for method in methods
    }
    rows = decoders(names)
    coordinates = {
        "configuration": [_label(each, labels=labels) for each in rows],
        **{name: [getattr(each, name) for each in rows] for name in Decoder._fields},
    }
    labelled = label_texts(
        prompts,
        {method: [found[each, method] for each in rows] for method in methods},
        labels={name: ("configuration", values) for name, values in coordinates.items()},
        tokenizer=held(rows[-1].large).tokenizer,
    )
    return labelled.assign_attrs(top_p=top_p, plausibility=plausibility, seed=seed)


def decoders(names: Sequence[str]) -> list[Decoder]:
    """Of models from small to large, by rising size of the large one; contrastive decoding comes last."""
    order = {name: number for number, name in enumerate(["", *names])}
    alone = [(name, "") for name in (names[1:] or names)]
    pairs = [(large, small) for small, large in combinations(names, 2)]
    sums = sorted([*alone, *pairs], key=lambda pair: (order[pair[0]], order[pair[1]]))
    contrasts = [pair for pair in sums if pair[1]]
    return [Decoder(*pair, INTERPOLATED) for pair in sums] + [
        Decoder(*pair, CONTRASTIVE) for pair in contrasts
    ]


def _decode(
    each: Decoder,
    ids: list[list[int]],
    *,
    load: Callable[[str], "Checkpoint"],
    plausibility: float,
    **settings: Any,
) -> list[list[int]]:
    """The continuation of each prompt."""
    large = load(each.large)
    if not each.small:
        return interpolated_decode([large], ids, weights=[(1,)], **settings)[1,]
    small = load(each.small)
    if each.decoder == CONTRASTIVE:
        return contrastive_decode(small, large, ids, plausibility=plausibility, **settings)
    return joint_decode(small, large, ids, weights=[(-1, 1)], **settings)[-1, 1]


def _label(each: Decoder, *, labels: Mapping[str, str]) -> str:
    if not each.small:
        return labels[each.large]
    if each.decoder == CONTRASTIVE:
        return f"CD {labels[each.large]} / {labels[each.small]}"
    return f"{labels[each.large]} - {labels[each.small]}"

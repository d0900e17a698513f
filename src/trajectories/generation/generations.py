"""Texts that two models decode together in every configuration, beside the documents that they begin like."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from trajectories import arrays
from trajectories.generation.decoding import joint_decode
from trajectories.generation.prompts import cut_prompts, prompt_ids

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from trajectories.checkpoints import Checkpoint


def generate(  # noqa: PLR0913, settings of one stage, all named
    windows: xr.Dataset,
    small: "Checkpoint",
    large: "Checkpoint",
    *,
    weights: Sequence[tuple[float, float]],
    methods: Sequence[str],
    prompt_tokens: int,
    lengths: Mapping[int, int],
    top_p: float = 0.9,
    temperature: float = 1.0,
    seed: int = 0,
) -> xr.Dataset:
    """Decode with two models from the beginnings of held-out documents (section 4.2).

    Args:
        windows: held-out text, see `trajectories.generation.prompts.cut_prompts`.
        small: the model of p_s.
        large: the model of p_l.
        weights: pairs in [-1, 1] for p_s and p_l (Eq. 2).
        methods: `greedy`, `nucleus`, `sample`.
        prompt_tokens: tokens of a document that are given.
        lengths: new tokens → how many prompts are continued as far. What is continued farther is decoded
            once: a shorter text is its beginning.
        top_p: mass of the nucleus.
        temperature: of `nucleus` and `sample`.
        seed: of all draws.

    Returns:
        See `label_texts`, over the configurations `small_weight`, `large_weight`.

    Raises:
        ValueError: see `cut_prompts` and `trajectories.generation.decoding.joint_decode`.
    """
    prompts = cut_prompts(windows, tokens=prompt_tokens, lengths=lengths)
    settings: dict[str, Any] = {"weights": weights, "top_p": top_p, "temperature": temperature, "seed": seed}
    texts: dict[str, list[list[list[int]]]] = {}
    for method in methods:
        found = joint_decode(
            small,
            large,
            prompt_ids(prompts),
            method=method,
            max_new_tokens=prompts["limit"].values.tolist(),
            **settings,
        )
        texts[method] = list(found.values())
    labels: dict[str, tuple[str, list[Any]]] = {
        "configuration": ("configuration", [configuration_label(*pair) for pair in weights]),
        "small_weight": ("configuration", [float(pair[0]) for pair in weights]),
        "large_weight": ("configuration", [float(pair[1]) for pair in weights]),
    }
    labelled = label_texts(prompts, texts, labels=labels, tokenizer=large.tokenizer)
    return labelled.assign_attrs(top_p=top_p, temperature=temperature, seed=seed)


def configuration_label(small_weight: float, large_weight: float) -> str:
    """A pair of weights as it is written in the paper: `p_s - p_l`; other weights as `0.5 p_s - p_l`."""
    terms = [(small_weight, "p_s"), (large_weight, "p_l")]
    shown = [(weight, name) for weight, name in terms if weight]
    # What is added stands before what is taken away: p_l - p_s.
    shown.sort(key=lambda term: term[0] < 0)
    text = ""
    for weight, name in shown:
        factor = "" if abs(weight) == 1 else f"{abs(weight):g} "
        sign = ("-" if weight < 0 else "") if not text else (" - " if weight < 0 else " + ")
        text += f"{sign}{factor}{name}"
    return text


def label_texts(
    prompts: xr.Dataset,
    texts: Mapping[str, Sequence[Sequence[Sequence[int]]]],
    *,
    labels: Mapping[str, tuple[str, Sequence[Any]]],
    tokenizer: "PreTrainedTokenizerBase",
) -> xr.Dataset:
    """Texts with their prompts and documents as one dataset.

    Args:
        prompts: from `cut_prompts`.
        texts: method → for each configuration the continuation of each prompt.
        labels: coordinates over configuration.
        tokenizer: of the ids.

    Returns:
        `token_id` (configuration, method, prompt, position), its count `new_tokens` and its `text`, special
        tokens visible; what `cut_prompts` returns, with `prompt_text` and `reference_text`. The attribute
        `special_tokens` is a JSON list of these tokens.
    """
    stacked = [[texts[method][index] for method in texts] for index in range(len(next(iter(texts.values()))))]
    longest = int(prompts["limit"].max())
    ids = [[[_padded(text, longest) for text in row] for row in rows] for rows in stacked]
    begins = 1 if "first_token_id" in prompts.attrs else 0
    reference = zip(prompts["reference_token_id"].values, prompts["reference_tokens"].values, strict=True)
    over = ("configuration", "method", "prompt")
    labelled = prompts.assign(
        token_id=((*over, "position"), np.array(ids, np.int32), {"padding": arrays.PADDING}),
        new_tokens=(over, np.array([[[len(text) for text in row] for row in rows] for rows in stacked])),
        text=(over, np.array([[_decoded(row, tokenizer) for row in rows] for rows in stacked], str)),
        prompt_tokens=("prompt", np.full(prompts.sizes["prompt"], prompts.sizes["prompt_position"])),
        prompt_text=("prompt", _decoded([row[begins:] for row in prompt_ids(prompts)], tokenizer)),
        reference_text=("prompt", _decoded([row[:count].tolist() for row, count in reference], tokenizer)),
    ).assign_coords({**labels, "method": ("method", list(texts))})
    return labelled.assign_attrs(special_tokens=json.dumps(tokenizer.all_special_tokens))


def _padded(text: Sequence[int], length: int) -> list[int]:
    return [*text, *[0] * (length - len(text))]


def _decoded(rows: Sequence[Sequence[int]], tokenizer: "PreTrainedTokenizerBase") -> list[str]:
    shown: Any = {"skip_special_tokens": False, "clean_up_tokenization_spaces": False}
    return [str(tokenizer.decode(list(row), **shown)) for row in rows]

"""Prompts from held-out documents: how they begin, and how they really go on."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from trajectories.corpora.beginnings import document_beginnings


def cut_prompts(windows: xr.Dataset, *, tokens: int, lengths: Mapping[int, int]) -> xr.Dataset:
    """The first tokens of held-out documents, in the order of the windows.

    Args:
        windows: `token_id` (window, position) with `split`, `document` and `domain` over window, and the
            attribute `first_token_id` where texts begin with a token of their own, which a prompt then has
            in front. Of each document the first analysis window is taken, which is its beginning.
        tokens: of a prompt, without that first token.
        lengths: new tokens → how many prompts, the first ones, are continued as far; all of them, and a
            warning, where the documents are fewer.

    Returns:
        Over prompt: `prompt_token_id` (prompt, prompt_position); `limit`, the most new tokens;
        `reference_token_id` (prompt, reference_position) and `reference_tokens`, the document's own next
        tokens, `limit` of them where the window has as many. Coordinates `document` and `domain`. The
        attribute `lengths` holds the new tokens, rising; `first_token_id` is that of the windows.

    Raises:
        ValueError: A number is below 1, there is no document, or a prompt does not fit the windows.
    """
    _require_positive(tokens, lengths)
    begins = 1 if "first_token_id" in windows.attrs else 0
    chosen = document_beginnings(windows, max(lengths.values()))
    ids = chosen["token_id"].transpose("window", "position").values
    given = begins + tokens
    if given >= ids.shape[1]:
        raise ValueError(
            f"prompts of {tokens} tokens do not fit windows of {ids.shape[1]}; "
            f"at most {ids.shape[1] - begins - 1} do (decoding.prompt_tokens, suite.context)"
        )
    limit = np.array([_limit(index, lengths) for index in range(len(ids))], np.int64)
    reference = ids[:, given : given + limit.max()]
    count = np.minimum(limit, reference.shape[1])
    beyond = np.arange(reference.shape[1]) >= count[:, None]
    return xr.Dataset(
        {
            "prompt_token_id": (("prompt", "prompt_position"), ids[:, :given]),
            "limit": ("prompt", limit),
            "reference_token_id": (("prompt", "reference_position"), np.where(beyond, 0, reference)),
            "reference_tokens": ("prompt", count),
        },
        coords={name: ("prompt", chosen[name].values) for name in ("document", "domain")},
        attrs={"lengths": np.array(sorted(lengths))}
        | {name: windows.attrs[name] for name in ("first_token_id",) if begins},
    )


def prompt_ids(prompts: xr.Dataset) -> list[list[int]]:
    """Token ids of each prompt, the first token included."""
    ids: list[list[int]] = prompts["prompt_token_id"].values.tolist()
    return ids


def _require_positive(tokens: int, lengths: Mapping[int, int]) -> None:
    if not lengths:
        raise ValueError("no length of texts was given; give at least one (decoding.lengths)")
    numbers = {"prompt_tokens": [tokens], "new_tokens": lengths, "prompts": lengths.values()}
    for name, given in numbers.items():
        for number in given:
            if number < 1:
                raise ValueError(f"{name} must be at least 1, got {number}; raise it in conf/decoding")


def _limit(index: int, lengths: Mapping[int, int]) -> int:
    return max(new_tokens for new_tokens, prompts in lengths.items() if index < prompts)

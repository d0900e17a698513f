"""Prompts are the beginnings of held-out documents, and know how these go on."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

from trajectories.generation.prompts import cut_prompts, prompt_ids

CONTEXT = 12


def windows(*, first_token: bool = True) -> xr.Dataset:
    """Two windows of document a, one each of b and c, and a validation window before them all."""
    ids = np.arange(5 * CONTEXT, dtype=np.int32).reshape(5, CONTEXT) + 10
    if first_token:
        ids[:, 0] = 1
    return xr.Dataset(
        {"token_id": (("window", "position"), ids)},
        coords={
            "split": ("window", ["validation", "analysis", "analysis", "analysis", "analysis"]),
            "document": ("window", ["v", "a", "b", "a", "c"]),
            "domain": ("window", ["x", "x", "y", "x", "y"]),
        },
        attrs={"first_token_id": 1} if first_token else {},
    )


def test_a_prompt_is_the_beginning_of_a_document_after_the_first_token() -> None:
    prompts = cut_prompts(windows(), tokens=3, lengths={4: 3})
    assert prompts["document"].values.tolist() == ["a", "b", "c"]
    assert prompt_ids(prompts)[0] == [1, 23, 24, 25]
    assert prompts["reference_token_id"].values[0].tolist() == [26, 27, 28, 29]


def test_texts_without_a_first_token_have_prompts_without_one() -> None:
    prompts = cut_prompts(windows(first_token=False), tokens=3, lengths={4: 3})
    assert prompt_ids(prompts)[0] == [22, 23, 24]
    assert "first_token_id" not in prompts.attrs


def test_the_first_prompts_go_farthest() -> None:
    prompts = cut_prompts(windows(), tokens=2, lengths={3: 3, 9: 1, 5: 2})
    assert prompts["limit"].values.tolist() == [9, 5, 3]
    assert prompts.attrs["lengths"].tolist() == [3, 5, 9]


def test_a_reference_ends_where_its_limit_or_the_window_ends() -> None:
    prompts = cut_prompts(windows(), tokens=2, lengths={20: 1, 4: 3})
    assert prompts["reference_tokens"].values.tolist() == [9, 4, 4]
    rest = prompts["reference_token_id"].values[1]
    assert rest[:4].all()
    assert not rest[4:].any()


@pytest.mark.parametrize(
    ("tokens", "lengths", "reason"),
    [
        (11, {4: 1}, "prompts of 11 tokens do not fit windows of 12; at most 10 do"),
        (0, {4: 1}, "prompt_tokens must be at least 1, got 0"),
        (1, {0: 1}, "new_tokens must be at least 1, got 0"),
        (1, {4: 0}, "prompts must be at least 1, got 0"),
        (1, {}, "no length of texts was given"),
    ],
)
def test_prompts_that_cannot_be_cut_are_refused(tokens: int, lengths: dict[Any, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        cut_prompts(windows(), tokens=tokens, lengths=lengths)

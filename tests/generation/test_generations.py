"""Texts from the beginnings of documents in all configurations, a shorter one within a longer one."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from decoders import END, make_pair

from tiny_models import VOCABULARY, gpt2, opt
from trajectories.checkpoints import Checkpoint
from trajectories.generation.decoding import joint_decode
from trajectories.generation.generations import configuration_label, generate
from trajectories.generation.open_ended import generate_open_ended

WEIGHTS = [(1.0, -1.0), (0.0, 1.0)]
SETTINGS: dict[str, Any] = {"weights": WEIGHTS, "methods": ["greedy", "sample"], "prompt_tokens": 3}
CONTEXT = 20


def windows(documents: int = 5) -> xr.Dataset:
    ids = np.random.default_rng(1).integers(2, VOCABULARY, (documents, CONTEXT)).astype(np.int32)
    ids[:, 0] = END
    names = [f"document {number}" for number in range(documents)]
    return xr.Dataset(
        {"token_id": (("window", "position"), ids)},
        coords={
            "split": ("window", ["analysis"] * documents),
            "document": ("window", names),
            "domain": ("window", ["prose"] * documents),
        },
        attrs={"first_token_id": END},
    )


@pytest.fixture(scope="module")
def generations() -> xr.Dataset:
    return generate(windows(), *make_pair(), lengths={4: 5, 9: 2}, **SETTINGS)


@pytest.mark.parametrize(
    ("weights", "label"),
    [
        ((1, -1), "p_s - p_l"),
        ((1, 0), "p_s"),
        ((1, 1), "p_s + p_l"),
        ((0, 1), "p_l"),
        ((-1, 1), "p_l - p_s"),
        ((0.5, -1), "0.5 p_s - p_l"),
        ((-0.25, 0.75), "0.75 p_l - 0.25 p_s"),
    ],
)
def test_a_configuration_is_written_as_in_the_paper(weights: tuple[float, float], label: str) -> None:
    assert configuration_label(*weights) == label


def test_texts_are_those_of_joint_decode(generations: xr.Dataset) -> None:
    prompt = [int(token) for token in windows()["token_id"].values[3, :4]]
    texts = joint_decode(*make_pair(), [prompt], weights=WEIGHTS, method="sample", max_new_tokens=4)
    for index, weights in enumerate(WEIGHTS):
        of_prompt = generations.isel(configuration=index, prompt=3).sel({"method": "sample"})
        count = int(of_prompt["new_tokens"])
        assert of_prompt["token_id"].values[:count].tolist() == texts[weights][0]
        assert not of_prompt["token_id"].values[count:].any()


def test_what_goes_farther_begins_as_what_does_not(generations: xr.Dataset) -> None:
    short = generate(windows(), *make_pair(), lengths={4: 5}, **SETTINGS)
    np.testing.assert_array_equal(generations["token_id"][..., :4], short["token_id"])
    assert int(generations["new_tokens"].isel(prompt=slice(2, None)).max()) <= 4
    assert int(generations["new_tokens"].isel(prompt=slice(2)).max()) > 4


def test_an_error_names_the_prompt_by_its_place_among_all() -> None:
    small, large = make_pair(partial(opt, tie_word_embeddings=False))
    held_out = windows()
    held_out["token_id"][3, 1] = unknown = VOCABULARY - 1
    with torch.no_grad():
        large.model.model.decoder.embed_tokens.weight[unknown] = torch.nan
    (others,) = np.nonzero((held_out["token_id"].values[:, :4] == unknown).any(axis=1))
    assert others.tolist() == [3]
    with pytest.raises(ValueError, match="not finite for prompt 3 at position 4"):
        generate(held_out, small, large, lengths={4: 5, 9: 2}, **SETTINGS)


def test_texts_can_be_read_beside_the_documents(generations: xr.Dataset) -> None:
    tokenizer = make_pair()[0].tokenizer
    ids = windows()["token_id"].values[1]
    assert generations["prompt_text"].values[1] == tokenizer.decode(ids[1:4].tolist())
    assert generations["reference_text"].values[1] == tokenizer.decode(ids[4:13].tolist())
    assert generations["text"].dims == ("configuration", "method", "prompt")
    assert generations.attrs["lengths"].tolist() == [4, 9]


def test_open_ended_texts_are_of_larger_models_alone_less_smaller_ones_and_in_contrast() -> None:
    small, large = make_pair()
    models = {"s": small, "m": large, "l": make_pair(gpt2)[1]}
    settings: dict[str, Any] = {"texts": 2, "context_tokens": 6, "new_tokens": 3, "methods": ["greedy"]}
    loaded: list[str] = []

    def load(name: str) -> Checkpoint:
        loaded.append(name)
        return models[name]

    labels = {name: name.upper() for name in models}
    found = generate_open_ended(windows(), list(models), load=load, labels=labels, **settings)
    assert loaded == ["m", "s", "l", "m", "s"]
    assert found["configuration"].values.tolist() == [
        "M", "M - S", "L", "L - S", "L - M", "CD M / S", "CD L / S", "CD L / M",
    ]  # fmt: skip
    assert found["decoder"].values.tolist() == ["interpolated"] * 5 + ["contrastive"] * 3
    assert found.sizes["prompt_position"] == 6
    prompts = windows()["token_id"].values[:2, :6].tolist()
    alone = joint_decode(models["s"], models["l"], prompts, weights=[(-1, 1)], max_new_tokens=3)[-1, 1]
    written = found["token_id"].sel({"configuration": "L - S", "method": "greedy"}).values
    assert [row[: len(text)].tolist() for row, text in zip(written, alone, strict=True)] == alone


def test_a_single_model_decodes_alone_and_none_is_refused() -> None:
    settings: dict[str, Any] = {"texts": 1, "context_tokens": 4, "new_tokens": 2, "methods": ["greedy"]}
    settings |= {"load": lambda _: make_pair()[0], "labels": {"only": "1"}}
    found = generate_open_ended(windows(), ["only"], **settings)
    assert found["configuration"].values.tolist() == ["1"]
    assert found["small"].values.tolist() == [""]
    with pytest.raises(ValueError, match="needs a model, got none"):
        generate_open_ended(windows(), [], **settings)

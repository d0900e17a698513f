import json
from collections.abc import Sequence

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

from judged_texts import CONFIGURATIONS, END, LENGTHS, METHODS, make_generations
from trajectories.generation.mauve import mauve_scores
from trajectories.generation.quality import measure_quality
from trajectories.generation.repetition import distinct_ngrams, longest_repeat

SEEDS = (0, 1, 2)
EMBEDDING = np.random.default_rng(11).standard_normal((97, 12))


def mean_embedding(texts: Sequence[NDArray[np.integer]]) -> NDArray[np.float32]:
    return np.stack([EMBEDDING[text].mean(axis=0) for text in texts]).astype(np.float32)


def measured(generations: xr.Dataset, **settings: object) -> xr.Dataset:
    pytest.importorskip("mauve")
    usual = {"features": mean_embedding, "seeds": SEEDS, "lengths": LENGTHS, "end_token": END}
    return measure_quality(generations, **{**usual, **settings})


@pytest.fixture(scope="module")
def generations() -> xr.Dataset:
    return make_generations(prompts=40)


@pytest.fixture(scope="module")
def quality(generations: xr.Dataset) -> xr.Dataset:
    return measured(generations)


def texts_of(generations: xr.Dataset, cell: tuple[int, int], length: int) -> list[tuple[list, list, list]]:
    """Prompt, text without its end, and document, by a loop over the prompts."""
    rows = []
    for prompt in range(generations.sizes["prompt"]):
        of = generations.isel(prompt=prompt)
        if int(of["limit"]) < length:
            continue
        document = of["reference_token_id"].values[: int(of["reference_tokens"])][:length]
        text = of["token_id"].values[cell][: of["new_tokens"].values[cell]][: len(document)]
        text = text[:-1] if len(text) and text[-1] == END else text
        rows.append((of["prompt_token_id"].values.tolist(), text.tolist(), document.tolist()))
    return rows


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("cell", [(0, 0), (2, 1)])
def test_numbers_are_those_of_a_naive_loop(
    generations: xr.Dataset, quality: xr.Dataset, cell: tuple[int, int], length: int
) -> None:
    rows = texts_of(generations, cell, length)
    found = quality.isel(configuration=cell[0], method=cell[1]).sel(new_tokens=length)
    texts, documents = [text for _, text, _ in rows], [document for *_, document in rows]
    assert int(found["texts"]) == len(rows)
    assert float(found["mean_tokens"]) == pytest.approx(np.mean([len(text) for text in texts]))
    assert float(found["longest_repeat"]) == pytest.approx(np.mean([longest_repeat(text) for text in texts]))
    np.testing.assert_allclose(
        found["distinct"], np.nanmean([distinct_ngrams(text) for text in texts], axis=0)
    )
    repeat = np.mean([longest_repeat(text) for text in documents])
    assert float(found["reference_longest_repeat"]) == pytest.approx(repeat)
    assert float(found["reference_mean_tokens"]) == pytest.approx(np.mean([len(text) for text in documents]))
    expected = mauve_scores(
        mean_embedding([given + text for given, text, _ in rows]),
        mean_embedding([given + text for given, _, text in rows]),
        seeds=SEEDS,
    )
    np.testing.assert_allclose(found["mauve"], expected)


def test_greedy_circles_show(quality: xr.Dataset) -> None:
    greedy, nucleus = (quality.sel({"method": name}) for name in METHODS)
    assert (greedy["distinct"].sel(n=4) < 0.3).all()
    assert (nucleus["distinct"].sel(n=4) > 0.9).all()
    assert (greedy["longest_repeat"] > 10 * nucleus["longest_repeat"]).all()


def test_the_end_of_a_text_is_counted_and_is_no_part_of_it(generations: xr.Dataset) -> None:
    kept = measured(generations, end_token=None)
    quality = measured(generations)
    assert float(quality["ended"].isel(configuration=0, method=0, new_tokens=0)) == pytest.approx(10 / 40)
    assert (kept["ended"] == 0).all()
    np.testing.assert_allclose(kept["mean_tokens"], quality["mean_tokens"] + quality["ended"])


def test_labels_units_and_models_are_kept(quality: xr.Dataset) -> None:
    assert quality["configuration"].values.tolist() == list(CONFIGURATIONS)
    assert quality["small_weight"].dims == ("configuration",)
    assert quality["new_tokens"].values.tolist() == list(LENGTHS)
    assert quality["seed"].values.tolist() == list(SEEDS)
    assert quality["mauve"].dims == ("configuration", "method", "new_tokens", "seed")
    assert quality.attrs["large_label"] == "4.3M"
    assert all("long_name" in of.attrs for of in quality.data_vars.values())
    assert json.loads(quality.attrs["mauve_missing"]) == {}


def test_sets_that_cannot_be_clustered_have_no_mauve_and_say_why(generations: xr.Dataset) -> None:
    few = measured(generations.isel(prompt=slice(10, 35)))
    assert few["mauve"].sel(new_tokens=50).notnull().all()
    assert few["mauve"].sel(new_tokens=100).isnull().all()
    assert few["distinct"].sel(new_tokens=100).notnull().all()
    reasons = json.loads(few.attrs["mauve_missing"])
    assert len(reasons) == len(CONFIGURATIONS) * len(METHODS)
    assert "at least 20 texts on each side to cluster, got 10" in reasons["p_l, greedy, 100 tokens"]


def test_texts_of_nothing_are_counted(generations: xr.Dataset) -> None:
    silent = generations.copy(deep=True)
    silent["token_id"][:, :, :, 0] = END
    silent["new_tokens"][:] = 1
    found = measured(silent)
    assert (found["mean_tokens"] == 0).all()
    assert (found["ended"] == 1).all()
    assert (found["longest_repeat"] == 0).all()
    assert found["distinct"].isnull().all()


def test_permuted_dimensions_change_nothing(generations: xr.Dataset, quality: xr.Dataset) -> None:
    permuted = generations.transpose("position", "prompt", "method", "configuration", ...)
    xr.testing.assert_identical(measured(permuted), quality)


@pytest.mark.parametrize(("lengths", "came"), [([], "none"), ([0], "got 0"), ([50, 101], "got 101")])
def test_lengths_that_no_prompt_was_allowed_are_refused(
    generations: xr.Dataset, lengths: list[int], came: str
) -> None:
    with pytest.raises(ValueError, match=f"from 1 to the 100 new tokens.*{came}"):
        measure_quality(generations, features=mean_embedding, seeds=SEEDS, lengths=lengths, end_token=END)

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from archive_files import MODELS, make_archive, over_checkpoints, save
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trajectories.publications import paper
from trajectories.publications.facts import models_of
from trajectories.publications.tokens import read_tokens, token_datasets, write_tokens
from trajectories.publications.validation import read_validation, with_validation, write_validation

OVER = ("model", "checkpoint", "token")


def own_scores(values: np.ndarray) -> xr.Dataset:
    """Of the small models; NaN at checkpoints that one does not have."""
    axes = over_checkpoints()
    present = np.isfinite(axes["training_fraction"][1])[..., None]
    return xr.Dataset({"log_likelihood": (OVER, np.where(present, values, np.nan))}, coords=axes)


@given(values=hnp.arrays(np.float32, (2, 5, 4), elements=st.floats(-60, 0, width=32)))
def test_scores_come_back_from_the_archive_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, values: np.ndarray
) -> None:
    folder, scores = tmp_path_factory.mktemp("tokens"), own_scores(values)
    write_tokens(scores.transpose("token", "checkpoint", "model"), folder, dataset="held_out")
    found = read_tokens(folder, "held_out", models=models_of(scores))
    assert found["log_likelihood"].dtype == np.float32
    assert found.equals(scores)


def test_models_are_known_again_from_a_dataset_of_ours() -> None:
    assert models_of(own_scores(np.zeros((2, 5, 1)))) == MODELS


def test_columns_are_the_checkpoints_of_table_2_where_no_file_lists_steps(tmp_path: Path) -> None:
    folder = make_archive(tmp_path) / "trend_of_tokens"
    assert token_datasets(folder) == ["pile"]
    found = read_tokens(folder, "pile")
    assert found["log_likelihood"].dims == OVER
    assert found["model"].values.tolist() == ["opt-125m", "opt-1_3b"]
    stored = {"opt-125m": "opt_125m", "opt-1_3b": "opt_1.3b"}
    for name, theirs in stored.items():
        table = torch.load(folder / "all_scores-pile.pt", weights_only=False)[theirs]
        of = found["log_likelihood"].sel(model=name).dropna("checkpoint", how="all")
        assert of["checkpoint"].values.tolist() == list(paper().models[name].checkpoints)
        np.testing.assert_array_equal(of.transpose("token", "checkpoint"), table)
    here = found.sel(model="opt-1_3b", checkpoint=60000)
    assert (here["tokens_seen"], here["training_fraction"], here["label"]) == (60e9, 0.2, "1.3B")
    np.testing.assert_allclose(here["flops"], 6 * 1.3e9 * 60e9)


def test_perplexities_are_read_where_there_are_no_scores(tmp_path: Path) -> None:
    perplexity = np.array([[1.0, 2.0, np.nan], [3.5, 8.0, 16.0]])
    save({"opt_13b": perplexity}, tmp_path / "all_ppls-wiki.pt")
    save({"opt_13b": np.array([4000, 2000, 75000])}, tmp_path / "all_steps-wiki.pt")
    found = read_tokens(tmp_path, "wiki")["log_likelihood"].sel(model="opt-13b")
    assert found["checkpoint"].values.tolist() == [2000, 4000, 75000]
    np.testing.assert_allclose(np.exp(-found.sel(checkpoint=[4000, 2000, 75000])), perplexity.T)


def test_scores_are_preferred_to_perplexities(tmp_path: Path) -> None:
    scores = own_scores(np.full((2, 5, 2), -1.0))
    write_tokens(scores, tmp_path, dataset="held_out")
    save({"opt_13b": np.ones((2, 2))}, tmp_path / "all_ppls-held_out.pt")
    assert read_tokens(tmp_path, "held_out", models=MODELS).equals(scores)


@pytest.mark.parametrize(
    ("content", "steps", "message"),
    [
        ([1], None, r"all_scores-x\.pt: a dictionary is needed, got list \[1\]"),
        ({}, None, r"all_scores-x\.pt: there is no model; give at least one"),
        (
            {"opt_1b": np.zeros((2, 2))},
            None,
            r"model 'opt_1b' is not known; known are opt_125m, .*; tell of others in `models`",
        ),
        ({3: np.zeros((2, 2))}, None, r"model 3 is not known"),
        (
            {"opt_13b": np.zeros(3)},
            None,
            r"model 'opt_13b': an array \(tokens, checkpoints\) is needed, got one of shape \(3,\)",
        ),
        (
            {"opt_13b": [[1.0]]},
            None,
            r"model 'opt_13b': an array \(tokens, checkpoints\) is needed, got list",
        ),
        (
            {"opt_13b": np.zeros((2, 17))},
            None,
            r"model 'opt_13b' has 17 columns, but Table 2 has 18 checkpoints of it; list the step",
        ),
        (
            {"opt_13b": np.zeros((2, 2))},
            {"opt_13b": [1, 2, 3]},
            r"model 'opt_13b' has 2 columns, but all_steps lists 3 checkpoints",
        ),
        (
            {"opt_13b": np.zeros((2, 2))},
            {"opt_13b": [2, 2]},
            r"all_steps-x\.pt, model 'opt_13b': a training step is listed twice",
        ),
        (
            {"opt_13b": np.zeros((2, 2))},
            {"opt_13b": [2, 2.5]},
            r"model 'opt_13b': a training step is needed, got 2\.5",
        ),
        (
            {"opt_13b": np.zeros((2, 2))},
            {"opt_13b": 2},
            r"model 'opt_13b': a list of training steps is needed, got 2",
        ),
        (
            {"opt_13b": np.zeros((2, 18)), "opt_30b": np.zeros((3, 18))},
            None,
            r"model 'opt_30b' has 3 tokens where 'opt_13b' has 2; score the same tokens",
        ),
        (
            {"opt_13b": np.zeros((2, 18)), "opt-13b": np.zeros((2, 18))},
            None,
            r"'opt_13b' and 'opt-13b' are one model; leave one out",
        ),
    ],
)
def test_files_of_another_structure_are_refused_by_name(
    tmp_path: Path, content: object, steps: object, message: str
) -> None:
    save(content, tmp_path / "all_scores-x.pt")
    if steps is not None:
        save(steps, tmp_path / "all_steps-x.pt")
    with pytest.raises(ValueError, match=message):
        read_tokens(tmp_path, "x")


def test_a_perplexity_of_zero_is_refused(tmp_path: Path) -> None:
    save({"opt_13b": np.zeros((2, 18))}, tmp_path / "all_ppls-x.pt")
    with pytest.raises(ValueError, match=r"all_ppls-x\.pt, model 'opt_13b': a perplexity is above 0, got 0"):
        read_tokens(tmp_path, "x")


def test_texts_without_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"all_ppls-x\.pt does not exist"):
        read_tokens(tmp_path, "x")


def test_scores_without_tokens_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="scores of tokens needs the dimensions"):
        write_tokens(own_scores(np.zeros((2, 5, 1))).isel(token=0), tmp_path, dataset="x")


def test_validation_perplexity_is_given_at_the_checkpoints_that_it_has(tmp_path: Path) -> None:
    archive = make_archive(tmp_path)
    validation = read_validation(archive / "opt_validation_ppl_trajectory.pt")
    assert validation["validation_perplexity"].dims == ("model", "checkpoint")
    assert (
        validation["domain_perplexity"].sel(validation_domain="pile", checkpoint=2000).values.tolist()
        == [12.5] * 2
    )
    tokens = read_tokens(archive / "trend_of_tokens", "pile")
    found = with_validation(tokens, validation)["validation_perplexity"]
    assert found.sel(model="opt-1_3b", checkpoint=[2000, 6000, 14000]).fillna(-1).values.tolist() == [
        30.5,
        25.25,
        -1,
    ]
    assert with_validation(tokens, None)["validation_perplexity"].isnull().all()


@given(values=hnp.arrays(np.float64, (2, 5, 3), elements=st.one_of(st.floats(1, 1e4), st.just(np.nan))))
def test_validation_perplexities_come_back_from_the_archive(
    tmp_path_factory: pytest.TempPathFactory, values: np.ndarray
) -> None:
    values[:, :, 0] = 9.5  # the combined one, at every checkpoint that a model has
    axes = over_checkpoints()
    perplexity = xr.DataArray(values, dims=("model", "checkpoint", "validation_domain"))
    perplexity = perplexity.where(np.isfinite(axes["training_fraction"][1])[..., None])
    dataset = xr.Dataset(
        {
            "validation_perplexity": perplexity[..., 0],
            "domain_perplexity": perplexity.assign_coords(validation_domain=["a", "b", "c"]),
        },
        coords=axes,
    )
    path = tmp_path_factory.mktemp("validation") / "v.pt"
    write_validation(dataset, path)
    found = read_validation(path, models=MODELS)
    assert found["validation_perplexity"].equals(dataset["validation_perplexity"])
    domains = {"validation_domain": dataset["validation_domain"].values}
    np.testing.assert_array_equal(found["domain_perplexity"].reindex(domains), dataset["domain_perplexity"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"opt_13b": {"valid/pile": {2000: 5.0}}},
            r"model 'opt_13b': the entry 'valid/combined' is missing; there are valid/pile",
        ),
        (
            {"opt_13b": {"valid/combined": [5.0]}},
            r"model 'opt_13b', 'valid/combined': a dictionary is needed, got list",
        ),
        (
            {"opt_13b": {"valid/combined": {2000: "5"}}},
            r"model 'opt_13b', 'valid/combined', step 2000: a number is needed, got str",
        ),
        (
            {"opt_13b": {"valid/combined": {2000: -5}}},
            r"model 'opt_13b', 'valid/combined', step 2000: a perplexity is above 0, got -5",
        ),
    ],
)
def test_a_validation_file_of_another_structure_is_refused(
    tmp_path: Path, content: object, message: str
) -> None:
    with pytest.raises(ValueError, match=rf"v\.pt, {message}"):
        read_validation(save(content, tmp_path / "v.pt"))


def test_no_validation_perplexity_at_all_is_not_written(tmp_path: Path) -> None:
    dataset = own_scores(np.zeros((2, 5, 1)))
    with pytest.raises(ValueError, match="needs a validation perplexity of at least one model"):
        write_validation(with_validation(dataset, None), tmp_path / "v.pt")

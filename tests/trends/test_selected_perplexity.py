import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from trajectories.trends import (
    CATEGORIES,
    Selection,
    fit_trends,
    selected_perplexity,
    shares,
    token_perplexity,
)
from trajectories.trends.selected import find_subset

STARTS = (0.1, 0.5)
SELECTIONS = [
    Selection("downward", 0.1),
    Selection("downward", 0.1, "model-0"),
    Selection("other", 0.5, "model-2"),
    Selection("upward", 0.5),
]
MODELS = ["model-0", "model-1", "model-2"]


@pytest.fixture(scope="module")
def scores(make_scores):
    """Three models; the second has lost a checkpoint, and the last the end of its training."""
    values = make_scores(models=3, checkpoints=16)
    values[1, 1] = np.nan
    values[2, 12:] = np.nan
    known = values.notnull().any("token")
    for name in ("training_fraction", "flops"):
        values[name] = values[name].where(known)
    return values.to_dataset()


@pytest.fixture(scope="module")
def trends(scores):
    return fit_trends(token_perplexity(scores["log_likelihood"]), start=STARTS)


@pytest.fixture(scope="module")
def subsets(scores, trends):
    return selected_perplexity(scores, trends, SELECTIONS)


def chosen_tokens(trends, selection, model):
    """By index: those on which this model is evaluated."""
    codes = trends["trend"].sel(start=selection.start, model=selection.model or model).values
    return [token for token, code in enumerate(codes) if code == CATEGORIES.index(selection.trend)]


def test_it_agrees_with_a_loop_over_models_and_checkpoints(scores, trends, subsets):
    assert subsets["perplexity"].dims == ("subset", "model", "checkpoint")
    for place, selection in enumerate(SELECTIONS):
        for model in MODELS:
            tokens = chosen_tokens(trends, selection, model)
            assert tokens or selection.trend == "upward"
            for step in scores["checkpoint"].values:
                nats = scores["log_likelihood"].sel(model=model, checkpoint=step).values[tokens]
                expected = np.exp(-sum(nats) / len(nats)) if len(nats) else np.nan
                found = subsets["perplexity"].isel(subset=place).sel(model=model, checkpoint=step)
                np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_shares_and_numbers_are_those_of_the_tokens_on_which_a_model_is_evaluated(trends, subsets):
    for place, selection in enumerate(SELECTIONS):
        of_trend = shares(trends).sel(start=selection.start, trend=selection.trend)
        for model in MODELS:
            here = subsets.isel(subset=place).sel(model=model)
            assert here["selected_tokens"] == len(chosen_tokens(trends, selection, model))
            assert here["selected_share"] == of_trend.sel(model=selection.model or model)


def test_the_fit_starts_at_the_checkpoint_of_a_selecting_model_that_is_nearest(scores, subsets):
    for place, selection in enumerate(SELECTIONS):
        for model in MODELS:
            found = float(subsets["fit_start"].isel(subset=place).sel(model=model))
            if model != (selection.model or model):
                assert np.isnan(found)
                continue
            fraction = scores["training_fraction"].sel(model=model).dropna("checkpoint")
            nearest = min(fraction, key=lambda at: abs(float(at) - selection.start))
            assert found == nearest["checkpoint"]


def test_a_subset_says_what_it_is_and_models_keep_their_coordinates(scores, subsets):
    assert subsets["subset"].values.tolist() == [
        "downward-0.1-own",
        "downward-0.1-model-0",
        "other-0.5-model-2",
        "upward-0.5-own",
    ]
    assert subsets["subset_trend"].values.tolist() == [of.trend for of in SELECTIONS]
    assert subsets["subset_start"].values.tolist() == [of.start for of in SELECTIONS]
    assert subsets["selected_by"].values.tolist() == ["", "model-0", "model-2", ""]
    for name in ("flops", "training_fraction", "validation_perplexity", "parameters"):
        np.testing.assert_array_equal(subsets[name], scores[name])
    assert set(subsets.dims) == {"subset", "model", "checkpoint"}
    assert all(subsets[name].attrs["long_name"] for name in ("perplexity", "selected_share", "fit_start"))


def test_the_order_of_dimensions_changes_nothing(scores, trends, subsets):
    turned = selected_perplexity(
        scores.transpose("token", "checkpoint", "model"),
        trends.transpose("model", "token", "start"),
        SELECTIONS,
    )
    xr.testing.assert_allclose(turned, subsets, rtol=1e-12)


def test_a_selection_that_comes_twice_counts_once(scores, trends, subsets):
    xr.testing.assert_identical(selected_perplexity(scores, trends, [*SELECTIONS, SELECTIONS[0]]), subsets)


@settings(max_examples=20)
@given(shift=st.floats(-3, 3))
def test_a_shift_of_log_likelihood_scales_every_perplexity_and_nothing_else(scores, trends, subsets, shift):
    shifted = selected_perplexity(scores + shift, trends, SELECTIONS)
    np.testing.assert_allclose(shifted["perplexity"], subsets["perplexity"] * np.exp(-shift), rtol=1e-9)
    for name in ("selected_share", "selected_tokens", "fit_start"):
        np.testing.assert_array_equal(shifted[name], subsets[name])


def test_a_model_without_checkpoints_has_no_perplexity_and_no_fit(scores, trends):
    absent = scores.where(scores["model"] != "model-1")
    without = trends.where(trends["model"] != "model-1")
    found = selected_perplexity(absent, without, [Selection("downward", 0.1)]).sel(model="model-1")
    assert found["perplexity"].isnull().all()
    assert found["fit_start"].isnull().all()
    assert found["selected_share"].isnull().all()
    assert (found["selected_tokens"] == 0).all()


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (Selection("sideways", 0.1), r"sideways.*stagnated, upward, downward, other"),
        (Selection("upward", 0.2), r"0\.2.*0\.1, 0\.5"),
        (Selection("upward", 0.1, "model-9"), r"model-9.*model-0, model-1, model-2"),
    ],
)
def test_what_trends_do_not_have_is_refused_by_name(scores, trends, selection, message):
    with pytest.raises(ValueError, match=message):
        selected_perplexity(scores, trends, [selection])


def test_no_selection_is_refused(scores, trends):
    with pytest.raises(ValueError, match="at least one selection, got none"):
        selected_perplexity(scores, trends, [])


def test_a_subset_is_found_by_what_it_is(subsets):
    for place, selection in enumerate(SELECTIONS):
        xr.testing.assert_identical(find_subset(subsets, selection), subsets.isel(subset=place))


def test_a_subset_that_is_not_there_is_refused_with_what_is(subsets):
    with pytest.raises(
        ValueError,
        match=r"upward from 0\.1 on in model-1; .* downward, other, upward tokens from 0\.1, 0\.5 on in "
        "each model for itself, model-0, model-2",
    ):
        find_subset(subsets, Selection("upward", 0.1, "model-1"))

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from trajectories.trends import CATEGORIES, fit_trends, select, shares, subset_perplexity, token_perplexity
from trajectories.trends.subsets import nearest_start

STARTS = (0.1, 0.3)


@pytest.fixture
def trends(make_scores):
    scores = make_scores()
    perplexity = token_perplexity(scores)
    perplexity[0, 2:, :5] = np.nan  # five tokens of the first model have no trend
    return fit_trends(perplexity, start=STARTS)


def test_shares_add_up_to_one_over_the_tokens_that_have_a_trend(trends):
    found = shares(trends)
    assert found.dims == ("start", "model", "trend")
    assert found["trend"].values.tolist() == list(CATEGORIES)
    np.testing.assert_allclose(found.sum("trend"), 1)
    upward = (trends["trend"].sel(start=0.1, model="model-0") == 1).sum()
    np.testing.assert_allclose(found.sel(start=0.1, model="model-0", trend="upward"), upward / 55)
    assert found.attrs["units"] == "1"
    assert "flag_values" not in found.attrs


def test_shares_do_not_depend_on_the_order_of_dimensions(trends):
    xr.testing.assert_identical(shares(trends.transpose("token", "model", "start")), shares(trends))


def test_shares_without_models_are_over_start_and_trend(trends):
    assert shares(trends.sel(model="model-1", drop=True)).dims == ("start", "trend")


def test_shares_are_missing_where_no_token_has_a_trend(trends):
    assert shares(trends.where(trends["model"] != "model-0")).sel(model="model-0").isnull().all()


@pytest.mark.parametrize("trend", CATEGORIES)
def test_select_finds_the_tokens_of_a_category(trends, trend):
    selected = select(trends, start=0.3, trend=trend, model="model-0")
    expected = trends["trend"].sel(start=0.3, model="model-0") == CATEGORIES.index(trend)
    assert selected.dims == ("token",)
    assert selected.dtype == bool
    np.testing.assert_array_equal(selected, expected)


def test_every_token_with_a_trend_is_selected_once(trends):
    times = sum(select(trends, start=0.1, trend=trend).astype(int) for trend in CATEGORIES)
    np.testing.assert_array_equal(times, trends["trend"].sel(start=0.1).notnull())


def test_without_a_model_every_model_selects_for_itself(trends):
    everyone = select(trends, start=0.1, trend="downward")
    for model in ("model-0", "model-1"):
        of_model = select(trends, start=0.1, trend="downward", model=model)
        np.testing.assert_array_equal(everyone.sel(model=model), of_model)


def test_select_lists_what_there_is(trends):
    with pytest.raises(ValueError, match=r"no trends from start 0\.2; there are those from 0\.1, 0\.3"):
        select(trends, start=0.2, trend="upward")
    with pytest.raises(ValueError, match="no trends of model 'model-9'; there are those of model-0, model-1"):
        select(trends, start=0.1, trend="upward", model="model-9")
    with pytest.raises(
        ValueError, match="no trend 'rising'; choose one of stagnated, upward, downward, other"
    ):
        select(trends, start=0.1, trend="rising")


@given(seed=st.integers(0, 1000), shift=st.floats(-3, 3))
def test_a_shift_of_log_likelihood_scales_the_perplexity_of_every_set(make_scores, seed, shift):
    scores = make_scores(documents=3)
    chosen = xr.DataArray(np.random.default_rng(seed).random(18) < 0.5, dims="token")
    shifted = subset_perplexity(scores + shift, chosen)
    np.testing.assert_allclose(shifted, subset_perplexity(scores, chosen) * np.exp(-shift), rtol=1e-9)


def test_subset_perplexity_agrees_with_a_loop_and_leaves_missing_tokens_out(make_scores):
    scores = make_scores().astype(np.float32)
    scores[0, 2, :7] = np.nan
    scores[1, 4] = np.nan  # an absent checkpoint
    chosen = xr.DataArray(np.arange(60) % 3 == 0, dims="token")
    found = subset_perplexity(scores.transpose("token", "checkpoint", "model"), chosen)
    for model in range(2):
        for checkpoint in range(12):
            values = scores.values[model, checkpoint, chosen.values]
            present = values[np.isfinite(values)].astype(float)
            expected = np.exp(-present.mean()) if len(present) else np.nan
            here = found.isel(model=model, checkpoint=checkpoint)
            np.testing.assert_allclose(here, expected, rtol=1e-6)


def test_a_set_for_each_model_gives_what_each_gives_alone(make_scores, trends):
    scores = make_scores()
    together = subset_perplexity(scores, select(trends, start=0.1, trend="upward"))
    for model in ("model-0", "model-1"):
        alone = subset_perplexity(scores, select(trends, start=0.1, trend="upward", model=model))
        np.testing.assert_allclose(together.sel(model=model), alone.sel(model=model), rtol=1e-12)


def test_the_perplexity_of_no_tokens_is_missing(make_scores):
    nothing = xr.DataArray(np.zeros(60, dtype=bool), dims="token")
    assert subset_perplexity(make_scores(), nothing).isnull().all()


def test_sets_of_other_tokens_are_refused(make_scores):
    with pytest.raises(ValueError, match="token"):
        subset_perplexity(make_scores(), xr.DataArray(np.ones(59, dtype=bool), dims="token"))
    with pytest.raises(ValueError, match="selected needs the dimensions"):
        subset_perplexity(make_scores(), xr.DataArray(True))


def test_the_nearest_start_is_the_earlier_of_two_whatever_their_order(trends):
    for ordered in (trends, trends.isel(start=[1, 0])):
        assert [nearest_start(ordered, start) for start in (0.0, 0.19, 0.2, 0.21, 0.9)] == [
            0.1,
            0.1,
            0.1,
            0.3,
            0.3,
        ]

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trajectories.trends import CATEGORIES, fit_trends, token_perplexity
from trajectories.trends.categories import DOWNWARD, OTHER, STAGNATED, UPWARD

STARTS = (0.1, 0.4, 0.7)


def one_model(series, fraction=None):
    """Perplexities (checkpoint, token) of the given series [token, checkpoint]."""
    values = np.array(series, dtype=float).T
    count = len(values)
    fraction = np.arange(1, count + 1) / count if fraction is None else fraction
    return xr.DataArray(
        values,
        dims=("checkpoint", "token"),
        coords={"checkpoint": np.arange(1, count + 1), "training_fraction": ("checkpoint", fraction)},
    )


def naive(series, index, significance=0.05, tolerance=0.05):
    """Equation 1 and the categories of section 3.1 for one series, as the paper words them."""
    present = np.isfinite(series)
    values, index = series[present], index[present]
    if len(values) < 3:
        return np.nan, np.nan, np.nan
    fit = stats.linregress(index - index[0], values / values[0])
    average = np.exp(np.log(values).mean())
    if fit.slope > 0 and fit.pvalue < significance:
        trend = UPWARD
    elif fit.slope < 0 and fit.pvalue < significance:
        trend = DOWNWARD
    elif all(1 - tolerance <= end / average <= 1 + tolerance for end in (values[0], values[-1])):
        trend = STAGNATED
    else:
        trend = OTHER
    return fit.slope, fit.pvalue, trend


def naive_trends(perplexity, model, start):
    """[token, 3] the naive fit of every token at the model's own checkpoints."""
    scores = perplexity.sel(model=model).transpose("checkpoint", "token").dropna("checkpoint", how="all")
    first = int(np.abs(scores["training_fraction"].values - start).round(9).argmin())
    index = np.arange(scores.sizes["checkpoint"], dtype=float)
    return np.array([naive(series[first:], index[first:]) for series in scores.values.T])


def assert_as_naive(trends, perplexity):
    for model in perplexity["model"].values:
        for start in trends["start"].values:
            found = trends.sel(model=model, start=start)
            expected = naive_trends(perplexity, model, start)
            np.testing.assert_allclose(found["slope"], expected[:, 0], atol=1e-9)
            np.testing.assert_allclose(found["p_value"], expected[:, 1], atol=1e-9)
            np.testing.assert_array_equal(found["trend"], expected[:, 2])


def test_agrees_with_a_loop_over_tokens(make_scores):
    perplexity = token_perplexity(make_scores(checkpoints=15))
    perplexity[..., :10] = 7 + 0.01 * perplexity[..., :10]  # nearly still: the stagnated ones
    trends = fit_trends(perplexity, start=STARTS)
    assert_as_naive(trends, perplexity)
    assert set(np.unique(trends["trend"])) == {STAGNATED, UPWARD, DOWNWARD, OTHER}


def test_agrees_with_a_loop_over_tokens_where_tokens_and_checkpoints_are_missing(make_scores):
    perplexity = token_perplexity(make_scores())
    holes = np.random.default_rng(2).random(perplexity.shape) < 0.4
    perplexity = perplexity.where(~holes)
    perplexity[0, [1, 5]] = np.nan
    trends = fit_trends(perplexity, start=STARTS)
    assert_as_naive(trends, perplexity)
    assert np.isnan(trends["trend"]).any()


@given(scale=st.floats(1e-3, 1e6), seed=st.integers(0, 5))
def test_trends_ignore_the_scale_of_perplexity(make_scores, scale, seed):
    perplexity = token_perplexity(make_scores(models=1, documents=3, seed=seed))
    trends, scaled = fit_trends(perplexity), fit_trends(perplexity * scale)
    np.testing.assert_allclose(scaled["slope"], trends["slope"], atol=1e-9)
    np.testing.assert_array_equal(scaled["trend"], trends["trend"])


def test_absent_checkpoints_are_dropped_not_counted(make_scores):
    perplexity = token_perplexity(make_scores(models=1, checkpoints=9))
    padded = perplexity.reindex(checkpoint=np.sort(np.append(perplexity["checkpoint"], [75, 125, 1000])))
    xr.testing.assert_equal(fit_trends(padded), fit_trends(perplexity))


def test_dimensions_may_come_in_any_order(make_scores):
    perplexity = token_perplexity(make_scores())
    xr.testing.assert_identical(
        fit_trends(perplexity.transpose("token", "checkpoint", "model")), fit_trends(perplexity)
    )


def test_starts_come_back_rising(make_scores):
    perplexity = token_perplexity(make_scores(checkpoints=15))
    trends = fit_trends(perplexity, start=[0.3, 0.1, 0.5])
    assert trends["start"].values.tolist() == [0.1, 0.3, 0.5]
    xr.testing.assert_identical(trends, fit_trends(perplexity, start=[0.1, 0.3, 0.5]))


def test_steps_are_sorted_not_trusted(make_scores):
    perplexity = token_perplexity(make_scores())
    shuffled = perplexity.isel(
        checkpoint=np.random.default_rng(3).permutation(perplexity.sizes["checkpoint"])
    )
    xr.testing.assert_identical(fit_trends(shuffled, start=STARTS), fit_trends(perplexity, start=STARTS))


def test_lazy_arrays_give_the_same_trends(make_scores):
    pytest.importorskip("dask")
    perplexity = token_perplexity(make_scores())
    lazy = perplexity.chunk(token=7, checkpoint=5)
    xr.testing.assert_identical(fit_trends(lazy), fit_trends(perplexity))


def test_other_dimensions_are_kept(make_scores):
    perplexity = token_perplexity(make_scores())
    both = xr.concat([perplexity, perplexity * 2 + 1], dim="variant").transpose("token", ...)
    trends = fit_trends(both, start=STARTS)
    assert trends["slope"].dims == ("start", "model", "token", "variant")
    xr.testing.assert_equal(trends.isel(variant=0), fit_trends(perplexity, start=STARTS))


def test_more_tokens_than_a_block_holds_are_fitted_alike(make_scores, monkeypatch):
    perplexity = token_perplexity(make_scores())
    whole = fit_trends(perplexity, estimator="theil_sen")
    monkeypatch.setattr("trajectories.trends.series.BLOCK_VALUES", 100)
    xr.testing.assert_equal(fit_trends(perplexity, estimator="theil_sen"), whole)


def test_the_start_is_the_nearest_own_checkpoint_and_the_earlier_of_two():
    series = [[9, 1, 2, 3, 4, 5.5]]
    fraction = [0.05, 0.15, 0.4, 0.6, 0.8, 1.0]
    at_tie = fit_trends(one_model(series, fraction), start=[0.1, 0.11])
    expected = [
        stats.linregress(range(6), np.array(series[0]) / 9).slope,
        stats.linregress(range(5), series[0][1:]).slope,
    ]
    np.testing.assert_allclose(at_tie["slope"].values[:, 0], expected)


@pytest.mark.parametrize("estimator", ["least_squares", "theil_sen"])
def test_a_constant_series_is_stagnated(estimator):
    trends = fit_trends(one_model([[3.7] * 8, [1e-9] * 8, [1e12] * 8]), estimator=estimator)
    np.testing.assert_array_equal(trends["slope"], 0)
    np.testing.assert_array_equal(trends["p_value"], 1)
    np.testing.assert_array_equal(trends["trend"], STAGNATED)


def test_a_token_with_fewer_than_three_values_after_the_start_has_no_trend():
    nan = np.nan
    series = [[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, nan, nan], [1, 2, nan, 4.5, 5, 5.5]]
    trends = fit_trends(one_model(series), start=[0.5])
    assert np.isnan(trends["trend"].values[0]).tolist() == [False, True, False]
    assert np.isnan(trends["slope"].values[0]).tolist() == [False, True, False]
    np.testing.assert_allclose(trends["slope"].values[0, 2], 0.5 / 4.5)  # from its own first value, 4.5


@pytest.mark.parametrize("regressor", ["step", "log_step", "tokens_seen", "flops"])
@pytest.mark.parametrize("estimator", ["least_squares", "theil_sen"])
def test_slopes_are_per_unit_of_the_regressor(make_scores, regressor, estimator):
    perplexity = token_perplexity(make_scores(models=1))
    trends = fit_trends(perplexity, regressor=regressor, estimator=estimator, start=STARTS[1])
    first = int(np.abs(perplexity["training_fraction"].values[0] - STARTS[1]).round(9).argmin())
    source = perplexity["checkpoint" if "step" in regressor else regressor]
    x = np.broadcast_to(source.values, (1, perplexity.sizes["checkpoint"]))[0, first:].astype(float)
    x = np.log(x) if regressor == "log_step" else x
    slope = {"least_squares": stats.linregress, "theil_sen": lambda x, y: stats.theilslopes(y, x)}[estimator]
    y = perplexity.values[0, first:]
    expected = [slope(x, series / series[0])[0] for series in y.T]
    np.testing.assert_allclose(trends["slope"].values[0, 0], expected, rtol=1e-9)


@pytest.mark.parametrize("method", ["bh", "by"])
def test_false_discoveries_are_controlled_over_the_tokens_of_a_start_and_model(make_scores, method):
    perplexity = token_perplexity(make_scores())
    perplexity[0, 2:, 4] = np.nan  # no trend: no test to correct for
    plain = fit_trends(perplexity, start=STARTS)["p_value"]
    strict = fit_trends(perplexity, start=STARTS, false_discovery=method)["p_value"]
    for of_plain, of_strict in zip(plain.values.reshape(-1, 60), strict.values.reshape(-1, 60), strict=True):
        known = np.isfinite(of_plain)
        expected = stats.false_discovery_control(of_plain[known], method=method)
        np.testing.assert_array_equal(of_strict[known], expected)
        assert np.isnan(of_strict[~known]).all()


def test_a_stricter_significance_leaves_fewer_trends(make_scores):
    perplexity = token_perplexity(make_scores())
    found = [
        int(fit_trends(perplexity, significance=level)["trend"].isin([UPWARD, DOWNWARD]).sum())
        for level in (0.05, 0.001, 1e-6)
    ]
    assert found == sorted(found, reverse=True)
    assert found[0] > found[-1]


def test_a_wider_tolerance_makes_more_tokens_stagnated():
    waves = one_model([5 + height * np.cos(np.arange(9) * np.pi) for height in (0.1, 0.5, 2)])
    found = [
        int((fit_trends(waves, tolerance=width)["trend"] == STAGNATED).sum()) for width in (0.01, 0.05, 0.2)
    ]
    assert found == [0, 1, 2]


def test_the_result_says_what_it_is(make_scores):
    perplexity = token_perplexity(make_scores())
    trends = fit_trends(perplexity, start=STARTS, regressor="step")
    assert trends["slope"].attrs["units"] == "1/step"
    assert trends["trend"].attrs["flag_values"].tolist() == [0, 1, 2, 3]
    assert trends["trend"].attrs["flag_meanings"].split() == list(CATEGORIES)
    assert trends.attrs == {
        "regressor": "step",
        "estimator": "least_squares",
        "significance": 0.05,
        "tolerance": 0.05,
        "false_discovery": "none",
    }
    np.testing.assert_array_equal(trends["start"], STARTS)
    assert {"document", "token_text", "parameters"} <= set(trends.coords)
    assert not {"checkpoint", "training_fraction", "flops"} & set(trends.coords)

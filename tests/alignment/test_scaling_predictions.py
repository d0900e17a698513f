"""Losses that power laws predict, and the compute-optimal frontier."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from power_laws import HOFFMANN, LAWS, make_trajectories

from trajectories.alignment.scaling import fit_power_laws
from trajectories.alignment.scaling_predict import compute_optimal, predict_along, predict_loss, token_cost

EXACT = fit_power_laws(make_trajectories(), resamples=2)
COMPUTE = xr.DataArray(np.geomspace(1e15, 1e20, 6), dims="flops")


@pytest.fixture(scope="module", params=["hoffmann", "kaplan"])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def fits(form: str) -> xr.Dataset:
    return fit_power_laws(make_trajectories(form, noise=0.005), resamples=10)


def test_predictions_of_exact_fits_are_the_law(form: str) -> None:
    scores = make_trajectories(form)
    predicted = predict_loss(
        fit_power_laws(scores, resamples=1), form, scores["parameters"], scores["tokens_seen"]
    )
    expected = LAWS[form](scores["parameters"].values[:, None].astype(float), scores["tokens_seen"].values)
    assert predicted.dims == ("model", "checkpoint")
    np.testing.assert_allclose(predicted, expected, rtol=1e-5)


def test_curves_of_sizes_go_through_exact_losses() -> None:
    scores = make_trajectories()
    curves = predict_along(EXACT, "hoffmann", scores["flops"])
    np.testing.assert_allclose(curves, np.log(scores["validation_perplexity"]), rtol=1e-4)
    straight = predict_along(EXACT, "kaplan", scores["flops"])
    np.testing.assert_allclose(straight, np.log(scores["validation_perplexity"]), rtol=0.1)


@settings(max_examples=12)
@given(st.floats(12, 26), st.floats(0.5, 100))
def test_frontier_is_hoffmanns_closed_form(decades: float, per_parameter: float) -> None:
    a, b, alpha, beta = (
        float(EXACT["estimate"].sel(form="hoffmann", parameter=name)) for name in ("A", "B", "alpha", "beta")
    )
    compute = xr.DataArray([10.0**decades], dims="flops")
    best = compute_optimal(EXACT, "hoffmann", compute, lambda parameters: per_parameter * parameters)
    g = (alpha * a / (beta * b)) ** (1 / (alpha + beta))
    spent = compute / per_parameter
    np.testing.assert_allclose(best["parameters"], g * spent ** (beta / (alpha + beta)), rtol=1e-5)
    np.testing.assert_allclose(best["tokens"], spent ** (alpha / (alpha + beta)) / g, rtol=1e-5)


def test_no_other_size_has_a_lower_loss_for_the_compute(form: str, fits: xr.Dataset) -> None:
    best = compute_optimal(fits, form, COMPUTE)
    cost = token_cost(fits)
    np.testing.assert_allclose(best["parameters"] * best["tokens"] * 6, COMPUTE, rtol=1e-6)
    for factor in (0.8, 0.99, 1.01, 1.25):
        parameters = best["parameters"] * factor
        other = predict_loss(fits, form, parameters, COMPUTE / cost(parameters.values))
        assert (other > best["loss"]).all()
    assert (best["loss"].diff("flops") < 0).all()


def test_intervals_of_the_frontier_lie_around_it(form: str, fits: xr.Dataset) -> None:
    best = compute_optimal(fits, form, COMPUTE)
    for name in ("parameters", "tokens", "loss"):
        assert (best[f"{name}_low"] < best[f"{name}_high"]).all()
    narrow = compute_optimal(fit_power_laws(make_trajectories(form), resamples=5), form, COMPUTE)
    np.testing.assert_allclose(narrow["loss_low"], narrow["loss_high"], rtol=1e-3)


def test_compute_may_have_any_dimensions(form: str, fits: xr.Dataset) -> None:
    flat = compute_optimal(fits, form, COMPUTE)
    square = COMPUTE.values.reshape(2, 3)
    found = compute_optimal(fits, form, xr.DataArray(square, dims=("row", "column")))
    np.testing.assert_array_equal(found["loss"].transpose("row", "column").values.ravel(), flat["loss"])
    one = compute_optimal(fits, form, COMPUTE[2])
    assert float(one["parameters"]) == float(flat["parameters"][2])


def test_cost_of_a_token_is_six_flops_per_parameter_where_it_was_counted_so(fits: xr.Dataset) -> None:
    sizes = np.array([1e5, 3e6, 1e11])
    np.testing.assert_allclose(token_cost(fits)(sizes), 6 * sizes)
    np.testing.assert_allclose(token_cost(fits.isel(model=[1]))(sizes), 6 * sizes)
    assert np.isnan(token_cost(fits.assign(flops_per_token=fits["flops_per_token"] * np.nan))(sizes)).all()


def test_without_a_joint_fit_or_an_optimum_the_frontier_is_missing() -> None:
    two = fit_power_laws(make_trajectories().isel(model=[0, 1]), resamples=2)
    assert compute_optimal(two, "hoffmann", COMPUTE)["loss"].isnull().all()
    size_does_not_help = EXACT.copy(deep=True)
    for name in ("estimate", "resampled"):
        size_does_not_help[name].loc[{"form": "hoffmann", "parameter": "alpha"}] = -HOFFMANN["alpha"]
    found = compute_optimal(size_does_not_help, "hoffmann", COMPUTE)
    assert found["parameters"].isnull().all()
    assert found["loss_low"].isnull().all()


def test_an_unknown_form_is_refused_with_those_that_there_are() -> None:
    for predict in (
        lambda: predict_loss(EXACT, "chinchilla", 1e9, 1e10),
        lambda: predict_along(EXACT, "chinchilla", COMPUTE),
        lambda: compute_optimal(EXACT, "chinchilla", COMPUTE),
    ):
        with pytest.raises(
            ValueError, match="no form is called 'chinchilla'; choose one of kaplan, hoffmann"
        ):
            predict()

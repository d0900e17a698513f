"""Power laws fitted per size and jointly."""

from pathlib import Path

import numpy as np
import power_laws
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from power_laws import make_trajectories
from scipy.optimize import curve_fit, minimize

from trajectories import arrays
from trajectories.alignment.scaling import fit_power_laws

NUMBERS = (
    "exponent",
    "exponent_low",
    "exponent_high",
    "scale",
    "irreducible_loss",
    "estimate",
    "low",
    "high",
)


@pytest.fixture(scope="module")
def noisy() -> xr.Dataset:
    return make_trajectories(noise=0.01, lasting=0.5)


@pytest.fixture(scope="module")
def fits(noisy: xr.Dataset) -> xr.Dataset:
    return fit_power_laws(noisy, resamples=20)


def usable(scores: xr.Dataset) -> xr.DataArray:
    """(model, checkpoint) what counts by default."""
    return (scores["training_fraction"] >= 0.1 - 1e-9) & scores["flops"].notnull()


def constants(fits: xr.Dataset, form: str, of: str = "estimate") -> dict[str, float]:
    known = fits[of].sel(form=form).dropna("parameter")
    return dict(zip(known["parameter"].values.tolist(), known.values.tolist(), strict=True))


@pytest.mark.parametrize(
    ("form", "truth"), [("hoffmann", power_laws.HOFFMANN), ("kaplan", power_laws.KAPLAN)]
)
def test_constants_of_exact_losses_are_found(form: str, truth: dict[str, float]) -> None:
    found = fit_power_laws(make_trajectories(form), resamples=2)
    assert constants(found, form) == pytest.approx(truth, rel=1e-3)
    assert float(found["joint_r_squared"].sel(form=form)) == pytest.approx(1)
    assert constants(found, form, "low") == pytest.approx(truth, rel=1e-2)


def test_each_size_has_the_irreducible_loss_of_its_size() -> None:
    found = fit_power_laws(make_trajectories(), resamples=1).sel(form="hoffmann")
    of_size = power_laws.HOFFMANN["A"] / found["parameters"] ** power_laws.HOFFMANN["alpha"]
    np.testing.assert_allclose(found["irreducible_loss"], power_laws.HOFFMANN["E"] + of_size, rtol=1e-3)
    np.testing.assert_allclose(found["exponent"], power_laws.HOFFMANN["beta"], rtol=2e-3)
    in_compute = power_laws.HOFFMANN["B"] * (6.0 * found["parameters"]) ** power_laws.HOFFMANN["beta"]
    np.testing.assert_allclose(found["scale"], in_compute, rtol=2e-2)


def power(x: np.ndarray, level: float, exponent: float) -> np.ndarray:
    return level - exponent * x


def power_above(x: np.ndarray, irreducible: float, factor: float, exponent: float) -> np.ndarray:
    return np.log(irreducible + factor * np.exp(-exponent * x))


def test_per_size_fits_are_those_of_curve_fit(noisy: xr.Dataset, fits: xr.Dataset) -> None:
    for model in noisy["model"].values:
        counts = noisy.sel(model=model).isel(checkpoint=usable(noisy).sel(model=model).values)
        compute, loss = np.log(counts["flops"].values), np.log(counts["validation_perplexity"].values)
        x, y = compute - compute.mean(), np.log(loss)
        (level, exponent), _ = curve_fit(power, x, y)
        straight = fits.sel(form="kaplan", model=model)
        assert float(straight["exponent"]) == pytest.approx(exponent, rel=1e-6)
        assert np.log(straight["scale"]) == pytest.approx(compute.mean() + level / exponent, rel=1e-6)
        bounds, guess = ([0, 0, 0], [np.inf, np.inf, 5]), (loss.min() / 2, loss.min() / 2, 0.1)
        found, _ = curve_fit(power_above, x, y, p0=guess, bounds=bounds, ftol=1e-12, xtol=1e-12)
        curve = fits.sel(form="hoffmann", model=model)
        share = 1 - (y - power_above(x, *found)).var() / y.var()
        assert float(curve["r_squared"]) == pytest.approx(share, abs=1e-6)
        assert float(curve["irreducible_loss"]) == pytest.approx(found[0], rel=1e-2, abs=1e-2)
        assert float(curve["exponent"]) == pytest.approx(found[2], rel=1e-2, abs=1e-3)


@pytest.mark.parametrize("form", ["hoffmann", "kaplan"])
def test_no_simplex_search_finds_a_smaller_huber_loss(form: str, noisy: xr.Dataset, fits: xr.Dataset) -> None:
    known = usable(noisy)
    at = known.values
    parameters = np.broadcast_to(noisy["parameters"].values[:, None], at.shape)[at].astype(float)
    tokens, loss = noisy["tokens_seen"].values[at], np.log(noisy["validation_perplexity"].values[at])
    weights = (1 / known.sum("checkpoint")).broadcast_like(known).values[at]

    def huber(logs: np.ndarray) -> float:
        values = dict(zip(constants(fits, form), np.exp(logs), strict=True))
        if form == "kaplan":
            ratio = values["alpha_N"] / values["alpha_D"]
            predicted = (values["N_c"] / parameters) ** ratio + values["D_c"] / tokens
            away = np.abs(values["alpha_D"] * np.log(predicted) - np.log(loss))
        else:
            of_size = values["A"] / parameters ** values["alpha"]
            predicted = values["E"] + of_size + values["B"] / tokens ** values["beta"]
            away = np.abs(np.log(predicted) - np.log(loss))
        return float(np.sum(weights * np.where(away <= 1e-3, away**2 / 2, 1e-3 * (away - 5e-4))))

    found = np.log(np.maximum(list(constants(fits, form).values()), 1e-12))
    best = minimize(huber, found, method="Nelder-Mead", options={"maxiter": 600})
    assert huber(found) <= best.fun * (1 + 1e-5)


@settings(max_examples=8)
@given(st.floats(-6, 6))
def test_the_unit_of_tokens_changes_only_the_scale_of_tokens(decades: float) -> None:
    unit = 10**decades
    scores = make_trajectories(noise=0.01)
    before = fit_power_laws(scores, resamples=1)
    after = fit_power_laws(scores.assign_coords(tokens_seen=scores["tokens_seen"] * unit), resamples=1)
    expected = constants(before, "hoffmann")
    expected["B"] *= unit ** expected["beta"]
    assert constants(after, "hoffmann") == pytest.approx(expected, rel=1e-3)
    expected = constants(before, "kaplan")
    expected["D_c"] *= unit
    assert constants(after, "kaplan") == pytest.approx(expected, rel=1e-3)
    xr.testing.assert_allclose(after["exponent"], before["exponent"])


@settings(max_examples=8)
@given(st.floats(0.5, 2))
def test_a_power_of_the_loss_multiplies_kaplans_exponents(power: float) -> None:
    scores = make_trajectories("kaplan", noise=0.01)
    raised = np.exp(np.log(scores["validation_perplexity"]) ** power)
    after = fit_power_laws(scores.assign_coords(validation_perplexity=raised), resamples=1).sel(form="kaplan")
    before = fit_power_laws(scores, resamples=1).sel(form="kaplan")
    np.testing.assert_allclose(after["exponent"], power * before["exponent"], rtol=1e-6)
    np.testing.assert_allclose(after["scale"], before["scale"], rtol=1e-6)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    held = []
    for seed in range(8):
        found = fit_power_laws(make_trajectories(noise=0.01, lasting=0.4, seed=seed), resamples=30, seed=seed)
        low, high = constants(found, "hoffmann", "low"), constants(found, "hoffmann", "high")
        held.append([low[name] <= value <= high[name] for name, value in power_laws.HOFFMANN.items()])
    assert 0.8 <= np.mean(held) <= 1


def test_noise_widens_the_intervals(fits: xr.Dataset) -> None:
    quiet = fit_power_laws(make_trajectories(noise=0.001, lasting=0.5), resamples=20)
    for name in ("alpha", "beta"):
        widths = [(each["high"] - each["low"]).sel(form="hoffmann", parameter=name) for each in (quiet, fits)]
        assert widths[0] < widths[1]


def test_checkpoints_before_the_start_do_not_count(noisy: xr.Dataset, fits: xr.Dataset) -> None:
    early = noisy["training_fraction"] < 0.1 - 1e-9
    spoilt = noisy.assign_coords(validation_perplexity=noisy["validation_perplexity"].where(~early, 1e4))
    xr.testing.assert_identical(fit_power_laws(spoilt, resamples=20)["estimate"], fits["estimate"])
    assert int(fits["joint_checkpoints"]) == int((noisy["training_fraction"] >= 0.1 - 1e-9).sum())


def test_absent_checkpoints_are_those_that_were_never_there(noisy: xr.Dataset) -> None:
    at = [3, 10, 11]
    gone = noisy.copy()
    for name in ("validation_perplexity", "flops", "tokens_seen", "training_fraction"):
        gone[name] = gone[name].where(~gone["checkpoint"].isin(gone["checkpoint"][at]))
    without = noisy.isel(checkpoint=np.delete(np.arange(noisy.sizes["checkpoint"]), at))
    xr.testing.assert_identical(
        fit_power_laws(gone, resamples=5)[[*NUMBERS]], fit_power_laws(without, resamples=5)[[*NUMBERS]]
    )


def test_permuted_dimensions_models_and_checkpoints_change_nothing(
    noisy: xr.Dataset, fits: xr.Dataset
) -> None:
    permuted = noisy.transpose("checkpoint", "model").isel(
        model=[2, 0, 3, 1], checkpoint=slice(None, None, -1)
    )
    xr.testing.assert_allclose(fit_power_laws(permuted, resamples=20), fits)


def test_models_of_another_family_take_no_part(noisy: xr.Dataset, fits: xr.Dataset) -> None:
    stranger = noisy.isel(model=[1]).assign_coords(model=["other"], family=("model", ["neox"]))
    both = xr.concat([noisy, stranger], dim="model", join="exact", coords="minimal", compat="override")
    xr.testing.assert_identical(fit_power_laws(both, resamples=20), fits)


def test_every_model_counts_the_same_however_many_checkpoints_it_has() -> None:
    dense = make_trajectories(noise=0.02, checkpoints=96)
    kept = (dense["model"] != dense["model"][0]) | (dense["checkpoint"] % 4000 == 0)
    sparse = dense.assign_coords(validation_perplexity=dense["validation_perplexity"].where(kept))
    alpha = [
        float(fit_power_laws(each, resamples=1)["estimate"].sel(form="hoffmann", parameter="alpha"))
        for each in (dense, sparse)
    ]
    assert alpha[1] == pytest.approx(alpha[0], rel=0.3)


def test_what_has_no_fit_says_why(noisy: xr.Dataset) -> None:
    few = noisy["validation_perplexity"].where(
        (noisy["model"] != noisy["model"][1]) | (noisy["checkpoint"] > noisy["checkpoint"][-4])
    )
    found = fit_power_laws(noisy.assign_coords(validation_perplexity=few), resamples=2)
    assert found["reason"].sel(form="kaplan").values.tolist() == ["", "3 checkpoints", "", ""]
    assert found["exponent"].isel(model=1).isnull().all()
    assert (found["joint_reason"] == "").all()
    two = fit_power_laws(noisy.isel(model=[0, 1]), resamples=2)
    assert (two["joint_reason"] == "2 sizes").all()
    assert two["estimate"].isnull().all()
    assert two["exponent"].notnull().all()
    unknown = noisy.assign_coords({name: noisy[name] * np.nan for name in ("flops", "tokens_seen")})
    nothing = fit_power_laws(unknown, resamples=2)
    assert (nothing["reason"] == "compute unknown").all()
    assert (nothing["joint_reason"] == "tokens unknown").all()


def test_a_loss_that_does_not_fall_has_an_exponent_of_zero() -> None:
    level = make_trajectories()
    level["validation_perplexity"] = level["validation_perplexity"] * 0 + 20.0
    found = fit_power_laws(level, resamples=2)
    np.testing.assert_allclose(found["exponent"].sel(form="kaplan"), 0, atol=1e-12)
    assert found["r_squared"].isnull().all()


def test_fits_are_stored_and_read_back(fits: xr.Dataset, tmp_path: Path) -> None:
    arrays.write(fits, tmp_path / "scaling.nc")
    read = arrays.read(tmp_path / "scaling.nc")
    xr.testing.assert_equal(read, fits)
    assert read.attrs == fits.attrs


@pytest.mark.parametrize("name", ["flops", "tokens_seen", "training_fraction", "parameters"])
def test_an_absent_coordinate_is_named(noisy: xr.Dataset, name: str) -> None:
    with pytest.raises(ValueError, match=f"missing: {name}"):
        fit_power_laws(noisy.drop_vars(name))


def test_bad_input_is_refused_with_what_came(noisy: xr.Dataset) -> None:
    with pytest.raises(ValueError, match="missing: model"):
        fit_power_laws(noisy.isel(model=0))
    losses = noisy.assign_coords(validation_perplexity=noisy["validation_perplexity"] / 1e4)
    with pytest.raises(ValueError, match=r"model-1e\+06 at checkpoint 1000 .* above 0; give perplexities"):
        fit_power_laws(losses)
    with pytest.raises(ValueError, match="from 0 to below 1, got 1"):
        fit_power_laws(noisy, start=1)
    with pytest.raises(ValueError, match="at least one resample"):
        fit_power_laws(noisy, resamples=0)

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.nonparametric.smoothers_lowess import lowess

from curves import make_axes, measure_of
from trajectories.alignment.align import align
from trajectories.alignment.axes import AXES, LOGARITHMIC

AXIS_PAIR = ("flops", "validation_perplexity")


def naive_r_squared(measure: xr.DataArray, axis: str, *, span: float = 0.25) -> tuple[float, int]:
    """By the definition, with statsmodels' local regression."""
    actual, guessed = [], []
    across = np.log(measure[axis]) if axis in LOGARITHMIC else measure[axis]
    for model in measure["model"].values:
        others = measure["model"].values != model
        grid = across.where(measure.notnull()).values[others]
        known = np.isfinite(grid)
        x, y = grid[known], measure.values[others][known]
        for at, value in zip(across.sel(model=model).values, measure.sel(model=model).values, strict=True):
            covered = any(np.nanmin(row) <= at <= np.nanmax(row) for row in grid)
            if np.isfinite(at) and np.isfinite(value) and covered:
                guessed.append(lowess(y, x, frac=span, it=0, xvals=np.array([at]))[0])
                actual.append(value)
    actual, guessed = np.array(actual), np.array(guessed)
    return 1 - ((actual - guessed) ** 2).sum() / ((actual - actual.mean()) ** 2).sum(), len(actual)


@pytest.mark.parametrize("axis", AXES)
def test_r_squared_is_that_of_a_naive_loop_with_statsmodels(axis: str) -> None:
    measure = measure_of(make_axes(), "validation_perplexity", noise=0.2)
    expected, points = naive_r_squared(measure, axis)
    found = align(measure, axis, resamples=1)
    np.testing.assert_allclose(float(found["r_squared"]), expected, atol=1e-5)
    assert int(found["points"]) == points


@pytest.mark.parametrize("axis", AXIS_PAIR)
def test_a_function_of_an_axis_is_predicted_by_that_axis_alone(axis: str) -> None:
    measure = measure_of(make_axes(), axis)
    found = align(measure, AXIS_PAIR, resamples=50)
    other = next(name for name in AXIS_PAIR if name != axis)
    assert float(found["r_squared"].sel(axis=axis)) > 0.99
    assert float(found["r_squared"].sel(axis=other)) < 0.95
    assert float(found["difference_low"].sel(axis=axis, other=other)) > 0


def test_noise_without_a_curve_is_not_predicted() -> None:
    noise = measure_of(make_axes(), "flops", noise=1e6)
    found = align(noise, "validation_perplexity")
    assert float(found["r_squared"]) < 0.1
    assert float(found["low"]) < 0


@settings(max_examples=25)
@given(st.floats(-50, 50), st.floats(0.01, 100), st.floats(0.1, 5), st.floats(1e-3, 1e3))
def test_units_of_measure_and_axis_change_nothing(
    shift: float, scale: float, power: float, factor: float
) -> None:
    measure = measure_of(make_axes(), "validation_perplexity", noise=0.3)
    expected = align(measure, "flops", resamples=1)["r_squared"]
    other = (shift + scale * measure).assign_coords(flops=factor * measure["flops"] ** power)
    np.testing.assert_allclose(align(other, "flops", resamples=1)["r_squared"], expected, rtol=1e-6)


def test_permuted_dimensions_and_shuffled_models_change_nothing() -> None:
    measure = measure_of(make_axes(), "validation_perplexity", noise=0.3)
    expected = align(measure, AXES, resamples=20)
    xr.testing.assert_allclose(align(measure.T, AXES, resamples=20), expected)
    shuffled = measure.isel(model=[2, 0, 3, 1])
    again = align(shuffled, AXES, resamples=1)["r_squared"]
    np.testing.assert_allclose(again, expected["r_squared"])


def test_absent_checkpoints_are_left_out() -> None:
    measure = measure_of(make_axes(), "validation_perplexity", noise=0.3)
    absent = (measure["model"] == "size-1") & measure["checkpoint"].isin([300, 900])
    holed = measure.where(~absent)
    expected, points = naive_r_squared(holed, "validation_perplexity")
    found = align(holed, "validation_perplexity", resamples=5)
    np.testing.assert_allclose(float(found["r_squared"]), expected, atol=1e-5)
    assert int(found["points"]) == points
    wider = holed.reindex(checkpoint=[*measure["checkpoint"].values, 5000])
    np.testing.assert_allclose(align(wider, "validation_perplexity", resamples=5)["low"], found["low"])


def test_further_dimensions_are_kept_with_their_labels() -> None:
    axes = make_axes()
    several = xr.concat(
        [measure_of(axes, name, noise=0.1) for name in AXIS_PAIR],
        dim=xr.Variable("task", ["compute", "loss"]),
    )
    found = align(several.transpose("checkpoint", "task", "model"), AXES, resamples=20)
    assert found["r_squared"].dims == ("task", "axis")
    assert found["difference"].dims == ("task", "axis", "other")
    one = align(several.sel(task="loss"), AXES, resamples=20)
    xr.testing.assert_allclose(found.sel(task="loss"), one)
    assert align(several, "flops", resamples=2)["r_squared"].dims == ("task",)


def test_differences_are_over_the_points_that_both_axes_predict() -> None:
    measure = measure_of(make_axes(), "validation_perplexity", noise=0.3)
    found = align(measure, AXES, resamples=50)
    np.testing.assert_allclose(found["difference"].values, -found["difference"].values.T)
    np.testing.assert_array_equal(found["shared_points"].values, found["shared_points"].values.T)
    np.testing.assert_array_equal(np.diag(found["shared_points"].values), found["points"].values)
    same = found.sel(axis="tokens_seen", other="training_fraction")
    assert int(same["shared_points"]) == int(found["points"].sel(axis="tokens_seen"))


def test_models_of_a_size_are_held_out_together() -> None:
    axes = make_axes((1e6, 1e6, 4e6, 4e6, 16e6, 16e6))
    own = xr.DataArray([0.0, 0, 1, 1, -1, -1], dims="model")  # what a size is off by, whatever its seed
    measure = measure_of(axes, "validation_perplexity") + own
    alone = float(align(measure, "validation_perplexity", resamples=1)["r_squared"])
    together = float(align(measure, "validation_perplexity", by="parameters", resamples=1)["r_squared"])
    assert alone > together + 0.3


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    axes = make_axes()
    truth = [
        float(align(noisy(axes, seed), "validation_perplexity", resamples=1)["r_squared"])
        for seed in range(200)
    ]
    middle = np.mean(truth)
    held = 0
    for seed in range(60):
        found = align(noisy(axes, 1000 + seed), "validation_perplexity", resamples=300)
        held += bool(found["low"] <= middle <= found["high"])
    assert held / 60 > 0.85


def noisy(axes: xr.Dataset, seed: int) -> xr.DataArray:
    return measure_of(axes, "validation_perplexity", noise=0.3, seed=seed)


def test_replicates_widen_the_interval_by_what_the_examples_leave_open() -> None:
    axes = make_axes()
    measure = measure_of(axes, "validation_perplexity", noise=0.1)
    favoured = 0.2 * np.random.default_rng(5).standard_normal((400, measure.sizes["model"]))
    replicates = measure + xr.DataArray(favoured, dims=("replicate", "model"))
    alone = align(measure, "validation_perplexity")
    with_examples = align(measure, "validation_perplexity", replicates=replicates.transpose(..., "replicate"))
    np.testing.assert_array_equal(with_examples["r_squared"], alone["r_squared"])
    assert with_examples["low"] < alone["low"]


def test_a_replicate_that_lacks_a_value_takes_nothing_from_the_rest() -> None:
    measure = measure_of(make_axes(), "validation_perplexity", noise=0.1)
    replicates = measure.expand_dims(replicate=100).copy()
    replicates[3, 1] = np.nan  # a draw without any token of a rare trend
    found = align(measure, "validation_perplexity", replicates=replicates, resamples=100)
    expected = align(measure, "validation_perplexity", replicates=replicates[4:], resamples=100)
    xr.testing.assert_allclose(found[["r_squared", "points"]], expected[["r_squared", "points"]])
    assert np.isfinite([found["low"], found["high"]]).all()
    few = align(measure, "validation_perplexity", replicates=replicates[:19], resamples=100)
    alone = align(measure, "validation_perplexity", resamples=100)
    np.testing.assert_array_equal(few["r_squared"], alone["r_squared"])


def test_a_difference_takes_as_many_shared_points_as_r_squared() -> None:
    measure = measure_of(make_axes(), "validation_perplexity", noise=0.1)
    early = measure["flops"].where(measure["checkpoint"] <= 300)
    found = align(measure.assign_coords(flops=early), ["flops", "validation_perplexity"], resamples=50)
    shared = int(found["shared_points"].sel(axis="flops", other="validation_perplexity"))
    assert bool(np.isnan(found["difference"]).all()) == (shared < 4)


def test_the_same_seed_gives_the_same_interval() -> None:
    measure = measure_of(make_axes(), "validation_perplexity", noise=0.3)
    xr.testing.assert_identical(align(measure, AXES), align(measure, AXES))
    assert align(measure, "flops")["low"] != align(measure, "flops", seed=1)["low"]


def constant(measure: xr.DataArray) -> xr.DataArray:
    return xr.full_like(measure, 0.25)


def without_axis(measure: xr.DataArray) -> xr.DataArray:
    return measure.assign_coords(flops=xr.full_like(measure["flops"], np.nan))


def constant_axis(measure: xr.DataArray) -> xr.DataArray:
    return measure.assign_coords(flops=xr.full_like(measure["flops"], 1e18))


def apart(measure: xr.DataArray) -> xr.DataArray:
    steps = xr.DataArray(1e20 ** np.arange(4), dims="model")
    return measure.assign_coords(flops=measure["flops"] * steps)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (constant, "the measure is constant"),
        (lambda measure: measure.isel(model=[2]), "one model"),
        (lambda measure: measure.where(measure["model"] == "size-0"), "one model"),
        (apart, "no overlap: 0 points within the range of another model"),
        (without_axis, "flops is not known"),
        (constant_axis, "flops is constant"),
        (lambda measure: measure.where(measure > 9), "not measured"),
    ],
)
def test_what_cannot_be_measured_is_missing_with_its_reason(change: object, reason: str) -> None:
    measure = measure_of(make_axes(), "validation_perplexity", noise=0.3)
    found = align(change(measure), "flops", resamples=20)  # type: ignore[operator]
    assert np.isnan([found[name] for name in ("r_squared", "low", "high")]).all()
    assert str(found["reason"].item()) == reason


def test_an_axis_that_is_missing_in_places_leaves_these_out() -> None:
    measure = measure_of(make_axes(), "validation_perplexity", noise=0.3)
    holed = measure.assign_coords(flops=measure["flops"].where(measure["checkpoint"] > 500))
    expected = align(measure.where(measure["checkpoint"] > 500), "flops", resamples=1)
    found = align(holed, "flops", resamples=1)
    np.testing.assert_allclose(found["r_squared"], expected["r_squared"])
    assert int(found["points"]) == int(expected["points"])
    assert (int(found["missing"]), int(expected["missing"])) == (20, 0)


def test_a_reason_of_one_axis_leaves_the_others_alone() -> None:
    measure = without_axis(measure_of(make_axes(), "validation_perplexity", noise=0.1))
    found = align(measure, AXES, resamples=20)
    assert np.isnan(found["r_squared"].sel(axis="flops"))
    assert np.isnan(found["difference"].sel(axis="flops")).all()
    assert float(found["r_squared"].sel(axis="validation_perplexity")) > 0.9
    assert found["reason"].sel(axis="validation_perplexity").item() == ""


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        (lambda m: m.rename(checkpoint="step"), {}, "needs the dimensions"),
        (lambda m: m, {"axis": "perplexity"}, r"the axis 'perplexity' must be a coordinate .* validation"),
        (lambda m: m, {"by": "family_tree"}, "by='family_tree' must be a coordinate over model"),
        (lambda m: m, {"by": "flops"}, "by='flops' must be a coordinate over model"),
        (lambda m: m, {"span": 0}, "span needs a share of the points"),
        (lambda m: m, {"resamples": 0}, "at least one resample"),
        (lambda m: m, {"confidence": 1}, "a confidence between 0 and 1"),
        (lambda m: m, {"replicates": xr.DataArray(0.0)}, "replicates of a measure needs the dimensions"),
    ],
)
def test_what_gives_no_alignment_is_refused(
    change: object, arguments: dict[str, object], message: str
) -> None:
    measure = change(measure_of(make_axes(), "flops"))  # type: ignore[operator]
    with pytest.raises(ValueError, match=message):
        align(measure, **{"axis": "flops", **arguments})  # type: ignore[arg-type]

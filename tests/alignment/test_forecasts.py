import numpy as np
import pytest
import xarray as xr

from curves import make_axes, measure_of
from trajectories.alignment.forecast import forecast
from trajectories.alignment.forecasts import (
    AT_COMPUTE,
    AT_PERPLEXITY,
    FIRST_PART,
    LAST_VALUE,
    WAYS,
    forecast_largest,
)
from trajectories.alignment.measure import Measure, make_measure
from trajectories.alignment.perplexity_ahead import extrapolate_perplexity
from trajectories.alignment.token_measures import SHARE

SIZES = (1e6, 4e6, 16e6, 64e6)
TARGET = "size-3"


@pytest.fixture(scope="module")
def axes() -> xr.Dataset:
    return make_axes(SIZES)


@pytest.fixture(scope="module")
def measure(axes: xr.Dataset) -> Measure:
    return make_measure("accuracy", "all tasks", measure_of(axes, "validation_perplexity", noise=0.02), axes)


@pytest.fixture(scope="module")
def found(axes: xr.Dataset, measure: Measure) -> xr.Dataset:
    share = make_measure(SHARE, "upward", measure.values, axes)
    return forecast_largest([measure, share], axes, observed=0.3, resamples=50)


def test_the_power_law_and_the_first_part_foretell_the_rest(axes: xr.Dataset) -> None:
    ahead = extrapolate_perplexity(axes, TARGET, observed=0.3)
    actual = axes["validation_perplexity"]
    early = axes["training_fraction"] <= 0.3
    others = axes["model"] != TARGET
    kept = (early | others).values
    np.testing.assert_array_equal(ahead.values[kept], actual.values[kept])
    np.testing.assert_allclose(ahead, actual, rtol=0.02)
    assert not np.array_equal(ahead.sel(model=TARGET), actual.sel(model=TARGET))


def test_later_perplexities_of_the_target_are_not_used(axes: xr.Dataset) -> None:
    late = (axes["training_fraction"] > 0.3) & (axes["model"] == TARGET)
    changed = axes.assign_coords(validation_perplexity=axes["validation_perplexity"].where(~late, 1e3))
    xr.testing.assert_equal(extrapolate_perplexity(changed, TARGET), extrapolate_perplexity(axes, TARGET))


def test_another_seed_of_the_same_size_tells_nothing_about_the_rest() -> None:
    four = make_axes((1e6, 4e6, 16e6, 16e6))
    other = four["validation_perplexity"].where(four["model"] != "size-2", 7.0)
    changed = four.assign_coords(validation_perplexity=other)
    for axes in (four, changed):
        ahead = extrapolate_perplexity(axes, "size-3").sel(model="size-3")
        np.testing.assert_allclose(ahead, extrapolate_perplexity(four, "size-3").sel(model="size-3"))


def test_with_fewer_than_three_sizes_the_rest_is_missing(axes: xr.Dataset) -> None:
    ahead = extrapolate_perplexity(axes.isel(model=[0, 3]), TARGET)
    late = axes["training_fraction"].sel(model=TARGET) > 0.3
    assert ahead.sel(model=TARGET).isnull().values[late.values].all()
    with pytest.raises(ValueError, match="there is no model 'size-9'"):
        extrapolate_perplexity(axes, "size-9")


def test_each_way_is_its_own_forecast(found: xr.Dataset, measure: Measure) -> None:
    assert found["measure"].values.tolist() == ["accuracy: all tasks"]
    one = found.isel(measure=0)
    assert one["way"].values.tolist() == list(WAYS)
    for way, axis in ((AT_PERPLEXITY, "validation_perplexity"), (AT_COMPUTE, "flops")):
        expected = forecast(measure.values, TARGET, axis=axis, start=0.3, resamples=50)
        for name in ("forecast", "low", "high"):
            np.testing.assert_allclose(one[name].sel(way=way), expected[name])
    assert len(np.unique(one["forecast"].sel(way=LAST_VALUE))) == 1
    np.testing.assert_array_equal(one["actual"], measure.values.sel(model=TARGET))


def test_errors_are_those_of_a_naive_loop_over_later_checkpoints(found: xr.Dataset) -> None:
    one = found.isel(measure=0)
    for way in WAYS:
        wrong, inside = [], []
        for place, fraction in enumerate(one["training_fraction"].values):
            if fraction > 0.3 + 1e-9:
                at = one.sel(way=way).isel(checkpoint=place)
                wrong.append(float(at["forecast"] - at["actual"]))
                inside.append(bool(at["low"] <= at["actual"] <= at["high"]))
        judged = one.sel(way=way)
        np.testing.assert_allclose(judged["error"], np.sqrt(np.mean(np.square(wrong))))
        np.testing.assert_allclose(judged["bias"], np.mean(wrong))
        assert int(judged["checkpoints"]) == len(wrong)
        if way in {AT_PERPLEXITY, AT_COMPUTE}:
            np.testing.assert_allclose(judged["coverage"], np.mean(inside))


def test_perplexity_forecasts_what_follows_perplexity_best(axes: xr.Dataset) -> None:
    straight = make_measure("accuracy", "straight", -np.log(axes["validation_perplexity"]), axes)
    error = forecast_largest([straight], axes, resamples=50)["error"].isel(measure=0)
    assert error.sel(way=AT_PERPLEXITY) < 0.5 * error.sel(way=AT_COMPUTE)
    assert error.sel(way=FIRST_PART) < error.sel(way=LAST_VALUE)


def test_too_few_sizes_are_a_stated_lack(axes: xr.Dataset, measure: Measure) -> None:
    two = axes.isel(model=[0, 3])
    small = make_measure("accuracy", "all tasks", measure.values.isel(model=[0, 3]), two)
    found = forecast_largest([small], two, resamples=50)
    assert found["forecast"].sel(way=LAST_VALUE).notnull().all()
    without = found.sel(way=[AT_PERPLEXITY, FIRST_PART, AT_COMPUTE])
    for reason in without["reason"].values.ravel():
        assert reason.startswith("a forecast of size-3 needs at least 2 smaller sizes, got 1; choose")
    assert without["forecast"].isnull().all()
    assert without["checkpoints"].sum() == 0

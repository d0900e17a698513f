import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from curves import make_axes, measure_of
from trajectories.alignment.forecast import NoForecastError, forecast, last_of_next_smaller

SIZES = (1e6, 4e6, 16e6, 64e6, 256e6)
TARGET = "size-4"


def straight(axes: xr.Dataset, axis: str = "validation_perplexity") -> xr.DataArray:
    """A straight line in the logarithm of an axis, which goes on beyond the smaller sizes."""
    return (3.0 - 0.5 * np.log(axes[axis])).assign_coords(axes.coords).rename("measure")


def without_target(measure: xr.DataArray) -> xr.DataArray:
    return measure.where(measure["model"] != TARGET)


@pytest.mark.parametrize("axis", ["validation_perplexity", "flops"])
def test_a_straight_line_is_forecast_exactly_also_beyond_the_smaller_sizes(axis: str) -> None:
    measure = straight(make_axes(SIZES), axis)
    found = forecast(measure, TARGET, axis=axis)
    np.testing.assert_allclose(found["forecast"], found["actual"], atol=1e-9)
    assert found["beyond"].any()
    np.testing.assert_allclose(found["high"] - found["low"], 0, atol=1e-6)


def test_nothing_of_the_target_is_used() -> None:
    measure = measure_of(make_axes(SIZES), "validation_perplexity", noise=0.1)
    known, unknown = forecast(measure, TARGET), forecast(without_target(measure), TARGET)
    for name in ("forecast", "low", "high"):
        np.testing.assert_array_equal(known[name], unknown[name])
    assert unknown["actual"].isnull().all()
    larger = measure.where(measure["model"] != "size-3")
    assert not np.allclose(forecast(larger, TARGET)["forecast"], known["forecast"])


@settings(max_examples=20)
@given(st.floats(-5, 5), st.floats(0.1, 10))
def test_the_unit_of_the_measure_is_that_of_the_forecast(shift: float, scale: float) -> None:
    measure = measure_of(make_axes(SIZES), "validation_perplexity", noise=0.1)
    expected, found = forecast(measure, TARGET), forecast(shift + scale * measure, TARGET)
    for name in ("forecast", "low", "high"):
        np.testing.assert_allclose(found[name], shift + scale * expected[name], rtol=1e-6, atol=1e-6)


def test_the_interval_is_as_wide_as_earlier_forecasts_were_wrong() -> None:
    axes = make_axes(SIZES)
    off = xr.DataArray([0.0, 0.3, -0.3, 0.3, 0.0], dims="model")
    wide, narrow = (forecast(straight(axes) + factor * off, TARGET) for factor in (1, 0.1))
    widths = [float((found["high"] - found["low"]).mean()) for found in (wide, narrow)]
    np.testing.assert_allclose(widths[0] / widths[1], 10, rtol=0.05)
    assert wide.attrs["rehearsals"] == 2


def test_intervals_hold_what_happens_about_as_often_as_they_say() -> None:
    axes = make_axes(SIZES)
    random, inside = np.random.default_rng(0), []
    for _ in range(60):
        off = xr.DataArray(0.2 * random.standard_normal(len(SIZES)), dims="model")
        found = forecast(straight(axes) + off, TARGET, resamples=50)
        inside.append(float(((found["actual"] >= found["low"]) & (found["actual"] <= found["high"])).mean()))
    assert 0.85 < np.mean(inside) <= 1


def test_two_smaller_sizes_give_a_forecast_without_an_interval() -> None:
    found = forecast(straight(make_axes(SIZES[:3])), "size-2")
    np.testing.assert_allclose(found["forecast"], found["actual"], atol=1e-9)
    assert found["low"].isnull().all()
    assert found.attrs["rehearsals"] == 0


def test_absent_checkpoints_and_permuted_dimensions_change_nothing_else() -> None:
    measure = measure_of(make_axes(SIZES), "validation_perplexity", noise=0.1)
    wider = measure.reindex(checkpoint=[*measure["checkpoint"].values, 9999]).T
    found, expected = forecast(wider, TARGET), forecast(measure, TARGET)
    np.testing.assert_allclose(found["forecast"], expected["forecast"])
    np.testing.assert_allclose(found["low"], expected["low"])


def test_the_naive_forecast_is_the_end_of_the_next_smaller_size() -> None:
    measure = measure_of(make_axes(SIZES), "validation_perplexity")
    expected = float(measure.sel(model="size-3").isel(checkpoint=slice(-3, None)).mean())
    np.testing.assert_allclose(last_of_next_smaller(measure, TARGET), expected)
    lost = measure.where(measure["checkpoint"] < measure["checkpoint"].values[-1])
    shorter = float(measure.sel(model="size-3").isel(checkpoint=slice(-4, -1)).mean())
    np.testing.assert_allclose(last_of_next_smaller(lost, TARGET), shorter)


@pytest.mark.parametrize(
    ("change", "target", "message"),
    [
        (lambda m: m, "size-9", "there is no model 'size-9'; there are size-0"),
        (lambda m: m, "size-1", "a forecast of size-1 needs at least 2 smaller sizes, got 1"),
        (lambda m: m.drop_vars("parameters"), TARGET, "needs the coordinate parameters"),
        (lambda m: m.drop_vars("validation_perplexity"), TARGET, "axis 'validation_perplexity' must be a"),
        (lambda m: m.where(m["checkpoint"] < 0), TARGET, "needs 4 checkpoints of smaller sizes, got 0"),
        (lambda m: m.rename(model="size"), TARGET, "needs the dimensions"),
    ],
)
def test_what_gives_no_forecast_is_refused(change: object, target: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        forecast(change(straight(make_axes(SIZES))), target)  # type: ignore[operator]


def test_an_axis_that_the_target_lacks_is_said() -> None:
    measure = straight(make_axes(SIZES))
    unknown = measure["validation_perplexity"].where(measure["model"] != TARGET)
    with pytest.raises(
        NoForecastError, match="validation_perplexity of size-4 is not known at any checkpoint"
    ):
        forecast(measure.assign_coords(validation_perplexity=unknown), TARGET)


def test_rehearsals_are_judged_from_the_start_that_is_given() -> None:
    measure = measure_of(make_axes(SIZES), "validation_perplexity", noise=0.1)
    early = measure["training_fraction"] <= 0.3
    spoilt = measure.where(~early | (measure["model"] != "size-3"), 9.0)  # a rehearsal's first part
    clean, first, late = (
        forecast(of, TARGET, start=start) for of, start in ((measure, 0.3), (spoilt, 0.0), (spoilt, 0.3))
    )
    widths = [float((of["high"] - of["low"]).mean()) for of in (clean, first, late)]
    assert widths[1] > 2 * widths[0]
    with pytest.raises(ValueError, match="start needs the coordinate training_fraction"):
        forecast(measure.drop_vars("training_fraction"), TARGET, start=0.3)
    with pytest.raises(ValueError, match="span needs a share"):
        forecast(measure, TARGET, span=0)

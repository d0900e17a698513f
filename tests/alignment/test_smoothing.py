import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.nonparametric.smoothers_lowess import lowess

from trajectories.alignment.local_regression import smooth


def curve(values: np.ndarray) -> xr.DataArray:
    return xr.DataArray(np.asarray(values, float), dims="checkpoint")


def noisy(points: int = 26) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = np.sort(np.exp(random.uniform(0, 5, points)))
    return x, np.sin(np.log(x)) + random.normal(size=points)


@pytest.mark.parametrize("span", [0.2, 0.5, 1.0])
def test_the_line_is_that_of_statsmodels_without_its_iterations(span: float) -> None:
    x, y = noisy()
    expected = lowess(y, np.log(x), frac=span, it=0, delta=0, return_sorted=False)
    # statsmodels takes distances below a thousandth of the width for 0 and those above 0.999 for too far.
    np.testing.assert_allclose(smooth(curve(x), curve(y), span=span), expected, atol=1e-6)


@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(0.1, 1))
def test_a_straight_line_in_log_x_is_its_own_smooth_line(slope: float, level: float, span: float) -> None:
    x = noisy()[0]
    y = level + slope * np.log(x)
    np.testing.assert_allclose(smooth(curve(x), curve(y), span=span), y, atol=1e-8)


def test_the_unit_of_x_and_the_order_of_points_change_nothing() -> None:
    x, y = noisy()
    expected = smooth(curve(x), curve(y)).values
    np.testing.assert_allclose(smooth(curve(1e18 * x), curve(y)), expected)
    order = np.random.default_rng(1).permutation(len(x))
    np.testing.assert_allclose(smooth(curve(x[order]), curve(y[order])), expected[order])


def test_the_line_is_smoother_than_its_points() -> None:
    x, y = noisy(200)
    line = smooth(curve(x), curve(y)).values
    assert np.abs(np.diff(line)).sum() < 0.1 * np.abs(np.diff(y)).sum()


def test_missing_points_are_left_out_and_stay_missing() -> None:
    x, y = noisy()
    x[3], x[8], y[11] = np.nan, 0.0, np.nan
    known = [i for i in range(len(x)) if i not in {3, 8, 11}]
    line = smooth(curve(x), curve(y)).values
    assert np.isnan(line[[3, 8, 11]]).all()
    np.testing.assert_array_equal(line[known], smooth(curve(x[known]), curve(y[known])))


@pytest.mark.parametrize("points", [0, 1, 3])
def test_few_points_are_their_own_line(points: int) -> None:
    x, y = (values[:points] for values in noisy())
    np.testing.assert_array_equal(smooth(curve(x), curve(y)), y)


def test_points_that_share_an_x_get_their_mean() -> None:
    x, y = np.array([2.0, 2, 2, 2, 9]), np.array([1.0, 3, 5, 7, 100])
    np.testing.assert_allclose(smooth(curve(x), curve(y)), [4, 4, 4, 4, 100])
    np.testing.assert_allclose(smooth(curve(np.full(5, 2.0)), curve(y), span=1), np.full(5, y.mean()))


def test_every_model_has_a_line_of_its_own() -> None:
    x, y = noisy()
    across = xr.DataArray([x, 2 * x], dims=("model", "checkpoint"))
    up = xr.DataArray([y, -y, y + 1], dims=("criterion", "checkpoint"))
    lines = smooth(across, up)
    assert lines.sizes == {"model": 2, "criterion": 3, "checkpoint": len(x)}
    np.testing.assert_allclose(lines.isel(model=1, criterion=1), -smooth(curve(x), curve(y)))
    xr.testing.assert_allclose(smooth(across.T, up.T), lines)


def test_settings_that_give_no_line_are_refused() -> None:
    x, y = noisy()
    for span in (0, 1.5):
        with pytest.raises(ValueError, match=f"span needs a share of the points, above 0 to 1, got {span}"):
            smooth(curve(x), curve(y), span=span)
    with pytest.raises(ValueError, match="x of a smoothed line needs the dimensions"):
        smooth(curve(x).rename(checkpoint="step"), curve(y))

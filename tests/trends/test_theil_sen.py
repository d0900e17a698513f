import hypothesis.extra.numpy as arrays
import numpy as np
import pymannkendall
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trajectories.trends.theil_sen import theil_sen

# Whole numbers, so that ties are common and differences exact.
SERIES = arrays.arrays(
    np.float64, st.tuples(st.integers(3, 12), st.integers(1, 4)), elements=st.integers(1, 6)
)


@given(SERIES, st.integers(2, 9), st.integers(-5, 5))
def test_slope_scales_and_the_test_ignores_scale_and_shift(y, scale, shift):
    x = np.arange(len(y), dtype=float)
    slope, p_value = theil_sen(x, y)
    scaled_slope, scaled_p_value = theil_sen(x, y * scale + shift)
    np.testing.assert_allclose(scaled_slope, slope * scale, atol=1e-12)
    np.testing.assert_array_equal(scaled_p_value, p_value)


@given(SERIES)
def test_agrees_with_scipy_and_pymannkendall_also_with_ties(y):
    x = np.arange(len(y), dtype=float)
    slope, p_value = theil_sen(x, y)
    for series in range(y.shape[1]):
        np.testing.assert_allclose(slope[series], stats.theilslopes(y[:, series], x).slope, atol=1e-12)
        if np.ptp(y[:, series]) > 0:  # pymannkendall divides by the zero variance of a constant
            expected = pymannkendall.original_test(y[:, series])
            np.testing.assert_allclose(p_value[series], expected.p, atol=1e-9)


def test_slope_is_per_unit_of_an_uneven_regressor():
    rng = np.random.default_rng(0)
    x, y = np.sort(rng.uniform(0, 9, 14)), rng.normal(size=(14, 20))
    slope, _ = theil_sen(x, y)
    expected = [stats.theilslopes(series, x).slope for series in y.T]
    np.testing.assert_allclose(slope, expected, rtol=1e-12)


def test_missing_points_are_left_out_at_their_own_places():
    rng = np.random.default_rng(1)
    x = np.arange(12.0)
    y = np.where(rng.random((12, 40)) < 0.4, np.nan, rng.normal(size=(12, 40)))
    y[:, 0] = np.nan
    slope, p_value = theil_sen(x, y)
    for series in range(40):
        present = np.isfinite(y[:, series])
        if present.sum() < 3:
            assert np.isnan([slope[series], p_value[series]]).all()
            continue
        kept = y[present, series]
        np.testing.assert_allclose(slope[series], stats.theilslopes(kept, x[present]).slope, rtol=1e-12)
        np.testing.assert_allclose(p_value[series], pymannkendall.original_test(kept).p, rtol=1e-9)


def test_a_constant_series_has_slope_0_and_p_value_1():
    slope, p_value = theil_sen(np.arange(8.0), np.ones((8, 3)))
    np.testing.assert_array_equal(slope, 0)
    np.testing.assert_array_equal(p_value, 1)

import hypothesis.extra.numpy as arrays
import numpy as np
import statsmodels.api as sm
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from trajectories.trends.least_squares import least_squares

SERIES = arrays.arrays(
    np.float64, st.tuples(st.integers(3, 12), st.integers(1, 5)), elements=st.floats(0.125, 8, width=32)
)


@given(SERIES, st.floats(-5, 5))
def test_slope_and_p_value_ignore_a_constant_shift(y, shift):
    assume((y.std(axis=0) > 1e-3).all())
    x = np.arange(len(y), dtype=float)
    slope, p_value = least_squares(x, y)
    shifted_slope, shifted_p_value = least_squares(x, y + shift)
    np.testing.assert_allclose(shifted_slope, slope, atol=1e-9)
    np.testing.assert_allclose(shifted_p_value, p_value, atol=1e-6)


@given(SERIES)
def test_slope_turns_its_sign_when_time_runs_backwards(y):
    x = np.arange(len(y), dtype=float)
    slope, p_value = least_squares(x, y)
    reversed_slope, reversed_p_value = least_squares(x, y[::-1])
    np.testing.assert_allclose(reversed_slope, -slope, atol=1e-9)
    np.testing.assert_allclose(reversed_p_value, p_value, atol=1e-6)


def test_agrees_with_scipy_and_statsmodels():
    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(0, 100, 20))
    y = rng.normal(size=(20, 50)).cumsum(axis=0)
    slope, p_value = least_squares(x, y)
    for series in range(50):
        scipy = stats.linregress(x, y[:, series])
        ols = sm.OLS(y[:, series], sm.add_constant(x)).fit()
        np.testing.assert_allclose(slope[series], [scipy.slope, ols.params[1]], rtol=1e-9)
        np.testing.assert_allclose(p_value[series], [scipy.pvalue, ols.pvalues[1]], rtol=1e-6)


def test_missing_points_are_left_out_at_their_own_places():
    rng = np.random.default_rng(1)
    x = np.arange(15.0)
    y = np.where(rng.random((15, 40)) < 0.4, np.nan, rng.normal(size=(15, 40)))
    slope, p_value = least_squares(x, y)
    for series in range(40):
        present = np.isfinite(y[:, series])
        if present.sum() < 3:
            assert np.isnan([slope[series], p_value[series]]).all()
            continue
        expected = stats.linregress(x[present], y[present, series])
        np.testing.assert_allclose(slope[series], expected.slope, rtol=1e-9)
        np.testing.assert_allclose(p_value[series], expected.pvalue, rtol=1e-9)


@given(st.floats(1e-300, 1e300), st.integers(3, 40))
def test_a_series_without_variance_has_slope_0_and_p_value_1(value, points):
    slope, p_value = least_squares(np.arange(float(points)), np.full((points, 2), value) / value)
    np.testing.assert_array_equal(slope, 0)
    np.testing.assert_array_equal(p_value, 1)


def test_a_perfect_line_has_p_value_0():
    slope, p_value = least_squares(np.arange(5.0), np.arange(5.0)[:, None] * 2 + 1)
    np.testing.assert_array_equal(slope, 2)
    np.testing.assert_array_equal(p_value, 0)


def test_two_points_have_no_slope():
    slope, p_value = least_squares(np.arange(2.0), np.array([[1.0, 1.0], [2.0, 1.0]]))
    assert np.isnan([slope, p_value]).all()

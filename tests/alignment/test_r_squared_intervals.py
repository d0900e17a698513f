import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trajectories.alignment.intervals import centred, of_r_squared


@given(st.floats(-5, 0.999), st.floats(0.5, 0.99))
def test_an_interval_holds_its_estimate_and_r_squared_stays_below_one(
    estimate: float, confidence: float
) -> None:
    values = 0.9 - np.random.default_rng(0).exponential(size=500)
    for interval in (centred, of_r_squared):
        low, high = interval(estimate, values, confidence=confidence)
        assert low <= estimate <= high
    assert high < 1


def test_values_of_a_normal_law_give_the_usual_interval() -> None:
    values = 7 + 2 * np.random.default_rng(1).standard_normal(200_000)
    np.testing.assert_allclose(centred(3.0, values, confidence=0.95), [3 - 3.92, 3 + 3.92], atol=0.05)


def test_samples_without_a_value_do_not_count_and_few_give_none() -> None:
    values = np.append(np.linspace(0, 1, 101), np.full(50, np.nan))
    np.testing.assert_allclose(centred(0.5, values, confidence=0.9), [0.05, 0.95])
    assert np.isnan(centred(0.5, values[:19], confidence=0.9)).all()
    assert np.isnan(of_r_squared(np.nan, values, confidence=0.9)).all()

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trajectories.generation.resampling import FEWEST_TEXTS, bootstrap, interval


@pytest.mark.parametrize("texts", [FEWEST_TEXTS, 16, 48])
def test_interval_holds_the_mean_as_often_as_it_says(texts: int) -> None:
    drawn = bootstrap(texts, resamples=500, seed=0) / texts
    samples = np.random.default_rng(texts).standard_normal((texts, 1000))
    low, high = interval(drawn @ samples, texts=texts, confidence=0.95)
    assert np.mean((low < 0) & (high > 0)) == pytest.approx(0.95, abs=0.025)


def test_plain_percentiles_of_few_texts_hold_it_less_often() -> None:
    drawn = bootstrap(FEWEST_TEXTS, resamples=500, seed=0) / FEWEST_TEXTS
    samples = np.random.default_rng(0).standard_normal((FEWEST_TEXTS, 1000))
    low, high = np.quantile(drawn @ samples, [0.025, 0.975], axis=0)
    assert np.mean((low < 0) & (high > 0)) < 0.92


@settings(max_examples=20)
@given(st.integers(2, 100), st.floats(0.5, 0.98), st.floats(-3, 3))
def test_interval_moves_with_the_values_and_grows_with_confidence(
    texts: int, confidence: float, level: float
) -> None:
    values = np.random.default_rng(0).standard_normal(200)
    low, high = interval(values, texts=texts, confidence=confidence)
    np.testing.assert_allclose(
        interval(values + level, texts=texts, confidence=confidence), [low + level, high + level]
    )
    lower, higher = interval(values, texts=texts, confidence=confidence + 0.01)
    assert lower <= low
    assert high <= higher

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from trajectories.trends import find_double_descent, fit_trends, token_perplexity
from trajectories.trends.crossfit import rise_and_fall, turning_points

CURVES = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=st.integers(0, 20)
)


def with_hump(scores, height=1.0, share=0.5):
    """Scores in which a share of the tokens rises in the first model, and rises and falls in the others."""
    time = scores["training_fraction"]
    rising = xr.DataArray(np.arange(scores.sizes["token"]) % 10 < 10 * share, dims="token")
    bump = height * np.exp(-(((time - 0.5) / 0.2) ** 2))
    change = xr.where(scores["model"] == "model-0", 3 * time, bump)
    return (scores - change.where(rising, 0)).transpose(*scores.dims)


@pytest.fixture
def scores(make_scores):
    return with_hump(make_scores(models=3, checkpoints=20, documents=30, per_document=10))


def trends_of(scores):
    return fit_trends(token_perplexity(scores), start=(0.1, 0.4))


@given(CURVES)
def test_trough_and_peak_are_the_two_points_with_the_largest_rise(curves):
    trough, peak = turning_points(curves)
    for curve, low, high in zip(curves, trough, peak, strict=True):
        rises = [after - before for i, before in enumerate(curve) for after in curve[i:]]
        assert low <= high
        assert curve[high] - curve[low] == max(rises)


@given(st.floats(-9, 9), st.integers(0, 99))
def test_rise_and_fall_ignore_a_constant_shift(shift, seed):
    counts = np.arange(1.0, 9.0)
    sums = np.random.default_rng(seed).normal(size=(8, 6)) * counts[:, None]
    there = rise_and_fall(sums, counts, resamples=20, rng=np.random.default_rng(0))
    shifted = rise_and_fall(
        sums + shift * counts[:, None], counts, resamples=20, rng=np.random.default_rng(0)
    )
    np.testing.assert_allclose(shifted, there, atol=1e-9)


def test_rise_and_fall_agree_with_a_loop_over_splits():
    rng = np.random.default_rng(5)
    counts = rng.integers(1, 9, size=11).astype(float)
    sums = rng.normal(size=(11, 7)) * counts[:, None]
    estimate = rise_and_fall(sums, counts, resamples=30, rng=np.random.default_rng(1))[:, 0]
    splits = np.random.default_rng(1).permuted(np.tile(np.arange(11), (30, 1)), axis=1)
    found = []
    for order in splits:
        halves = [-sums[half].sum(axis=0) / counts[half].sum() for half in (order[:5], order[5:])]
        for chosen, measured in (halves, halves[::-1]):
            rises = {(a, b): chosen[b] - chosen[a] for b in range(7) for a in range(b + 1)}
            low, high = max(rises, key=rises.__getitem__)
            found.append([measured[high] - measured[low], measured[high] - measured[-1]])
    np.testing.assert_allclose(estimate, np.mean(found, axis=0), rtol=1e-9)


def test_the_interval_is_that_of_repeated_experiments():
    rng = np.random.default_rng(3)
    counts = np.full(40, 10.0)
    curve = np.array([0.0, 1.0, 0.2])

    def experiment():
        noise = rng.normal(scale=0.5, size=(40, 3))
        return -(curve + noise) * counts[:, None], counts

    covered = []
    for _ in range(60):
        measured = rise_and_fall(*experiment(), resamples=100, rng=rng)
        covered.append((measured[:, 1] <= [1.0, 0.8]) & (measured[:, 2] >= [1.0, 0.8]))
    assert (np.mean(covered, axis=0) > 0.85).all()


def test_a_hump_is_double_descent_in_every_larger_model(scores):
    found = find_double_descent(scores, trends_of(scores))
    assert found["model"].values.tolist() == ["model-1", "model-2"]
    assert (found["verdict"] == "double descent").all()
    assert (abs(found["turning_checkpoint"] - 500) <= 100).all()
    validation = scores["validation_perplexity"].isel(model=1).sel(checkpoint=found["turning_checkpoint"][0])
    assert found["turning_validation_perplexity"][0] == validation
    assert (found["rise"] > 0.5).all()
    assert (found["fall"] > 0.5).all()
    assert (found["rise_low"] < found["rise"]).all()
    assert (found["fall"] < found["fall_high"]).all()
    assert (found["share"] > 3 * found["share_reversed"]).all()
    assert found.attrs["selected_by"] == "model-0"


def test_noise_alone_is_not_double_descent():
    rng = np.random.default_rng(8)
    verdicts = []
    for _ in range(30):
        counts = np.full(20, 5.0)
        sums = rng.normal(size=(20, 15)) * counts[:, None]
        low = rise_and_fall(sums, counts, resamples=100, rng=rng)[:, 1]
        verdicts.append((low > 0).all())
    assert np.mean(verdicts) <= 0.1


def test_a_curve_that_only_falls_is_not_double_descent(scores):
    falling = scores.where(scores["model"] == "model-0", 2 * scores["training_fraction"] - 5)
    found = find_double_descent(falling.transpose(*scores.dims), trends_of(scores))
    assert (found["verdict"] == "not shown").all()
    np.testing.assert_allclose(found["rise"], 0, atol=1e-12)
    assert found["share"].isnull().all()


def test_double_descent_does_not_depend_on_the_order_of_dimensions(scores):
    trends = trends_of(scores)
    permuted = find_double_descent(scores.transpose("token", "checkpoint", "model"), trends, resamples=50)
    xr.testing.assert_identical(permuted, find_double_descent(scores, trends, resamples=50))


def test_absent_checkpoints_of_a_larger_model_are_dropped(scores):
    kept = scores.isel(checkpoint=[n for n in range(20) if n != 15])
    scores[1:, 15] = np.nan
    trends = trends_of(scores)
    absent = find_double_descent(scores, trends, resamples=50)
    xr.testing.assert_equal(absent, find_double_descent(kept, trends, resamples=50))


def test_tokens_that_are_missing_somewhere_are_in_no_curve(scores):
    trends = trends_of(scores)
    holed = scores.copy(deep=True)
    holed[1:, 7, ::2] = np.nan
    odd = scores.copy(deep=True)
    odd[1:, :, ::2] = np.nan
    first = find_double_descent(holed, trends, resamples=50)
    xr.testing.assert_equal(first, find_double_descent(odd, trends, resamples=50))


def test_the_same_seed_gives_the_same_interval(scores):
    trends = trends_of(scores)
    once, again, other = (find_double_descent(scores, trends, resamples=50, seed=seed) for seed in (1, 1, 2))
    xr.testing.assert_identical(once, again)
    assert (once["rise_low"] != other["rise_low"]).any()


def test_any_but_the_largest_model_can_select(scores):
    trends = trends_of(scores)
    found = find_double_descent(scores, trends, model="model-1", start=0.4, resamples=50)
    assert found["model"].values.tolist() == ["model-2"]
    assert find_double_descent(scores, trends, model="model-2").sizes["model"] == 0


def test_without_enough_documents_nothing_is_claimed(scores):
    few = scores.isel(token=slice(0, 30))
    found = find_double_descent(few, trends_of(few))
    assert found["rise"].isnull().all()
    assert (found["verdict"] == "not shown").all()


def test_scores_without_documents_or_models_are_refused(scores):
    trends = trends_of(scores)
    with pytest.raises(ValueError, match=r"needs the coordinate 'document'.*assign_coords"):
        find_double_descent(scores.drop_vars("document"), trends)
    with pytest.raises(ValueError, match="missing: model"):
        find_double_descent(scores.isel(model=0), trends)

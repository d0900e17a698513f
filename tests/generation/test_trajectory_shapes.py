import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from judged_texts import FRACTIONS, STEPS, make_judged
from trajectories.generation.trajectory_shapes import checkpoint_jitter, trajectory_shapes

TURNS, FALLS = "p_s - p_l, greedy, 50", "p_l, greedy, 50"


@pytest.fixture(scope="module")
def scores() -> xr.Dataset:
    return make_judged()


@pytest.fixture(scope="module")
def shapes(scores: xr.Dataset) -> xr.Dataset:
    return trajectory_shapes(scores)


def with_curve(
    curve: np.ndarray, *, texts: int = 40, noise: float = 0.3, jitter: float = 0, seed: int = 0
) -> xr.Dataset:
    """One set of texts that follows `curve` [checkpoint], with noise of texts, and jitter that all share."""
    scores = make_judged(texts=texts)
    scores = scores.isel(sequence=np.flatnonzero(scores["configuration"].values == "p_l"), model=[1])
    scores = scores.isel(sequence=slice(texts))
    rng = np.random.default_rng(seed)
    curve = curve + jitter * rng.standard_normal(curve.shape)
    shape = scores["log_likelihood"].shape
    values = -(curve[None, :, None] + noise * rng.standard_normal(shape)) * scores["tokens"].values[:, None]
    return scores.assign(log_likelihood=(scores["log_likelihood"].dims, values))


def test_larger_models_turn_and_the_smallest_falls(shapes: xr.Dataset) -> None:
    turning = shapes["verdict"].sel(set=TURNS)
    assert turning.sel(model="opt-s") == "falls"
    assert turning.sel(model=["opt-m", "opt-l", "neox-l"]).values.tolist() == ["falls then rises"] * 3
    assert (shapes["verdict"].sel(set=FALLS) == "falls").all()


@pytest.mark.parametrize(
    ("curve", "verdict"),
    [
        (6 - 3 * FRACTIONS, "falls"),
        (3 + 3 * FRACTIONS, "rises"),
        (3 + 8 * np.abs(FRACTIONS - 0.4), "falls then rises"),
        (np.full(len(FRACTIONS), 4.0), "flat"),
    ],
)
def test_the_verdict_names_the_shape(curve: np.ndarray, verdict: str) -> None:
    assert trajectory_shapes(with_curve(curve, noise=0.1))["verdict"].item() == verdict


def test_depths_without_noise_are_those_of_the_curve_around_its_trough() -> None:
    away = np.abs(FRACTIONS - 0.4)
    curve = 3 + 8 * np.maximum(away - 0.15, 0) + 1e-8 * away  # all but level from 0.25 to 0.55
    found = trajectory_shapes(with_curve(curve, noise=0))
    assert found["fall"].item() == pytest.approx(curve[0] - 3, abs=1e-6)
    assert found["rise"].item() == pytest.approx(curve[-3:].mean() - 3, abs=1e-6)
    for depth in ("fall", "rise"):
        assert found[f"{depth}_low"].item() <= found[depth].item() <= found[f"{depth}_high"].item()


def test_a_narrow_trough_is_measured_too_shallow_rather_than_too_deep() -> None:
    curve = np.where(np.arange(len(FRACTIONS)) == 7, 1.0, 3 + FRACTIONS)
    assert trajectory_shapes(with_curve(curve, noise=0))["rise"].item() < curve[-3:].mean() - 1


def test_the_turn_may_lie_anywhere_between_its_neighbours() -> None:
    found = trajectory_shapes(with_curve(3 + 8 * np.abs(FRACTIONS - 0.4), noise=0))
    turn = int(np.flatnonzero(STEPS == 400)[0])
    for place in ("checkpoint", "flops", "validation_perplexity"):
        ends = sorted(found_at(found, turn + step, place) for step in (-1, 1))
        assert found[f"turning_{place}"].item() == found_at(found, turn, place)
        assert found[f"turning_{place}_low"].item() <= ends[0]
        assert found[f"turning_{place}_high"].item() >= ends[1]


def found_at(found: xr.Dataset, checkpoint: int, name: str) -> float:
    scores = make_judged(texts=4).sel(model=str(found["model"].values[0]))
    return float(scores[name][checkpoint])


def test_jitter_that_all_texts_share_is_no_rise() -> None:
    level = 3 + 4 * np.exp(-FRACTIONS / 0.06)  # falls, then stays level
    found = [
        trajectory_shapes(with_curve(level, jitter=0.24, seed=seed), least=0, resamples=40)
        for seed in range(100)
    ]
    assert np.mean([shapes["rise_low"].item() > 0 for shapes in found]) <= 0.06  # 0.025 is nominal
    assert abs(np.mean([shapes["rise"].item() for shapes in found])) < 0.05
    assert np.median([shapes["jitter"].item() for shapes in found]) == pytest.approx(0.24, rel=0.25)


def test_a_rise_well_above_the_jitter_is_found() -> None:
    turns = 3 + 4 * np.exp(-FRACTIONS / 0.06) + 2.5 * (FRACTIONS - 0.3).clip(0)
    found = [
        trajectory_shapes(with_curve(turns, jitter=0.1, seed=seed), resamples=40)["verdict"].item()
        for seed in range(20)
    ]
    assert found.count("falls then rises") >= 19


@settings(max_examples=20)
@given(st.floats(-5, 5), st.floats(-3, 3))
def test_a_line_added_to_a_curve_is_no_jitter(level: float, slope: float) -> None:
    noise = np.random.default_rng(0).standard_normal(400)
    jitter = checkpoint_jitter(noise + level + slope * np.arange(400))
    assert jitter == pytest.approx(checkpoint_jitter(noise))
    assert jitter == pytest.approx(noise.std(), rel=0.15)


def test_what_the_interval_leaves_open_is_unclear() -> None:
    turns = 3 + 4 * np.exp(-FRACTIONS / 0.06) + 0.8 * (FRACTIONS - 0.3).clip(0)
    open_ended = trajectory_shapes(with_curve(turns, texts=8, noise=2, jitter=0.2))
    assert open_ended["rise_low"].item() < 0.1 < open_ended["rise_high"].item()
    assert open_ended["verdict"].item() == "falls, rise unclear"
    level = np.full(len(FRACTIONS), 3.0)
    assert trajectory_shapes(with_curve(level, jitter=0.3))["verdict"].item() == "unclear"
    rises = 3 + 3 * FRACTIONS
    assert trajectory_shapes(with_curve(rises, jitter=0.15))["verdict"].item() == "rises, fall unclear"


def test_a_minimum_picked_from_the_noise_of_texts_is_no_rise() -> None:
    curve = 4 - 2 * np.minimum(FRACTIONS, 0.1) / 0.1
    rises = [
        trajectory_shapes(with_curve(curve, noise=1, seed=seed), resamples=100)["rise"].item()
        for seed in range(20)
    ]
    naive = [_plain_rise(with_curve(curve, noise=1, seed=seed)) for seed in range(20)]
    assert abs(np.mean(rises)) < 0.05
    assert np.mean(naive) > 0.1  # what picking and measuring on the same texts gives


def _plain_rise(scores: xr.Dataset) -> float:
    curve = -scores["log_likelihood"].sum("sequence").values[0] / scores["tokens"].sum().item()
    return float(curve[-1] - curve.min())


@settings(max_examples=20)
@given(st.floats(-5, 5))
def test_a_constant_changes_no_depth(level: float) -> None:
    scores = make_judged(texts=8).isel(sequence=slice(3 * 8, 6 * 8))
    moved = scores["log_likelihood"].astype(float) - level * scores["tokens"]
    before = trajectory_shapes(scores, resamples=20)
    after = trajectory_shapes(scores.assign(log_likelihood=moved), resamples=20)
    for name in ("fall", "rise", "rise_low", "fall_high"):
        np.testing.assert_allclose(after[name], before[name], atol=1e-5)


def test_the_turning_point_has_an_interval_and_lies_in_it(shapes: xr.Dataset) -> None:
    turning = shapes.sel(set=TURNS, model="opt-l")
    for place in ("checkpoint", "flops", "validation_perplexity"):
        low, at, high = (float(turning[f"turning_{place}{end}"]) for end in ("_low", "", "_high"))
        assert low <= at <= high
    assert np.isnan(shapes["turning_flops"].sel(set=FALLS)).all()


def test_only_checkpoints_from_the_start_on_count(scores: xr.Dataset) -> None:
    late = trajectory_shapes(scores, start=0.4).sel(set=TURNS)
    assert late["verdict"].sel(model="opt-l") == "rises"
    assert late["checkpoints"].sel(model=["opt-s", "opt-l"]).values.tolist() == [7, 8]
    assert late["reason"].sel(model="opt-s") == "7 checkpoints"
    assert np.isnan(late["fall"].sel(model="opt-s"))


def test_smaller_depths_than_the_least_do_not_count() -> None:
    scores = with_curve(3 + 0.1 * np.abs(FRACTIONS - 0.4), noise=0.001)
    assert trajectory_shapes(scores)["verdict"].item() == "flat"
    assert trajectory_shapes(scores, least=0.01)["verdict"].item() == "falls then rises"


def test_a_lost_checkpoint_is_left_out(scores: xr.Dataset) -> None:
    lost = scores.assign(log_likelihood=scores["log_likelihood"].where(scores["checkpoint"] != STEPS[3]))
    without = scores.isel(checkpoint=np.delete(np.arange(len(STEPS)), 3))
    xr.testing.assert_identical(trajectory_shapes(lost), trajectory_shapes(without))


def test_what_has_no_shape_says_why(shapes: xr.Dataset) -> None:
    absent = shapes.sel(set="clean", model="neox-l")
    assert (absent["verdict"], absent["reason"]) == ("unmeasured", "not judged")
    assert trajectory_shapes(make_judged(texts=7))["reason"].sel(set=TURNS, model="opt-l") == "7 texts"


def test_permuted_dimensions_change_nothing(scores: xr.Dataset, shapes: xr.Dataset) -> None:
    xr.testing.assert_identical(
        trajectory_shapes(scores.transpose("sequence", "checkpoint", "model")), shapes
    )


def test_settings_without_an_interval_are_refused(scores: xr.Dataset) -> None:
    with pytest.raises(ValueError, match="at least one resample"):
        trajectory_shapes(scores, resamples=0)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_suite import make_recipe
from trajectories.pretraining import checkpoint_steps
from trajectories.pretraining.schedule import FINAL_RATE_SHARE, rate_share


@given(st.integers(1, 200), st.integers(1, 50), st.lists(st.integers(1, 300)))
def test_checkpoints_are_the_early_ones_the_regular_ones_and_the_last(
    steps: int, every: int, early: list[int]
) -> None:
    expected = {step for step in range(1, steps + 1) if step % every == 0 or step in early or step == steps}
    assert checkpoint_steps(steps, every=every, early=early) == tuple(sorted(expected))


def test_final_keeps_only_the_last() -> None:
    assert checkpoint_steps(704, every=32, early=[2, 4], kept="final") == (704,)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"every": 0}, "every 0"),
        ({"every": 4, "early": [0]}, r"\[0\]"),
        ({"every": 4, "kept": "some"}, "some"),
    ],
)
def test_impossible_schedules_are_named(settings: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        checkpoint_steps(8, **settings)  # type: ignore[arg-type]


@given(st.integers(1, 300), st.floats(0, 1))
def test_the_rate_rises_to_its_peak_and_falls_to_a_tenth(steps: int, warmup: float) -> None:
    recipe = make_recipe(steps=steps, checkpoints=(steps,), warmup=warmup)
    rates = [rate_share(step, recipe=recipe) for step in range(1, steps + 1)]
    peak = rates.index(max(rates))
    assert max(rates) == pytest.approx(1.0)
    assert all(rate > 0 for rate in rates)
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert peak == steps - 1 or rates[-1] == pytest.approx(FINAL_RATE_SHARE)


def test_a_recipe_that_forgets_the_last_step_is_refused() -> None:
    with pytest.raises(ValueError, match="last step, 9"):
        make_recipe(steps=9)


def test_a_recipe_without_a_step_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one step"):
        make_recipe(steps=0)

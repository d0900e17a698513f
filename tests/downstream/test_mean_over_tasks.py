import numpy as np
import pytest
import xarray as xr

from made_up_options import STEPS, TASKS, make_options, make_scores
from trajectories.downstream.gather import gather_options
from trajectories.downstream.measures import mean_over_tasks, measure_tasks

OPTIONS = {"opt-a": make_options("opt-a", 10, [2, 8, 16]), "opt-b": make_options("opt-b", 70, skill=6)}
GATHERED = gather_options(OPTIONS, {name: make_scores(name) for name in OPTIONS}, family="opt")
ACCURACY = measure_tasks(GATHERED)


def perplexity_by_hand(options: xr.Dataset, *, correct: bool) -> float:
    nats, tokens = 0.0, 0
    for i in range(options.sizes["option"]):
        option = options.isel(option=i)
        if bool(option["target_score"] > 0) == correct:
            nats -= float(option["log_likelihood"])
            tokens += int(option["tokens"])
    return float(np.exp(nats / tokens))


@pytest.mark.parametrize(("kind", "correct"), [("correct_perplexity", True), ("incorrect_perplexity", False)])
def test_perplexities_are_those_of_all_tokens_of_a_task_and_of_several(kind: str, correct: bool) -> None:
    at = {"model": "opt-b", "checkpoint": STEPS[1]}
    options = GATHERED.sel(at)
    for task in TASKS:
        of_task = options.isel(option=np.flatnonzero(options["task"] == task))
        expected = perplexity_by_hand(of_task, correct=correct)
        assert float(ACCURACY[kind].sel(at | {"task": task})) == pytest.approx(expected)
    assert float(mean_over_tasks(ACCURACY)[kind].sel(at)) == pytest.approx(
        perplexity_by_hand(options, correct=correct)
    )
    two = options.isel(option=np.flatnonzero(options["task"] != TASKS[1]))
    assert float(mean_over_tasks(ACCURACY, [TASKS[0], TASKS[2]])[kind].sel(at)) == pytest.approx(
        perplexity_by_hand(two, correct=correct)
    )


def test_tasks_count_alike_whatever_their_number_of_examples() -> None:
    means = mean_over_tasks(ACCURACY)
    assert means["accuracy"].dims == ("criterion", "model", "checkpoint")
    expected = sum(ACCURACY["accuracy"].sel(task=task, drop=True) for task in TASKS) / len(TASKS)
    xr.testing.assert_allclose(means["accuracy"].drop_vars("group", errors="ignore"), expected)
    assert float(means["chance"]) == pytest.approx(float(np.mean(ACCURACY["chance"])))
    squares = (ACCURACY["accuracy_standard_error"].values ** 2).sum(axis=-1)
    np.testing.assert_allclose(means["accuracy_standard_error"], np.sqrt(squares) / len(TASKS))
    assert means["validation_perplexity"].dims == ("model", "checkpoint")
    assert means.attrs["criterion"] == "tokens"


def test_the_mean_of_one_task_is_the_task() -> None:
    alone, own = mean_over_tasks(ACCURACY, ["proverbs"]), ACCURACY.sel(task="proverbs")
    for name in alone.data_vars:
        np.testing.assert_allclose(alone[name], own[name])


def test_the_mean_is_missing_where_a_task_is() -> None:
    accuracy = ACCURACY.copy(deep=True)
    for name in ("accuracy", "correct_perplexity"):
        accuracy[name].loc[{"model": "opt-b", "checkpoint": 2, "task": "geography"}] = np.nan
    found, known = mean_over_tasks(accuracy), mean_over_tasks(ACCURACY)
    for name in ("accuracy", "correct_perplexity"):
        missing = found[name].isnull() & known[name].notnull()
        assert missing.sel(model="opt-b", checkpoint=2).all()
        assert int(missing.sum()) == missing.sel(model="opt-b", checkpoint=2).size
    assert known["accuracy"].sel(model="opt-a", checkpoint=4).isnull().all()


def test_a_task_without_incorrect_options_counts_for_the_correct_ones_alone() -> None:
    options = GATHERED.copy(deep=True)
    right = (options["task"] == "arithmetic") | options["is_correct"]
    options = options.assign_coords(is_correct=right, target_score=right * 1.0)
    accuracy = measure_tasks(options)
    assert accuracy["incorrect_perplexity"].sel(task="arithmetic").isnull().all()
    found = mean_over_tasks(accuracy)["incorrect_perplexity"]
    xr.testing.assert_allclose(found, mean_over_tasks(ACCURACY, TASKS[1:])["incorrect_perplexity"])
    assert mean_over_tasks(accuracy, ["arithmetic"])["incorrect_perplexity"].isnull().all()


def test_permuted_dimensions_have_the_same_mean() -> None:
    turned = mean_over_tasks(ACCURACY.transpose("task", "checkpoint", "model", "criterion"))
    expected = mean_over_tasks(ACCURACY)
    xr.testing.assert_allclose(turned.transpose("criterion", "model", "checkpoint"), expected)


def test_tasks_that_were_not_measured_are_named() -> None:
    with pytest.raises(ValueError, match="'chess' was not measured; Tasks are: arithmetic, proverbs, geo"):
        mean_over_tasks(ACCURACY, ["arithmetic", "chess"])
    with pytest.raises(ValueError, match="tasks that were measured are needed, got none"):
        mean_over_tasks(ACCURACY, [])

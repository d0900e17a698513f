import numpy as np
import pytest
import xarray as xr

from made_up_options import make_options, make_scores
from trajectories.alignment.measure import Measure
from trajectories.alignment.task_measures import ACCURACY, ALL, CORRECT, INCORRECT, task_measures
from trajectories.downstream.gather import gather_options
from trajectories.downstream.measures import mean_over_tasks, measure_tasks

GROUPS = {"linearity": ["arithmetic", "geography"], "breakthroughness": []}


@pytest.fixture(scope="module")
def options() -> xr.Dataset:
    parts = {f"opt-{size}": make_options(f"opt-{size}", size) for size in (10, 20, 30)}
    parts["neox"] = make_options("neox", 15, [16], family="neox")
    gathered = gather_options(parts, {name: make_scores(name) for name in parts}, family="opt")
    absent = (gathered["model"] == "opt-20") & (gathered["checkpoint"] == 4)
    return gathered.assign(log_likelihood=gathered["log_likelihood"].where(~absent))


@pytest.fixture(scope="module", params=["tokens", "sum", "unconditional"])
def criterion(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def accuracy(options: xr.Dataset, criterion: str) -> xr.Dataset:
    return measure_tasks(options, criterion=criterion)


@pytest.fixture(scope="module")
def measures(options: xr.Dataset, accuracy: xr.Dataset) -> dict[str, Measure]:
    found = task_measures(options, accuracy, GROUPS, resamples=500)
    return {measure.label: measure for measure in found}


def test_measures_are_those_of_the_figures(
    measures: dict[str, Measure], accuracy: xr.Dataset, criterion: str
) -> None:
    own = accuracy.sel(criterion=criterion).isel(model=np.flatnonzero(accuracy["family"].values == "opt"))
    sets = {
        ALL: None,
        "linearity": GROUPS["linearity"],
        "arithmetic": ["arithmetic"],
        "geography": ["geography"],
    }
    for label, tasks in sets.items():
        means = mean_over_tasks(own, tasks)
        for kind, expected in (
            (ACCURACY, means["accuracy"]),
            (CORRECT, np.log(means["correct_perplexity"])),
            (INCORRECT, np.log(means["incorrect_perplexity"])),
        ):
            found = measures[f"{kind}: {label}"].values
            np.testing.assert_allclose(found, expected.transpose(*found.dims), rtol=1e-9)


def test_a_group_without_tasks_has_no_measure(measures: dict[str, Measure]) -> None:
    assert not any("breakthroughness" in label for label in measures)


def test_replicates_spread_like_the_standard_error(
    measures: dict[str, Measure], accuracy: xr.Dataset, criterion: str
) -> None:
    errors = accuracy["accuracy_standard_error"].sel(criterion=criterion, task="arithmetic")
    measure = measures[f"{ACCURACY}: arithmetic"]
    assert measure.replicates is not None
    spread = measure.replicates.std("replicate")
    expected = errors.sel(model=spread["model"]).transpose(*spread.dims)
    known = expected.notnull().values & (expected.values > 0)
    bessel = np.sqrt(11 / 12)  # of twelve examples; the bootstrap has the spread of the sample itself
    np.testing.assert_allclose(spread.values[known], bessel * expected.values[known], rtol=0.2)


def test_a_checkpoint_that_a_model_lacks_is_missing_everywhere(measures: dict[str, Measure]) -> None:
    for measure in measures.values():
        at = {"model": "opt-20", "checkpoint": 4}
        assert measure.replicates is not None
        assert np.isnan(measure.values.sel(at))
        assert measure.replicates.sel(at).isnull().all()
        assert measure.values.sel(model="opt-30").notnull().all()


def test_figures_draw_every_accuracy_and_the_options_of_groups(measures: dict[str, Measure]) -> None:
    drawn = {label for label, measure in measures.items() if measure.headline}
    assert f"{ACCURACY}: arithmetic" in drawn
    assert {f"{CORRECT}: {ALL}", f"{INCORRECT}: linearity"} <= drawn
    assert f"{CORRECT}: arithmetic" not in drawn


def test_permuted_options_give_the_same_measures(
    options: xr.Dataset, accuracy: xr.Dataset, measures: dict[str, Measure]
) -> None:
    turned = task_measures(options.transpose("option", "checkpoint", "model"), accuracy, GROUPS, resamples=5)
    for measure in turned:
        xr.testing.assert_allclose(measure.values, measures[measure.label].values)


def test_a_group_must_not_be_called_like_a_task(options: xr.Dataset, accuracy: xr.Dataset) -> None:
    with pytest.raises(ValueError, match="the group 'proverbs' has the name of a task; give it another"):
        list(task_measures(options, accuracy, {"proverbs": ["arithmetic"]}, resamples=5))

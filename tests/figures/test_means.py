"""What figures of accuracy are drawn from."""

import pytest
import xarray as xr

from made_up_tasks import GROUPS, TASKS, make_accuracy
from trajectories.downstream.measures import mean_over_tasks
from trajectories.figures import analysed, group_means, task_means


@pytest.fixture(scope="module")
def tasks() -> xr.Dataset:
    return analysed(make_accuracy())


def test_the_chosen_criterion_and_the_analysed_family_are_kept_by_rising_size() -> None:
    accuracy = make_accuracy().assign_attrs(criterion="bytes")
    found = analysed(accuracy.isel(model=slice(None, None, -1)))
    assert found["family"].values.tolist() == ["opt"] * found.sizes["model"]
    assert (found["parameters"].diff("model") > 0).all()
    expected = accuracy["accuracy"].sel(criterion="bytes", model=found["model"], drop=True)
    xr.testing.assert_equal(found["accuracy"], expected)


def test_the_mean_over_all_tasks_says_how_many_they_are(tasks: xr.Dataset) -> None:
    found = task_means(tasks)
    assert found["tasks"] == len(TASKS)
    xr.testing.assert_identical(found.drop_vars("tasks"), mean_over_tasks(tasks))


def test_every_group_has_the_means_of_its_own_tasks(tasks: xr.Dataset) -> None:
    found = group_means(tasks, GROUPS)
    assert found["group"].values.tolist() == list(GROUPS)
    for name, of_group in GROUPS.items():
        alone = found.sel(group=name, drop=True)
        assert alone["tasks"] == len(of_group)
        xr.testing.assert_identical(alone.drop_vars("tasks"), mean_over_tasks(tasks, of_group))


def test_an_empty_group_has_no_task_and_no_mean(tasks: xr.Dataset) -> None:
    found = group_means(tasks, {"memorised": [], **GROUPS}).sel(group="memorised")
    assert found["tasks"] == 0
    assert all(found[name].isnull().all() for name in found.data_vars if name != "tasks")


def test_no_group_at_all_is_a_dataset_too(tasks: xr.Dataset) -> None:
    assert group_means(tasks, {}).sizes["group"] == 0


def test_a_task_that_was_not_measured_is_refused_by_name(tasks: xr.Dataset) -> None:
    with pytest.raises(ValueError, match=r"'riddles' was not measured; Tasks are: matching_brackets"):
        group_means(tasks, {"linearity": ["riddles"]})

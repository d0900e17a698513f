"""The groups that a dataset's tasks are in, and how these came about, in words."""

import xarray as xr

from trajectories.downstream.groups import BREAKTHROUGHNESS, FIXED, LINEARITY, MEASURED, tasks_by_group

WORDS = {
    FIXED: "Groups are given, whatever the accuracies are",
    MEASURED: "Groups are chosen by linearity and breakthroughness of the final accuracies drawn here",
}


def other_tasks(dataset: xr.Dataset) -> list[str]:
    """The tasks that are neither in "linearity" nor in "breakthroughness", those of other groups first."""
    groups = tasks_by_group(dataset)
    of_others = [
        task for name, of in groups.items() if name not in (LINEARITY, BREAKTHROUGHNESS) for task in of
    ]
    in_one = {task for of in groups.values() for task in of}
    return of_others + [task for task in map(str, dataset["task"].values) if task not in in_one]


def grouping_in_words(dataset: xr.Dataset) -> str:
    """A clause on how groups came about; "" where the dataset does not say."""
    return WORDS.get(dataset.attrs.get("grouping", ""), "")


def tasks_in_words(count: int) -> str:
    """'1 task', '74 tasks'."""
    return f"{count} {'task' if count == 1 else 'tasks'}"

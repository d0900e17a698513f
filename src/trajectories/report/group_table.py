"""Table 9: the groups of tasks, and how steadily or suddenly each task's accuracy rises with size."""

import numpy as np
import xarray as xr

from trajectories.downstream.emergence import MEASURES
from trajectories.downstream.groups import FEWEST_SIZES, FIXED, MEASURED, tasks_by_group
from trajectories.downstream.measures import CRITERIA
from trajectories.report.tabular import csv_text, each, markdown_escaped, markdown_table, number, shown

ALONG = ("trajectory_linearity", "trajectory_breakthroughness")
NO_TASK = "No task.\n"
NO_GROUP = "In no group"
GROUPING = {
    FIXED: "Groups are given, whatever the accuracies are.",
    MEASURED: "Groups are chosen among learned tasks that improve, by L and B of these same accuracies, "
    f"where there are {FEWEST_SIZES} sizes or more.",
}
LEGEND = """\
L: linearity, B: breakthroughness (Eq. 4) of the accuracy at the last checkpoints of all sizes; I: its
improvement over sizes, in percentage points. L and B along training are over the checkpoints of {label},
in their order. The chosen option of an example has the highest {criterion}.
{grouping}
"""


def groups_markdown(emergence: xr.Dataset) -> str:
    """A table for each group, then one of the tasks in none, the highest first; and why measures are missing.

    Args:
        emergence: as in data/downstream/emergence.nc.
    """
    largest = _largest(emergence)
    label = markdown_escaped(str(largest["label"].values[0]))
    legend = LEGEND.format(
        label=label,
        criterion=CRITERIA[emergence.attrs["criterion"]],
        grouping=GROUPING.get(emergence.attrs.get("grouping", ""), ""),
    )
    parts = [f"# Table 9. Groups of tasks\n\n{legend}"]
    for group in _groups(emergence):
        of_group = _ranked(emergence, group)
        title = markdown_escaped(group.capitalize()) or NO_GROUP
        table = _table(of_group, largest.mean("model").sel(task=of_group["task"]))
        parts.append(
            f"## {title}, {of_group.sizes['task']}\n\n{table if of_group.sizes['task'] else NO_TASK}"
        )
    return "\n".join([*parts, *_reasons(emergence)])


def groups_csv(emergence: xr.Dataset) -> str:
    """Every task, in the order of `groups_markdown`, with the measures along the training of every model."""
    models = [str(name) for name in emergence["model"].values]
    header = [
        "task",
        "group",
        *MEASURES,
        "reason",
        *(f"{along}_{name}" for name in models for along in ALONG),
    ]
    rows = [
        [
            str(of_task["task"].item()),
            group,
            *(number(float(of_task[name])) for name in MEASURES),
            str(of_task["reason"].item()),
            *(number(float(of_task[along].sel(model=name))) for name in models for along in ALONG),
        ]
        for group in _groups(emergence)
        for of_task in each(_ranked(emergence, group), "task")
    ]
    return csv_text(header, rows)


def _table(of_group: xr.Dataset, largest: xr.Dataset) -> str:
    header = ["task", "L", "B", "I", "L along training", "B along training"]
    rows = [
        [
            markdown_escaped(str(of_task["task"].item())),
            *(shown(float(of_task[name]), "{:.2f}") for name in MEASURES[:2]),
            shown(100 * float(of_task["improvement"]), "{:+.1f}"),
            *(shown(float(along[name]), "{:.2f}") for name in ALONG),
        ]
        for of_task, along in zip(each(of_group, "task"), each(largest, "task"), strict=True)
    ]
    return markdown_table(header, rows, right=range(1, len(header)))


def _groups(emergence: xr.Dataset) -> list[str]:
    """Names of groups, empty ones among them; that of tasks in none, "", is the last, if there are any."""
    return [*tasks_by_group(emergence), *([""] if (emergence["group"] == "").any() else [])]


def _ranked(emergence: xr.Dataset, group: str) -> xr.Dataset:
    """The tasks of a group, by the measure that it is named after, else by linearity."""
    of_group = emergence.isel(task=np.flatnonzero(emergence["group"].values == group))
    measure = group if group in MEASURES else MEASURES[0]
    return of_group.isel(task=np.argsort(-of_group[measure].values, kind="stable"))  # NaN last


def _largest(emergence: xr.Dataset) -> xr.Dataset:
    """Measures along training of the largest size, of each of its seeds."""
    size = emergence["parameters"]
    return emergence[[*ALONG]].isel(model=np.flatnonzero(size == size.max()))


def _reasons(emergence: xr.Dataset) -> list[str]:
    """Why measures are missing, each reason with its tasks."""
    tasks: dict[str, list[str]] = {}
    for of_task in each(emergence, "task"):
        tasks.setdefault(str(of_task["reason"].item()), []).append(str(of_task["task"].item()))
    return [
        f"Not measured ({markdown_escaped(reason)}): {markdown_escaped(', '.join(names))}.\n"
        for reason, names in tasks.items()
        if reason
    ]

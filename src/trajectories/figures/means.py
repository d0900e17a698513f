"""What figures of accuracy are drawn from: the analysed models' tasks, and means over all tasks or groups."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from trajectories.downstream.emergence import of_family
from trajectories.downstream.measures import mean_over_tasks


def analysed(accuracy: xr.Dataset) -> xr.Dataset:
    """The models of the analysed family, by rising parameters, and how they do by the chosen criterion.

    Args:
        accuracy: as in data/downstream/accuracy.nc, with the attributes family and criterion.

    Raises:
        ValueError: there is no model of the family.
    """
    return of_family(accuracy).sel(criterion=accuracy.attrs["criterion"], drop=True)


def task_means(tasks: xr.Dataset) -> xr.Dataset:
    """What `mean_over_tasks` returns over all tasks, and `tasks`, their number.

    Args:
        tasks: what `analysed` returns.
    """
    return mean_over_tasks(tasks).assign(tasks=tasks.sizes["task"])


def group_means(tasks: xr.Dataset, groups: Mapping[str, Sequence[str]]) -> xr.Dataset:
    """The same over the tasks of each group, along the dimension `group`.

    Args:
        tasks: what `analysed` returns.
        groups: tasks by the name of their group; one that is empty has 0 tasks, and NaN for every mean.

    Raises:
        ValueError: a task that was not measured.
    """
    nothing = xr.full_like(mean_over_tasks(tasks), np.nan).assign(tasks=0)
    of_groups = [
        mean_over_tasks(tasks, chosen).assign(tasks=len(chosen)) if chosen else nothing
        for chosen in groups.values()
    ]
    # `nothing` first and then left out, so that no group at all is a dataset, too.
    stacked = xr.concat([nothing, *of_groups], dim="group", coords="minimal", compat="override", join="exact")
    return stacked.isel(group=slice(1, None)).assign_coords(group=list(groups))

"""Groups of tasks: those whose accuracy rises steadily with size, and those where it rises at once."""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ndtr

from trajectories.downstream.emergence import MOSTLY_EQUAL, final_by_size
from trajectories.downstream.nearest import did_you_mean

LOG = logging.getLogger(__name__)

LINEARITY, BREAKTHROUGHNESS = "linearity", "breakthroughness"
FIXED, MEASURED = "fixed", "measured"  # how groups came about, the attribute `grouping`
LEVEL = 0.05  # of significance, below which the p-value of a task that counts as learned lies
SUDDEN = 2.0  # times as large as the median step, or more, the root mean square step of a sudden rise
FEWEST_SIZES = 4  # two steps have one mean and median, so that three sizes tell no rise from another


def group_tasks(
    emergence: xr.Dataset,
    accuracy: xr.Dataset,
    *,
    fixed: Mapping[str, Sequence[str]] | None = None,
    size: int = 6,
) -> dict[str, list[str]]:
    """Tasks by the name of their group: the given ones, or those that measures choose.

    Measures choose among the tasks whose accuracy improves with size and that the largest size has learned,
    see `is_learned`. A rise is sudden when its breakthroughness is more than twice its linearity: the root
    mean square of the steps from size to size is more than twice their median; or when half or more of the
    steps are none, so that there is no breakthroughness. Else it is steady. The most linear of the steady
    are the group "linearity", the sudden with the highest breakthroughness, first of all those without any,
    the group "breakthroughness". The paper checked by hand in addition (appendix D.3).

    Args:
        emergence: what `measure_emergence` returns.
        accuracy: what it was computed from.
        fixed: groups that are returned as they are, without tasks that were not measured, of which a warning
            tells; None or empty: the measures choose.
        size: largest number of tasks of a group that measures choose.

    Returns:
        Tasks from the highest measure down, or in the order of `fixed`. A group may be empty; those that
        measures choose are with fewer than four sizes.

    Raises:
        ValueError: `size` is below 1, two fixed groups have a task in common, or one has nothing but names
            that are slips of tasks that were measured.
    """
    if fixed:
        _require_apart(fixed)
        known = list(map(str, accuracy["task"].values))
        return {group: _measured(tasks, known, group=group) for group, tasks in fixed.items()}
    if size < 1:
        raise ValueError(f"a group of tasks needs a size of 1 or more, got {size}")
    ends = final_by_size(accuracy)
    if ends.sizes["size"] < FEWEST_SIZES:
        return {LINEARITY: [], BREAKTHROUGHNESS: []}
    learned = is_learned(ends).isel(size=-1).sel(task=emergence["task"])
    rising = emergence.isel(task=np.flatnonzero(learned & (emergence["improvement"] > 0)))
    # Without a median step, however small, the breakthroughness is beyond all others.
    steep = rising[BREAKTHROUGHNESS].where(rising["reason"] != MOSTLY_EQUAL, np.inf)
    sudden = steep > SUDDEN * rising[LINEARITY]
    return {
        LINEARITY: _highest(rising[LINEARITY].where(~sudden), size),
        BREAKTHROUGHNESS: _highest(steep.where(sudden), size),
    }


def is_learned(ends: xr.Dataset) -> xr.DataArray:
    """Whether each accuracy is better than guessing and than one answer to all examples.

    Args:
        ends: As for `p_values`.

    Returns:
        Boolean (..., task): whether the p-value is below 0.05; false where it is missing.
    """
    learned: xr.DataArray = p_values(ends) < LEVEL
    return learned


def p_values(ends: xr.Dataset) -> xr.DataArray:
    """One-sided p-values of `standard_scores`, corrected over the tasks (Holm, 1979).

    The probability that any of the tasks of a model that never does better counts as learned is at most the
    level, in so far as the scores are normal, which they are less with few examples.

    Args:
        ends: As for `standard_scores`; one accuracy for each task, as at the end of training.

    Returns:
        (..., task), corrected over the task alone, not over models or criteria; NaN where the score is.
    """
    single = ndtr(-standard_scores(ends))
    corrected: xr.DataArray = xr.apply_ufunc(
        holm, single, input_core_dims=[["task"]], output_core_dims=[["task"]]
    )
    return corrected


def standard_scores(ends: xr.Dataset) -> xr.DataArray:
    """By how many standard errors accuracies lie above guessing, or above the best constant answer.

    Args:
        ends: `accuracy` and `accuracy_standard_error` (..., task), `chance`, `chance_standard_error` and
            `constant_accuracy` (task), as `final_by_size` returns them or as a part of
            data/downstream/accuracy.nc.

    Returns:
        (..., task): the difference from the larger of `chance` and `constant_accuracy`, over the larger of
        the standard errors of the examples and of guessing; NaN where a number is missing or both are 0.
    """
    above = ends["accuracy"] - _larger(ends["chance"], ends["constant_accuracy"])
    error = _larger(ends["accuracy_standard_error"], ends["chance_standard_error"])
    scores: xr.DataArray = above / error.where(error > 0)
    return scores.drop_attrs(deep=False)


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """The core of the correction: p is [..., test], and so is what is returned; NaN is no test."""
    order = np.argsort(p, axis=-1)  # NaN last
    tests = np.isfinite(p).sum(axis=-1, keepdims=True)
    scaled = np.take_along_axis(p, order, axis=-1) * np.maximum(tests - np.arange(p.shape[-1]), 1)
    corrected: NDArray[np.float64] = np.empty_like(scaled)
    raised = np.minimum(np.maximum.accumulate(scaled, axis=-1), 1)
    np.put_along_axis(corrected, order, raised, axis=-1)
    return corrected


def tasks_by_group(dataset: xr.Dataset) -> dict[str, list[str]]:
    """The tasks of each group in the dataset's order, without those in none.

    Args:
        dataset: over task, with the coordinate `group`. Where its attribute `grouping` says that measures
            chose, both of their groups are there, even if empty.
    """
    groups: dict[str, list[str]] = {}
    if dataset.attrs.get("grouping") == MEASURED:
        groups = {LINEARITY: [], BREAKTHROUGHNESS: []}
    for task, group in zip(dataset["task"].values, dataset["group"].values, strict=True):
        if group:
            groups.setdefault(str(group), []).append(str(task))
    return groups


def label_groups(
    dataset: xr.Dataset, groups: Mapping[str, Sequence[str]], *, grouping: str = MEASURED
) -> xr.Dataset:
    """The dataset with the coordinate `group` (task): the name of the group, "" for a task in none.

    Args:
        dataset: over task.
        groups: what `group_tasks` returns.
        grouping: how they came about, kept as an attribute: "fixed" or "measured".

    Raises:
        ValueError: two groups have a task in common.
    """
    _require_apart(groups)
    group = {task: name for name, tasks in groups.items() for task in tasks}
    labels = [group.get(str(task), "") for task in dataset["task"].values]
    return dataset.assign_coords(group=("task", labels)).assign_attrs(grouping=grouping)


def _larger(one: xr.DataArray, other: xr.DataArray) -> xr.DataArray:
    """NaN where either is."""
    larger: xr.DataArray = xr.apply_ufunc(np.maximum, one, other)
    return larger


def _measured(tasks: Sequence[str], known: Sequence[str], *, group: str) -> list[str]:
    """Those of a fixed group that were measured."""
    absent = [task for task in tasks if task not in known]
    meant = [did_you_mean(task, known) for task in absent]
    if absent:
        words = ", ".join(
            f"{task}{near and f' ({near.strip()})'}" for task, near in zip(absent, meant, strict=True)
        )
        # Names that are nowhere near a measured task are those of a choice of which some are scored.
        if len(absent) == len(tasks) and all(meant):
            raise ValueError(f"no task of the group '{group}' was measured: {words}; correct tasks.groups")
        LOG.warning("tasks of the group '%s' that were not measured are left out: %s", group, words)
    return [task for task in tasks if task in known]


def _highest(measure: xr.DataArray, size: int) -> list[str]:
    """Up to `size` tasks of the highest measure, of equal ones the first; without NaN."""
    ranked = measure.dropna("task")
    order = np.argsort(-ranked.values, kind="stable")[:size]
    return [str(task) for task in ranked["task"].values[order]]


def _require_apart(groups: Mapping[str, Sequence[str]]) -> None:
    seen: dict[str, str] = {}
    for group, tasks in groups.items():
        for task in tasks:
            if seen.setdefault(task, group) != group:
                raise ValueError(
                    f"the task {task!r} is in the groups {seen[task]!r} and {group!r}; leave it in one"
                )

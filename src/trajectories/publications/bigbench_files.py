"""Writing accuracies of tasks and perplexities of their options as the authors' folder `bigbench`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from trajectories import arrays
from trajectories.publications.bigbench import ALL, COMPUTE, KINDS, OF_GROUPS, OPTIONS, PREFIX, bare
from trajectories.publications.pickles import write_pickle
from trajectories.publications.trees import archive_name


def write_bigbench(accuracy: xr.Dataset, folder: Path) -> list[Path]:
    """Write accuracies and perplexities of options as the authors' files.

    Args:
        accuracy: As in data/downstream/accuracy.nc or from `read_bigbench`; of several criteria that of the
            attribute `criterion` counts. Values that are missing are left out.
        folder: Where the files go; those of the groups are written where the coordinate `group` has any.

    Returns:
        The files.

    Raises:
        ValueError: A dimension is absent, or two tasks have the same name without underscores.
    """
    arrays.require(accuracy, "model", "checkpoint", "task", what="accuracies of tasks")
    names = list(map(str, accuracy["task"].values))
    if len({bare(name) for name in names}) < len(names):
        raise ValueError(f"tasks need names that differ in more than underscores, got {', '.join(names)}")
    measured = _by_one_criterion(accuracy)
    content: dict[Path, dict[str, Any]] = {}
    for file, places in _choices(measured).items():
        if "accuracy" in measured and places.size:
            content[folder / file] = _accuracies(measured.isel(task=places))
    if "correct_perplexity" in measured:
        for name in map(str, measured["model"].values):
            theirs = archive_name(name)
            content[folder / OPTIONS / f"{theirs}.pt"] = {theirs: _options(measured.sel(model=name))}
    for path, of in content.items():
        write_pickle(of, path)
    return list(content)


def _by_one_criterion(accuracy: xr.Dataset) -> xr.Dataset:
    if "criterion" not in accuracy.dims:
        return accuracy
    return accuracy.sel(criterion=accuracy.attrs.get("criterion", accuracy["criterion"].values[0]))


def _choices(measured: xr.Dataset) -> dict[str, NDArray[np.intp]]:
    """By file the places of the tasks that it has: all of them, and each group's."""
    count = measured.sizes["task"]
    groups = measured["group"].values if "group" in measured.coords else np.full(count, "")
    return {ALL: np.arange(count)} | {
        file: np.flatnonzero(groups == group) for group, file in OF_GROUPS.items()
    }


def _accuracies(measured: xr.Dataset) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for name in map(str, measured["model"].values):
        of = measured.sel(model=name)
        percent = 100 * of["accuracy"].transpose("task", "checkpoint")
        content[archive_name(name)] = {
            "accuracy": _by_task(percent),
            **{theirs: _by_step(of[ours]) for theirs, ours in COMPUTE.items()},
        }
    return content


def _options(measured: xr.Dataset) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for kind in KINDS:
        perplexity = measured[f"{kind}_perplexity"].transpose("task", "checkpoint")
        tokens = measured[f"{kind}_tokens"]
        pairs: Iterable[tuple[str, float]] = zip(
            map(_theirs, tokens["task"].values), tokens.values.tolist(), strict=True
        )
        content[f"{kind}_ppl"] = _by_task(perplexity)
        content[f"{kind}_token_num"] = {task: int(count) for task, count in pairs if np.isfinite(count)}
    return content


def _by_task(values: xr.DataArray) -> dict[str, dict[int, float]]:
    by_task = {_theirs(task): _by_step(values.sel(task=task)) for task in values["task"].values}
    return {task: of for task, of in by_task.items() if of}


def _by_step(values: xr.DataArray) -> dict[int, float]:
    pairs = zip(values["checkpoint"].values.tolist(), values.values.tolist(), strict=True)
    return {step: value for step, value in pairs if np.isfinite(value)}


def _theirs(task: object) -> str:
    return f"{PREFIX}{bare(str(task))}"

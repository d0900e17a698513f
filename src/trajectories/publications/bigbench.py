"""Accuracies of tasks and perplexities of their options in the authors' folder `bigbench`."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from trajectories import arrays
from trajectories.publications.facts import Model, known_models, paper
from trajectories.publications.labels import Values, coordinates, lay_out
from trajectories.publications.pickles import read_pickle
from trajectories.publications.trees import (
    by_model,
    entry,
    mapping,
    number,
    numbers_by_step,
    perplexities_by_step,
)

ALL = "checkpoint_results.pt"
OF_GROUPS = {"linearity": "checkpoint_Ltasks_results.pt", "breakthroughness": "checkpoint_Btasks_results.pt"}
OPTIONS = "perplexity_analysis"  # a folder with a file per model
PREFIX = "bigbench__"
KINDS = ("correct", "incorrect")
COMPUTE = {"flops": "flops", "tokens": "tokens_seen"}  # their name → our coordinate
ALONG = ("model", "task", "checkpoint")
SAME = 1e-6  # largest relative difference of a value that two files have

Found = dict[str, dict[tuple[Any, ...], float]]  # variable → labels → value


def read_bigbench(
    folder: Path, *, models: Mapping[str, Model] | None = None, tasks: Sequence[str] = ()
) -> xr.Dataset:
    """Accuracy of every task at every checkpoint, and the perplexity of its options.

    Args:
        folder: With any of `checkpoint_results.pt`, `checkpoint_Ltasks_results.pt` and
            `checkpoint_Btasks_results.pt`, {model: {"accuracy": {"bigbench__<task>": {training step:
            percent}}, "flops": {step: FLOP}, "tokens": {step: tokens}}}, and the folder `perplexity_analysis`
            of {model: {"correct_ppl": {task: {step: perplexity}}, "incorrect_ppl": ...,
            "correct_token_num": {task: tokens}, "incorrect_token_num": ...}}.
        models: Models besides those of Table 2.
        tasks: Names of tasks besides those of Table 7: the files have them without underscores, and a task
            that is not known keeps the name that it has there.

    Returns:
        What there is of `accuracy`, fractions, `correct_perplexity` and `incorrect_perplexity` (model,
        checkpoint, task), `correct_tokens` and `incorrect_tokens` (model, task), NaN where the files have
        none. Coordinates of models and checkpoints, compute and tokens as the files tell them, and `group`.

    Raises:
        FileNotFoundError: There is none of the files.
        ValueError: One cannot be read, a model is not known, or two files differ.
    """
    known = known_models(models)
    names = {bare(task): task for task in (*paper().tasks, *tasks)}
    found: Found = {}
    accuracies = [folder / name for name in (ALL, *OF_GROUPS.values()) if (folder / name).is_file()]
    options = sorted((folder / OPTIONS).glob("*.pt"))
    if not accuracies and not options:
        raise FileNotFoundError(
            f"{folder} has neither {ALL} nor {OPTIONS}/<model>.pt; give the folder that has one of them"
        )
    for path in accuracies:
        _merge(found, _read_accuracy(path, known, names), where=str(path))
    for path in options:
        _merge(found, _read_options(path, known, names), where=str(path))
    if not any(values for name, values in found.items() if name not in COMPUTE.values()):
        raise ValueError(f"{folder}: the files of results have no value; give those of at least one task")
    return _dataset(found, known)


def _read_accuracy(path: Path, models: Mapping[str, Model], names: Mapping[str, str]) -> Found:
    found: Found = {"accuracy": {}, **{ours: {} for ours in COMPUTE.values()}}
    for model, where, of in by_model(read_pickle(path), models, where=str(path)):
        for task, here, values in _by_task(of, "accuracy", where=where):
            for step, percent in numbers_by_step(values, where=here).items():
                fraction = _fraction(percent, where=f"{here}, step {step}")
                found["accuracy"][model, _task(task, names), step] = fraction
        for theirs, ours in COMPUTE.items():
            along = numbers_by_step(of.get(theirs, {}), where=f"{where}, {theirs!r}")
            found[ours] |= {(model, step): value for step, value in along.items()}
    return found


def _read_options(path: Path, models: Mapping[str, Model], names: Mapping[str, str]) -> Found:
    found: Found = {f"{kind}_{name}": {} for kind in KINDS for name in ("perplexity", "tokens")}
    for model, where, of in by_model(read_pickle(path), models, where=str(path)):
        for kind in KINDS:
            for task, here, values in _by_task(of, f"{kind}_ppl", where=where):
                for step, value in perplexities_by_step(values, where=here).items():
                    found[f"{kind}_perplexity"][model, _task(task, names), step] = value
            for task, here, value in _by_task(of, f"{kind}_token_num", where=where):
                found[f"{kind}_tokens"][model, _task(task, names)] = number(value, where=here)
    return found


def _by_task(values: object, key: str, *, where: str) -> Iterator[tuple[str, str, Any]]:
    """Of each task under a key the name, where it is, and what is there."""
    here = f"{where}, {key!r}"
    for task, of in mapping(entry(values, key, where=where), where=here).items():
        yield str(task), f"{here}, {task!r}", of


def _fraction(percent: float, *, where: str) -> float:
    if percent < 0 or percent > 100:
        raise ValueError(f"{where}: percent from 0 to 100 are needed, got {percent:g}; correct it")
    return percent / 100


def _merge(into: Found, further: Found, *, where: str) -> None:
    """Put further values to those that there are; raises ValueError where two differ."""
    for name, values in further.items():
        there = into.setdefault(name, {})
        for key in there.keys() & values.keys():
            if not math.isclose(there[key], values[key], rel_tol=SAME):
                raise ValueError(
                    f"{where}: {name} of {', '.join(map(str, key))} is {values[key]:g}, but {there[key]:g} "
                    "in a file before it; leave one of the two out"
                )
        there |= {key: value for key, value in values.items() if not math.isnan(value)}


def _dataset(found: Found, models: Mapping[str, Model]) -> xr.Dataset:
    along = {name: of for name, of in found.items() if of and name not in COMPUTE.values()}
    present: dict[str, set[int]] = {}
    for values in along.values():
        for key in values:
            present.setdefault(key[0], set()).update(key[2:])
    shared = coordinates(present, models)
    there = {key[1] for values in along.values() for key in values}
    tasks = [task for task in paper().tasks if task in there]
    tasks += sorted(there - set(tasks))
    axes = {"model": shared["model"], "task": tasks, "checkpoint": shared["checkpoint"].tolist()}
    variables = {
        name: lay_out(values, **{label: axes[label] for label in _labels(values)})
        for name, values in along.items()
    }
    order = ("model", "checkpoint", "task")
    ordered = {name: of.transpose(*order, missing_dims="ignore") for name, of in variables.items()}
    group = ("task", [paper().group(task) for task in tasks])
    dataset = xr.Dataset(ordered, coords={**axes, **shared, "group": group}, attrs={"criterion": "tokens"})
    return arrays.label(_with_compute(dataset, found))


def _labels(values: Values) -> tuple[str, ...]:
    return ALONG[: len(next(iter(values)))]


def _with_compute(dataset: xr.Dataset, found: Found) -> xr.Dataset:
    """The dataset with compute and tokens as the files tell them, where they do."""
    over = {"model": dataset["model"].values.tolist(), "checkpoint": dataset["checkpoint"].values.tolist()}
    for name in COMPUTE.values():
        told = {
            (model, step): value
            for (model, step), value in found.get(name, {}).items()
            if model in over["model"] and step in over["checkpoint"]
        }
        counted = dataset[name].variable
        dataset[name] = (counted.dims, lay_out(told, **over).fillna(counted).where(counted.notnull()).values)
    return dataset


def bare(task: str) -> str:
    """A task's name as the files have it."""
    return task.replace("_", "")


def _task(theirs: str, names: Mapping[str, str]) -> str:
    name = theirs.removeprefix(PREFIX)
    return names.get(bare(name), name)

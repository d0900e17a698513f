"""A tidy table of published values as a dataset like those of our own results."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from trajectories import arrays
from trajectories.publications.facts import Model, Paper, known_models, paper
from trajectories.publications.labels import coordinates, lay_out
from trajectories.publications.rows import QUANTITIES, Row, read_comment, read_rows

AT_CHECKPOINTS = "checkpoint_validation_perplexity"
TRENDS = ("stagnated", "upward", "downward", "other")
ATTRIBUTES = {
    "share": {"long_name": "share of the tokens that have a trend", "units": "1"},
    "subset": {"long_name": "tokens of one trend in one model"},
    "subset_perplexity": {"long_name": "perplexity of the subset", "units": "1"},
    "subset_trend": {"long_name": "trend of the subset's tokens"},
    "subset_start": {
        "long_name": "fraction of training from which the subset's trend is fitted",
        "units": "1",
    },
    "selected_by": {"long_name": "model in which the subset's tokens have the trend"},
    "selected_share": {"long_name": "share of the tokens that the subset has", "units": "1"},
    "in_table_2": {"long_name": "whether the checkpoint is one of Table 2"},
}

Values = dict[tuple[Any, ...], float]


def read_table(path: Path | str, *, models: Mapping[str, Model] | None = None) -> xr.Dataset:
    """Published values with the dimensions and coordinates of our own results.

    Args:
        path: CSV, one value a row: `figure` (number, or empty), `quantity`, its labels `task`, `subset`,
            `trend`, `start`, `model` and `checkpoint` (training step), empty where the quantity has none,
            `evaluation` (2 for a second value of the same, else empty), `value`. Quantities:
            `validation_perplexity` and `checkpoint_validation_perplexity` (model, checkpoint), the latter of
            checkpoints that were analysed; `subset_perplexity` (subset, model, checkpoint); `accuracy` (task,
            model, checkpoint) and `share` (trend, start, model), fractions. Lines before the header that
            begin with # say where the values are from.
        models: Further models that the table may name, besides those of Table 2.

    Returns:
        What the table has of `accuracy`, `subset_perplexity` and `share`, with `chance` (task), NaN where a
        value is missing. Coordinates: as in data/scores/tokens.nc `label`, `family`, `parameters` and `seed`
        (model), `tokens_seen`, `flops`, `training_fraction` and `validation_perplexity` (model, checkpoint);
        `in_table_2` (model, checkpoint); `group` (task), "" for means over tasks; `subset_trend`,
        `selected_by`, `subset_start` and `selected_share` (subset). Checkpoints are the union of the steps of
        all models; of several evaluations at a step the last counts. Attribute `source`: the comment.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A column is missing, a cell cannot be used, a value is there twice, or the two validation
            perplexities of a checkpoint differ; file, line and column are named.
    """
    source, facts, known = Path(path), paper(), known_models(models)
    names = {"model": list(known), "task": facts.measured, "subset": list(facts.subsets), "trend": TRENDS}
    rows = list(read_rows(source, names))
    values = _values(rows)
    shared = coordinates(_present(rows), known)
    axes = _axes(values, names) | {name: list(shared[name]) for name in ("model", "checkpoint")}
    variables = {
        name: lay_out(values[name], **{label: axes[label] for label in QUANTITIES[name].labels})
        for name in ("accuracy", "subset_perplexity", "share")
        if values[name]
    }
    validation = _validation(rows, values)
    over = {name: axes[name] for name in ("model", "checkpoint")}
    dataset = xr.Dataset(
        {**variables, **_chance(axes, facts)},
        coords={
            **axes,
            **shared,
            **_tasks_and_subsets(axes, facts),
            "validation_perplexity": lay_out(validation, **over),
            "in_table_2": lay_out(_listed(over, known), **over) == 1,
        },
        attrs={"source": read_comment(source)},
    )
    return _label(dataset, rows)


def _values(rows: Sequence[Row]) -> dict[str, Values]:
    """By quantity and labels, the last evaluation of each; raises ValueError where one is there twice."""
    first: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = (row.quantity, row.labels, row.evaluation)
        if key in first:
            raise ValueError(
                f"{row.place}, column 'value': {row.quantity} of {', '.join(map(str, row.labels))} is also "
                f"at {first[key].place}; remove one, or number them in the column 'evaluation'"
            )
        first[key] = row
    values: dict[str, Values] = {name: {} for name in QUANTITIES}
    for row in sorted(rows, key=lambda row: row.evaluation):
        values[row.quantity][row.labels] = row.value
    return values


def _validation(rows: Iterable[Row], values: Mapping[str, Values]) -> Values:
    """Of all steps, those of analysed checkpoints included; raises ValueError where the two differ."""
    along, at = values["validation_perplexity"], values["checkpoint_validation_perplexity"]
    for row in rows:
        if (
            row.quantity == "checkpoint_validation_perplexity"
            and along.get(row.labels, row.value) != row.value
        ):
            raise ValueError(
                f"{row.place}, column 'value': {row.value:g} at a checkpoint whose validation_perplexity is "
                f"{along[row.labels]:g}; correct one of them"
            )
    return along | at


def _present(rows: Iterable[Row]) -> dict[str, set[int]]:
    """The steps of each model, in the order in which models come."""
    present: dict[str, set[int]] = {}
    for row in rows:
        labels = dict(zip(QUANTITIES[row.quantity].labels, row.labels, strict=True))
        steps = present.setdefault(labels["model"], set())
        steps |= {labels["checkpoint"]} if "checkpoint" in labels else set()
    return present


def _axes(values: Mapping[str, Values], names: Mapping[str, Sequence[str]]) -> dict[str, list[Any]]:
    """The labels that the values have besides models and checkpoints, as they are known."""
    axes: dict[str, list[Any]] = {}
    for quantity, of in values.items():
        for place, label in enumerate(QUANTITIES[quantity].labels):
            if of and label not in {"model", "checkpoint"}:
                there = {key[place] for key in of}
                axes[label] = [each for each in names.get(label, sorted(there)) if each in there]
    return axes


def _listed(over: Mapping[str, Sequence[Any]], models: Mapping[str, Model]) -> Values:
    steps = set(over["checkpoint"])
    return {(name, step): 1.0 for name in over["model"] for step in steps & set(models[name].checkpoints)}


def _chance(axes: Mapping[str, Sequence[str]], facts: Paper) -> dict[str, Any]:
    if "task" not in axes:
        return {}
    return {"chance": ("task", [facts.chance.get(task, np.nan) for task in axes["task"]])}


def _tasks_and_subsets(axes: Mapping[str, Sequence[str]], facts: Paper) -> dict[str, Any]:
    """The coordinates of the axes task and subset, of those that there are."""
    made: dict[str, Any] = {}
    if "task" in axes:
        made["group"] = ("task", [facts.group(task) for task in axes["task"]])
    if "subset" in axes:
        subsets = [facts.subsets[name] for name in axes["subset"]]
        made |= {
            "subset_trend": ("subset", [subset.trend for subset in subsets]),
            "selected_by": ("subset", [subset.selected_by for subset in subsets]),
            "subset_start": ("subset", [subset.start for subset in subsets]),
            "selected_share": ("subset", [subset.share for subset in subsets]),
        }
    return made


def _label(dataset: xr.Dataset, rows: Iterable[Row]) -> xr.Dataset:
    """The dataset with units, long names and the figures that the values are from."""
    figures: dict[str, set[str]] = {}
    for row in rows:
        name = row.quantity.removeprefix("checkpoint_")
        figures.setdefault(name, set()).update({row.figure} - {""})
    labelled = arrays.label(dataset)
    for variable in labelled.variables:
        name = str(variable)
        drawn = ", ".join(sorted(figures.get(name, ()), key=lambda figure: (len(figure), figure)))
        labelled[name].attrs |= ATTRIBUTES.get(name, {}) | ({"figures": drawn} if drawn else {})
    labelled["flops"].attrs["convention"] = "plain"
    return labelled

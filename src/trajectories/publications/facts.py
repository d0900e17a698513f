"""What Xia et al. (2023) say of their models, tasks and token subsets, which their numbers do not repeat."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import yaml

from trajectories import arrays

FACTS = Path(__file__).with_name("xia2023.yaml")


@dataclass(frozen=True)
class Model:
    """One size of a family, as far as its checkpoints are concerned.

    Attributes:
        label: Number of parameters as written in figures.
        parameters: Number of parameters, embeddings included.
        tokens_per_step: Training tokens per step.
        last_step: The step at which training ends.
        family: Models with the same architecture and tokenizer.
        checkpoints: Training steps of the checkpoints that were analysed, where a publication lists them.
    """

    label: str
    parameters: int
    tokens_per_step: float
    last_step: int
    family: str = "opt"
    checkpoints: tuple[int, ...] = ()


@dataclass(frozen=True)
class Subset:
    """Tokens that `selected_by` gives the trend from `start` on: a `share` of all tokens, as fractions."""

    trend: str
    selected_by: str
    start: float
    share: float


@dataclass(frozen=True)
class Paper:
    """Facts by name.

    Attributes:
        models: Table 2.
        subsets: Captions of Figures 3 and 4.
        chance: Accuracy of guessing of the means over tasks, as drawn in Figures 8 and 9.
        groups: Table 9, the tasks of each group.
        tasks: Table 7.
    """

    models: Mapping[str, Model]
    subsets: Mapping[str, Subset]
    chance: Mapping[str, float]
    groups: Mapping[str, tuple[str, ...]]
    tasks: tuple[str, ...]

    def group(self, task: str) -> str:
        """The group of a task, "" where it is in none."""
        return next((name for name, tasks in self.groups.items() if task in tasks), "")

    @property
    def measured(self) -> tuple[str, ...]:
        """What accuracies may be of: means over tasks, the tasks of the groups, then the others."""
        grouped = [task for tasks in self.groups.values() for task in tasks]
        return tuple(dict.fromkeys([*self.chance, *grouped, *self.tasks]))


@cache
def paper() -> Paper:
    """The facts of Xia et al. (2023)."""
    told: dict[str, Any] = yaml.safe_load(FACTS.read_text(encoding="utf-8"))
    steps = {name: tuple(map(int, listed.split())) for name, listed in told["checkpoints"].items()}
    return Paper(
        models={name: Model(**of, checkpoints=steps[name]) for name, of in told["models"].items()},
        subsets={name: Subset(**of) for name, of in told["subsets"].items()},
        chance=told["chance"],
        groups={name: tuple(listed.split()) for name, listed in told["groups"].items()},
        tasks=tuple(told["tasks"].split()),
    )


def known_models(further: Mapping[str, Model] | None = None) -> dict[str, Model]:
    """The models of Table 2 and those that a caller tells of, by name."""
    return {**paper().models, **(further or {})}


def by_size(names: Collection[str], models: Mapping[str, Model]) -> list[str]:
    """Names of models by rising parameters."""
    return sorted(names, key=lambda name: (models[name].parameters, name))


def models_of(dataset: xr.Dataset) -> dict[str, Model]:
    """What one of our datasets tells of its models, for reading them back from another's format.

    Args:
        dataset: With `label`, `family` and `parameters` (model), `tokens_seen` and `training_fraction`
            (model, checkpoint).

    Raises:
        ValueError: A model has no checkpoint after step 0 that tells its training fraction.
    """
    arrays.require(dataset, "model", "checkpoint", what="facts about models")
    return {str(name): _model(dataset.sel(model=name)) for name in dataset["model"].values}


def _model(dataset: xr.Dataset) -> Model:
    steps = dataset["checkpoint"].values
    fraction, tokens = dataset["training_fraction"].values, dataset["tokens_seen"].values
    known = np.flatnonzero((fraction > 0) & (steps > 0))
    if not known.size:
        raise ValueError(
            f"{dataset['model'].item()} needs a checkpoint with a training_fraction above 0, got none; "
            "give what is known of it as a Model"
        )
    last = int(known[-1])
    return Model(
        label=str(dataset["label"].item()),
        parameters=int(dataset["parameters"]),
        tokens_per_step=float(tokens[last] / steps[last]),
        last_step=round(steps[last] / fraction[last]),
        family=str(dataset["family"].item()),
    )

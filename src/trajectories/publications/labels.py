"""The coordinates of models and checkpoints, from what is known of the models."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from trajectories.publications.facts import Model, by_size

Floats = NDArray[np.float64]
Values = Mapping[Any, float]  # of one variable, by its labels in the order of the dimensions


def coordinates(present: Mapping[str, Collection[int]], models: Mapping[str, Model]) -> dict[str, Any]:
    """Coordinates of models and their checkpoints, as in data/scores/tokens.nc.

    Args:
        present: For each model the training steps that it has values of.
        models: What is known of each.

    Returns:
        `model`, by rising parameters, with `label`, `family`, `parameters` and `seed` (NaN); `checkpoint`,
        the union of the steps, rising; over both `tokens_seen`, `flops` (6 · parameters · tokens, as the
        published figures count) and `training_fraction`, NaN where a model has no such checkpoint.
    """
    names = by_size(list(present), models)
    facts = [models[name] for name in names]
    steps = np.array(sorted({step for of in present.values() for step in of}), dtype=np.int64)
    has = np.array([[step in present[name] for step in steps.tolist()] for name in names], dtype=bool)
    parameters = np.array([fact.parameters for fact in facts], dtype=np.int64)
    tokens = _column([fact.tokens_per_step for fact in facts]) * steps
    fraction = steps / _column([fact.last_step for fact in facts])
    over = ("model", "checkpoint")
    axes = {
        "tokens_seen": tokens,
        "flops": 6.0 * parameters[:, None] * tokens,
        "training_fraction": fraction,
    }
    return {
        "model": names,
        "checkpoint": steps,
        "label": ("model", [fact.label for fact in facts]),
        "family": ("model", [fact.family for fact in facts]),
        "parameters": ("model", parameters),
        "seed": ("model", np.full(len(names), math.nan)),
        **{name: (over, np.where(has.reshape(fraction.shape), of, math.nan)) for name, of in axes.items()},
    }


def lay_out(values: Values, **axes: Sequence[Any]) -> xr.DataArray:
    """Values by their labels as an array over the axes, NaN where there is none."""
    places = [{label: place for place, label in enumerate(labels)} for labels in axes.values()]
    laid = np.full([len(labels) for labels in axes.values()], math.nan)
    for key, value in values.items():
        laid[tuple(place[label] for place, label in zip(places, key, strict=True))] = value
    return xr.DataArray(laid, dims=list(axes))


def _column(values: Sequence[float]) -> Floats:
    return np.array(values, dtype=np.float64)[:, None]

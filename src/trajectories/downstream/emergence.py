"""How a task's accuracy rises with size: steadily (linearity) or at once (breakthroughness), Eq. 4."""

from collections.abc import Callable

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from trajectories import arrays
from trajectories.scoring.gather import final
from trajectories.scoring.labels import EDGE

Floats = NDArray[np.float64]

DIGITS = 12  # decimals, in parts of the largest value, below which differences are those of rounding
MEASURES = ("linearity", "breakthroughness", "improvement")
BARS = ("chance", "chance_standard_error", "constant_accuracy")  # what accuracies are compared with
ONE_SIZE, ALL_EQUAL = "one size", "all sizes are equal"
MOSTLY_EQUAL = "breakthroughness: half or more of the neighbouring sizes are equal"


def improvement(y: Floats) -> Floats:
    """The range of y [..., model], I(y) of Eq. 4, negative where the largest value comes before the smallest.

    Sign(argmax - argmin) times (max - min), as in Srivastava et al. (2022), appendix B; the paper prints an
    argmax twice. Of equal values the first counts; differences below rounding (1e-12 of the largest value)
    are none. 0 for one model; NaN without a model or where one is NaN.
    """
    if not y.shape[-1]:
        return np.full(y.shape[:-1], np.nan)
    level = _levels(y)
    sign = np.sign(level.argmax(axis=-1) - level.argmin(axis=-1))
    return np.asarray(sign * (y.max(axis=-1) - y.min(axis=-1)), dtype=np.float64)


def linearity(y: Floats) -> Floats:
    """I(y) over the root mean square of the differences between neighbours (Eq. 4; Srivastava et al., 2022).

    Args:
        y: [..., model], models by rising size, or checkpoints in their order.

    Returns:
        [...]: the number of differences where all are equal and positive, near 0 where y goes up and down,
        negative where it falls. The mean is over the differences, of which there is one fewer than models.
        NaN with fewer than two models, where one is NaN, and where all are equal: the denominator is zero.
    """
    return _ratio(y, np.mean)


def breakthroughness(y: Floats) -> Floats:
    """I(y) over the root median square of the differences between neighbours (Eq. 4).

    Args:
        y: [..., model], models by rising size, or checkpoints in their order.

    Returns:
        [...]: as the linearity where all differences are equal; the larger the fewer make up the rise. NaN
        with fewer than two models, where one is NaN, and where half or more of the neighbours are equal: the
        denominator is zero.
    """
    return _ratio(y, np.median)


def measure_emergence(accuracy: xr.Dataset) -> xr.Dataset:
    """Linearity and breakthroughness of every task, over sizes and along each model's training.

    Args:
        accuracy: what `trajectories.downstream.measures.measure_tasks` returns for several models, with the
            attributes criterion and family: by this criterion, of this family's models.

    Returns:
        Over task, at the final checkpoints of all sizes: `linearity`, `breakthroughness`, `improvement` (a
        fraction) and `reason`, which says why either of the first two is NaN and is empty where neither is.
        Along training: `trajectory_linearity` and `trajectory_breakthroughness` (model, task), over the
        checkpoints that the model has. Over sizes at every checkpoint: `linearity_by_checkpoint` and
        `breakthroughness_by_checkpoint` (checkpoint, task), NaN where a size has no such checkpoint or has
        it at another fraction of its training. Models of one size (seeds) count as their mean, over those
        that have the checkpoint. Attributes criterion and family.

    Raises:
        ValueError: a dimension is absent, or there is no model of the family.
    """
    own = of_family(accuracy)
    values = own["accuracy"].sel(criterion=own.attrs["criterion"], drop=True)
    last = final_by_size(accuracy)["accuracy"]
    over_sizes = {name: _over(measure, last, "size") for name, measure in _MEASURES.items()}
    shared = _at_shared_checkpoints(values)
    by_checkpoint = {f"{name}_by_checkpoint": _over(_MEASURES[name], shared, "size") for name in MEASURES[:2]}
    along = {f"trajectory_{name}": _along(_MEASURES[name], values) for name in MEASURES[:2]}
    reason = ("task", [_reason(last.sel(task=task)) for task in last["task"].values])
    found = xr.Dataset({**over_sizes, "reason": reason, **along, **by_checkpoint})
    attributes = {name: own.attrs[name] for name in ("criterion", "family")}
    return found.transpose("model", "checkpoint", "task").assign_attrs(attributes)


def final_by_size(accuracy: xr.Dataset) -> xr.Dataset:
    """Accuracy of every size of the analysed family at the end of training, by the analysed criterion.

    Args:
        accuracy: as for `measure_emergence`.

    Returns:
        `accuracy` and `accuracy_standard_error` (size, task), sizes rising, with the coordinates
        `parameters` and `label` (size); the dimension `size` has no labels of its own. The last checkpoint
        of each model counts at which it has an accuracy. Of a size's models the mean, over those with any;
        that of their standard errors too, since they answer the same examples. And `chance`,
        `chance_standard_error` and `constant_accuracy` (task), as they are.
    """
    own = of_family(accuracy).sel(criterion=accuracy.attrs["criterion"], drop=True)
    measured = {name: _mean_by_size(final(own[name])) for name in ("accuracy", "accuracy_standard_error")}
    return xr.Dataset(measured | {name: own[name] for name in BARS})


def of_family(accuracy: xr.Dataset) -> xr.Dataset:
    """The models of the family that the attribute `family` names, by rising parameters."""
    arrays.require(accuracy, "model", "checkpoint", "task", what="accuracy of a family's models")
    family = accuracy.attrs["family"]
    own = np.flatnonzero(accuracy["family"].values == family)
    if not own.size:
        had = ", ".join(dict.fromkeys(map(str, accuracy["family"].values))) or "none"
        raise ValueError(
            f"there is no model of the analysed family {family!r}; families that there are: {had}"
        )
    rising = np.argsort(accuracy["parameters"].values[own], kind="stable")
    return accuracy.isel(model=own[rising])


def _levels(y: Floats) -> Floats:
    """The y [..., model] in parts of its largest magnitude, without differences that rounding makes."""
    largest = np.abs(y).max(axis=-1, keepdims=True)
    return np.round(y / np.where(largest > 0, largest, 1), DIGITS)


def _ratio(y: Floats, average: Callable[..., Floats]) -> Floats:
    if y.shape[-1] < 2:
        return np.full(y.shape[:-1], np.nan)
    level = _levels(y)
    denominator = np.sqrt(average(np.diff(level, axis=-1) ** 2, axis=-1))
    return np.asarray(improvement(level) / np.where(denominator > 0, denominator, np.nan), dtype=np.float64)


_MEASURES = {"linearity": linearity, "breakthroughness": breakthroughness, "improvement": improvement}


def _over(measure: Callable[[Floats], Floats], values: xr.DataArray, dimension: str) -> xr.DataArray:
    found: xr.DataArray = xr.apply_ufunc(measure, values, input_core_dims=[[dimension]])
    return found.drop_attrs()


def _along(measure: Callable[[Floats], Floats], values: xr.DataArray) -> xr.DataArray:
    """(model, task): over the checkpoints at which each model has any accuracy."""
    by_model = [
        _over(measure, of_model.dropna("checkpoint", how="all").sortby("checkpoint"), "checkpoint")
        for of_model in values.transpose("model", ...).reset_coords(drop=True)
    ]
    of_models = {name: of.variable for name, of in values.coords.items() if of.dims == ("model",)}
    return xr.concat(by_model, dim="model", join="exact").assign_coords(of_models)


def _mean_by_size(values: xr.DataArray) -> xr.DataArray:
    """(size, ...) from (model, ...), without the models that have no value."""
    parameters, first = np.unique(values["parameters"].values, return_index=True)
    means = [
        values.isel(model=np.flatnonzero(values["parameters"].values == size)).mean("model")
        for size in parameters
    ]
    stacked = xr.concat(means, dim="size", coords="minimal", compat="override", join="exact")
    of_sizes = {name: ("size", values[name].values[first]) for name in ("parameters", "label")}
    return stacked.assign_coords(of_sizes)


def _at_shared_checkpoints(values: xr.DataArray) -> xr.DataArray:
    """(size, checkpoint, task), NaN at checkpoints that are not at the same fraction of all trainings."""
    fraction = values["training_fraction"]
    apart = fraction.max("model") - fraction.min("model")
    return _mean_by_size(values).where(apart <= EDGE)


def _reason(y: xr.DataArray) -> str:
    """Why a measure of y (size) is NaN; empty where none is."""
    missing = [str(label) for label in y["label"].values[np.isnan(y.values)]]
    if missing:
        return f"no scored checkpoint of {', '.join(missing)}"
    if y.sizes["size"] < 2:
        return ONE_SIZE
    if np.isnan(linearity(y.values)):
        return ALL_EQUAL
    return MOSTLY_EQUAL if np.isnan(breakthroughness(y.values)) else ""

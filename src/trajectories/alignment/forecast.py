"""What a larger size will do, from the trajectories of smaller sizes and its own validation perplexity."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from trajectories import arrays
from trajectories.alignment.axes import along_axis, require_axis
from trajectories.alignment.checkpoints_drawn import weigh_checkpoints
from trajectories.alignment.local_regression import line, lines, neighbourhoods, require_span
from trajectories.generation.resampling import require_settings

Floats = NDArray[np.float64]

FEWEST_SIZES = 2  # smaller ones, that a forecast is made from
FEWEST_POINTS = 4  # of their checkpoints
LONG_NAMES = {
    "forecast": "what the smaller sizes predict",
    "low": "lower end of the forecast's interval",
    "high": "upper end of the forecast's interval",
    "actual": "what the size does",
    "beyond": "whether the axis lies outside the range of the smaller sizes",
}


class NoForecastError(ValueError):
    """Too little is known for a forecast; the message says what is missing."""


def forecast(
    measure: xr.DataArray,
    target: str,
    *,
    axis: str = "validation_perplexity",
    start: float = 0.0,
    span: float = 0.5,
    resamples: int = 500,
    confidence: float = 0.95,
    seed: int = 0,
) -> xr.Dataset:
    """Predict a measure along the training of a size from those of all smaller sizes, at equal `axis`.

    A local linear regression through the checkpoints of the smaller sizes, pooled, is read off at the axis of
    the target's checkpoints; beyond their range its outermost line is continued. Nothing of the target's
    measure is used. The interval adds two things: by how much the line moves when checkpoints are weighted
    anew (in blocks of neighbours), and by how much forecasts were wrong before: each smaller size, from the
    third on, is forecast from those below it in the same way, at its own values of the axis. The mean square
    of these errors, with Student's t of as many degrees of freedom as there were such rehearsals, tells how
    far one more may be off.

    Args:
        measure: over model and checkpoint, with `parameters` over model and the axis among its coordinates.
            NaN where a model has no such checkpoint; the target's may all be missing.
        target: the model that is predicted.
        axis: a coordinate over model and checkpoint that is known for the target, such as
            validation_perplexity; `trajectories.alignment.perplexity_ahead` predicts that where it is not.
        start: fraction of training from which rehearsals are judged: the interval is meant for what follows.
        span: share of the pooled points of which a prediction comes.
        resamples: number of bootstrap samples.
        confidence: of the interval.
        seed: of the samples.

    Returns:
        Over the checkpoints at which the target's axis is known: `forecast`, `low`, `high`, `actual`,
        `beyond`, and the axis and the target's other coordinates. `low` and `high` are NaN with fewer than
        three smaller sizes, which leave nothing to rehearse. Attributes: target, axis, rehearsals.

    Raises:
        ValueError: there is no such model or coordinate; NoForecastError, a ValueError: fewer than two
            sizes are smaller, the axis is not known, or there are too few checkpoints.
    """
    require_settings(resamples=resamples, confidence=confidence)
    require_span(span)
    values = _checked(measure, target, axis)
    smaller = _smaller(values, target)
    across, own = along_axis(values, axis), values["model"].values.tolist().index(target)
    y = values.values.astype(np.float64)
    at = np.flatnonzero(np.isfinite(across[own]))
    if not at.size:
        raise NoForecastError(
            f"{axis} of {target} is not known at any checkpoint; score its validation text, give another "
            "axis, or predict it with extrapolate_perplexity"
        )
    places = across[own, at]
    x, heights = _pooled(across, y, smaller)
    if len(x) < FEWEST_POINTS:
        raise NoForecastError(
            f"a forecast needs {FEWEST_POINTS} checkpoints of smaller sizes, got {len(x)}; score more of them"
        )
    predicted = line(x, heights, places, span=span)
    moved = _moved(across, y, smaller, places, span=span, resamples=resamples, seed=seed)
    errors = _rehearsed(across, y, _by_size(values, smaller), judged=_late(values, start), span=span)
    far = stats.t.ppf((1 + confidence) / 2, len(errors)) if errors.size else np.nan
    half = far * np.sqrt(moved + (errors.mean() if errors.size else np.nan))
    of_target = values.isel(model=own, checkpoint=at)
    found = xr.Dataset(
        {
            "forecast": ("checkpoint", predicted),
            "low": ("checkpoint", predicted - half),
            "high": ("checkpoint", predicted + half),
            "actual": ("checkpoint", of_target.values),
            "beyond": ("checkpoint", (places < x.min()) | (places > x.max())),
        },
        coords=of_target.coords,
        attrs={"target": target, "axis": axis, "rehearsals": len(errors)},
    )
    for name, long_name in LONG_NAMES.items():
        found[name].attrs = {"long_name": long_name, "units": measure.attrs.get("units", "1")}
    return found


def last_of_next_smaller(measure: xr.DataArray, target: str, *, checkpoints: int = 3) -> float:
    """The naive forecast: what the next smaller size did in the end, the mean of its last checkpoints.

    Args:
        measure: as for `forecast`.
        target: the model that is predicted.
        checkpoints: how many count.
    """
    values = measure.transpose("model", "checkpoint").sortby("checkpoint")
    nearest = _by_size(values, _smaller(values, target, least=1))[-1]
    ends = [of[np.isfinite(of)][-checkpoints:] for of in values.values[nearest]]
    return float(np.mean(np.concatenate(ends))) if any(end.size for end in ends) else float("nan")


def _moved(
    across: Floats,
    y: Floats,
    models: list[int],
    places: Floats,
    *,
    span: float,
    resamples: int,
    seed: int,
) -> Floats:
    """[place] variance of the line when checkpoints are weighted anew."""
    known = np.isfinite(across[models]) & np.isfinite(y[models])
    drawn = weigh_checkpoints(known, resamples=resamples, rng=np.random.default_rng(seed))
    near = neighbourhoods(across[models][known], places, span=span)
    moved = lines(near, y[models][known], drawn[:, known])
    return np.asarray(np.var(moved, axis=0))


def _late(values: xr.DataArray, start: float) -> NDArray[np.bool_]:
    """[model, checkpoint] whether a checkpoint comes after this fraction of training."""
    if start <= 0:
        return np.ones(values.shape, dtype=bool)
    if "training_fraction" not in values.coords:
        raise ValueError(
            "start needs the coordinate training_fraction over model and checkpoint; add it, or judge "
            "rehearsals from the beginning (start=0)"
        )
    fraction = values["training_fraction"].broadcast_like(values).transpose(*values.dims)
    return np.asarray(fraction.values > start)


def _rehearsed(
    across: Floats, y: Floats, sizes: list[list[int]], *, judged: NDArray[np.bool_], span: float
) -> Floats:
    """[rehearsal] mean square error of forecasting each size, from the third on, from those below it.

    Of each size the checkpoints count that are `judged` [model, checkpoint].
    """
    errors = []
    for place in range(FEWEST_SIZES, len(sizes)):
        x, heights = _pooled(across, y, [model for size in sizes[:place] for model in size])
        own, actual = _pooled(np.where(judged, across, np.nan), y, sizes[place])
        if len(x) >= FEWEST_POINTS and own.size:
            errors.append(np.mean((line(x, heights, own, span=span) - actual) ** 2))
    return np.array(errors)


def _pooled(across: Floats, y: Floats, models: list[int]) -> tuple[Floats, Floats]:
    """[point] x and y of all known checkpoints of these models."""
    x, heights = across[models].ravel(), y[models].ravel()
    known = np.isfinite(x) & np.isfinite(heights)
    return x[known], heights[known]


def _by_size(values: xr.DataArray, models: list[int]) -> list[list[int]]:
    """The models of each size, sizes rising."""
    parameters = values["parameters"].values
    return [
        [model for model in models if parameters[model] == size] for size in np.unique(parameters[models])
    ]


def _smaller(values: xr.DataArray, target: str, *, least: int = FEWEST_SIZES) -> list[int]:
    parameters = values["parameters"]
    models = np.flatnonzero(parameters.values < parameters.sel(model=target).item()).tolist()
    sizes = len(np.unique(parameters.values[models]))
    if sizes < least:
        raise NoForecastError(
            f"a forecast of {target} needs at least {least} smaller size{'s' * (least > 1)}, got {sizes}; "
            "choose a larger model or score smaller ones"
        )
    return models


def _checked(measure: xr.DataArray, target: str, axis: str) -> xr.DataArray:
    arrays.require(measure, "model", "checkpoint", what="a measure to forecast")
    require_axis(measure, axis)
    if "parameters" not in measure.coords:
        raise ValueError("a measure to forecast needs the coordinate parameters over model; add it")
    models = [str(name) for name in measure["model"].values]
    if target not in models:
        raise ValueError(f"there is no model {target!r}; there are {', '.join(models)}")
    return measure.transpose("model", "checkpoint").sortby("checkpoint")

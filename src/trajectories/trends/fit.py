"""Fits the trend of every token's perplexity along training and puts it into a category (section 3.1)."""

from collections.abc import Collection, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from trajectories.trends.categories import FLAGS, classify
from trajectories.trends.series import ESTIMATORS, FALSE_DISCOVERY, Fit, corrected, fit_series
from trajectories.trends.trajectory import (
    REGRESSORS,
    by_model,
    ordered,
    regressor_values,
    require_positive,
    start_index,
)

Floats = NDArray[np.float64]


def fit_trends(
    perplexity: xr.DataArray,
    *,
    start: float | Sequence[float] = (0.1,),
    regressor: str = "index",
    estimator: str = "least_squares",
    significance: float = 0.05,
    tolerance: float = 0.05,
    false_discovery: str = "none",
) -> xr.Dataset:
    """Slope, p-value and category of each token's perplexity from a start on (section 3.1, Eq. 1).

    Checkpoint j is the one nearest to the fraction `start` among those the model has (those that are not NaN
    for all tokens); PPL_i / PPL_j is regressed on i - j. A token that is missing at some checkpoints uses the
    others at their own indices and is divided by its first value from j on; with fewer than three it has no
    trend: NaN in all three variables. Checkpoints are sorted by step.

    Args:
        perplexity: dimensions checkpoint, token and optionally model and others, in any order, positive; NaN
            is missing. Coordinates: checkpoint (step) and training_fraction over checkpoint or (model,
            checkpoint).
        start: fractions of training, 0 to 1, in any order.
        regressor: index (the paper), step, log_step (natural logarithm), or the coordinate tokens_seen or
            flops.
        estimator: least_squares with a t-test (the paper), or theil_sen with the Mann-Kendall test.
        significance: p-values below it make a trend upward or downward.
        tolerance: half-width of the band around the geometric mean, as a fraction of it, in which a series
            that is neither upward nor downward has to start and end to be stagnated.
        false_discovery: correction of the p-values over the tokens of a (start, model): none (the paper), bh
            (Benjamini-Hochberg) or by (Benjamini-Yekutieli); `p_value` holds the corrected ones.

    Returns:
        Dataset over (start, [model,] token, ...), starts rising: `slope` (per unit of the regressor, named in
        its units), `p_value`, and `trend` with CF flags (0 stagnated, 1 upward, 2 downward, 3 other).

    Raises:
        ValueError: a dimension or coordinate is absent, a setting is unknown, a step occurs twice, a
            perplexity is not positive or is infinite, or a model has fewer than three checkpoints from a
            start on.
    """
    starts = _checked_starts(start)
    settings = {
        "regressor": _choice(regressor, REGRESSORS, "regressor"),
        "estimator": _choice(estimator, ESTIMATORS, "estimator"),
        "significance": _fraction(significance, "significance"),
        "tolerance": _fraction(tolerance, "tolerance"),
        "false_discovery": _choice(false_discovery, FALSE_DISCOVERY, "false_discovery"),
    }
    scores = ordered(perplexity, "perplexity")
    fits = [
        _fit_trajectory(trajectory, starts, regressor=regressor, estimator=estimator, tolerance=tolerance)
        for trajectory in by_model(scores)
    ]
    slope, p_value, steady = (np.stack(of_models, axis=1) for of_models in zip(*fits, strict=True))
    p_value = corrected(p_value, false_discovery)
    trend = classify(slope, p_value, steady, significance=significance)
    trends = _labelled({"slope": slope, "p_value": p_value, "trend": trend}, scores, starts)
    trends["slope"].attrs["units"] = REGRESSORS[regressor]
    trends["trend"].attrs.update(FLAGS)
    return trends.assign_attrs(settings)


def _fit_trajectory(
    trajectory: xr.DataArray, starts: Sequence[float], *, regressor: str, estimator: str, tolerance: float
) -> Fit:
    require_positive(trajectory, "perplexity")
    indices = [start_index(trajectory, start) for start in starts]
    earliest = min(indices)
    x = regressor_values(trajectory.isel(checkpoint=slice(earliest, None)), regressor)
    unit = 1.0 if regressor == "index" else float(x[-1] - x[0])  # keeps sums of squares near 1, for FLOPs too
    values = trajectory.values.reshape(trajectory.sizes["checkpoint"], -1).astype(np.float64, copy=False)
    fit = fit_series(
        values[earliest:],
        (x - x[0]) / unit,
        [index - earliest for index in indices],
        estimator=estimator,
        tolerance=tolerance,
    )
    return fit._replace(slope=fit.slope / unit)


def _labelled(
    variables: dict[str, NDArray[np.floating]], scores: xr.DataArray, starts: Sequence[float]
) -> xr.Dataset:
    """Variables [start, model, series] under the names and coordinates of the scores, less the checkpoint."""
    of_checkpoints = [name for name, values in scores.coords.items() if "checkpoint" in values.dims]
    coordinates = scores.drop_vars(of_checkpoints).isel(checkpoint=0).coords
    model = [name for name in scores.dims if name == "model"]
    series = ["token", *(name for name in scores.dims if name not in {"model", "checkpoint", "token"})]
    dimensions = ["start", *model, *series]
    shape = [len(starts), *(scores.sizes[name] for name in dimensions[1:])]
    labelled = {name: (dimensions, values.reshape(shape)) for name, values in variables.items()}
    return xr.Dataset(labelled, coords=coordinates).assign_coords(
        start=("start", np.asarray(starts, dtype=float))
    )


def _checked_starts(start: float | Sequence[float]) -> list[float]:
    starts = sorted(float(fraction) for fraction in np.atleast_1d(np.asarray(start, dtype=float)))
    wrong = [fraction for fraction in starts if not 0 <= fraction < 1]
    if wrong or not starts or len(set(starts)) < len(starts):
        raise ValueError(f"start needs distinct fractions of training from 0 to below 1, got {starts}")
    return starts


def _choice(value: str, known: Collection[str], name: str) -> str:
    if value not in known:
        raise ValueError(f"there is no {name} {value!r}; choose one of {', '.join(known)}")
    return value


def _fraction(value: float, name: str) -> float:
    if not 0 < value < 1:
        raise ValueError(f"{name} needs a number between 0 and 1, got {value}")
    return value

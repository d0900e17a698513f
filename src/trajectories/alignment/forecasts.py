"""Forecasts of many measures of a size in several ways, and by how much each was wrong."""

from collections.abc import Iterable, Mapping

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from trajectories.alignment.axes import COMPUTE, PERPLEXITY
from trajectories.alignment.forecast import NoForecastError, forecast, last_of_next_smaller
from trajectories.alignment.measure import Measure
from trajectories.alignment.perplexity_ahead import extrapolate_perplexity
from trajectories.alignment.token_measures import SHARE
from trajectories.scoring.labels import EDGE

AT_PERPLEXITY, FIRST_PART = "validation perplexity", "first part and power law"
AT_COMPUTE, LAST_VALUE = "compute", "last value of the next smaller size"
WAYS = (AT_PERPLEXITY, FIRST_PART, AT_COMPUTE, LAST_VALUE)
SERIES = ("forecast", "low", "high")
UNFORETOLD = "no value after the observed part: its perplexity there is not known, and no power law tells it"
LONG_NAMES = {
    "error": "root mean square error of the forecast",
    "bias": "mean of the forecast less what happened",
    "coverage": "share of checkpoints within the interval",
    "checkpoints": "checkpoints that are judged",
}


def forecast_measures(
    measures: Iterable[Measure],
    target: str,
    *,
    ahead: xr.DataArray,
    observed: float = 0.3,
    span: float = 0.5,
    resamples: int = 500,
    confidence: float = 0.95,
    seed: int = 0,
) -> xr.Dataset:
    """Predict every measure of a size from smaller sizes, in four ways, and judge them where it is known.

    The ways: at the size's own validation perplexity; at the perplexity that its first part and the others'
    power law predict (without an interval); at equal compute; and the last value of the next smaller size.
    All are judged at the same checkpoints after the observed part.

    Args:
        measures: of one suite.
        target: the model that is predicted.
        ahead: (model, checkpoint), what `extrapolate_perplexity` returns for the target.
        observed: fraction of training after which forecasts are judged.
        span: see `forecast`, as are the others.
        resamples: number of bootstrap samples.
        confidence: of the intervals.
        seed: of the samples.

    Returns:
        Over (measure, way, checkpoint): `forecast`, `low`, `high`; over (measure, checkpoint): `actual`. Over
        (measure, way): `error`, `bias` (in the unit of the measure), `coverage` and `checkpoints`, and
        `reason`, which says why there is no forecast and is empty where there is one. Coordinates kind, name
        and headline over measure; training_fraction, validation_perplexity and flops over checkpoint.
        Attributes: target, observed, and the settings.

    Raises:
        ValueError: as `forecast`.
    """
    several = list(measures)
    settings = {
        "start": observed,
        "span": span,
        "resamples": resamples,
        "confidence": confidence,
        "seed": seed,
    }
    found = [
        xr.concat(
            [_in_one_way(measure.values, target, way, ahead=ahead, settings=settings) for way in WAYS],
            dim=xr.Variable("way", list(WAYS)),
            join="outer",
            coords="minimal",
            compat="override",
        )
        for measure in several
    ]
    joined = xr.concat(
        found,
        dim=xr.Variable("measure", [measure.label for measure in several]),
        join="outer",
        coords="minimal",
        compat="override",
    ).assign_coords(
        kind=("measure", [measure.kind for measure in several]),
        name=("measure", [measure.name for measure in several]),
        headline=("measure", [measure.headline for measure in several]),
    )
    checkpoints = joined["checkpoint"].values
    actual = [measure.values.sel(model=target).reindex(checkpoint=checkpoints).values for measure in several]
    of_target = _coordinates(several[0].values, target, checkpoints)
    series = joined.assign(actual=(("measure", "checkpoint"), np.array(actual))).assign_coords(of_target)
    return _judged(series, observed).assign_attrs({**settings, "target": target, "observed": observed})


def forecast_largest(
    measures: Iterable[Measure],
    scores: xr.Dataset,
    *,
    observed: float = 0.3,
    law_start: float = 0.1,
    **settings: float,
) -> xr.Dataset:
    """`forecast_measures` of the largest size, its later perplexity from a power law of all sizes.

    Args:
        measures: of one suite; those that are not over checkpoints (shares by start) are left out.
        scores: as for `extrapolate_perplexity`, whose `start` is `law_start`.
        observed: fraction of training of which the size's perplexity is taken as observed.
        law_start: fraction of training from which checkpoints count in the power law.
        settings: the others of `forecast_measures`.
    """
    family = scores["family"].values == scores["family"].values[0]
    own = scores.isel(model=np.flatnonzero(family))
    target = str(own["model"].values[own["parameters"].values.argmax()])
    ahead = extrapolate_perplexity(own, target, observed=observed, start=law_start)
    along = [measure for measure in measures if measure.kind != SHARE]
    return forecast_measures(along, target, ahead=ahead, observed=observed, **settings)  # type: ignore[arg-type]


def _in_one_way(
    values: xr.DataArray,
    target: str,
    way: str,
    *,
    ahead: xr.DataArray,
    settings: Mapping[str, float],
) -> xr.Dataset:
    """The series of a forecast over checkpoint."""
    if way == FIRST_PART:
        placed = ahead.sel(model=values["model"].values).reindex(checkpoint=values["checkpoint"].values)
        values = values.assign_coords(
            validation_perplexity=(values.dims, placed.transpose(*values.dims).values)
        )
    axis = COMPUTE if way == AT_COMPUTE else PERPLEXITY
    missing = xr.full_like(values.sel(model=target, drop=True).reset_coords(drop=True), np.nan, dtype=float)
    nothing = xr.Dataset(dict.fromkeys(SERIES, missing))
    try:
        if way == LAST_VALUE:
            last = xr.full_like(missing, last_of_next_smaller(values, target))
            return nothing.assign(forecast=last, reason="")
        found = forecast(values, target, axis=axis, **settings)[list(SERIES)]  # type: ignore[arg-type]
    except NoForecastError as lack:
        return nothing.assign(reason=str(lack))
    if way == FIRST_PART:  # by how much the power law is off, no rehearsal tells
        found = found.assign(low=missing, high=missing)
    return found.reset_coords(drop=True).assign(reason="")


def _coordinates(
    values: xr.DataArray, target: str, checkpoints: NDArray[np.int64]
) -> dict[str, tuple[str, np.ndarray]]:
    own = values.sel(model=target).reindex(checkpoint=checkpoints)
    names = ("training_fraction", "validation_perplexity", "flops")
    return {name: ("checkpoint", own[name].values) for name in names}


def _judged(series: xr.Dataset, observed: float) -> xr.Dataset:
    """The series with errors over the late checkpoints that are in all ways which have any."""
    late = series["training_fraction"] > observed + EDGE
    actual = series["actual"].where(late)
    wrong = series["forecast"] - actual
    has = wrong.notnull().any("checkpoint")
    shared = wrong.where((wrong.notnull() | ~has).all("way"))
    inside = (actual >= series["low"]) & (actual <= series["high"])
    told = has | (series["reason"] != "") | actual.isnull().all("checkpoint")
    judged = series.assign(
        error=(shared**2).mean("checkpoint") ** 0.5,
        bias=shared.mean("checkpoint"),
        coverage=inside.where(shared.notnull() & series["low"].notnull()).mean("checkpoint"),
        checkpoints=shared.notnull().sum("checkpoint"),
        reason=series["reason"].where(told, UNFORETOLD),
    )
    for name, long_name in LONG_NAMES.items():
        judged[name].attrs = {"long_name": long_name, "units": "1"}
    return judged

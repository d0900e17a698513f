"""Many measures along every axis: one dataset of R², its interval and the differences between axes."""

from collections.abc import Iterable, Sequence

import numpy as np
import xarray as xr

from trajectories.alignment.align import align
from trajectories.alignment.axes import AXES
from trajectories.alignment.measure import Measure
from trajectories.scoring.labels import EDGE


def align_measures(
    measures: Iterable[Measure],
    *,
    starts: Sequence[float] = (0.0,),
    axes: Sequence[str] = AXES,
    span: float = 0.25,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> xr.Dataset:
    """What `align` says of every measure on every axis, sizes held out in turn (seeds of a size together).

    Args:
        measures: of one suite, with replicates where their tokens, texts or examples are at hand.
        starts: fractions of training from which checkpoints count.
        axes: the axes that are compared.
        span: share of the points of which a prediction comes.
        resamples: number of bootstrap samples.
        confidence: of intervals.
        seed: of the samples.

    Returns:
        The variables of `align` over (start, measure, axis) and (start, measure, axis, other), and `best`
        (start, measure): the axis whose R² is higher than on each other axis by a difference whose
        interval excludes 0, empty where there is none. Coordinates `kind`, `name` and `headline` over
        measure, whose own label is the first two. The settings are attributes.

    Raises:
        ValueError: two measures have the same kind and name, there is none, or the settings give no interval.
    """
    several = list(measures)
    labels = [measure.label for measure in several]
    _require_distinct(labels)
    found = [
        xr.concat(
            [
                align(
                    _from(measure.values, start),
                    axes,
                    by="parameters",
                    replicates=measure.replicates,
                    span=span,
                    resamples=resamples,
                    confidence=confidence,
                    seed=seed,
                )
                for start in starts
            ],
            dim="start",
            join="exact",
        )
        for measure in several
    ]
    table = xr.concat(found, dim="measure", join="exact").assign_coords(
        start=list(starts),
        measure=labels,
        kind=("measure", [measure.kind for measure in several]),
        name=("measure", [measure.name for measure in several]),
        headline=("measure", [measure.headline for measure in several]),
    )
    ordered = table.transpose("start", "measure", "axis", "other")
    return ordered.assign(best=best_axis(ordered)).assign_attrs(
        span=span, resamples=resamples, confidence=confidence, seed=seed
    )


def best_axis(table: xr.Dataset) -> xr.DataArray:
    """(start, measure) the axis that predicts better than each other one whose R² is known; "" where none."""
    known = table["r_squared"].notnull()
    rival = known.rename(axis="other") & (table["axis"] != table["other"])
    beats = (table["difference_low"] > 0) | ~rival
    wins = known & beats.all("other") & rival.any("other")
    names = np.where(wins.transpose(..., "axis").values, table["axis"].values, "")
    dims = [name for name in wins.dims if name != "axis"]
    joined = np.array(["".join(row) for row in names.reshape(-1, names.shape[-1])], dtype=object)
    return xr.DataArray(
        joined.reshape(names.shape[:-1]),
        dims=dims,
        attrs={"long_name": "axis on which R² is significantly highest"},
    )


def _from(measure: xr.DataArray, start: float) -> xr.DataArray:
    return measure.where(measure["training_fraction"] >= start - EDGE) if start > 0 else measure


def _require_distinct(labels: Sequence[str]) -> None:
    if not labels:
        raise ValueError("there is no measure to align; give at least one")
    twice = [label for place, label in enumerate(labels) if label in labels[:place]]
    if twice:
        raise ValueError(f"two measures are called {twice[0]!r}; give each its own kind and name")

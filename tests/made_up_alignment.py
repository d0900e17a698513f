"""Tables and forecasts of made-up measures, as stages alignment and scaling leave them."""

import numpy as np
import xarray as xr

from curves import make_axes, measure_of
from trajectories.alignment.forecasts import forecast_largest
from trajectories.alignment.measure import Measure, make_measure
from trajectories.alignment.table import align_measures

SIZES = (1e6, 4e6, 16e6, 64e6)


def make_measures(axes: xr.Dataset) -> list[Measure]:
    """An accuracy that follows perplexity, one that follows compute, and one that is constant."""
    by_perplexity = measure_of(axes, "validation_perplexity", noise=0.02)
    by_compute = measure_of(axes, "flops", noise=0.02)
    return [
        make_measure("accuracy", "all tasks", by_perplexity, axes),
        make_measure("accuracy", "odd_one_out", by_compute, axes, headline=False),
        make_measure("log perplexity of corrupted texts", "clean", xr.full_like(by_compute, 1.0), axes),
    ]


def make_table(sizes: tuple[float, ...] = SIZES) -> xr.Dataset:
    axes = make_axes(sizes)
    return align_measures(make_measures(axes), starts=(0.0, 0.2), resamples=60)


def make_forecasts(sizes: tuple[float, ...] = SIZES) -> xr.Dataset:
    axes = make_axes(sizes)
    return forecast_largest(make_measures(axes)[:2], axes, resamples=40)


def value_of(table: xr.Dataset, measure: str, axis: str, start: float = 0.0) -> float:
    return float(np.float64(table["r_squared"].sel(start=start, measure=measure, axis=axis)))

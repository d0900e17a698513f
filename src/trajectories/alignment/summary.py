"""The few numbers of alignment and forecast that a reader compares between runs."""

import math
from typing import Any

import numpy as np
import xarray as xr

from trajectories.alignment.axes import COMPUTE, PERPLEXITY
from trajectories.alignment.forecasts import AT_COMPUTE, AT_PERPLEXITY, FIRST_PART, LAST_VALUE
from trajectories.alignment.task_measures import ACCURACY, ALL

DIGITS = 4  # significant
WAYS = {
    "at_perplexity": AT_PERPLEXITY,
    "first_part": FIRST_PART,
    "at_compute": AT_COMPUTE,
    "last_value": LAST_VALUE,
}
MEAN = f"{ACCURACY}: {ALL}"

Numbers = dict[str, Any]


def alignment_metrics(table: xr.Dataset, forecasts: xr.Dataset) -> Numbers:
    """How many measures perplexity predicts better than compute, and the numbers of mean accuracy.

    Args:
        table: what `trajectories.alignment.table.align_measures` returns.
        forecasts: what `trajectories.alignment.forecasts.forecast_largest` returns.

    Returns:
        By start of `table`, written as in "from 0.1": `measures` whose difference of R² is known, of which
        `better` and `worse` count where perplexity is significantly so, and for the mean accuracy of all
        tasks `perplexity`, `compute`, `difference`, `difference_low` and `difference_high`. And `forecast`:
        `target`, and the root mean square `error` of its mean accuracy in each way. None where unknown.
    """
    starts = {f"from {start:g}": _at(table.sel(start=start)) for start in table["start"].values.tolist()}
    return {**starts, "forecast": _forecast(forecasts)}


def _at(table: xr.Dataset) -> Numbers:
    pair = table.sel(axis=PERPLEXITY, other=COMPUTE)
    counts = {
        "measures": int(pair["difference"].notnull().sum()),
        "better": int((pair["difference_low"] > 0).sum()),
        "worse": int((pair["difference_high"] < 0).sum()),
    }
    names = ("difference", "difference_low", "difference_high")
    if MEAN not in table["measure"].values:
        return {**counts, **dict.fromkeys(("perplexity", "compute", *names))}
    mean, apart = table["r_squared"].sel(measure=MEAN), pair.sel(measure=MEAN)
    return {
        **counts,
        "perplexity": _rounded(float(mean.sel(axis=PERPLEXITY))),
        "compute": _rounded(float(mean.sel(axis=COMPUTE))),
        **{name: _rounded(float(apart[name])) for name in names},
    }


def _forecast(forecasts: xr.Dataset) -> Numbers:
    there = MEAN in forecasts["measure"].values
    of_ways = forecasts["error"].sel(measure=MEAN) if there else None
    errors = {
        name: _rounded(float(of_ways.sel(way=way))) if of_ways is not None else None
        for name, way in WAYS.items()
    }
    return {"target": str(forecasts.attrs["target"]), **errors}


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) or not np.isfinite(value) else float(f"{value:.{DIGITS}g}")

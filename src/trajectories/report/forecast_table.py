"""Tables of what smaller sizes predict of the largest: errors of four ways, by measure."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from trajectories.alignment.forecasts import WAYS
from trajectories.alignment.task_measures import ACCURACY
from trajectories.figures.ticks import hundredths
from trajectories.report.tabular import (
    ABSENT,
    csv_text,
    each,
    markdown_escaped,
    markdown_table,
    number,
    shown,
)

NUMBERS = ("error", "bias", "coverage", "checkpoints")
LEGEND = """\
Root mean square errors of what smaller sizes predict of the largest, at its checkpoints after {observed} % of
its training: in percentage points of accuracy, else in nats. The first way knows the size's validation
perplexity; the second knows that of the first {observed} % only, the rest comes from a power law; the third
compares at equal compute; the last takes the last value of the next smaller size. The lowest error is bold.
"Covered" is the share of these checkpoints within the {confidence:.0f} % interval of the first way.
"""


def forecast_csv(forecasts: Mapping[str, xr.Dataset]) -> str:
    """Every number of the judged forecasts, a row per suite, measure and way."""
    rows = [
        [
            suite,
            str(forecast.attrs["target"]),
            *(str(measure[name].item()) for name in ("kind", "name")),
            str(way["way"].item()),
            *(number(float(way[name])) for name in NUMBERS),
            str(way["reason"].item()),
        ]
        for suite, forecast in forecasts.items()
        for measure in each(forecast, "measure")
        for way in each(measure, "way")
    ]
    return csv_text(["suite", "target", "kind", "measure", "way", *NUMBERS, "reason"], rows)


def forecast_markdown(forecasts: Mapping[str, xr.Dataset]) -> str:
    """For reading: a table for each suite, measures by kind, the means of a kind below its measures."""
    first = next(iter(forecasts.values()))
    legend = LEGEND.format(
        observed=hundredths(first.attrs["observed"]), confidence=100 * first.attrs["confidence"]
    )
    parts = ["# What smaller sizes predict of the largest\n", legend]
    for suite, forecast in forecasts.items():
        parts.append(f"## {markdown_escaped(suite)}: {markdown_escaped(forecast.attrs['target'])}\n")
        parts.append(_table(forecast))
    return "\n".join(parts)


def _table(forecast: xr.Dataset) -> str:
    header = ["measure", *WAYS, "covered"]
    rows = []
    for kind in dict.fromkeys(forecast["kind"].values.tolist()):
        of_kind = forecast.isel(measure=np.flatnonzero(forecast["kind"].values == kind))
        rows.append([f"*{markdown_escaped(kind)}*", *[""] * (len(header) - 1)])
        rows += [_row(measure, kind) for measure in each(of_kind, "measure")]
    return markdown_table(header, rows, right=range(1, len(header)))


def _row(measure: xr.Dataset, kind: str) -> list[str]:
    errors = (100 if kind == ACCURACY else 1) * measure["error"].values
    texts = [shown(float(error), "{:.1f}" if kind == ACCURACY else "{:.2f}") for error in errors]
    if np.isfinite(errors).sum() > 1:
        best = int(np.nanargmin(errors))
        texts[best] = f"**{texts[best]}**"
    if np.isnan(errors[0]):
        texts[0] = markdown_escaped(str(measure["reason"].values[0])) or ABSENT
    coverage = shown(100 * float(measure["coverage"].values[0]), "{:.0f} %")
    return [markdown_escaped(str(measure["name"].item())), *texts, coverage]

"""Tables of how well sizes predict each other along every axis, one suite beside another."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from trajectories.alignment.axes import COMPUTE, PERPLEXITY
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

AXIS_NAMES = {
    COMPUTE: "compute",
    "tokens_seen": "tokens",
    "training_fraction": "training fraction",
    PERPLEXITY: "perplexity",
}
LEGEND = """\
R² of predicting the checkpoints of a size from those of the other sizes, by a local linear regression along
an axis: 1 where curves lie on each other, below 0 where the mean of the predicted checkpoints would do
better. In brackets the {confidence:.0f} % interval over checkpoints and over the tokens, texts or examples of
a measure where these are at hand; of sizes there are only {sizes}, and chance among sizes is in no interval.
The axis whose R² is significantly the highest is bold: its difference from each other one excludes 0, over
the checkpoints that both axes predict; no correction is made for the number of measures. "Difference" is
perplexity less compute.
"""


def alignment_csv(tables: Mapping[str, xr.Dataset]) -> str:
    """Every number of `align_measures`, a row per suite, start, measure and axis."""
    header = ["suite", "start", "kind", "measure", "axis", "r_squared", "low", "high", "points"]
    against = ["difference_from_compute", "difference_low", "difference_high", "shared_points"]
    rows = [
        [
            suite,
            number(float(of_start["start"])),
            *(str(measure[name].item()) for name in ("kind", "name")),
            str(along["axis"].item()),
            *(number(float(along[name])) for name in header[5:]),
            *(number(float(along[name].sel(other=COMPUTE))) for name in ("difference", *against[1:])),
            str(measure["best"].item() == along["axis"].item()).lower(),
            str(along["reason"].item()),
        ]
        for suite, table in tables.items()
        for of_start in each(table, "start")
        for measure in each(of_start, "measure")
        for along in each(measure, "axis")
    ]
    return csv_text([*header, *against, "best", "reason"], rows)


def alignment_markdown(tables: Mapping[str, xr.Dataset], *, sizes: Mapping[str, int]) -> str:
    """For reading: a table for each start and suite, measures by kind, the best axis bold.

    Args:
        tables: what `trajectories.alignment.table.align_measures` returns, by the name of the suite.
        sizes: of each suite.
    """
    first = next(iter(tables.values()))
    counts = " and ".join(f"{count} ({suite})" for suite, count in sizes.items())
    parts = ["# How well sizes predict each other\n"]
    parts.append(LEGEND.format(confidence=100 * first.attrs["confidence"], sizes=counts))
    for start in first["start"].values.tolist():
        since = f"after {hundredths(start)} % of training" if start > 0 else "of all of training"
        parts += _side_by_side({suite: table.sel(start=start) for suite, table in tables.items()}, since)
        for suite, table in tables.items():
            at = table.sel(start=start)
            parts.append(f"## {markdown_escaped(suite)}: checkpoints {since}\n\n{_count(at)}")
            parts.append(_table(at))
    return "\n".join(parts)


def best_counts(table: xr.Dataset) -> dict[str, int]:
    """By axis, of how many measures it is significantly the best.

    Args:
        table: what `align_measures` returns, at one start.
    """
    best = table["best"].values.astype(str)
    return {name: int((best == name).sum()) for name in AXIS_NAMES}


def _side_by_side(tables: Mapping[str, xr.Dataset], since: str) -> list[str]:
    """The measures that all suites have, at equal compute and at equal perplexity, and the difference."""
    labels = [table["measure"].values.tolist() for table in tables.values()]
    shared = [label for label in labels[0] if all(label in other for other in labels[1:])]
    if len(labels) < 2 or not shared:
        return []
    axes = (COMPUTE, PERPLEXITY)
    header = [
        "measure",
        *(f"{markdown_escaped(suite)}: {AXIS_NAMES[axis]}" for suite in tables for axis in axes),
        *(f"{markdown_escaped(suite)}: difference" for suite in tables),
    ]
    rows = []
    for label in shared:
        measures = [table.sel(measure=label) for table in tables.values()]
        cells = [
            _cell(measure.sel(axis=axis), best=str(measure["best"].item()))
            for measure in measures
            for axis in axes
        ]
        apart = [
            _with_interval(measure.sel(axis=PERPLEXITY, other=COMPUTE), "difference", "{:+.2f}")
            for measure in measures
        ]
        rows.append([markdown_escaped(label), *cells, *apart])
    return [
        f"## Side by side: checkpoints {since}\n",
        markdown_table(header, rows, right=range(1, len(header))),
    ]


def _count(table: xr.Dataset) -> str:
    pair = table.sel(axis=PERPLEXITY, other=COMPUTE)
    known = int(pair["difference"].notnull().sum())
    better, worse = int((pair["difference_low"] > 0).sum()), int((pair["difference_high"] < 0).sum())
    best = ", ".join(f"{AXIS_NAMES[name]} of {count}" for name, count in best_counts(table).items() if count)
    return (
        f"Of {known} measures perplexity predicts {better} significantly better than compute and {worse} "
        f"significantly worse. Best of all axes: {best or 'none'}.\n"
    )


def _table(table: xr.Dataset) -> str:
    header = ["measure", "points", *AXIS_NAMES.values(), "difference"]
    rows = []
    kinds = table["kind"].values.tolist()
    for kind in dict.fromkeys(kinds):
        rows.append([f"*{markdown_escaped(kind)}*", *[""] * (len(header) - 1)])
        rows += [_row(table.isel(measure=place)) for place in np.flatnonzero(table["kind"].values == kind)]
    return markdown_table(header, rows, right=range(1, len(header)))


def _row(measure: xr.Dataset) -> list[str]:
    pair = measure.sel(axis=PERPLEXITY, other=COMPUTE)
    points = measure["points"].sel(axis=[COMPUTE, PERPLEXITY]).values
    return [
        markdown_escaped(str(measure["name"].item())),
        " / ".join(str(count) for count in dict.fromkeys(points.tolist())),
        *(_cell(measure.sel(axis=axis), best=str(measure["best"].item())) for axis in AXIS_NAMES),
        _with_interval(pair, "difference", "{:+.2f}"),
    ]


def _cell(along: xr.Dataset, *, best: str) -> str:
    if np.isnan(float(along["r_squared"])):
        return markdown_escaped(str(along["reason"].item())) or ABSENT
    text = _with_interval(along, "r_squared", "{:.2f}")
    return f"**{text}**" if along["axis"].item() == best else text


def _with_interval(values: xr.Dataset, name: str, form: str) -> str:
    ends = ("low", "high") if name == "r_squared" else (f"{name}_low", f"{name}_high")
    value, low, high = (shown(float(values[each]), form) for each in (name, *ends))
    return value if ABSENT in {low, high} else f"{value} ({low} to {high})"

"""How well sizes predict each other at equal compute and at equal perplexity: a dumbbell per measure."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from trajectories.alignment.axes import COMPUTE, PERPLEXITY
from trajectories.figures.style import FAINT, INK, PAGE_INCHES, SETTINGS, message, new_figure, styled
from trajectories.figures.ticks import hundredths

ROW_INCHES = 0.135
MARGINS_INCHES = 0.95
LEFT_END = -1.0  # R² below stands at the edge, with an arrow
RIGHT_END = 1.05
AXIS_STYLES: dict[str, dict[str, Any]] = {
    COMPUTE: {
        "color": "#c8742a",
        "markeredgecolor": "#c8742a",
        "markerfacecolor": "white",
        "label": "at equal compute",
    },
    PERPLEXITY: {"color": "#1f3f77", "markeredgecolor": "#1f3f77", "label": "at equal validation perplexity"},
}
MARKER: dict[str, Any] = {
    "marker": "o",
    "markersize": 3.8,
    "markeredgewidth": 1.1,
    "linestyle": "none",
    "zorder": 3,
}
BEYOND: dict[str, Any] = {"marker": "<"}
INTERVAL: dict[str, Any] = {"linewidth": 0.7, "alpha": 0.55, "zorder": 2, "solid_capstyle": "butt"}
APART: dict[str, Any] = {"color": INK, "linewidth": 1.7, "zorder": 1.6, "solid_capstyle": "butt"}
ALIKE: dict[str, Any] = {"color": "#bbbbbb", "linewidth": 1.1, "zorder": 1.5, "solid_capstyle": "butt"}
STAGGER = {COMPUTE: 0.14, PERPLEXITY: -0.14}  # of a row, so that intervals do not lie on each other


@styled
def alignment_dumbbells(tables: Mapping[str, xr.Dataset], *, start: float = 0.0) -> Figure:
    """R² of predicting a size from the others, at equal compute and at equal validation perplexity.

    A column for each suite, a row for each of its headline measures, by kind. Thin lines are intervals; the
    bar between two marks is dark where the interval of their difference excludes 0. What lies below -1
    stands at the edge.

    Args:
        tables: what `trajectories.alignment.table.align_measures` returns, by the name of the suite.
        start: one of their starts.
    """
    parts = {title: _headlines(table.sel(start=start)) for title, table in tables.items()}
    rows = max((_rows(part) for part in parts.values()), default=0)
    if not rows:
        return message("Nothing was measured.")
    figure = new_figure(PAGE_INCHES, ROW_INCHES * rows + MARGINS_INCHES)
    panels = figure.subplots(1, len(parts), squeeze=False)[0]
    for panel, (title, part) in zip(panels, parts.items(), strict=True):
        _draw(panel, part, rows=rows)
        panel.set_title(title, loc="left", fontweight="bold")
    figure.supxlabel("R² of predicting a size from the others", fontsize=SETTINGS["axes.labelsize"])
    since = f" after {hundredths(start)} % of training" if start > 0 else ""
    handles = [
        *(Line2D([], [], **MARKER | style) for style in AXIS_STYLES.values()),
        Line2D([], [], label="difference significant", **APART),
        Line2D([], [], label="not", **ALIKE),
    ]
    title = f"Checkpoints{since} held out size by size"
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), title=title)
    return figure


def _headlines(table: xr.Dataset) -> xr.Dataset:
    return table.isel(measure=np.flatnonzero(table["headline"].values))


def _rows(part: xr.Dataset) -> int:
    """A row for each measure, one for each heading."""
    return part.sizes["measure"] + len(np.unique(part["kind"].values))


def _draw(panel: Axes, part: xr.Dataset, *, rows: int) -> None:
    labels, heights, row = [], [], 0
    kinds = part["kind"].values.tolist()
    for kind in dict.fromkeys(kinds):
        panel.text(
            -0.02,
            row,
            kind,
            transform=panel.get_yaxis_transform(),
            ha="right",
            va="center",
            style="italic",
            color=FAINT,
        )
        row += 1
        for place in np.flatnonzero(part["kind"].values == kind):
            measure = part.isel(measure=place)
            _dumbbell(panel, measure, row)
            labels.append(str(measure["name"].item()))
            heights.append(row)
            row += 1
    panel.set_yticks(heights, labels)
    panel.set_ylim(rows - 0.4, -0.6)
    panel.set_xlim(LEFT_END - 0.05, RIGHT_END)
    panel.axvline(0, color=FAINT, linewidth=0.6, zorder=1.2)
    panel.tick_params(axis="y", length=0)
    panel.grid(visible=False, axis="y")


def _dumbbell(panel: Axes, measure: xr.Dataset, row: int) -> None:
    values = {name: float(measure["r_squared"].sel(axis=name)) for name in AXIS_STYLES}
    known = [max(value, LEFT_END) for value in values.values() if np.isfinite(value)]
    if not known:
        words = str(measure["reason"].sel(axis=PERPLEXITY).item())
        panel.text(0, row, words, ha="center", va="center", color=FAINT, fontsize=6)
        return
    if len(known) == len(values):
        pair = measure.sel(axis=PERPLEXITY, other=COMPUTE)
        apart = bool(pair["difference_low"] > 0) or bool(pair["difference_high"] < 0)
        panel.plot(known, [row, row], **(APART if apart else ALIKE))
    for name, style in AXIS_STYLES.items():
        _mark(panel, measure.sel(axis=name), row, style=style, up=STAGGER[name])


def _mark(panel: Axes, at: xr.Dataset, row: int, *, style: dict[str, Any], up: float) -> None:
    value = float(at["r_squared"])
    if not np.isfinite(value):
        return
    ends = [max(float(at[end]), LEFT_END) for end in ("low", "high")]
    panel.plot(ends, [row - up, row - up], color=style["color"], **INTERVAL)
    form = BEYOND if value < LEFT_END else {}
    panel.plot([max(value, LEFT_END)], [row], **MARKER | style | form)

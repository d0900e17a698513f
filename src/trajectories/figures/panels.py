"""A grid of panels, each with the perplexity that all models have on one selection of tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trajectories.figures.axes import axis_label, coordinate, set_perplexity_axis, set_x_axis
from trajectories.figures.curves import add_legend, draw_curves, mark_start
from trajectories.figures.placement import Note, place_all
from trajectories.figures.style import FAINT, SETTINGS, LineStyle, model_styles, new_figure
from trajectories.figures.ticks import hundredths, percent
from trajectories.figures.training import DRAWN_FROM, IN_VIEW_FROM, late
from trajectories.trends import select, shares, subset_perplexity
from trajectories.trends.subsets import start_position
from trajectories.trends.trajectory import start_index

PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.0}  # behind text


@dataclass(frozen=True)
class Selection:
    """The tokens of one panel: those that have a trend from a start on in `model`; None: each model's own."""

    trend: str
    start: float
    model: str | None = None


@dataclass(frozen=True)
class Grid:
    """What the panels of a figure show, row by row, and what is written beside and above them."""

    rows: Sequence[Sequence[Selection]]
    row_labels: Sequence[str]
    titles: Sequence[Sequence[str]]
    width: float
    height: float


class Panels:
    """The datasets and the x-axis that all panels of a figure share."""

    def __init__(self, scores: xr.Dataset, trends: xr.Dataset, axis: str) -> None:
        self.scores, self.trends = scores, trends
        self.styles: dict[str, LineStyle] = model_styles(scores)
        self.whole_axis = coordinate(scores, axis)
        self.axis = self.late(self.whole_axis, DRAWN_FROM)
        self.shares = shares(trends)
        self.present = scores["log_likelihood"].notnull().any("token").transpose("model", "checkpoint")

    def curves(self, selection: Selection) -> xr.DataArray:
        """Perplexity (model, checkpoint) of the selected tokens, NaN before `DRAWN_FROM`."""
        selected = select(self.trends, start=selection.start, trend=selection.trend, model=selection.model)
        return self.late(subset_perplexity(self.scores["log_likelihood"], selected), DRAWN_FROM)

    def draw(self, panel: Axes, selection: Selection, curves: xr.DataArray) -> Note | None:
        """Curves, starts of the fit, and a note of who selects which share; None where nobody does."""
        draw_curves(panel, curves, self.axis, styles=self.styles)
        if not curves.notnull().any():
            self._say_empty(panel, selection)
            return None
        for model in self._selecting(selection):
            if curves.sel(model=model).notnull().any():
                self._mark_start(panel, model, selection, curves)
        text = panel.text(0.5, 0.5, self._who_and_how_many(selection), transform=panel.transAxes, bbox=PAPER)
        text.set_in_layout(False)
        if selection.model is None:
            return Note(text)
        return Note(text, beside=float(self._at_start(self.whole_axis, selection.model, selection.start)))

    def _mark_start(self, panel: Axes, model: str, selection: Selection, curves: xr.DataArray) -> None:
        """As high as the panel for one selecting model, up to each curve where all select for themselves."""
        position = float(self._at_start(self.whole_axis, model, selection.start))
        height = float(self._at_start(curves, model, selection.start)) if selection.model is None else None
        mark_start(panel, position, color=self.styles[model].color, top=height)

    def _at_start(self, values: xr.DataArray, model: str, start: float) -> xr.DataArray:
        """The value at the checkpoint from which this model's trends are fitted."""
        trajectory = self.present.sel(model=model)
        trajectory = trajectory.isel(checkpoint=np.flatnonzero(trajectory.values))
        checkpoint = trajectory["checkpoint"][start_index(trajectory, start)]
        return values.sel(model=model, checkpoint=checkpoint)

    def late(self, values: xr.DataArray, fraction: float) -> xr.DataArray:
        """The values, NaN at the checkpoints before this fraction of training."""
        return late(values.transpose("model", "checkpoint"), self.scores["training_fraction"], fraction)

    def _selecting(self, selection: Selection) -> list[str]:
        return list(self.styles) if selection.model is None else [selection.model]

    def _who_and_how_many(self, selection: Selection) -> str:
        start = start_position(self.trends, selection.start)
        of_trend = self.shares.sel(trend=selection.trend).isel(start=start)
        of_size: dict[str, list[float]] = {}
        for model in self._selecting(selection):
            of_size.setdefault(self.styles[model].label, []).append(float(of_trend.sel(model=model)))
        lines = [f"{label}: {_share(shares)}" for label, shares in of_size.items()]
        if selection.model is not None:
            selected = select(
                self.trends, start=selection.start, trend=selection.trend, model=selection.model
            )
            lines.append(f"{int(selected.sum()):,} tokens")
        return "\n".join(lines)

    def _say_empty(self, panel: Axes, selection: Selection) -> None:
        where = "any model" if selection.model is None else self.styles[selection.model].label
        what = "uncategorised" if selection.trend == "other" else selection.trend
        panel.text(
            0.5,
            0.5,
            f"no token is {what}\nafter {hundredths(selection.start)} % of training\nin {where}",
            transform=panel.transAxes,
            ha="center",
            va="center",
            color=FAINT,
        )


def _share(shares: Sequence[float]) -> str:
    """One share, or the smallest and the largest of several seeds."""
    known = sorted(share for share in shares if np.isfinite(share))
    if not known:
        return "no trends"
    ends = dict.fromkeys(percent(share) for share in (known[0], known[-1]))
    return f"{' to '.join(ends)} %"


def draw_grid(scores: xr.Dataset, trends: xr.Dataset, grid: Grid, *, axis: str) -> Figure:
    """The whole figure: panels with shared axes, one legend, texts where they cover nothing."""
    shared = Panels(scores, trends, axis)
    figure = new_figure(grid.width, grid.height)
    panels = figure.subplots(len(grid.rows), len(grid.rows[0]), sharex=True, sharey="row", squeeze=False)
    notes = []
    for line, selections, label in zip(panels, grid.rows, grid.row_labels, strict=True):
        curves = [shared.curves(selection) for selection in selections]
        set_perplexity_axis(line[0], np.stack([shared.late(curve, IN_VIEW_FROM).values for curve in curves]))
        line[0].set_ylabel(label)
        for panel, selection, curve in zip(line, selections, curves, strict=True):
            notes.append(shared.draw(panel, selection, curve))
    for line, titles in zip(panels, grid.titles, strict=False):
        for panel, title in zip(line, titles, strict=True):
            panel.set_title(title)
    set_x_axis(panels[0, 0], shared.axis)
    figure.supxlabel(axis_label(shared.axis), fontsize=SETTINGS["axes.labelsize"])
    add_legend(figure, shared.styles, start=_start_legend(grid))
    for _twice in range(2):  # as texts that found their place may have moved the limits, and so the layout
        figure.draw_without_rendering()
        place_all([note for note in notes if note is not None])
    return figure


def _start_legend(grid: Grid) -> str:
    starts = {selection.start for row in grid.rows for selection in row}
    return (
        f"start of the fit ({hundredths(starts.pop())} % of training)"
        if len(starts) == 1
        else "start of the fit"
    )

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
from trajectories.figures.style import COLUMN_INCHES, FAINT, SETTINGS, LineStyle, model_styles, new_figure
from trajectories.figures.ticks import hundredths, percent
from trajectories.figures.training import DRAWN_FROM, IN_VIEW_FROM, late
from trajectories.trends.selected import Selection, find_subset

PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.0}  # behind text


@dataclass(frozen=True)
class Grid:
    """What the panels of a figure show, row by row, and what is written beside and above them."""

    rows: Sequence[Sequence[Selection]]
    row_labels: Sequence[str]
    titles: Sequence[Sequence[str]]
    width: float
    height: float


class Panels:
    """The subsets and the x-axis that all panels of a figure share."""

    def __init__(self, subsets: xr.Dataset, axis: str) -> None:
        self.subsets = subsets
        self.styles: dict[str, LineStyle] = model_styles(subsets)
        self.whole_axis = coordinate(subsets, axis)
        self.axis = self.late(self.whole_axis, DRAWN_FROM)

    def curves(self, selection: Selection) -> xr.DataArray:
        """Perplexity (model, checkpoint) of the selected tokens, NaN before `DRAWN_FROM`."""
        return self.late(find_subset(self.subsets, selection)["perplexity"], DRAWN_FROM)

    def draw(self, panel: Axes, selection: Selection, curves: xr.DataArray) -> Note | None:
        """Curves, starts of the fit, and a note of who selects which share; None where nobody does."""
        draw_curves(panel, curves, self.axis, styles=self.styles)
        if not curves.notnull().any():
            self._say_empty(panel, selection)
            return None
        for model in self._selecting(selection):
            if curves.sel(model=model).notnull().any():
                self._mark_start(panel, model, selection, curves)
        text = panel.text(
            0.5, 0.5, self._who_and_how_many(curves, selection), transform=panel.transAxes, bbox=PAPER
        )
        text.set_in_layout(False)
        if selection.model is None:
            return Note(text)
        return Note(text, beside=self._at_start(self.whole_axis, selection.model, curves))

    def _mark_start(self, panel: Axes, model: str, selection: Selection, curves: xr.DataArray) -> None:
        """As high as the panel for one selecting model, up to each curve where all select for themselves."""
        position = self._at_start(self.whole_axis, model, curves)
        height = self._at_start(curves, model, curves) if selection.model is None else None
        mark_start(panel, position, color=self.styles[model].color, top=height)

    def _at_start(self, values: xr.DataArray, model: str, curves: xr.DataArray) -> float:
        """The value at the checkpoint from which this model's trends are fitted; NaN where none is known."""
        begins = float(curves["fit_start"].sel(model=model))
        return float(values.sel(model=model, checkpoint=begins)) if np.isfinite(begins) else np.nan

    def late(self, values: xr.DataArray, fraction: float) -> xr.DataArray:
        """The values, NaN at the checkpoints before this fraction of training."""
        return late(values.transpose("model", "checkpoint"), self.subsets["training_fraction"], fraction)

    def _selecting(self, selection: Selection) -> list[str]:
        return list(self.styles) if selection.model is None else [selection.model]

    def _who_and_how_many(self, curves: xr.DataArray, selection: Selection) -> str:
        of_size: dict[str, list[float]] = {}
        for model in self._selecting(selection):
            share = float(curves["selected_share"].sel(model=model))
            of_size.setdefault(self.styles[model].label, []).append(share)
        lines = [f"{label}: {_share(shares)}" for label, shares in of_size.items()]
        if selection.model is not None:
            number = float(curves["selected_tokens"].sel(model=selection.model))
            lines += [f"{int(number):,} tokens"] if np.isfinite(number) else []
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


def draw_grid(subsets: xr.Dataset, grid: Grid, *, axis: str) -> Figure:
    """The whole figure: panels with shared axes, one legend, texts where they cover nothing."""
    shared = Panels(subsets, axis)
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
    if len(starts) > 1:
        return "start of the fit"
    of_training = " of training" if grid.width > COLUMN_INCHES else ""
    return f"start of the fit ({hundredths(starts.pop())} %{of_training})"

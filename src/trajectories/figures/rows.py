"""Rows of panels of texts: every model at its last checkpoint against its size, or all along its training."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from trajectories.figures.axes import MARGIN, set_perplexity_axis, set_x_axis
from trajectories.figures.curves import draw_curves
from trajectories.figures.sizes import draw_models, draw_rings, set_size_axis
from trajectories.figures.style import FAINT, LineStyle
from trajectories.figures.ticks import LogTicks
from trajectories.figures.training import DRAWN_FROM, IN_VIEW_FROM, late

Panels = Sequence[Axes]
NARROW_TICKS = 3  # where five panels share the width of a page
LEAST_FACTOR = 2.0  # that a row of panels spans: a difference of a few per cent should look like one
ROW_TICKS = 5  # in the height of one of several rows
BETWEEN_PANELS = 1.1  # in widths of the panel on the left
LOWEST = 0.95  # of a perplexity axis; perplexities are at least 1


def size_row(
    panels: Panels,
    values: Sequence[xr.DataArray],
    *,
    styles: Mapping[str, LineStyle],
    ringed: Collection[str] = (),
) -> None:
    """Perplexity (model) at the last checkpoints against parameters, one array for each panel."""
    for panel, of_panel in zip(panels, values, strict=True):
        draw_models(panel, of_panel, styles)
        draw_rings(panel, of_panel, ringed)
        set_size_axis(panel, of_panel["parameters"].values)
    set_equal_spans(panels, [of_panel.values for of_panel in values])


def training_row(
    panels: Panels, values: Sequence[xr.DataArray], across: xr.DataArray, *, styles: Mapping[str, LineStyle]
) -> None:
    """Perplexity (model, checkpoint) against a coordinate of checkpoints, one array for each panel.

    The first 4 % of training are left out, where all texts fall from the perplexity of a uniform guess.
    """
    fraction = values[0]["training_fraction"]
    shown = late(across, fraction, DRAWN_FROM)
    for panel, of_panel in zip(panels, values, strict=True):
        draw_curves(panel, late(of_panel, fraction, DRAWN_FROM), shown, styles=styles)
        set_x_axis(panel, shown, ticks=NARROW_TICKS)
    set_equal_spans(panels, [late(of_panel, fraction, IN_VIEW_FROM).values for of_panel in values])


def set_equal_spans(panels: Panels, values: Sequence[np.ndarray]) -> None:
    """Logarithmic y-axes, each at the level of its own values, all spanning the same factor: slopes compare.

    That factor is at least 2. A panel without values says so.
    """
    for panel, shown in zip(panels, values, strict=True):
        set_perplexity_axis(panel, shown)
        if not np.isfinite(shown).any():
            panel.text(0.5, 0.5, "no texts", transform=panel.transAxes, ha="center", va="center", color=FAINT)
    known = [panel for panel, shown in zip(panels, values, strict=True) if np.isfinite(shown).any()]
    spans = np.log([panel.get_ylim() for panel in known]).reshape(-1, 2)
    widest = max((1 + 2 * MARGIN) * np.diff(spans).max(initial=0.0), np.log(LEAST_FACTOR))
    for panel, centre in zip(known, spans.mean(axis=1), strict=True):
        low = max(centre - widest / 2, np.log(LOWEST))
        panel.set_ylim(float(np.exp(low)), float(np.exp(low + widest)))
        panel.yaxis.set_major_locator(LogTicks(maximum=ROW_TICKS))


def label_row(panels: Panels, *, up: str | None = None, across: str | None = None) -> None:
    """One label left of the first panel, one below the middle of the row."""
    if up is not None:
        panels[0].set_ylabel(up)
    if across is not None:
        middle = (len(panels) - 1) // 2
        panels[middle].set_xlabel(across, x=0.5 if len(panels) % 2 else BETWEEN_PANELS)

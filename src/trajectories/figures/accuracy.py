"""Parts of figures of accuracy: a percent axis, the level of guessing, points with a smooth line."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from trajectories.alignment.local_regression import smooth
from trajectories.figures.axes import MARGIN
from trajectories.figures.curves import SEED, START_LINE
from trajectories.figures.style import FAINT, LineStyle
from trajectories.figures.ticks import hundredths
from trajectories.figures.training import DRAWN_FROM, late

GUESSING: dict[str, Any] = {"color": FAINT, **START_LINE}
POINT: dict[str, Any] = {"linestyle": "none", "markersize": 2.2, "alpha": 0.4, "zorder": 1.9}
LEAST_SPAN = 0.1  # of an axis: among few examples less is noise, which should not look like a trend
TICKS, FEWEST_TICKS = 6, 3
SPAN = 0.75  # of the points of a trajectory, of which one value of its smooth line comes


def draw_accuracy(
    panel: Axes, accuracy: xr.DataArray, across: xr.DataArray, *, styles: Mapping[str, LineStyle]
) -> None:
    """A faint point for each checkpoint, and a smooth line through those of each model.

    `accuracy` and `across` are over (model, checkpoint), the former with the coordinate training_fraction. As
    in other figures the first 4 % of training are left out.
    """
    shown = late(accuracy, accuracy["training_fraction"], DRAWN_FROM)
    smoothed, all_styles = smooth(across, shown, span=SPAN), list(styles.values())
    for name, style in styles.items():
        x, y, line = (values.sel(model=name).values for values in (across, shown, smoothed))
        known = np.flatnonzero(np.isfinite(line))
        in_order = known[np.argsort(x[known], kind="stable")]
        seed = {"linewidth": SEED["linewidth"]} if all_styles.count(style) > 1 else {}
        panel.plot(x[known], y[known], color=style.color, marker=style.marker, **POINT)
        panel.plot(x[in_order], line[in_order], color=style.color, label=style.label, **seed)


def standard_errors(measured: xr.Dataset) -> xr.DataArray:
    """`accuracy_standard_error`, NaN throughout where it is not among the measures."""
    return measured.get("accuracy_standard_error", xr.full_like(measured["accuracy"], np.nan))


def mark_guessing(panel: Axes, chance: float) -> None:
    """A dashed line at the accuracy of guessing, where it is known."""
    if np.isfinite(chance):
        panel.axhline(chance, **GUESSING)


def guessing(chance: xr.DataArray) -> list[Line2D]:
    """What that line means, for a legend; nothing where no accuracy of guessing is known."""
    return [Line2D([], [], label="guessing", **GUESSING)] if chance.notnull().any() else []


def say_nothing(panel: Axes, why: str) -> None:
    """A few words in the middle of a panel that has nothing to show."""
    panel.text(0.5, 0.5, why, transform=panel.transAxes, ha="center", va="center", color=FAINT)


def set_accuracy_axis(panels: Sequence[Axes], values: np.ndarray) -> None:
    """The same y-axis in percent for all panels, with all finite values in view, and at least 10 % high."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    span = max((1 + 2 * MARGIN) * (high - low), LEAST_SPAN)
    # Not far beyond what an accuracy can be, where there is nothing but ticks.
    lowest, highest = min(low, 0.0) - MARGIN * span, max(high, 1.0) + MARGIN * span
    bottom = min(max((low + high - span) / 2, lowest), highest - span)
    for panel in panels:
        panel.set_ylim(bottom, bottom + span)
        panel.yaxis.set_major_locator(MaxNLocator(TICKS, steps=[1, 2, 5, 10], min_n_ticks=FEWEST_TICKS))
        panel.yaxis.set_major_formatter(FuncFormatter(hundredths))

"""The other x-axis: the number of parameters, against which the last checkpoint of every model is drawn."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator

from trajectories.figures.axes import limits
from trajectories.figures.style import FAINT, INK, LineStyle
from trajectories.figures.ticks import LogTicks, plain

LABEL = "Parameters"
BETWEEN: dict[str, Any] = {"color": FAINT, "linewidth": 0.9, "zorder": 1.8}  # joins the sizes
RING: dict[str, Any] = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 7.0,
    "markerfacecolor": "none",
    "markeredgecolor": INK,
    "markeredgewidth": 0.8,
}
# From where on sizes are written in a unit; small suites have models of 0.2M.
UNITS = ((1e12, 1e12, "T"), (1e9, 1e9, "B"), (1e5, 1e6, "M"), (1e3, 1e3, "k"))


def draw_sizes(panel: Axes, values: xr.DataArray, **line: Any) -> None:
    """A line through the sizes in their order, through the geometric mean of several seeds of a size.

    `values` (model) has the coordinate parameters; sizes without a finite value are left out.
    """
    known = values.isel(model=np.flatnonzero(np.isfinite(values.values)))
    parameters, size = np.unique(known["parameters"].values, return_inverse=True)
    if parameters.size:
        mean = np.bincount(size, weights=np.log(known.values)) / np.bincount(size)
        panel.plot(parameters, np.exp(mean), **line)


def draw_models(panel: Axes, values: xr.DataArray, styles: Mapping[str, LineStyle]) -> None:
    """The sizes joined by a line, and each model in its own colour and marker."""
    draw_sizes(panel, values, **BETWEEN)
    for name, style in styles.items():
        of_model = values.sel(model=name)
        if np.isfinite(of_model):
            at = [float(of_model["parameters"])], [float(of_model)]
            panel.plot(*at, color=style.color, marker=style.marker, linestyle="none", label=style.label)


def draw_rings(panel: Axes, values: xr.DataArray, names: Collection[str]) -> None:
    """A ring around each of these models, where it has a finite value."""
    chosen = values.isel(model=np.flatnonzero(values["model"].isin(list(names)) & np.isfinite(values)))
    if chosen.size:
        panel.plot(chosen["parameters"].values, chosen.values, **RING)


def ring(label: str) -> Line2D:
    """What the ring means, for a legend."""
    return Line2D([], [], label=label, **RING)


def set_size_axis(panel: Axes, parameters: np.ndarray) -> None:
    """A logarithmic x-axis that holds all sizes, with few ticks written as 0.3M, 2M, 1.3B."""
    panel.set_xscale("log")
    low, high = limits(np.asarray(parameters, dtype=float), scale="log")
    room = (high / low) ** 0.03 if high / low > 2 else 1.5  # for the rings, and around one size
    panel.set_xlim(low / room, high * room)
    panel.xaxis.set_major_locator(LogTicks(maximum=3))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(FuncFormatter(count))


def count(value: float, _position: int | None = None) -> str:
    """A number of parameters as model names have it: 125000000 gives 125M."""
    rounded = float(f"{value:.3g}")
    for least, unit, suffix in UNITS:
        if rounded >= least:
            return f"{plain(rounded / unit)}{suffix}"
    return plain(rounded)

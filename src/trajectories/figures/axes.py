"""What an x-axis is: the name of a coordinate over (model, checkpoint), with its scale, ticks and label."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from trajectories.arrays import ATTRIBUTES
from trajectories.figures.ticks import LogTicks, hundredths, plain, power_of_ten, round_numbers

MARGIN = 0.05  # of an axis beyond the data, on each side


@dataclass(frozen=True)
class AxisKind:
    """Scale and writing of one coordinate."""

    scale: str
    write: Callable[[float, int | None], str]
    unit: str | None = None  # in place of the attribute's, where the ticks are written in another
    remark: str = ""
    reversed: bool = False


AXES = {
    "flops": AxisKind("log", power_of_ten),
    "tokens_seen": AxisKind("log", power_of_ten),
    "training_fraction": AxisKind("linear", hundredths, unit="%"),
    "validation_perplexity": AxisKind(
        "log", plain, remark="falling: training runs from left to right", reversed=True
    ),
}


def coordinate(scores: xr.Dataset, name: str) -> xr.DataArray:
    """The coordinate (model, checkpoint) that names an axis; ValueError when it cannot be an axis.

    On a logarithmic axis what is not positive has no place: there step 0 is missing.
    """
    if name not in AXES:
        raise ValueError(f"no axis is called '{name}'; choose one of {', '.join(AXES)}")
    if name not in scores.variables or set(scores[name].dims) != {"model", "checkpoint"}:
        came = ", ".join(str(key) for key in scores.coords)
        raise ValueError(
            f"the axis '{name}' must be a coordinate over model and checkpoint; there are {came}"
        )
    values = scores[name].transpose("model", "checkpoint")
    shown = values.where(values > 0) if AXES[name].scale == "log" else values
    if not np.isfinite(shown).any():
        raise ValueError(
            f"'{name}' is not known for any checkpoint; give suite.fetch.tokens_per_step where training "
            "tokens are not known, or draw against another coordinate (figures.axis=training_fraction)"
        )
    return shown


def axis_label(values: xr.DataArray) -> str:
    """The name and unit of a quantity, from its attributes: 'Training compute [FLOP]'."""
    name = str(values.name)
    attributes = {**ATTRIBUTES.get(name, {}), **values.attrs}
    kind = AXES.get(name)
    text = str(attributes.get("long_name", name.replace("_", " ")))
    unit = kind.unit if kind and kind.unit else attributes.get("units", "1")
    remark = f" ({kind.remark})" if kind and kind.remark else ""
    return text[0].upper() + text[1:] + remark + (f" [{unit}]" if unit != "1" else "")


def set_x_axis(panel: Axes, values: xr.DataArray, *, ticks: int = 5) -> None:
    """Scale, limits and at most about so many ticks for a coordinate, with all its finite values in view."""
    kind = AXES[str(values.name)]
    low, high = limits(values.values, scale=kind.scale)
    panel.set_xscale(kind.scale)
    panel.set_xlim((high, low) if kind.reversed else (low, high))
    if kind.scale == "log":
        panel.xaxis.set_major_locator(LogTicks(maximum=ticks))
        panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(FuncFormatter(kind.write))


def set_perplexity_axis(panel: Axes, values: np.ndarray) -> None:
    """A logarithmic y-axis in plain numbers, without ticks where there are no values."""
    panel.set_yscale("log")
    panel.set_ylim(*limits(values, scale="log"))
    panel.yaxis.set_major_locator(LogTicks() if np.isfinite(values).any() else NullLocator())
    panel.yaxis.set_minor_locator(NullLocator())
    panel.yaxis.set_major_formatter(FuncFormatter(plain))
    panel.yaxis.set_minor_formatter(NullFormatter())


def tick_below(values: np.ndarray) -> float:
    """The largest round number with which a logarithmic axis of the values has a tick at or below them all.

    NaN where there are no values.
    """
    known = values[np.isfinite(values)]
    if not known.size:
        return np.nan
    lowest = float(known.min())
    for number in reversed(round_numbers(lowest / 10, lowest)):
        low, high = limits(np.append(known, number), scale="log")
        if LogTicks().tick_values(low, high)[0] <= lowest:
            break
    return number


def limits(values: np.ndarray, *, scale: str) -> tuple[float, float]:
    """Smallest and largest finite value with a margin; (1, 10) when nothing is finite."""
    finite = values[np.isfinite(values) & ((values > 0) | (scale != "log"))]
    if not finite.size:
        return 1.0, 10.0
    low, high = float(finite.min()), float(finite.max())
    if scale == "log":
        ratio = max(high / low, 1.05) ** MARGIN
        return low / ratio, high * ratio
    pad = MARGIN * max(high - low, 1e-9)
    return low - pad, high + pad

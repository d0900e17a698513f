"""Figure 13: MAUVE of the generated texts, and how much they repeat themselves beside the documents."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from trajectories.figures.axes import MARGIN
from trajectories.figures.configurations import (
    METHODS,
    configuration_name,
    decoding_labels,
    in_order,
    method_name,
    number_of_texts,
)
from trajectories.figures.curves import START_LINE, add_legend
from trajectories.figures.style import (
    COLUMN_INCHES,
    FAINT,
    PAGE_INCHES,
    LineStyle,
    message,
    new_figure,
    styled,
)
from trajectories.figures.ticks import hundredths

ROW_INCHES = 1.5
MARGINS_INCHES = 0.75
COLOURS = ("#b5541c", "#1f7a6d", "#7a4fa3")
MARKERS = ("o", "s", "^")
APART = 0.2  # methods of a configuration, in widths of a configuration
BAR: dict[str, Any] = {"linestyle": "none", "elinewidth": 1.0, "capsize": 2.0, "capthick": 0.8}
ON_AXIS: dict[str, Any] = {"clip_on": False, "zorder": 3}  # points at 0 stand whole on the axis
DOCUMENTS: dict[str, Any] = {"color": FAINT, **START_LINE}


@styled
def mauve_scores(quality: xr.Dataset, *, n: int = 2) -> Figure:
    """MAUVE with its spread over seeds, and repetition, by configuration and method (Figure 13).

    Columns are lengths. The first row has MAUVE, the mean over seeds of the clustering with a bar from the
    lowest to the highest; the second the share of distinct n-grams, the third the longest span that occurs
    twice, means over texts, both with those of the documents as a dashed line.

    Args:
        quality: as in data/quality.nc; the attribute `features` names the model whose hidden states MAUVE
            compares.
        n: of the n-grams, one of those there are.

    Raises:
        ValueError: there are no n-grams of this n.
    """
    if n not in quality["n"].values:
        came = ", ".join(map(str, quality["n"].values))
        raise ValueError(f"there are no n-grams of n = {n}; choose one of {came}")
    if not quality["texts"].size or not (quality["texts"] > 0).any():
        return message("No text was generated.")
    styles = _method_styles([str(method) for method in quality["method"].values])
    lengths = quality["new_tokens"].values.tolist()
    figure = new_figure(PAGE_INCHES if lengths[1:] else COLUMN_INCHES, 3 * ROW_INCHES + MARGINS_INCHES)
    panels = figure.subplots(3, len(lengths), sharex=True, squeeze=False)
    for column, length in zip(panels.T, lengths, strict=True):
        of_length = quality.sel(new_tokens=length)
        column[0].set_title(f"{length} new tokens, {number_of_texts(of_length['texts'].values)}")
        _draw_column(column, of_length, styles, n=n)
    of_model = str(quality.attrs["features"]).rstrip("/").rpartition("/")[2]  # without owner or folder
    labels = (f"MAUVE\n(features: {of_model})", f"Distinct {n}-grams\n[%]", "Longest repeat\n[tokens]")
    for row, label in zip(panels, labels, strict=True):
        row[0].set_ylabel(label)
    for panel in panels[-1]:
        _set_configurations(panel, in_order(quality["texts"]))
    figure.align_ylabels(panels[:, 0])
    documents = Line2D([], [], label="documents", **DOCUMENTS)
    add_legend(figure, styles, marks=[documents], title=_caption(quality))
    return figure


def _draw_column(
    panels: Sequence[Axes], quality: xr.Dataset, styles: Mapping[str, LineStyle], *, n: int
) -> None:
    """The texts of one length: MAUVE, distinct n-grams, longest repeat; all from zero."""
    mauve, distinct, repeat = panels
    _draw_methods(mauve, quality["mauve"].transpose(..., "seed"), styles)
    if not quality["mauve"].notnull().any():
        mauve.text(
            0.5, 0.5, "too few texts", transform=mauve.transAxes, ha="center", va="center", color=FAINT
        )
    _draw_methods(distinct, quality["distinct"].sel(n=[n]), styles)
    distinct.axhline(float(quality["reference_distinct"].sel(n=n)), **DOCUMENTS)
    _draw_methods(repeat, quality["longest_repeat"].expand_dims("seed", axis=-1), styles)
    repeat.axhline(float(quality["reference_longest_repeat"]), **DOCUMENTS)
    for share in (mauve, distinct):
        share.set_ylim(0, 1 + MARGIN)
    repeat.set_ylim(bottom=0)
    distinct.yaxis.set_major_formatter(FuncFormatter(hundredths))
    for panel in panels:
        panel.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        panel.grid(visible=False, axis="x")


def _draw_methods(panel: Axes, values: xr.DataArray, styles: Mapping[str, LineStyle]) -> None:
    """The mean over the last dimension and a bar over its range, methods side by side."""
    ordered = in_order(values)
    for i, (method, style) in enumerate(styles.items()):
        of_method = ordered.sel({"method": method}).values
        mean = of_method.mean(axis=-1)
        # The mean of equal numbers can differ from them in its last digit, and no bar is negative.
        bars = np.maximum([mean - of_method.min(axis=-1), of_method.max(axis=-1) - mean], 0)
        position = np.arange(len(mean)) + APART * (i - (len(styles) - 1) / 2)
        settings = BAR if of_method.shape[-1] > 1 else BAR | {"elinewidth": 0, "capsize": 0}
        look = {"color": style.color, "marker": style.marker, "label": style.label, **ON_AXIS}
        panel.errorbar(position, mean, bars, **look, **settings)


def _set_configurations(panel: Axes, ordered: xr.DataArray) -> None:
    """The configurations as ticks of the x-axis."""
    names = [configuration_name(str(label)) for label in ordered["configuration"].values]
    panel.set_xlim(-0.5, len(names) - 0.5)
    panel.set_xticks(range(len(names)), names)


def _method_styles(methods: Sequence[str]) -> dict[str, LineStyle]:
    """In the order of the methods that there are; a method looks the same whichever others are drawn."""
    known = [*METHODS, *(method for method in methods if method not in METHODS)]
    places = {method: known.index(method) % len(COLOURS) for method in methods}
    return {method: LineStyle(method_name(method), COLOURS[at], MARKERS[at]) for method, at in places.items()}


def _caption(quality: xr.Dataset) -> str:
    """What bars are, what does not compare, and who generated the texts; in lines where it is narrow."""
    seeds, counts = quality.sizes["seed"], quality["texts"].values
    parts = [f"MAUVE: mean and range over {seeds} clustering seeds"] if seeds > 1 else []
    if np.unique(counts[counts > 0]).size > 1:
        parts.append("sets of different numbers of texts do not compare")
    return ("; " if quality.sizes["new_tokens"] > 1 else ";\n").join([*parts, decoding_labels(quality)])

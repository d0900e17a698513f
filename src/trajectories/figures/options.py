"""Figure 5 (right): how probable correct and incorrect options of tasks are; also along training."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from trajectories.figures.axes import set_perplexity_axis, tick_below
from trajectories.figures.curves import add_legend, draw_curves
from trajectories.figures.groups import tasks_in_words
from trajectories.figures.sizes import LABEL, draw_sizes, set_size_axis
from trajectories.figures.style import (
    COLUMN_INCHES,
    FAINT,
    INK,
    LineStyle,
    message,
    new_figure,
    styled,
)
from trajectories.figures.training import DRAWN_FROM, late
from trajectories.scoring.gather import final

KINDS = {
    "correct": LineStyle("correct options", INK, "o"),
    "incorrect": LineStyle("incorrect options", "#b5541c", "s"),
}
LINES: dict[str, Any] = {"correct": "-", "incorrect": (0, (2, 1.2))}  # along training, in the models' colours


@styled
def option_perplexity(means: xr.Dataset) -> Figure:
    """Perplexity of correct and incorrect options under all sizes' last checkpoints (Figure 5, right).

    `means` is what `task_means` returns: over the tokens of all tasks' options.
    """
    values = {kind: final(means[f"{kind}_perplexity"]) for kind in KINDS}
    if not any(of_kind.notnull().any() for of_kind in values.values()):
        return message("No checkpoint was scored on all tasks.")
    figure = new_figure(COLUMN_INCHES, 3.0)
    panel = figure.subplots()
    for kind, style in KINDS.items():
        draw_sizes(panel, values[kind], color=style.color, marker=style.marker, label=style.label)
    set_size_axis(panel, means["parameters"].values)
    all_values = np.concatenate([of_kind.values for of_kind in values.values()])
    set_perplexity_axis(panel, np.append(all_values, tick_below(all_values)))
    panel.set_xlabel(LABEL)
    panel.set_ylabel("Perplexity")
    add_legend(figure, KINDS, title=f"Options of {tasks_in_words(int(means['tasks']))}")
    return figure


def draw_options(
    panel: Axes, means: xr.Dataset, across: xr.DataArray, *, styles: Mapping[str, LineStyle]
) -> None:
    """Perplexities of `task_means` against a coordinate (model, checkpoint): a line for each kind."""
    for kind, line in LINES.items():
        shown = late(means[f"{kind}_perplexity"], means["training_fraction"], DRAWN_FROM)
        of_models = (
            styles if kind == "correct" else {name: replace(of, marker="") for name, of in styles.items()}
        )
        draw_curves(panel, shown, across, styles=of_models, linestyle=line)


def option_marks() -> list[Line2D]:
    """What these lines mean, for a legend."""
    return [
        Line2D([], [], color=FAINT, linestyle=line, label=KINDS[kind].label) for kind, line in LINES.items()
    ]

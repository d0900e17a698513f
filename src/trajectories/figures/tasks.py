"""Figures 17 and 18: every task by itself, its scaling curve beside its accuracy along training."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trajectories.downstream.measures import require_tasks
from trajectories.figures.accuracy import (
    draw_accuracy,
    guessing,
    mark_guessing,
    say_nothing,
    set_accuracy_axis,
    standard_errors,
)
from trajectories.figures.axes import coordinate, set_x_axis
from trajectories.figures.curves import add_legend
from trajectories.figures.groups import grouping_in_words
from trajectories.figures.sizes import BETWEEN, LABEL, set_size_axis
from trajectories.figures.style import (
    PAGE_INCHES,
    SETTINGS,
    LineStyle,
    message,
    model_styles,
    new_figure,
    styled,
)
from trajectories.figures.training import DRAWN_FROM, late
from trajectories.scoring.gather import final

MOST_WIDE = 8  # tasks in rows of two; of more there are three in a row
ROW_INCHES = 1.15
MARGINS_INCHES = 0.75
CAPTION = "Left: last checkpoints{}. Right: along training, by validation perplexity"
WITH_ERRORS = ", with standard errors"
LONGEST_TITLE = {1: 100, 2: 50, 3: 32}  # characters in the width of a task, by tasks in a row
NARROW_TICKS = 3
BAR: dict[str, Any] = {"linestyle": "none", "elinewidth": 0.8, "capsize": 1.5, "capthick": 0.6}


@styled
def task_panels(tasks: xr.Dataset, names: Sequence[str]) -> Figure:
    """Final accuracy of each task against size, beside all of its training (Figures 17 and 18).

    Left of each pair: the last checkpoints with their standard errors against parameters, sizes of several
    seeds joined at their mean. Right: checkpoints after 4 % of training against validation perplexity, and
    smooth lines. Each pair has a y-axis of its own, at least 10 % high.

    Args:
        tasks: `accuracy` (model, checkpoint, task) and `chance` (task), NaN where guessing is not known;
            where it is known, `accuracy_standard_error`, as `analysed` returns them.
        names: tasks in the order in which they are drawn, row by row.

    Raises:
        ValueError: a task that was not measured.
    """
    if not names:
        return message("No task is in this group.")
    require_tasks(tasks, names)
    drawn = tasks.sel(task=list(names))
    if not drawn["accuracy"].notnull().any():
        return message("No checkpoint was scored on these tasks.")
    drawn = drawn.assign(accuracy_standard_error=standard_errors(drawn))
    across = late(coordinate(drawn, "validation_perplexity"), drawn["training_fraction"], DRAWN_FROM)
    styles, wide = model_styles(drawn), min(len(names), 2 if len(names) <= MOST_WIDE else 3)
    figure, pairs = _grid(len(names), wide)
    for pair, name in zip(pairs, names, strict=True):
        of_task = drawn.sel(task=name)
        _draw_models(pair[0], of_task, styles)
        draw_accuracy(pair[1], of_task["accuracy"], across, styles=styles)
        _finish(pair, of_task, across)
        pair[0].set_title(_title(name, LONGEST_TITLE[wide]), loc="left")
    for sizes, training in pairs[-wide:]:
        sizes.set_xlabel(LABEL)
        training.set_xlabel("Perplexity")
    figure.supylabel("Accuracy [%]", fontsize=SETTINGS["axes.labelsize"])
    caption = CAPTION.format(WITH_ERRORS if drawn["accuracy_standard_error"].notnull().any() else "")
    title = "\n".join(filter(None, (caption, grouping_in_words(tasks))))
    add_legend(figure, styles, marks=guessing(drawn["chance"]), title=title)
    return figure


def _draw_models(panel: Axes, of_task: xr.Dataset, styles: Mapping[str, LineStyle]) -> None:
    """Each model's last checkpoint with its standard error, and a line through the means of sizes."""
    accuracy, error = final(of_task["accuracy"]), final(of_task["accuracy_standard_error"])
    by_size = accuracy.groupby("parameters").mean().dropna("parameters")
    panel.plot(by_size["parameters"].values, by_size.values, **BETWEEN)
    for name, style in styles.items():
        size, up, bar = (float(values.sel(model=name)) for values in (of_task["parameters"], accuracy, error))
        panel.errorbar(size, up, bar, color=style.color, marker=style.marker, **BAR)


def _finish(pair: tuple[Axes, Axes], of_task: xr.Dataset, across: xr.DataArray) -> None:
    """Axes and the level of guessing, or words where the task was not scored."""
    for panel in pair:
        mark_guessing(panel, float(of_task["chance"]))
        if not of_task["accuracy"].notnull().any():
            say_nothing(panel, "not scored")
    set_accuracy_axis(pair, _in_view(of_task))
    sizes, training = pair
    set_size_axis(sizes, of_task["parameters"].values)
    set_x_axis(training, across, ticks=NARROW_TICKS)
    training.tick_params(labelleft=False)


def _in_view(of_task: xr.Dataset) -> np.ndarray:
    """All that is drawn of a task, the ends of error bars among it."""
    accuracy, error = final(of_task["accuracy"]).values, final(of_task["accuracy_standard_error"]).values
    along = late(of_task["accuracy"], of_task["training_fraction"], DRAWN_FROM).values
    ends = np.nan_to_num(error)
    return np.concatenate([along.ravel(), accuracy - ends, accuracy + ends, [float(of_task["chance"])]])


def _grid(number: int, wide: int) -> tuple[Figure, list[tuple[Axes, Axes]]]:
    """Two panels for each of so many tasks, `wide` tasks in a row; x-axes are shared down the columns."""
    high = -(-number // wide)
    figure = new_figure(PAGE_INCHES, ROW_INCHES * high + MARGINS_INCHES)
    panels = figure.subplots(high, 2 * wide, sharex="col", squeeze=False).ravel()
    for above, unused in zip(panels[2 * (number - wide) :], panels[2 * number :], strict=False):
        above.tick_params(labelbottom=True)
        unused.remove()
    return figure, list(zip(panels[: 2 * number : 2], panels[1 : 2 * number : 2], strict=True))


def _title(name: str, longest: int) -> str:
    """A task's name, in two lines where it is long, broken after the underscore nearest to its middle."""
    breaks = [place + 1 for place, letter in enumerate(name) if letter in "_ -"]
    if len(name) <= longest or not breaks:
        return name
    middle = min(breaks, key=lambda place: abs(2 * place - len(name)))
    return f"{name[:middle]}\n{name[middle:]}"

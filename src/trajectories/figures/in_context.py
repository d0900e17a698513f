"""Figures 8 and 9: accuracy of in-context learning along training, over all tasks and over groups of them."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trajectories.figures.accuracy import (
    draw_accuracy,
    guessing,
    mark_guessing,
    say_nothing,
    set_accuracy_axis,
    standard_errors,
)
from trajectories.figures.axes import axis_label, coordinate, set_x_axis
from trajectories.figures.curves import add_legend
from trajectories.figures.groups import grouping_in_words, tasks_in_words
from trajectories.figures.options import draw_options, option_marks
from trajectories.figures.rows import set_equal_spans
from trajectories.figures.style import (
    PAGE_INCHES,
    SETTINGS,
    LineStyle,
    message,
    model_styles,
    new_figure,
    styled,
)
from trajectories.figures.ticks import percent
from trajectories.figures.training import DRAWN_FROM, late

NARROW_TICKS = 3  # where four panels share the width of a page
ROW_INCHES = 1.95
MARGINS_INCHES = 0.6
IN_ONE_ROW = 2  # groups, with two panels each; more have their options below
PANELS_WIDE = 4
PERPLEXITIES = ("correct_perplexity", "incorrect_perplexity")
RIGHT = "validation_perplexity"  # what the right panel of Figure 8 is against
NOT_SCORED, NO_TASK = "not scored", "no task"


@styled
def mean_accuracy(means: xr.Dataset, *, axis: str = "flops") -> Figure:
    """Mean accuracy over tasks along training, against compute and validation perplexity (Figure 8).

    Points are checkpoints, lines smooth them; the first 4 % of training are left out.

    Args:
        means: `accuracy` (model, checkpoint), `chance`, the number of `tasks` and, where it is known,
            `accuracy_standard_error`, as `task_means` returns them.
        axis: of the left panel, a coordinate of `means` over (model, checkpoint); FLOPs where it is
            validation perplexity, which the right panel has.

    Raises:
        ValueError: a coordinate that cannot be an axis.
    """
    if not means["accuracy"].notnull().any():
        return message("No checkpoint was scored on all tasks.")
    figure, styles = new_figure(PAGE_INCHES, 2.8), model_styles(means)
    panels = figure.subplots(1, 2, sharey=True)
    chance = float(means["chance"])
    left = axis if axis != RIGHT else "flops"
    for panel, name in zip(panels, (left, RIGHT), strict=True):
        across = _late(coordinate(means, name), means)
        draw_accuracy(panel, means["accuracy"], across, styles=styles)
        mark_guessing(panel, chance)
        set_x_axis(panel, across)
        panel.set_xlabel(axis_label(across))
    drawn = _late(means["accuracy"], means)
    set_accuracy_axis(panels, np.append(drawn.values, chance))
    panels[0].set_ylabel("Mean accuracy [%]")
    add_legend(figure, styles, marks=guessing(means["chance"]), title=_caption(means))
    return figure


@styled
def group_trajectories(means: xr.Dataset) -> Figure:
    """Mean accuracy of each group of tasks, and perplexity of its options, along training (Figure 9).

    All against validation perplexity, after the first 4 % of training. Panels of accuracy share their y-axis;
    those of perplexity span the same factor, each at its own level, and are left out where none is given.

    Args:
        means: over group, as `group_means` returns them: `accuracy` (group, model, checkpoint), `chance` and
            the number of `tasks` (group), and where they are known `correct_perplexity` and
            `incorrect_perplexity` (group, model, checkpoint).
    """
    if not means["tasks"].any():
        return message("No task is in a group.")
    if not means["accuracy"].notnull().any():
        return message("No checkpoint was scored on all tasks of a group.")
    across, styles = _late(coordinate(means, RIGHT), means), model_styles(means)
    groups = [means.isel(group=place) for place in range(means.sizes["group"])]
    with_options = set(PERPLEXITIES) <= set(means.data_vars)
    figure, (of_accuracy, of_options) = _grid(len(groups), with_options=with_options)
    _draw_accuracies(of_accuracy, groups, across, styles)
    if with_options:
        _draw_options(of_options, groups, across, styles)
    for panel, of_group in zip(of_accuracy + of_options, groups + groups, strict=False):
        name, count = str(of_group["group"].item()), int(of_group["tasks"])
        panel.set_title(f"{name.capitalize()}\n({tasks_in_words(count)})")
    set_x_axis(figure.axes[0], across, ticks=NARROW_TICKS)
    figure.supxlabel(axis_label(across), fontsize=SETTINGS["axes.labelsize"])
    marks = [*guessing(means["chance"]), *(option_marks() if with_options else [])]
    add_legend(figure, styles, marks=marks, title=grouping_in_words(means))
    return figure


def _grid(groups: int, *, with_options: bool) -> tuple[Figure, tuple[list[Axes], list[Axes]]]:
    """Panels of accuracy and of options of so many groups: beside one another, or in rows above and below.

    Without options there are no panels of them.
    """
    kinds = 2 if with_options else 1
    high = 1 if groups <= IN_ONE_ROW else kinds * -(-groups // PANELS_WIDE)
    wide = kinds * groups if high == 1 else -(-kinds * groups // high)
    figure = new_figure(PAGE_INCHES, ROW_INCHES * high + MARGINS_INCHES)
    panels = figure.subplots(high, wide, sharex=True, squeeze=False)
    parts = np.split(panels, kinds, axis=1 if high == 1 else 0)
    for unused in [panel for part in parts for panel in part.ravel()[groups:]]:
        unused.remove()
    last = parts[-1]
    for above in last[:-1].ravel()[groups - last.size :] if groups < last.size else ():
        above.tick_params(labelbottom=True)  # nothing is left below it
    kept = [part.ravel()[:groups].tolist() for part in parts]
    return figure, (kept[0], kept[1] if with_options else [])


def _draw_accuracies(
    panels: Sequence[Axes],
    groups: Sequence[xr.Dataset],
    across: xr.DataArray,
    styles: Mapping[str, LineStyle],
) -> None:
    """A panel for the means of each group; a group without tasks has none."""
    in_view = []
    for panel, means in zip(panels, groups, strict=True):
        if not means["tasks"]:
            say_nothing(panel, NO_TASK)
            continue
        values, chance = _late(means["accuracy"], means), float(means["chance"])
        draw_accuracy(panel, values, across, styles=styles)
        mark_guessing(panel, chance)
        in_view.append(np.append(values.values, chance))
        if not values.notnull().any():
            say_nothing(panel, NOT_SCORED)
    set_accuracy_axis(panels, np.concatenate(in_view))
    _label_rows(panels, "Mean accuracy [%]")


def _draw_options(
    panels: Sequence[Axes],
    groups: Sequence[xr.Dataset],
    across: xr.DataArray,
    styles: Mapping[str, LineStyle],
) -> None:
    """As `_draw_accuracies`."""
    in_view = {}
    for panel, means in zip(panels, groups, strict=True):
        of_kinds = np.stack([_late(means[kind], means).values for kind in PERPLEXITIES])
        if not np.isfinite(of_kinds).any():
            say_nothing(panel, NOT_SCORED if means["tasks"] else NO_TASK)
            panel.set_yticks([])
            continue
        draw_options(panel, means, across, styles=styles)
        in_view[panel] = of_kinds
    set_equal_spans(list(in_view), list(in_view.values()))
    _label_rows(panels, "Perplexity of options")


def _label_rows(panels: Sequence[Axes], label: str) -> None:
    """On the left of each row of panels."""
    for place, panel in enumerate(panels):
        spec = panel.get_subplotspec()
        if not place or (spec and spec.is_first_col()):
            panel.set_ylabel(label)


def _late(values: xr.DataArray, means: xr.Dataset) -> xr.DataArray:
    return late(values, means["training_fraction"], DRAWN_FROM)


def _caption(means: xr.Dataset) -> str:
    """How many tasks there are, and how far a point may lie from what more examples would give."""
    errors = _late(standard_errors(means), means).values
    known = errors[np.isfinite(errors)]
    words = f"Mean over {tasks_in_words(int(means['tasks']))}"
    if not known.size:
        return words
    ends = dict.fromkeys(percent(error) for error in (known.min(), known.max()))
    return f"{words}; standard error of each point {' to '.join(ends)} percentage points"

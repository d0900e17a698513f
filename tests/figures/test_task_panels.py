"""Figures 17 and 18."""

import matplotlib.container
import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from made_up import MODELS
from made_up_tasks import GROUPS, TASKS, make_accuracy
from trajectories.figures import analysed, task_panels

NAMES = GROUPS["breakthroughness"]


@pytest.fixture(scope="module")
def accuracy() -> xr.Dataset:
    return make_accuracy()


@pytest.fixture(scope="module")
def figure(accuracy: xr.Dataset) -> Figure:
    return task_panels(analysed(accuracy), NAMES)


def bars(panel: Axes) -> list[tuple[float, float, float, float]]:
    """Parameters, accuracy, and the ends of the error bar of each model."""
    found = []
    for container in panel.containers:
        assert isinstance(container, matplotlib.container.ErrorbarContainer)
        (marker, _, (bar,)) = container
        ((_, low), (_, high)) = bar.get_segments()[0]
        found.append((*(float(values[0]) for values in marker.get_data()), float(low), float(high)))
    return found


def test_a_scaling_curve_has_final_accuracies_and_standard_errors(
    accuracy: xr.Dataset, figure: Figure
) -> None:
    for panel, task in zip(figure.axes[::2], NAMES, strict=True):
        for found, (model, (_, size)) in zip(bars(panel), MODELS.items(), strict=True):
            at = accuracy.sel(criterion="tokens", task=task, model=model).isel(checkpoint=-1)
            value, error = float(at["accuracy"]), float(at["accuracy_standard_error"])
            assert found == pytest.approx((size, value, value - error, value + error))


def test_a_trajectory_has_every_checkpoint_after_the_start_of_training(
    accuracy: xr.Dataset, figure: Figure
) -> None:
    for panel, task in zip(figure.axes[1::2], NAMES, strict=True):
        drawn = [line for line in panel.lines if line.get_linestyle() == "None"]
        for line, model in zip(drawn, MODELS, strict=True):
            at = accuracy.sel(criterion="tokens", task=task, model=model)
            late = at.isel(checkpoint=np.flatnonzero(at["training_fraction"] >= 0.04))
            np.testing.assert_array_equal(line.get_xdata(), late["validation_perplexity"])
            np.testing.assert_array_equal(line.get_ydata(), late["accuracy"])


def test_both_panels_of_a_task_have_its_level_of_guessing_and_the_same_axis(figure: Figure) -> None:
    for sizes, training, task in zip(figure.axes[::2], figure.axes[1::2], NAMES, strict=True):
        assert sizes.get_ylim() == training.get_ylim()
        for panel in (sizes, training):
            (level,) = (line.get_ydata()[0] for line in panel.lines if list(line.get_xdata()) == [0, 1])
            assert level == 1 / TASKS[task][0]
        low, high = sizes.get_ylim()
        assert all(low < end < high for _, *values in bars(sizes) for end in values)
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == [*(label for label, _ in MODELS.values()), "guessing"]


@pytest.mark.parametrize(
    ("grouping", "said"), [("fixed", "Groups are given"), ("measured", "Groups are chosen")]
)
def test_the_legend_says_how_groups_came_about(accuracy: xr.Dataset, grouping: str, said: str) -> None:
    figure = task_panels(analysed(accuracy.assign_attrs(grouping=grouping)), NAMES)
    assert figure.legends[0].get_title().get_text().splitlines()[1].startswith(said)


def test_tasks_are_drawn_in_the_order_in_which_they_are_named(accuracy: xr.Dataset) -> None:
    backwards = task_panels(analysed(accuracy), NAMES[::-1])
    assert [panel.get_title(loc="left") for panel in backwards.axes[::2]] == NAMES[::-1]


def test_sizes_of_several_seeds_are_joined_at_their_mean_even_at_zero() -> None:
    seeds = make_accuracy(models={"opt-a": ("0.2M", 2e5), "opt-b": ("0.2M", 2e5), "opt-c": ("1M", 1e6)})
    seeds["accuracy"][:, 0] = 0
    figure = task_panels(analysed(seeds), ["which_domain"])
    joined = figure.axes[0].lines[0]
    of_b = float(seeds["accuracy"].sel(criterion="tokens", model="opt-b", task="which_domain")[-1])
    assert joined.get_xdata().tolist() == [2e5, 1e6]
    assert joined.get_ydata()[0] == pytest.approx(of_b / 2)
    assert len(bars(figure.axes[0])) == 3


def test_one_model_and_unknown_standard_errors_are_drawn() -> None:
    alone = make_accuracy(models={"opt-0_2m": MODELS["opt-0_2m"]}, others={})
    alone["accuracy_standard_error"][:] = np.nan
    panel = task_panels(analysed(alone), ["which_domain"]).axes[0]
    (container,) = panel.containers
    assert container[0].get_ydata()[0] == alone["accuracy"].sel(task="which_domain").values[0, 0, -1]


def test_a_task_that_nobody_scored_says_so_beside_the_others(accuracy: xr.Dataset) -> None:
    lost = accuracy["accuracy"].where(accuracy["task"] != NAMES[0])
    figure = task_panels(analysed(accuracy.assign(accuracy=lost)), NAMES)
    assert [len(panel.texts) for panel in figure.axes] == [1, 1, 0, 0]
    nothing = task_panels(analysed(accuracy.assign(accuracy=lost)), NAMES[:1])
    assert nothing.texts[0].get_text() == "No checkpoint was scored on these tasks."


def test_without_tasks_the_figure_says_so(accuracy: xr.Dataset) -> None:
    assert task_panels(analysed(accuracy), []).texts[0].get_text() == "No task is in this group."


def test_a_task_that_was_not_measured_is_refused_by_name(accuracy: xr.Dataset) -> None:
    with pytest.raises(ValueError, match=r"'riddles' was not measured; Tasks are: matching_brackets"):
        task_panels(analysed(accuracy), ["which_domain", "riddles"])


@pytest.mark.parametrize("number", [3, 14])
def test_however_many_tasks_there_are_nothing_written_overlaps(accuracy: xr.Dataset, number: int) -> None:
    copies = [accuracy.assign_coords(task=[f"{task}_{copy}" for task in TASKS]) for copy in range(2)]
    many = xr.concat(copies, dim="task", data_vars="minimal", coords="minimal", compat="equals", join="exact")
    figure = task_panels(analysed(many), [str(task) for task in many["task"].values[-number:]])
    assert len(figure.axes) == 2 * number
    titles = [panel._left_title.get_window_extent() for panel in figure.axes[::2]]  # type: ignore[attr-defined]
    ticks = [
        label.get_window_extent()
        for panel in figure.axes
        for label in panel.get_xticklabels()
        if label.get_text() and label.get_visible()
    ]
    boxes = [figure.legends[0].get_window_extent(), *titles, *ticks]
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.width for box in boxes)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])

"""Figures 8 and 9."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from made_up import MODELS
from made_up_tasks import GROUPS, TASKS, make_accuracy
from trajectories import figures
from trajectories.figures.accuracy import SPAN, set_accuracy_axis
from trajectories.figures.style import new_figure

LABELS = {name: label for name, (label, _) in MODELS.items()}
LATE = 0.04  # of training, from where on is drawn


def mean_accuracy(accuracy: xr.Dataset, **settings: str) -> Figure:
    """Figure 8 of data/downstream/accuracy.nc."""
    return figures.mean_accuracy(figures.task_means(figures.analysed(accuracy)), **settings)


def group_trajectories(accuracy: xr.Dataset, groups: dict[str, list[str]]) -> Figure:
    """Figure 9 of data/downstream/accuracy.nc."""
    return figures.group_trajectories(figures.group_means(figures.analysed(accuracy), groups))


def smooth_lines(panel: Axes) -> dict[str, Line2D]:
    return {str(line.get_label()): line for line in panel.lines if not str(line.get_label()).startswith("_")}


def points(panel: Axes) -> list[Line2D]:
    """By model, as they were drawn."""
    return [line for line in panel.lines if line.get_linestyle() == "None"]


def guesses(panel: Axes) -> list[float]:
    """Levels of horizontal lines."""
    return [float(line.get_ydata()[0]) for line in panel.lines if list(line.get_xdata()) == [0, 1]]


def naive_means(accuracy: xr.Dataset, model: str, tasks: list[str]) -> dict[int, float]:
    """Mean accuracy at every checkpoint that is drawn, by step."""
    means = {}
    for step in accuracy["checkpoint"].values:
        at = accuracy.sel(model=model, checkpoint=step, criterion="tokens")
        values = [float(at["accuracy"].sel(task=task)) for task in tasks]
        if not any(np.isnan(values)) and float(at["training_fraction"]) >= LATE:
            means[int(step)] = sum(values) / len(values)
    return means


@pytest.fixture(scope="module")
def accuracy() -> xr.Dataset:
    return make_accuracy()


@pytest.fixture(scope="module")
def eight(accuracy: xr.Dataset) -> Figure:
    return mean_accuracy(accuracy)


@pytest.fixture(scope="module")
def nine(accuracy: xr.Dataset) -> Figure:
    return group_trajectories(accuracy, GROUPS)


def test_points_are_mean_accuracies_without_the_start_of_training(
    accuracy: xr.Dataset, eight: Figure
) -> None:
    for panel, axis in zip(eight.axes, ("flops", "validation_perplexity"), strict=True):
        for model, drawn in zip(MODELS, points(panel), strict=True):
            expected = naive_means(accuracy, model, list(TASKS))
            across = accuracy[axis].sel(model=model, checkpoint=list(expected))
            np.testing.assert_allclose(drawn.get_ydata(), list(expected.values()))
            np.testing.assert_array_equal(drawn.get_xdata(), across)
    assert len(points(eight.axes[0])[0].get_xdata()) == len(points(eight.axes[0])[1].get_xdata()) - 1


def test_a_line_smooths_each_models_points_from_left_to_right(eight: Figure) -> None:
    for panel in eight.axes:
        lines = smooth_lines(panel)
        assert list(lines) == list(LABELS.values())
        for drawn, line in zip(points(panel), lines.values(), strict=True):
            assert (np.diff(line.get_xdata()) > 0).all()
            assert sorted(drawn.get_xdata()) == list(line.get_xdata())
            order = np.argsort(drawn.get_xdata())
            raw = np.asarray(drawn.get_ydata())[order]
            assert np.abs(np.diff(line.get_ydata(), 2)).sum() < np.abs(np.diff(raw, 2)).sum() / 2
            x = np.log(np.asarray(line.get_xdata()))
            np.testing.assert_allclose(line.get_ydata(), naive_smooth(x, raw), atol=1e-9)


def naive_smooth(x: np.ndarray, y: np.ndarray) -> list[float]:
    """Local linear regression by weighted least squares, point by point."""
    nearest = int(SPAN * len(x))
    values = []
    for at in x:
        distance = np.abs(x - at)
        weight = np.clip(1 - (distance / np.sort(distance)[nearest - 1]) ** 3, 0, None) ** 3
        values.append(np.polyfit(x - at, y, 1, w=np.sqrt(weight))[1])
    return values


def test_guessing_is_marked_and_named(eight: Figure) -> None:
    chance = float(np.mean([1 / count for count, _, _ in TASKS.values()]))
    for panel in eight.axes:
        assert guesses(panel) == [pytest.approx(chance)]
        low, high = panel.get_ylim()
        assert low < chance < high
    assert [text.get_text() for text in eight.legends[0].get_texts()] == [*LABELS.values(), "guessing"]


def test_perplexity_falls_from_left_to_right(eight: Figure, nine: Figure) -> None:
    for panel in (eight.axes[1], *nine.axes):
        left, right = panel.get_xlim()
        assert left > right
        assert panel.get_xscale() == "log"


def test_the_legend_says_how_many_tasks_there_are_and_how_far_points_may_lie_off(
    accuracy: xr.Dataset, eight: Figure
) -> None:
    late = accuracy.sel(criterion="tokens", model=list(MODELS)).where(accuracy["training_fraction"] >= LATE)
    errors = np.sqrt((late["accuracy_standard_error"] ** 2).sum("task", skipna=False)) / len(TASKS)
    low, high = (f"{100 * float(end):.1f}" for end in (errors.min(), errors.max()))
    title = eight.legends[0].get_title().get_text()
    assert title == f"Mean over 9 tasks; standard error of each point {low} to {high} percentage points"


def test_with_one_example_each_no_error_is_told(accuracy: xr.Dataset) -> None:
    unknown = accuracy.assign(accuracy_standard_error=accuracy["accuracy_standard_error"] * np.nan)
    assert mean_accuracy(unknown).legends[0].get_title().get_text() == "Mean over 9 tasks"


def test_what_is_drawn_is_chosen_by_the_criterion(accuracy: xr.Dataset) -> None:
    by_bytes = mean_accuracy(accuracy.assign_attrs(criterion="bytes"))
    expected = accuracy["accuracy"].sel(criterion="bytes", model="opt-3_6m").mean("task")
    np.testing.assert_allclose(points(by_bytes.axes[0])[-1].get_ydata()[-1], expected[-1])


def test_another_axis_takes_the_place_of_compute_and_a_wrong_one_is_refused(accuracy: xr.Dataset) -> None:
    figure = mean_accuracy(accuracy, axis="training_fraction")
    assert figure.axes[0].get_xlabel() == "Fraction of training [%]"
    with pytest.raises(ValueError, match=r"steps.*flops"):
        mean_accuracy(accuracy, axis="steps")


def test_validation_perplexity_is_drawn_once_and_compute_stays(accuracy: xr.Dataset, eight: Figure) -> None:
    figure = mean_accuracy(accuracy, axis="validation_perplexity")
    labels = [[panel.get_xlabel() for panel in each.axes] for each in (figure, eight)]
    assert labels[0] == labels[1]
    assert len(set(labels[0])) == 2


def test_a_checkpoint_that_lacks_a_task_is_left_out(accuracy: xr.Dataset) -> None:
    step = int(accuracy["checkpoint"][10])
    lacks = (accuracy["checkpoint"] == step) & (accuracy["task"] == "which_domain")
    figure = mean_accuracy(accuracy.assign(accuracy=accuracy["accuracy"].where(~lacks)))
    gone = float(accuracy["flops"].sel(model="opt-1_4m", checkpoint=step))
    assert gone not in points(figure.axes[0])[2].get_xdata()


def test_nothing_scored_is_said(accuracy: xr.Dataset) -> None:
    nothing = accuracy.assign(accuracy=accuracy["accuracy"] * np.nan)
    assert mean_accuracy(nothing).texts[0].get_text() == "No checkpoint was scored on all tasks."
    said = group_trajectories(nothing, GROUPS).texts[0].get_text()
    assert said == "No checkpoint was scored on all tasks of a group."


def test_a_family_that_is_not_there_is_named(accuracy: xr.Dataset) -> None:
    with pytest.raises(ValueError, match=r"'gpt'.*opt, neox"):
        mean_accuracy(accuracy.assign_attrs(family="gpt"))


def test_seeds_of_a_size_have_lines_of_their_own_and_one_entry() -> None:
    seeds = make_accuracy(models={"opt-a": ("0.2M", 2e5), "opt-b": ("0.2M", 2e5), "opt-c": ("1M", 1e6)})
    figure = mean_accuracy(seeds)
    assert len(points(figure.axes[0])) == 3
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["0.2M", "1M", "guessing"]


def test_groups_have_accuracies_at_the_left_and_options_at_the_right(
    accuracy: xr.Dataset, nine: Figure
) -> None:
    titles = ["Linearity\n(3 tasks)", "Breakthroughness\n(2 tasks)"]
    assert [panel.get_title() for panel in nine.axes] == titles * 2
    for panel, tasks in zip(nine.axes, GROUPS.values(), strict=False):
        assert guesses(panel) == [pytest.approx(np.mean([1 / TASKS[task][0] for task in tasks]))]
        for model, drawn in zip(MODELS, points(panel), strict=True):
            np.testing.assert_allclose(drawn.get_ydata(), list(naive_means(accuracy, model, tasks).values()))
    assert nine.axes[0].get_ylim() == nine.axes[1].get_ylim()


def test_correct_options_are_solid_and_incorrect_ones_dashed(accuracy: xr.Dataset, nine: Figure) -> None:
    for panel, tasks in zip(nine.axes[2:], GROUPS.values(), strict=True):
        solid = [line for line in panel.lines if line.get_linestyle() == "-"]
        dashed = [line for line in panel.lines if line.get_linestyle() == "--"]
        for kind, drawn in (("correct", solid), ("incorrect", dashed)):
            of_kind = accuracy.sel(task=tasks)
            weight = of_kind[f"{kind}_tokens"] / of_kind[f"{kind}_tokens"].sum("task")
            expected = np.exp((np.log(of_kind[f"{kind}_perplexity"]) * weight).sum("task"))
            for model, line in zip(MODELS, drawn, strict=True):
                assert line.get_ydata()[-1] == pytest.approx(float(expected.sel(model=model)[-1]))
    names = [text.get_text() for text in nine.legends[0].get_texts()]
    assert names == [*LABELS.values(), "guessing", "correct options", "incorrect options"]


def test_panels_of_options_span_the_same_factor(nine: Figure) -> None:
    first, second = (np.divide(*panel.get_ylim()) for panel in nine.axes[2:])
    assert first == pytest.approx(second)


def test_an_empty_group_says_so_beside_the_other(accuracy: xr.Dataset) -> None:
    figure = group_trajectories(accuracy, GROUPS | {"breakthroughness": []})
    said = [[text.get_text() for text in panel.texts] for panel in figure.axes]
    assert said == [[], ["no task"], [], ["no task"]]
    assert points(figure.axes[0])


def test_a_group_that_nobody_scored_says_so_beside_the_other(accuracy: xr.Dataset) -> None:
    lost = accuracy["task"].isin(GROUPS["linearity"])
    names = ("accuracy", "correct_perplexity", "incorrect_perplexity")
    figure = group_trajectories(
        accuracy.assign({name: accuracy[name].where(~lost) for name in names}), GROUPS
    )
    said = [[text.get_text() for text in panel.texts] for panel in figure.axes]
    assert said == [["not scored"], [], ["not scored"], []]


@pytest.mark.parametrize("groups", [{}, {"linearity": [], "breakthroughness": []}])
def test_without_groups_the_figure_says_so(accuracy: xr.Dataset, groups: dict[str, list[str]]) -> None:
    assert group_trajectories(accuracy, groups).texts[0].get_text() == "No task is in a group."


def test_three_groups_stand_in_two_rows(accuracy: xr.Dataset) -> None:
    figure = group_trajectories(accuracy, GROUPS | {"other": ["sum_of_two_numbers"]})
    rows = {panel.get_subplotspec().rowspan.start for panel in figure.axes[:3]}  # type: ignore[union-attr]
    assert rows == {0}
    assert [panel.get_title() for panel in figure.axes[2::3]] == ["Other\n(1 task)"] * 2


@pytest.mark.parametrize("number", [4, 7])
def test_however_many_groups_there_are_all_are_drawn_and_nothing_overlaps(
    accuracy: xr.Dataset, number: int
) -> None:
    groups = {f"group {task[:9]}": [task] for task in list(TASKS)[:number]}
    figure = group_trajectories(accuracy, groups)
    assert [panel.get_title() for panel in figure.axes] == [
        f"{name.capitalize()}\n(1 task)" for name in groups
    ] * 2
    assert [bool(panel.lines) for panel in figure.axes] == [True] * (2 * number)
    boxes = [panel.title.get_window_extent() for panel in figure.axes]
    ticks = [
        label.get_window_extent()
        for panel in figure.axes
        for label in panel.get_xticklabels()
        if label.get_text() and label.get_visible()
    ]
    boxes += [figure.legends[0].get_window_extent(), *ticks]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    options = [(panel, panel.get_subplotspec()) for panel in figure.axes[number:]]
    lowest = {spec.colspan.start: panel for panel, spec in options if spec}
    assert all(panel.xaxis.get_tick_params()["labelbottom"] for panel in lowest.values())


@pytest.mark.parametrize(
    ("grouping", "said"), [("fixed", "Groups are given"), ("measured", "Groups are chosen")]
)
def test_the_legend_says_how_groups_came_about(accuracy: xr.Dataset, grouping: str, said: str) -> None:
    figure = group_trajectories(accuracy.assign_attrs(grouping=grouping), GROUPS)
    assert figure.legends[0].get_title().get_text().startswith(said)


def test_a_task_that_was_not_measured_is_refused_by_name(accuracy: xr.Dataset) -> None:
    with pytest.raises(ValueError, match=r"'riddles' was not measured; Tasks are: matching_brackets"):
        group_trajectories(accuracy, {"linearity": ["riddles"]})


@pytest.mark.parametrize("model", ["opt-0_2m", "opt-3_6m"])
def test_one_model_is_enough(model: str) -> None:
    alone = make_accuracy(models={model: MODELS[model]}, others={})
    for figure in (mean_accuracy(alone), group_trajectories(alone, GROUPS)):
        assert all(smooth_lines(panel) for panel in figure.axes)


def test_nothing_written_overlaps(eight: Figure, nine: Figure) -> None:
    for figure in (eight, nine):
        (legend,) = figure.legends
        extent = legend.get_window_extent()
        assert 0 <= extent.x0 < extent.x1 <= figure.bbox.width
        titles = [panel.title.get_window_extent() for panel in figure.axes if panel.get_title()]
        ticks = [
            [label.get_window_extent() for label in panel.get_xticklabels() if label.get_text()]
            for panel in figure.axes
        ]
        below = [panel.xaxis.label.get_window_extent() for panel in figure.axes if panel.get_xlabel()]
        for boxes in ([extent, *titles], below, *ticks):
            assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.mark.parametrize(
    ("values", "span"),
    [
        ([0.3, 0.3], 0.1),
        ([1.0, 1.0], 0.1),
        ([0.0], 0.1),
        ([0.318, 0.431], 0.1243),
        ([0.2, 0.7], 0.55),
        ([np.nan], 1.1),
    ],
)
def test_an_axis_of_accuracy_is_high_enough_and_does_not_leave_what_there_can_be(
    values: list[float], span: float
) -> None:
    panel = new_figure(2, 2).subplots()
    set_accuracy_axis([panel], np.array(values))
    low, high = panel.get_ylim()
    assert high - low == pytest.approx(span)
    assert low >= -0.06
    assert high <= 1.06
    known = [value for value in values if np.isfinite(value)]
    assert all(low < value < high for value in known)
    ticks = [tick for tick in panel.get_yticks() if low <= tick <= high]
    assert len(ticks) >= 3
    assert min(ticks) > -0.01
    assert max(ticks) < 1.01

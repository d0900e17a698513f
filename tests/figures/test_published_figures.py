"""Figures 1, 2, 3, 4, 8, 9, 17 and 18 of published numbers, and our own suite beside them."""

import numpy as np
import pytest
import xarray as xr
from made_up_published import MODELS, SELECTING, SUBSETS
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from made_up_tasks import make_accuracy
from trajectories import figures
from trajectories.publications import published
from trajectories.trends import shares

NUMBERS = ["01", "02", "03", "04", "08", "09", "17", "18"]
SHARED = NUMBERS[:6]
LABELS = [label for label, _ in MODELS.values()]
LATE = 0.04  # of training, from where on is drawn


@pytest.fixture(scope="module")
def drawn(opt: xr.Dataset) -> dict[str, Figure]:
    return figures.published_figures(opt)


def points(panel: Axes) -> list[Line2D]:
    """Of accuracies along training, by model."""
    return [line for line in panel.lines if line.get_linestyle() == "None" and len(line.get_xdata()) > 1]


def lines(panel: Axes) -> dict[str, Line2D]:
    return {str(line.get_label()): line for line in panel.lines if not str(line.get_label()).startswith("_")}


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def caption(figure: Figure) -> str:
    return figure.legends[0].get_title().get_text()


def late(opt: xr.Dataset, values: xr.DataArray, model: str) -> np.ndarray:
    """Published values after the start of training, without those that are missing."""
    of_model = values.sel(model=model).values
    kept = np.isfinite(of_model) & (opt["training_fraction"].sel(model=model).values >= LATE)
    return of_model[kept]


def test_all_that_was_published_has_its_figure(drawn: dict[str, Figure]) -> None:
    assert list(drawn) == NUMBERS


def test_figure_1_has_all_validated_steps(opt: xr.Dataset, drawn: dict[str, Figure]) -> None:
    for model, line in zip(MODELS, lines(drawn["01"].axes[0]).values(), strict=True):
        expected = opt["validation_perplexity"].sel(model=model).values
        np.testing.assert_array_equal(line.get_ydata(), expected[np.isfinite(expected)])


def test_figure_2_has_the_published_shares(opt: xr.Dataset, drawn: dict[str, Figure]) -> None:
    for panel, trend in zip(drawn["02"].axes, ("stagnated", "upward", "downward"), strict=True):
        for model, line in zip(MODELS, panel.lines, strict=True):
            np.testing.assert_array_equal(line.get_ydata(), opt["share"].sel(trend=trend, model=model))


@pytest.mark.parametrize(("number", "trend"), [("03", "stagnated"), ("04", "upward")])
def test_figures_3_and_4_have_the_panel_that_was_published(
    opt: xr.Dataset, drawn: dict[str, Figure], number: str, trend: str
) -> None:
    (panel,) = drawn[number].axes
    for model, line in zip(MODELS, lines(panel).values(), strict=True):
        of_trend = opt["subset_perplexity"].isel(subset=list(SUBSETS).index(trend))
        np.testing.assert_array_equal(line.get_ydata(), late(opt, of_trend, model))
    (text,) = panel.texts
    assert text.get_text() == f"1.3B: {100 * SUBSETS[trend]:.1f} %"
    assert drawn[number].get_figwidth() < drawn["02"].get_figwidth() / 2


def test_the_dashed_line_stands_at_the_scored_checkpoint_nearest_to_the_start(
    opt: xr.Dataset, drawn: dict[str, Figure]
) -> None:
    (panel,) = drawn["04"].axes
    (dashed,) = (line for line in panel.lines if line.get_linestyle() == "--")
    assert dashed.get_xdata()[0] == float(opt["flops"].sel(model=SELECTING, checkpoint=4000))


def test_figure_8_has_the_published_means_and_says_no_error(
    opt: xr.Dataset, drawn: dict[str, Figure]
) -> None:
    for panel, axis in zip(drawn["08"].axes, ("flops", "validation_perplexity"), strict=True):
        for model, line in zip(MODELS, points(panel), strict=True):
            accuracy = opt["accuracy"].sel(task="all")
            np.testing.assert_array_equal(line.get_ydata(), late(opt, accuracy, model))
            across = late(opt, opt[axis].where(accuracy.notnull()), model)
            np.testing.assert_array_equal(line.get_xdata(), across)
    assert caption(drawn["08"]) == "Mean over 74 tasks"
    assert legend(drawn["08"]) == [*LABELS, "guessing"]


def test_figure_9_has_accuracies_and_no_panel_of_options(opt: xr.Dataset, drawn: dict[str, Figure]) -> None:
    titles = [panel.get_title() for panel in drawn["09"].axes]
    assert titles == ["Linearity\n(2 tasks)", "Breakthroughness\n(1 task)"]
    for panel, group in zip(drawn["09"].axes, ("linearity", "breakthroughness"), strict=True):
        for model, line in zip(MODELS, points(panel), strict=True):
            np.testing.assert_array_equal(line.get_ydata(), late(opt, opt["accuracy"].sel(task=group), model))
        (level,) = (line.get_ydata()[0] for line in panel.lines if list(line.get_xdata()) == [0, 1])
        assert level == float(opt["chance"].sel(task=group))
    assert legend(drawn["09"]) == [*LABELS, "guessing"]


@pytest.mark.parametrize(("number", "group"), [("17", "linearity"), ("18", "breakthroughness")])
def test_tasks_of_a_group_have_neither_errors_nor_guessing(
    opt: xr.Dataset, drawn: dict[str, Figure], number: str, group: str
) -> None:
    tasks = opt["task"].values[opt["group"].values == group].tolist()
    left, right = drawn[number].axes[::2], drawn[number].axes[1::2]
    assert [panel.get_title(loc="left") for panel in left] == tasks
    for task, sizes, training in zip(tasks, left, right, strict=True):
        accuracy = opt["accuracy"].sel(task=task)
        for container, model, line in zip(sizes.containers, MODELS, points(training), strict=True):
            marker, _, (bar,) = container
            np.testing.assert_array_equal(line.get_ydata(), late(opt, accuracy, model))
            assert marker.get_ydata()[0] == line.get_ydata()[-1]
            assert not np.concatenate(bar.get_segments()).size
        assert not [line for line in training.lines if list(line.get_xdata()) == [0, 1]]
    assert legend(drawn[number]) == LABELS
    assert caption(drawn[number]) == "Left: last checkpoints. Right: along training, by validation perplexity"


def test_axes_of_accuracy_end_where_tasks_were_scored(opt: xr.Dataset, drawn: dict[str, Figure]) -> None:
    low, high = drawn["08"].axes[0].get_xlim()
    scored = opt["flops"].where(opt["in_table_2"] & (opt["training_fraction"] >= LATE))
    everything = drawn["01"].axes[0].get_xlim()
    assert everything[0] < low < float(scored.min())
    assert float(scored.max()) < high


def test_the_real_numbers_are_drawn_and_nothing_written_overlaps() -> None:
    for figure in figures.published_figures(published("opt")).values():
        (legend,) = figure.legends
        extent = legend.get_window_extent()
        assert 0 <= extent.x0 < extent.x1 <= figure.bbox.width
        titles = [
            title.get_window_extent()
            for panel in figure.axes
            for title in (panel.title, panel._left_title)  # type: ignore[attr-defined]
            if title.get_text()
        ]
        ticks = [
            label.get_window_extent()
            for panel in figure.axes
            for label in panel.get_xticklabels()
            if label.get_text() and label.get_visible()
        ]
        boxes = [extent, *titles, *ticks]
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.fixture(scope="module")
def ours(scores: xr.Dataset, trends: xr.Dataset) -> figures.Aggregates:
    return figures.suite_aggregates(scores, trends, make_accuracy())


def test_our_suite_is_drawn_by_the_same_functions(
    scores: xr.Dataset, trends: xr.Dataset, subsets: xr.Dataset, ours: figures.Aggregates
) -> None:
    tasks = figures.analysed(make_accuracy())
    alone = {
        "01": figures.validation_perplexity(scores),
        "02": figures.trend_shares(shares(trends)),
        "03": figures.tokens_selected_by(subsets, "opt-0_2m", trend="stagnated"),
        "08": figures.mean_accuracy(figures.task_means(tasks)),
        "09": figures.group_trajectories(figures.group_means(tasks, figures.tasks_by_group(tasks))),
    }
    drawn = figures.draw_aggregates(ours)
    assert list(drawn) == SHARED
    for number, figure in alone.items():
        for panel, other in zip(drawn[number].axes, figure.axes, strict=True):
            for line, same in zip(panel.lines, other.lines, strict=True):
                np.testing.assert_array_equal(line.get_xydata(), same.get_xydata())


def test_the_model_that_selects_and_the_start_can_be_chosen(scores: xr.Dataset, trends: xr.Dataset) -> None:
    chosen = figures.suite_aggregates(scores, trends, make_accuracy(), small="opt-1_4m", start=0.4)
    (panel,) = figures.tokens_selected_by(
        chosen.subsets, chosen.small, trend="upward", start=chosen.start
    ).axes
    assert panel.get_title() == "Tokens selected by 1.4M"
    assert set(chosen.subsets["selected_by"].values) == {"opt-1_4m"}
    assert set(chosen.subsets["subset_start"].values) == {0.4}


def test_both_suites_have_the_figures_that_they_share(opt: xr.Dataset, ours: figures.Aggregates) -> None:
    both = figures.beside_figures(ours, figures.published_figures(opt))
    assert list(both) == SHARED
    for figure in both.values():
        assert [text.get_text() for text in figure.texts] == ["This suite", "OPT (Xia et al., 2023)"]

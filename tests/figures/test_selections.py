import numpy as np
import pytest
import xarray as xr
from made_up_subsets import make_subsets
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from made_up import MODELS, make_scores, make_trends
from trajectories.figures import (
    all_trends,
    drawn_selections,
    middle_selections,
    selected_tokens,
    tokens_selected_by,
    uncategorised_tokens,
)
from trajectories.figures.placement import covers_curves
from trajectories.figures.ticks import percent
from trajectories.trends import CATEGORIES

SMALL, LARGE = "opt-0_2m", "opt-3_6m"
LABELS = {name: label for name, (label, _) in MODELS.items()}


def curves(panel: Axes) -> dict[str, Line2D]:
    return {str(line.get_label()): line for line in panel.lines if not str(line.get_label()).startswith("_")}


def dashed(panel: Axes) -> list[Line2D]:
    return [line for line in panel.lines if line.get_linestyle() == "--"]


def words(figure: Figure) -> list[str]:
    return [text.get_text() for panel in figure.axes for text in panel.texts]


def codes(trends: xr.Dataset, start: float, model: str) -> np.ndarray:
    return trends["trend"].sel(start=start, model=model).values


@pytest.fixture(scope="module")
def upward(subsets: xr.Dataset) -> Figure:
    return selected_tokens(subsets, trend="upward")


@pytest.fixture(scope="module")
def figures(subsets: xr.Dataset, upward: Figure) -> list[Figure]:
    return [
        upward,
        selected_tokens(subsets, trend="stagnated"),
        all_trends(subsets),
        uncategorised_tokens(subsets),
        middle_selections(subsets),
        tokens_selected_by(subsets, SMALL, trend="upward"),
    ]


@pytest.mark.parametrize(("panel", "selecting"), [(0, None), (1, SMALL), (2, LARGE)])
def test_curves_are_perplexities_of_the_selected_tokens(
    scores: xr.Dataset, trends: xr.Dataset, upward: Figure, panel: int, selecting: str | None
) -> None:
    for model, label in LABELS.items():
        chosen = codes(trends, 0.1, selecting or model) == CATEGORIES.index("upward")
        expected = []
        for step in scores["checkpoint"].values:
            at = scores.sel(model=model, checkpoint=step)
            values = at["log_likelihood"].values[chosen].astype(float)
            if at["training_fraction"] >= 0.04 and np.isfinite(values).all():
                expected.append(np.exp(-values.mean()))
        np.testing.assert_allclose(curves(upward.axes[panel])[label].get_ydata(), expected, rtol=1e-6)


@pytest.mark.parametrize(("panel", "selecting"), [(1, SMALL), (2, LARGE)])
def test_the_panel_names_who_selects_which_share(
    trends: xr.Dataset, upward: Figure, panel: int, selecting: str
) -> None:
    chosen = codes(trends, 0.1, selecting) == CATEGORIES.index("upward")
    (text,) = upward.axes[panel].texts
    assert text.get_text() == f"{LABELS[selecting]}: {percent(chosen.mean())} %\n{chosen.sum():,} tokens"


def test_where_models_select_for_themselves_each_share_is_written(trends: xr.Dataset, upward: Figure) -> None:
    (text,) = upward.axes[0].texts
    expected = [
        f"{label}: {percent((codes(trends, 0.1, name) == CATEGORIES.index('upward')).mean())} %"
        for name, label in LABELS.items()
    ]
    assert text.get_text().splitlines() == expected


def test_a_dashed_line_marks_the_start_of_the_selecting_model(scores: xr.Dataset, upward: Figure) -> None:
    fraction = scores["training_fraction"].sel(model=LARGE)
    nearest = int(np.nanargmin(abs(fraction.values - 0.1)))
    (line,) = dashed(upward.axes[2])
    assert line.get_xdata()[0] == float(scores["flops"].sel(model=LARGE)[nearest])
    assert len(dashed(upward.axes[0])) == len(MODELS)


def test_the_text_stands_beside_its_dashed_line(upward: Figure) -> None:
    for panel in upward.axes[1:]:
        (line,), (text,) = dashed(panel), panel.texts
        pixel = panel.transData.transform((line.get_xdata()[0], panel.get_ylim()[0]))[0]
        extent = text.get_window_extent()
        assert min(abs(extent.x0 - pixel), abs(extent.x1 - pixel)) < 0.05 * panel.bbox.width


def test_no_text_covers_a_curve_or_leaves_its_panel(figures: list[Figure]) -> None:
    for figure in figures:
        for panel in figure.axes:
            for text in panel.texts:
                assert not covers_curves(text)
                extent, inside = text.get_window_extent(), panel.get_window_extent()
                assert inside.x0 <= extent.x0 < extent.x1 <= inside.x1
                assert inside.y0 <= extent.y0 < extent.y1 <= inside.y1


def test_legends_stand_outside_all_panels_and_inside_the_figure(figures: list[Figure]) -> None:
    for figure in figures:
        (legend,) = figure.legends
        extent = legend.get_window_extent()
        assert extent.x0 >= 0
        assert extent.x1 <= figure.bbox.width
        assert not any(extent.overlaps(panel.get_window_extent()) for panel in figure.axes)


def test_titles_and_labels_do_not_touch_each_other(figures: list[Figure]) -> None:
    for figure in figures:
        titles = [panel.title.get_window_extent() for panel in figure.axes if panel.get_title()]
        labels = [panel.yaxis.label.get_window_extent() for panel in figure.axes if panel.get_ylabel()]
        for boxes in (titles, labels):
            assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_every_trend_has_its_row_and_every_start_its_panel(figures: list[Figure]) -> None:
    _, _, twelve, ten, eleven, alone = figures
    assert [len(figure.axes) for figure in (twelve, ten, eleven, alone)] == [9, 2, 4, 1]
    assert [panel.get_title() for panel in ten.axes] == [
        f"In no category after {start} % of training" for start in (10, 40)
    ]
    assert [panel.get_title() for panel in eleven.axes[:2]] == ["Selected by 0.4M", "Selected by 1.4M"]


def test_figure_12_is_against_validation_perplexity(scores: xr.Dataset, figures: list[Figure]) -> None:
    drawn = curves(figures[2].axes[3])["3.6M"].get_xdata()
    assert set(drawn) <= set(scores["validation_perplexity"].sel(model=LARGE).values)


def test_absent_checkpoints_are_left_out(scores: xr.Dataset, upward: Figure) -> None:
    present = int((scores["training_fraction"].sel(model=SMALL) >= 0.04).sum())
    assert present == int((scores["training_fraction"].sel(model=LARGE) >= 0.04).sum()) - 1
    assert len(curves(upward.axes[1])["0.2M"].get_xdata()) == present


def test_a_model_without_any_checkpoint_has_no_curve(scores: xr.Dataset, trends: xr.Dataset) -> None:
    absent = scores.where(scores["model"] != "opt-1_4m")
    without = trends.assign(trend=trends["trend"].where(trends["model"] != "opt-1_4m"))
    figure = selected_tokens(make_subsets(absent, without), trend="downward")
    assert "1.4M" not in curves(figure.axes[1])
    assert "1.4M: no trends" in figure.axes[0].texts[0].get_text()


def test_an_empty_subset_is_said_not_drawn(scores: xr.Dataset, trends: xr.Dataset) -> None:
    none_stagnated = trends.assign(trend=trends["trend"].where(trends["trend"] != 0, 3))
    figure = all_trends(make_subsets(scores, none_stagnated))
    assert [panel.texts[0].get_text() for panel in figure.axes[:3]] == [
        f"no token is stagnated\nafter 10 % of training\nin {where}"
        for where in ("any model", "0.2M", "3.6M")
    ]
    assert not any(panel.lines for panel in figure.axes[:3])
    assert figure.axes[3].lines


def test_only_the_model_without_such_tokens_is_left_out(scores: xr.Dataset, trends: xr.Dataset) -> None:
    kept = (trends["trend"] != 1) | (trends["model"] != SMALL)
    changed = trends.assign(trend=trends["trend"].where(kept, 3))
    figure = selected_tokens(make_subsets(scores, changed), trend="upward")
    assert "0.2M: 0 %" in figure.axes[0].texts[0].get_text()
    assert set(curves(figure.axes[0])) == {"0.4M", "1.4M", "3.6M"}
    assert "in 0.2M" in figure.axes[1].texts[0].get_text()


@pytest.mark.parametrize("start", [0.1, 0.4])
def test_one_model_alone_draws_every_figure(start: float) -> None:
    scores = make_scores(tokens=300, models={SMALL: MODELS[SMALL]})
    subsets = make_subsets(scores, make_trends(scores), starts=[start])
    selected_tokens(subsets, trend="stagnated", start=start)
    all_trends(subsets, start=start)
    uncategorised_tokens(subsets, starts=[start])
    tokens_selected_by(subsets, SMALL, trend="stagnated", start=start)
    figure = middle_selections(subsets, starts=[start])
    assert "No model lies between" in figure.texts[0].get_text()


def test_two_checkpoints_in_view_are_enough_to_draw(scores: xr.Dataset, trends: xr.Dataset) -> None:
    few = make_subsets(scores.isel(checkpoint=[5, 12, 25]), trends, starts=[0.1])
    figure = selected_tokens(few, trend="upward")
    assert len(curves(figure.axes[1])["3.6M"].get_xdata()) == 3


def test_small_and_large_can_be_chosen(scores: xr.Dataset, trends: xr.Dataset) -> None:
    ends = {"small": "opt-0_4m", "large": "opt-1_4m"}
    figure = selected_tokens(make_subsets(scores, trends, **ends), trend="upward", **ends)
    assert [panel.get_title() for panel in figure.axes[1:]] == [
        "Tokens selected by 0.4M",
        "Tokens selected by 1.4M",
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"trend": "sideways"}, r"sideways.*stagnated"),
        ({"trend": "upward", "start": 0.15}, r"0\.15.*0\.1, 0\.4"),
        (
            {"trend": "downward", "small": "opt-1_4m"},
            r"downward .*opt-1_4m; .*for itself, opt-0_2m, opt-3_6m",
        ),
        ({"trend": "upward", "small": "opt-9m"}, r"opt-9m.*opt-0_2m"),
        ({"trend": "upward", "axis": "steps"}, r"steps.*flops"),
    ],
)
def test_what_is_not_there_is_refused_by_name(
    subsets: xr.Dataset, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        selected_tokens(subsets, **settings)  # type: ignore[arg-type]


def test_a_model_that_is_not_there_is_refused_by_name_in_any_figure(
    scores: xr.Dataset, subsets: xr.Dataset
) -> None:
    with pytest.raises(ValueError, match=r"opt-9m.*opt-0_2m"):
        tokens_selected_by(subsets, "opt-9m", trend="upward")
    with pytest.raises(ValueError, match=r"opt-9m.*opt-0_2m"):
        drawn_selections(scores, starts=[0.1], large="opt-9m")


@pytest.mark.parametrize(("panel", "selecting"), [(1, SMALL), (2, LARGE)])
def test_one_panel_alone_shows_what_it_shows_among_three(
    subsets: xr.Dataset, upward: Figure, panel: int, selecting: str
) -> None:
    (alone,) = tokens_selected_by(subsets, selecting, trend="upward").axes
    among = upward.axes[panel]
    for label, line in curves(among).items():
        np.testing.assert_array_equal(curves(alone)[label].get_xydata(), line.get_xydata())
    assert [text.get_text() for text in alone.texts] == [text.get_text() for text in among.texts]
    assert (alone.get_title(), alone.get_ylabel()) == (among.get_title(), upward.axes[0].get_ylabel())


def test_figures_are_drawn_of_any_subsets_that_hold_what_they_show(
    subsets: xr.Dataset, upward: Figure
) -> None:
    turned = subsets.isel(subset=slice(None, None, -1)).transpose("checkpoint", "model", "subset")
    for panel, among in zip(selected_tokens(turned, trend="upward").axes, upward.axes, strict=True):
        for label, line in curves(among).items():
            np.testing.assert_array_equal(curves(panel)[label].get_xydata(), line.get_xydata())

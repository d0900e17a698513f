"""Figure 13."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from made_up_sequences import make_quality
from trajectories.figures import mauve_scores

ORDER = ["p_s - p_l", "p_s", "p_s + p_l", "p_l", "p_l - p_s"]
METHODS = {"greedy": "Greedy search", "nucleus": "Nucleus sampling"}


def points(panel: Axes) -> dict[str, np.ndarray]:
    """By method, in the order of the x-axis."""
    bars = (bar for bar in panel.containers if isinstance(bar, ErrorbarContainer))
    return {str(bar.get_label()): np.asarray(bar.lines[0].get_ydata(), dtype=float) for bar in bars}


def bars(panel: Axes) -> dict[str, np.ndarray]:
    """Lowest and highest end [configuration, 2] of each bar, by method."""
    found = (bar for bar in panel.containers if isinstance(bar, ErrorbarContainer))
    return {
        str(bar.get_label()): np.array([segment[:, 1] for segment in bar.lines[2][0].get_segments()])
        for bar in found
    }


@pytest.fixture(scope="module")
def quality() -> xr.Dataset:
    return make_quality()


@pytest.fixture(scope="module")
def thirteen(quality: xr.Dataset) -> Figure:
    return mauve_scores(quality)


@pytest.mark.parametrize("column", [0, 1])
def test_points_are_means_over_seeds_and_bars_reach_from_the_lowest_to_the_highest(
    quality: xr.Dataset, thirteen: Figure, column: int
) -> None:
    panel = thirteen.axes[column]
    for method, name in METHODS.items():
        scores = quality["mauve"].isel(new_tokens=column).sel({"method": method, "configuration": ORDER})
        values = scores.transpose("configuration", "seed").values
        np.testing.assert_allclose(points(panel)[name], [np.mean(row) for row in values])
        np.testing.assert_allclose(bars(panel)[name], [[min(row), max(row)] for row in values])


@pytest.mark.parametrize("same", [0.05, 0.35])  # the mean of three is less, is more
def test_seeds_that_agree_have_a_bar_without_length(quality: xr.Dataset, same: float) -> None:
    assert float(np.mean([same] * 3)) != same
    figure = mauve_scores(quality.assign(mauve=xr.full_like(quality["mauve"], same)))
    for ends in bars(figure.axes[0]).values():
        np.testing.assert_allclose(ends, same)


@pytest.mark.parametrize("n", [2, 4])
def test_repetition_stands_beside_that_of_the_documents(quality: xr.Dataset, n: int) -> None:
    figure = mauve_scores(quality, n=n)
    for column in (0, 1):
        of_length = quality.isel(new_tokens=column).sel(configuration=ORDER)
        for row, values, documents in (
            (1, of_length["distinct"].sel(n=n), of_length["reference_distinct"].sel(n=n)),
            (2, of_length["longest_repeat"], of_length["reference_longest_repeat"]),
        ):
            panel = figure.axes[2 * row + column]
            for method, name in METHODS.items():
                np.testing.assert_allclose(points(panel)[name], values.sel({"method": method}))
            (dashed,) = (line for line in panel.lines if line.get_linestyle() == "--")
            assert set(dashed.get_ydata()) == {float(documents)}
    assert figure.axes[2].get_ylabel() == f"Distinct {n}-grams\n[%]"


def test_configurations_are_in_the_papers_order(thirteen: Figure) -> None:
    for panel in thirteen.axes[-2:]:
        assert [text.get_text() for text in panel.get_xticklabels()] == [f"${label}$" for label in ORDER]


def test_the_figure_names_the_model_of_the_features_and_those_that_generated(quality: xr.Dataset) -> None:
    for features in ("openai-community/gpt2-large", "models/gpt2-large/", "gpt2-large"):
        figure = mauve_scores(quality.assign_attrs(features=features))
        assert figure.axes[0].get_ylabel() == "MAUVE\n(features: gpt2-large)"
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == [*METHODS.values(), "documents"]
    caption = "MAUVE: mean and range over 5 clustering seeds; $p_s$: 0.2M, $p_l$: 3.6M"
    assert figure.legends[0].get_title().get_text() == caption


def test_titles_say_how_many_texts_there_are_and_the_caption_that_unequal_numbers_do_not_compare(
    quality: xr.Dataset,
) -> None:
    texts = quality["texts"].where(quality["new_tokens"] == 50, 48)
    figure = mauve_scores(quality.assign(texts=texts))
    assert [panel.get_title() for panel in figure.axes[:2]] == [
        "50 new tokens, 64 texts",
        "100 new tokens, 48 texts",
    ]
    caption = figure.legends[0].get_title()
    assert "; sets of different numbers of texts do not compare; " in caption.get_text()
    extent = caption.get_window_extent()
    assert 0 <= extent.x0 < extent.x1 <= figure.bbox.width


def test_points_at_zero_are_drawn_whole(thirteen: Figure) -> None:
    for panel in thirteen.axes:
        for bar in panel.containers:
            assert not bar[0].get_clip_on()
            assert bar[0].get_zorder() > panel.spines["bottom"].get_zorder()


def test_shares_are_in_percent_and_all_axes_begin_at_zero(thirteen: Figure) -> None:
    assert all(panel.get_ylim()[0] == 0 for panel in thirteen.axes)
    shares = thirteen.axes[2]
    assert [text.get_text() for text in shares.get_yticklabels()][:3] == ["0", "20", "40"]
    assert shares.get_ylim()[1] == pytest.approx(1.05)


def test_where_mauve_cannot_be_clustered_the_panel_says_so(quality: xr.Dataset) -> None:
    few = quality.assign(mauve=quality["mauve"].where(quality["new_tokens"] == 50))
    figure = mauve_scores(few)
    assert not figure.axes[0].texts
    assert figure.axes[1].texts[0].get_text() == "too few texts"
    assert np.isfinite(points(figure.axes[3])["Greedy search"]).all()


def test_one_set_without_mauve_leaves_the_others_as_they_are(quality: xr.Dataset) -> None:
    figure = mauve_scores(quality.assign(mauve=quality["mauve"].where(quality["configuration"] != "p_s")))
    drawn = points(figure.axes[0])["Greedy search"]
    assert np.isnan(drawn).tolist() == [label == "p_s" for label in ORDER]
    assert not figure.axes[0].texts


def test_one_length_one_seed_and_one_method_are_enough() -> None:
    figure = mauve_scores(make_quality(lengths=(50,), seeds=(3,), methods=("nucleus",)))
    assert len(figure.axes) == 3
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["Nucleus sampling", "documents"]
    assert figure.legends[0].get_title().get_text() == "$p_s$: 0.2M, $p_l$: 3.6M"
    assert figure.legends[0].get_window_extent().x1 <= figure.bbox.width


def test_a_method_looks_the_same_whichever_others_are_drawn(thirteen: Figure) -> None:
    alone = mauve_scores(make_quality(methods=("nucleus",)))
    colours = [
        next(bar for bar in figure.axes[0].containers if bar.get_label() == "Nucleus sampling")[0].get_color()
        for figure in (thirteen, alone)
    ]
    assert colours[0] == colours[1]


def test_without_texts_the_figure_says_so(quality: xr.Dataset) -> None:
    figure = mauve_scores(quality.assign(texts=0 * quality["texts"]))
    assert figure.texts[0].get_text() == "No text was generated."


def test_n_grams_that_were_not_counted_are_refused_by_name(quality: xr.Dataset) -> None:
    with pytest.raises(ValueError, match=r"n = 7; choose one of 1, 2, 3, 4"):
        mauve_scores(quality, n=7)


def test_ticks_and_titles_do_not_touch(thirteen: Figure) -> None:
    extent = thirteen.legends[0].get_window_extent()
    assert 0 <= extent.x0 < extent.x1 <= thirteen.bbox.width
    for panel in thirteen.axes[-2:]:
        boxes = [text.get_window_extent() for text in panel.get_xticklabels()]
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])

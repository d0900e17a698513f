"""Figure 5 (left) and what belongs to it."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from made_up import MODELS, VOCABULARY
from made_up_sequences import KINDS, make_sequences
from trajectories.figures import corrupted_texts, corrupted_trajectories, corruption_kinds

LABELS = [label for label, _ in MODELS.values()]
REPLACED = {"clean": "clean"} | {f"{100 * rate:g} %": f"replace-{rate:g}" for rate in KINDS["replace"]}


def named(panel: Axes) -> dict[str, Line2D]:
    return {str(line.get_label()): line for line in panel.lines if not str(line.get_label()).startswith("_")}


def perplexity(sequences: xr.Dataset, source: str, *, step: int = -1) -> np.ndarray:
    """Of one set, by model of the analysed family."""
    texts = sequences.isel(
        model=slice(0, len(MODELS)), checkpoint=step, sequence=sequences["source"].values == source
    )
    sums = texts["log_likelihood"].transpose("model", ...).values.astype(float).sum(axis=1)
    values: np.ndarray = np.exp(-sums / texts["tokens"].transpose("model", ...).values.sum(axis=1))
    return values


@pytest.fixture(scope="module")
def sequences() -> xr.Dataset:
    return make_sequences()


@pytest.fixture(scope="module")
def five(sequences: xr.Dataset) -> Figure:
    return corrupted_texts(sequences, vocabulary_size=VOCABULARY)


@pytest.fixture(scope="module")
def kinds(sequences: xr.Dataset) -> Figure:
    return corruption_kinds(sequences)


@pytest.fixture(scope="module")
def training(sequences: xr.Dataset) -> Figure:
    return corrupted_trajectories(sequences)


def test_each_share_of_replaced_tokens_has_its_line_at_the_last_checkpoints(
    sequences: xr.Dataset, five: Figure
) -> None:
    lines = named(five.axes[0])
    assert list(lines) == list(REPLACED)
    for label, source in REPLACED.items():
        np.testing.assert_array_equal(lines[label].get_xdata(), [size for _, size in MODELS.values()])
        np.testing.assert_allclose(lines[label].get_ydata(), perplexity(sequences, source), rtol=1e-6)


def test_a_dashed_line_shows_the_uniform_guess_where_it_is_known(sequences: xr.Dataset, five: Figure) -> None:
    (dashed,) = (line for line in five.axes[0].lines if line.get_linestyle() == "--")
    assert set(dashed.get_ydata()) == {VOCABULARY}
    low, high = five.axes[0].get_ylim()
    assert low < VOCABULARY < high
    assert five.legends[0].get_texts()[0].get_text() == "uniform\nguess"
    without = corrupted_texts(sequences)
    assert not any(line.get_linestyle() == "--" for line in without.axes[0].lines)
    assert len(without.legends[0].get_texts()) == len(REPLACED)


def test_the_legend_stands_beside_the_lines_in_their_order(five: Figure) -> None:
    texts = [text.get_text() for text in five.legends[0].get_texts()]
    assert texts == ["uniform\nguess", *reversed(REPLACED)]
    assert five.legends[0].get_window_extent().x0 >= five.axes[0].get_window_extent().x1


def test_every_panel_has_a_tick_at_or_below_the_clean_line(five: Figure, kinds: Figure) -> None:
    for panel in (*five.axes, *kinds.axes):
        low, _ = panel.get_ylim()
        clean = np.min(named(panel)["clean"].get_ydata())
        assert any(low <= tick <= clean for tick in panel.get_yticks())


def test_all_other_kinds_have_their_panel_with_the_same_clean_line(
    sequences: xr.Dataset, kinds: Figure
) -> None:
    titles = ["replace vocabulary", "delete", "insert", "repeat", "repeat spans"]
    assert [panel.get_title() for panel in kinds.axes] == titles
    for panel in kinds.axes:
        np.testing.assert_allclose(named(panel)["clean"].get_ydata(), perplexity(sequences, "clean"))
    np.testing.assert_allclose(
        named(kinds.axes[4])["60 %"].get_ydata(), perplexity(sequences, "repeat_spans-0.6")
    )


def test_a_share_looks_the_same_in_all_figures_of_corrupted_texts(five: Figure, kinds: Figure) -> None:
    for panel in kinds.axes:
        for label, line in named(panel).items():
            assert line.get_color() == named(five.axes[0])[label].get_color()


def test_more_corruption_is_lighter_but_still_dark_enough(five: Figure) -> None:
    lines = list(named(five.axes[0]).values())[: len(REPLACED)]
    luminance = [float(np.dot([0.2126, 0.7152, 0.0722], to_rgb(line.get_color()))) for line in lines]
    assert luminance == sorted(luminance)
    assert luminance[-1] < 0.7
    assert len({line.get_marker() for line in lines}) == len(lines)


def test_each_share_has_its_panel_of_trajectories(sequences: xr.Dataset, training: Figure) -> None:
    assert [panel.get_title() for panel in training.axes] == list(REPLACED)
    fraction = sequences["training_fraction"].isel(model=3).values
    late = np.flatnonzero(fraction >= 0.04)
    for panel, source in zip(training.axes, REPLACED.values(), strict=True):
        expected = [perplexity(sequences, source, step=int(step))[3] for step in late]
        np.testing.assert_allclose(named(panel)["3.6M"].get_ydata(), expected, rtol=1e-6)
        np.testing.assert_array_equal(
            named(panel)["3.6M"].get_xdata(), sequences["flops"].isel(model=3, checkpoint=late)
        )
    factors = [np.divide(*panel.get_ylim()) for panel in training.axes]
    np.testing.assert_allclose(factors, factors[0])


def test_where_a_row_is_not_full_the_panel_above_the_gap_keeps_its_ticks(sequences: xr.Dataset) -> None:
    figure = corruption_kinds(sequences, kinds=list(KINDS))
    assert len(figure.axes) == 6
    shown = [any(text.get_visible() for text in panel.get_xticklabels()) for panel in figure.axes]
    assert shown == [False, True, True, True, True, True]


def test_other_kinds_of_corruption_can_be_chosen(sequences: xr.Dataset) -> None:
    figure = corrupted_texts(sequences, kind="delete")
    assert list(named(figure.axes[0])) == ["clean", "20 %", "60 %"]
    assert "delete" in figure.axes[0].get_title()
    assert len(corrupted_trajectories(sequences, kind="delete").axes) == 3


def test_a_set_that_was_not_judged_has_no_line(sequences: xr.Dataset) -> None:
    lost = sequences["source"] == "replace-0.4"
    known = {name: sequences[name].where(~lost) for name in ("log_likelihood", "tokens")}
    assert "40 %" not in named(corrupted_texts(sequences.assign(known)).axes[0])
    panel = corrupted_trajectories(sequences.assign(known)).axes[2]
    assert panel.texts[0].get_text() == "no texts"


def test_what_is_absent_is_said(sequences: xr.Dataset) -> None:
    clean = sequences.isel(sequence=np.flatnonzero(np.isin(sequences["source"], ["clean", "generated"])))
    nothing = sequences.isel(sequence=np.flatnonzero(sequences["source"] == "generated"))
    for lacking in (clean, nothing):
        for draw in (corrupted_texts, corrupted_trajectories):
            assert draw(lacking).texts[0].get_text() == "No text with the corruption 'replace' was judged."
        text = corruption_kinds(lacking).texts[0].get_text()
        assert text == "No text with another corruption was judged."


def test_one_model_draws_every_figure_of_corrupted_texts() -> None:
    one = make_sequences(models={"opt-0_2m": MODELS["opt-0_2m"]}, others={})
    ticks = [text.get_text() for text in corrupted_texts(one).axes[0].get_xticklabels()]
    assert len(ticks) == len(set(ticks)) > 0
    corruption_kinds(one)
    corrupted_trajectories(one)


def test_nothing_written_leaves_the_figure(five: Figure, kinds: Figure, training: Figure) -> None:
    for figure in (five, kinds, training):
        (legend,) = figure.legends
        extent = legend.get_window_extent()
        assert 0 <= extent.x0 < extent.x1 <= figure.bbox.width
        above = [extent, *(panel.title.get_window_extent() for panel in figure.axes)]
        assert not any(a.overlaps(b) for i, a in enumerate(above) for b in above[:i])
        for panel in figure.axes:
            boxes = [text.get_window_extent() for text in panel.get_xticklabels() if text.get_visible()]
            assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])

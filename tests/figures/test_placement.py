import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from trajectories.figures.placement import Note, covers_curves, place, place_all


def panel_with(*curves: tuple[list[float], list[float]]) -> Axes:
    figure = Figure(figsize=(3, 2), dpi=100)
    panel = figure.subplots()
    panel.set_yscale("log")
    panel.set_ylim(1, 100)
    panel.set_xlim(0, 1)
    for x, y in curves:
        panel.plot(x, y)
    return panel


def note(panel: Axes, *, beside: float | None = None, text: str = "12 %\n345 tokens") -> Note:
    return Note(panel.text(0.5, 0.5, text, transform=panel.transAxes), beside)


@settings(max_examples=30)
@given(heights=st.lists(st.floats(1, 100), min_size=2, max_size=8))
def test_a_text_never_covers_a_curve(heights: list[float]) -> None:
    panel = panel_with((np.linspace(0, 1, len(heights)).tolist(), heights))
    placed = note(panel)
    place_all([placed])
    assert not covers_curves(placed.text)


def test_a_text_prefers_to_stand_beside_its_line() -> None:
    panel = panel_with(([0, 1], [1, 1]))
    panel.axvline(0.4, linestyle="--")
    placed = note(panel, beside=0.4)
    assert place(placed)
    assert 0.4 < placed.text.get_position()[0] < 0.45
    assert placed.text.get_horizontalalignment() == "left"


def test_a_text_stands_left_of_a_line_at_the_right_edge() -> None:
    panel = panel_with(([0, 1], [1, 1]))
    panel.axvline(0.98, linestyle="--")
    placed = note(panel, beside=0.98)
    assert place(placed)
    assert placed.text.get_horizontalalignment() == "right"


def test_a_full_panel_grows_and_the_rest_of_its_row_with_it() -> None:
    figure = Figure(figsize=(6, 2), dpi=100)
    full, empty = figure.subplots(1, 2, sharey=True)
    full.set_yscale("log")
    full.set_ylim(1, 100)
    full.plot(np.linspace(0, 1, 60), [1, 100] * 30)
    notes = [note(full), note(empty)]
    place_all(notes)
    low, high = full.get_ylim()
    assert low < 1 or high > 100
    assert empty.get_ylim() == (low, high)
    assert not any(covers_curves(each.text) for each in notes)


def test_rows_grow_each_for_itself() -> None:
    figure = Figure(figsize=(3, 4), dpi=100)
    full, empty = figure.subplots(2, 1)
    for panel in (full, empty):
        panel.set_yscale("log")
        panel.set_ylim(1, 100)
    full.plot(np.linspace(0, 1, 60), [1, 100] * 30)
    place_all([note(full), note(empty)])
    assert empty.get_ylim() == (1, 100)


def test_a_dashed_line_may_be_covered_but_not_a_curve() -> None:
    panel = panel_with(([0, 1], [50, 50]))
    for x in np.linspace(0, 1, 12):
        panel.plot([x, x], [1e-3, 50], linestyle="--")
        panel.plot([x, x], [50, 1e5], linestyle="--")
    placed = note(panel, text="a long text between many lines")
    assert not place(placed)
    place_all([placed])
    assert not covers_curves(placed.text)


def test_a_text_without_a_panel_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'lost' is in no panel"):
        place(Note(Text(0, 0, "lost")))

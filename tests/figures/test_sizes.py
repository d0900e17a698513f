"""The axis of sizes, and rows of panels that span the same factor."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from trajectories.figures.rows import label_row, set_equal_spans
from trajectories.figures.sizes import count, set_size_axis

PERPLEXITY = st.lists(st.floats(1.0, 1e6), min_size=1, max_size=5)
POWERS = {"k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (125e6, "125M"),
        (1.3e9, "1.3B"),
        (0.2e6, "0.2M"),
        (31_000, "31k"),
        (999.6e6, "1B"),
        (1.1e12, "1.1T"),
        (7, "7"),
    ],
)
def test_sizes_are_written_as_model_names_write_them(number: float, text: str) -> None:
    assert count(number) == text


@given(st.floats(1.0, 9e14))
def test_a_written_size_is_the_size_to_three_digits(number: float) -> None:
    text = count(number)
    unit = POWERS.get(text[-1], 1.0)
    assert float(text.rstrip("kMBT")) * unit == pytest.approx(number, rel=0.005)


@settings(max_examples=40)
@given(st.lists(PERPLEXITY, min_size=1, max_size=4))
def test_all_values_are_in_view_and_all_panels_span_the_same_factor(values: list[list[float]]) -> None:
    panels = Figure().subplots(1, len(values), squeeze=False)[0]
    set_equal_spans(panels, [np.array(of_panel) for of_panel in values])
    factors = [np.divide(*panel.get_ylim()[::-1]) for panel in panels]
    np.testing.assert_allclose(factors, factors[0], rtol=1e-6)
    for panel, of_panel in zip(panels, values, strict=True):
        low, high = panel.get_ylim()
        assert 0.94 < low < min(of_panel) <= max(of_panel) < high
        assert high / low >= 2 * (1 - 1e-9)


def test_panels_without_values_say_so_and_leave_the_others_their_span() -> None:
    panels = Figure().subplots(1, 3)
    set_equal_spans(panels, [np.array([2.0, 8.0]), np.array([np.nan]), np.array([])])
    alone = Figure().subplots()
    set_equal_spans([alone], [np.array([2.0, 8.0])])
    assert panels[0].get_ylim() == alone.get_ylim()
    assert [len(panel.texts) for panel in panels] == [0, 1, 1]


@pytest.mark.parametrize("sizes", [[2e5], [2e5, 2.1e5], [1.6e5, 4.3e6], [1.25e8, 1.75e11]])
def test_the_axis_holds_all_sizes_and_a_few_different_ticks(sizes: list[float]) -> None:
    panel = Figure().subplots()
    set_size_axis(panel, np.array(sizes))
    low, high = panel.get_xlim()
    assert low < min(sizes) <= max(sizes) < high
    ticks = panel.get_xticks()
    assert 1 <= len(ticks) <= 4
    assert len({count(tick) for tick in ticks}) == len(ticks)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_one_label_stands_below_the_middle_of_a_row(number: int) -> None:
    figure = Figure(figsize=(7, 2), layout="constrained")
    panels = figure.subplots(1, number, squeeze=False)[0]
    label_row(panels, up="up", across="across")
    figure.draw_without_rendering()
    (label,) = (panel.xaxis.label for panel in panels if panel.get_xlabel())
    box = label.get_window_extent()
    middle = (panels[0].get_window_extent().x0 + panels[-1].get_window_extent().x1) / 2
    assert (box.x0 + box.x1) / 2 == pytest.approx(middle, abs=15)
    assert panels[0].get_ylabel() == "up"

"""Dumbbells of R², and forecasts."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from made_up_alignment import make_forecasts, make_table, value_of
from trajectories.figures import alignment_dumbbells, forecast_panels
from trajectories.figures.alignment import ALIKE, APART, AXIS_STYLES, LEFT_END

ALL = "accuracy: all tasks"


@pytest.fixture(scope="module")
def table() -> xr.Dataset:
    return make_table()


@pytest.fixture(scope="module")
def dumbbells(table: xr.Dataset) -> Figure:
    return alignment_dumbbells({"This suite": table, "Two sizes": make_table((1e6, 4e6))})


def marks(panel: Axes, axis: str) -> list[float]:
    """R² of the marks in one colour, from the upper row to the lower."""
    color = AXIS_STYLES[axis]["markeredgecolor"]
    found = [line for line in panel.lines if line.get_marker() not in {"None", None, ""}]
    own = [line for line in found if line.get_markeredgecolor() == color]
    return [float(np.asarray(line.get_xdata())[0]) for line in sorted(own, key=_row)]


def _row(line: object) -> float:
    return float(np.asarray(line.get_ydata())[0])  # type: ignore[attr-defined]


def test_headline_measures_have_a_row_each_below_their_kind(dumbbells: Figure) -> None:
    for panel in dumbbells.axes:
        assert [tick.get_text() for tick in panel.get_yticklabels()] == ["all tasks", "clean"]
        words = [text.get_text() for text in panel.texts]
        assert "accuracy" in words
        assert "log perplexity of corrupted texts" in words


@pytest.mark.parametrize("axis", list(AXIS_STYLES))
def test_marks_stand_at_r_squared_or_at_the_edge(table: xr.Dataset, dumbbells: Figure, axis: str) -> None:
    assert marks(dumbbells.axes[0], axis) == [max(value_of(table, ALL, axis), LEFT_END)]


def test_a_measure_without_r_squared_says_why(dumbbells: Figure) -> None:
    words = [text.get_text() for text in dumbbells.axes[0].texts]
    assert "the measure is constant" in words


def test_the_bar_is_dark_where_the_difference_is_significant(table: xr.Dataset, dumbbells: Figure) -> None:
    pair = table.sel(start=0, measure=ALL, axis="validation_perplexity", other="flops")
    assert float(pair["difference_low"]) > 0
    widths = [line.get_linewidth() for line in dumbbells.axes[0].lines]
    assert widths.count(APART["linewidth"]) == 1
    assert widths.count(ALIKE["linewidth"]) == 0


def test_the_start_is_said_where_there_is_one(table: xr.Dataset) -> None:
    late = alignment_dumbbells({"This suite": table}, start=0.2)
    assert "after 20 % of training" in late.legends[0].get_title().get_text()


def test_without_measures_a_message_is_drawn(table: xr.Dataset) -> None:
    nothing = alignment_dumbbells({"This suite": table.isel(measure=[])})
    assert nothing.texts[0].get_text() == "Nothing was measured."


def test_a_forecast_is_drawn_beside_what_happened() -> None:
    forecasts = make_forecasts()
    figure = forecast_panels(forecasts, [ALL, "accuracy: not there"], label="64M")
    (panel,) = figure.axes
    one = forecasts.sel(measure=ALL)
    drawn = [np.asarray(line.get_ydata(), dtype=float) for line in panel.lines]
    for way in one["way"].values:
        assert any(np.array_equal(line, one["forecast"].sel(way=way).values) for line in drawn)
    assert any(np.array_equal(line, one["actual"].values, equal_nan=True) for line in drawn)
    assert figure.legends[0].get_texts()[0].get_text() == "64M itself"


def test_too_few_sizes_give_a_message_in_place_of_a_forecast() -> None:
    figure = forecast_panels(make_forecasts((1e6, 16e6)), [ALL], label="16M")
    assert "at least 2 smaller sizes" in " ".join(figure.texts[0].get_text().split())

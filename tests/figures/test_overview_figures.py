"""Figures 1 and 2, and how figures are saved."""

import io

import matplotlib
import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from trajectories import figures
from trajectories.trends import CATEGORIES, shares


def test_every_checkpoint_has_a_marker_in_figure_1(scores: xr.Dataset) -> None:
    panel = figures.validation_perplexity(scores).axes[0]
    for line, model in zip(panel.lines, scores["model"].values, strict=True):
        expected = scores["validation_perplexity"].sel(model=model).values
        np.testing.assert_array_equal(line.get_ydata(), expected[np.isfinite(expected)])
        assert line.get_markevery() is None


def test_more_checkpoints_than_a_curve_can_hold_have_fewer_markers(scores: xr.Dataset) -> None:
    copies = [scores.assign_coords(checkpoint=scores["checkpoint"] + 1000 * copy) for copy in range(3)]
    many = xr.concat(
        copies, dim="checkpoint", data_vars="minimal", coords="minimal", compat="override", join="exact"
    )
    for line in figures.validation_perplexity(many).axes[0].lines:
        assert len(line.get_xdata()) > 60
        assert line.get_markevery() is not None


def test_figure_2_shows_the_shares_of_three_trends_in_percent(trends: xr.Dataset) -> None:
    figure = figures.trend_shares(shares(trends))
    assert len(figure.axes) == 3
    for panel, trend in zip(figure.axes, ("stagnated", "upward", "downward"), strict=True):
        for line, model in zip(panel.lines, trends["model"].values, strict=True):
            codes = trends["trend"].sel(model=model).values
            expected = (codes == CATEGORIES.index(trend)).mean(axis=1)
            np.testing.assert_allclose(line.get_ydata(), expected)
        assert [label.get_text() for label in panel.get_xticklabels()] == [
            "10",
            "20",
            "30",
            "40",
            "50",
            "60",
            "70",
        ]
        assert panel.get_ylim()[0] == 0


def test_figure_2_leaves_tokens_without_a_trend_out_of_all_shares(trends: xr.Dataset) -> None:
    half = trends.assign(trend=trends["trend"].where(trends["position"] % 2 == 0))
    line = figures.trend_shares(shares(half)).axes[1].lines[0]
    codes = half["trend"].isel(model=0)
    expected = (codes == 1).sum("token") / codes.notnull().sum("token")
    np.testing.assert_allclose(line.get_ydata(), expected)


@pytest.fixture(scope="module")
def upward(subsets: xr.Dataset) -> Figure:
    return figures.selected_tokens(subsets, trend="upward")


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_saving_twice_gives_equal_bytes(upward: Figure, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(matplotlib.rcParams, "svg.hashsalt", "figure")
    undated = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    contents = []
    for _again in range(2):
        buffer = io.BytesIO()
        upward.savefig(buffer, format=kind, metadata=undated)
        contents.append(buffer.getvalue())
    assert contents[0] == contents[1]


def test_text_in_pdf_files_is_truetype(scores: xr.Dataset) -> None:
    buffer = io.BytesIO()
    figures.validation_perplexity(scores).savefig(buffer, format="pdf")
    assert b"/FontFile2" in buffer.getvalue()
    assert b"/Type3" not in buffer.getvalue()

"""Several figures in one."""

import io

import matplotlib
import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from PIL import Image

from trajectories.figures import beside, message, tokens_selected_by, trend_shares, validation_perplexity
from trajectories.figures.beside import TITLE_INCHES
from trajectories.trends import shares


def pixels(figure: Figure, **settings: str) -> np.ndarray:
    """[row, column, colour] as saved."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", **settings)
    return np.array(Image.open(buffer).convert("RGB"))


def alike(one: np.ndarray, other: np.ndarray) -> bool:
    """But for single pixels of what lies half way between two: one in ten thousand."""
    return bool((one != other).any(axis=-1).mean() < 1e-4)


@pytest.fixture(scope="module")
def column(subsets: xr.Dataset) -> Figure:
    """With a legend outside of its panel and a text that found its place."""
    return tokens_selected_by(subsets, "opt-0_2m", trend="upward")


@pytest.fixture(scope="module")
def page(trends: xr.Dataset) -> Figure:
    return trend_shares(shares(trends))


def test_parts_abreast_are_what_they_are_alone(scores: xr.Dataset, column: Figure) -> None:
    other = validation_perplexity(scores)
    left, right = pixels(column), pixels(other)
    both = pixels(beside({"one": column, "other": other}))
    top = round(TITLE_INCHES * column.dpi)
    assert alike(both[top : top + left.shape[0], : left.shape[1]], left)
    assert alike(both[top : top + right.shape[0], -right.shape[1] :], right)


def test_parts_that_are_as_wide_as_a_page_stand_above_one_another(page: Figure) -> None:
    above, alone = pixels(beside({"one": page, "other": page})), pixels(page)
    top = round(TITLE_INCHES * page.dpi)
    assert alike(above[top : top + alone.shape[0]], alone)
    assert alike(above[-alone.shape[0] :], alone)


def test_a_column_stands_above_a_page(column: Figure, page: Figure) -> None:
    above, alone = pixels(beside({"one": column, "other": page})), pixels(column)
    assert above.shape[1] == pixels(page).shape[1]
    top = round(TITLE_INCHES * page.dpi)
    assert alike(above[top : top + alone.shape[0], : alone.shape[1]], alone)


def test_every_part_has_its_title_inside_the_figure_and_outside_of_the_parts(
    column: Figure, page: Figure
) -> None:
    figure = beside({"This suite": column, "OPT": page})
    assert [text.get_text() for text in figure.texts] == ["This suite", "OPT"]
    parts = [part.get_window_extent() for part in figure.artists]
    for text in figure.texts:
        extent = text.get_window_extent()
        assert figure.bbox.x0 < extent.x0 < extent.x1 < figure.bbox.x1
        assert figure.bbox.y0 < extent.y0 < extent.y1 < figure.bbox.y1
        assert not any(extent.overlaps(part) for part in parts)
    assert not parts[0].overlaps(parts[1])


def test_a_part_stays_what_it_was(column: Figure) -> None:
    before, dots = pixels(column), column.dpi
    pixels(beside({"one": column, "other": column}), dpi="figure")
    assert column.dpi == dots
    np.testing.assert_array_equal(pixels(column), before)


def test_a_part_is_as_sharp_as_the_figure_around_it(column: Figure) -> None:
    buffer = io.BytesIO()
    column.savefig(buffer, format="png", dpi=100)
    alone = np.array(Image.open(buffer).convert("RGB"))
    buffer = io.BytesIO()
    beside({"one": column}).savefig(buffer, format="png", dpi=100)
    both = np.array(Image.open(buffer).convert("RGB"))
    assert alike(both[-alone.shape[0] :], alone)


def test_what_is_cut_tightly_still_holds_all_parts(column: Figure, page: Figure) -> None:
    figure = beside({"one": column, "other": page})
    whole, tight = pixels(figure), pixels(figure, bbox_inches="tight")
    assert (whole < 128).sum() == pytest.approx((tight < 128).sum(), rel=0.001)


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_saving_twice_gives_equal_bytes(
    column: Figure, page: Figure, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(matplotlib.rcParams, "svg.hashsalt", "figure")
    undated = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    figure, contents = beside({"one": column, "other": page}), []
    for _again in range(2):
        buffer = io.BytesIO()
        figure.savefig(buffer, format=kind, metadata=undated)
        contents.append(buffer.getvalue())
    assert contents[0] == contents[1]


def test_a_message_takes_the_place_of_a_figure(page: Figure) -> None:
    figure = beside({"one": message("No task is in this group."), "other": page})
    assert pixels(figure).shape[1] == pixels(page).shape[1]


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(ValueError, match="are needed, got none"):
        beside({})

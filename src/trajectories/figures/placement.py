"""Finds room for text inside a panel, so that it never covers data."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Text
from matplotlib.transforms import Bbox

Alignment = Literal["left", "center", "right"]
Candidate = tuple[float, float, Alignment]  # x and y in fractions of the panel

CLEARANCE_PIXELS = 6.0
STEP_PIXELS = 3.0
# Where text may stand, in fractions of the panel, best first: reading begins at the top.
HEIGHTS = (0.97, 0.9, 0.83, 0.76, 0.69, 0.03, 0.1, 0.17, 0.24, 0.31, 0.62, 0.38, 0.56, 0.44, 0.5)
SIDES = (0.97, 0.03, 0.66, 0.34, 0.5)
ALIGNMENT: dict[float, Alignment] = {0.97: "right", 0.03: "left"}
FROM_LINE_PIXELS = CLEARANCE_PIXELS + 2  # distance of a text from the line it belongs to
# What is added below and above the curves until all texts of a row have a place, in heights of the row.
STRICT_ROOM = ((0.0, 0.0), (0.0, 0.15), (0.15, 0.0), (0.0, 0.3), (0.3, 0.0))
LOOSE_ROOM = (*STRICT_ROOM, (0.0, 0.6), (0.6, 0.0), (0.0, 1.2))  # then texts may interrupt dashed lines


@dataclass(frozen=True)
class Note:
    """A text that is to find its place, beside a vertical line at the x of the data where one is given."""

    text: Text
    beside: float | None = None


def place_all(notes: Sequence[Note]) -> None:
    """Move each text to a free place of its panel; rows of panels with a shared y-axis grow until all fit."""
    for row in _rows(notes):
        panel = _panel(row[0].text)
        original = panel.get_ylim()
        for (below, above), strict in _rooms():
            low, high = original
            panel.set_ylim(low / (high / low) ** below, high * (high / low) ** above)
            placed = [place(note, strict=strict) for note in row]
            if all(placed):
                break


def place(note: Note, *, strict: bool = True) -> bool:
    """Move a text to the first free place of its panel; False when there is none (it stays at the last).

    Free of curves, with `strict` also of vertical lines. The panel has to be laid out.
    """
    text, panel = note.text, _panel(note.text)
    obstacles, inside = _obstacles(panel, vertical=strict), panel.get_window_extent()
    for x, y, alignment in _candidates(panel, note.beside):
        text.set_position((x, y))
        text.set_horizontalalignment(alignment)
        text.set_verticalalignment("top" if y > 0.6 else "bottom" if y < 0.4 else "center")
        extent = text.get_window_extent()
        if _within(extent, inside) and not extent.padded(CLEARANCE_PIXELS).count_contains(obstacles):
            return True
    return False


def covers_curves(text: Text) -> bool:
    """Whether a text in a panel lies on one of its curves."""
    return bool(text.get_window_extent().count_contains(_obstacles(_panel(text), vertical=False)))


def _rooms() -> Iterator[tuple[tuple[float, float], bool]]:
    yield from product(STRICT_ROOM, (True,))
    yield from product(LOOSE_ROOM, (False,))


def _candidates(panel: Axes, beside: float | None) -> list[Candidate]:
    """Positions in fractions of the panel, with their horizontal alignment."""
    anywhere: list[Candidate] = [(x, y, ALIGNMENT.get(x, "center")) for y, x in product(HEIGHTS, SIDES)]
    if beside is None or not np.isfinite(beside):
        return anywhere
    pixel = panel.transData.transform((beside, panel.get_ylim()[1]))
    line = float(panel.transAxes.inverted().transform(pixel)[0])
    away = FROM_LINE_PIXELS / panel.get_window_extent().width
    sides: list[tuple[float, Alignment]] = [(line + away, "left"), (line - away, "right")]
    return [(x, y, alignment) for y in HEIGHTS for x, alignment in sides] + anywhere


def _obstacles(panel: Axes, *, vertical: bool) -> np.ndarray:
    """Pixels along the lines of the panel, [n, 2], a few apart; vertical lines only where asked for."""
    points = [np.empty((0, 2))]
    for line in panel.lines:
        across = np.asarray(line.get_xdata(), dtype=float)
        if vertical or len(across) != 2 or across[0] != across[1]:
            corners = line.get_transform().transform(line.get_xydata())
            points += [corners, *(_along(*ends) for ends in pairwise(corners))]
    return np.concatenate(points)


def _along(begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    return np.linspace(begin, end, int(np.hypot(*(end - begin)) // STEP_PIXELS) + 2)


def _within(extent: Bbox, inside: Bbox) -> bool:
    return bool(
        extent.x0 >= inside.x0
        and extent.x1 <= inside.x1
        and extent.y0 >= inside.y0
        and extent.y1 <= inside.y1
    )


def _panel(text: Text) -> Axes:
    panel = text.axes
    if not isinstance(panel, Axes):
        raise ValueError(f"the text {text.get_text()!r} is in no panel; write it with panel.text(...)")
    return panel


def _rows(notes: Sequence[Note]) -> list[list[Note]]:
    """Notes grouped by panels that share their y-axis."""
    rows: list[list[Note]] = []
    for note in notes:
        panel = _panel(note.text)
        shared = (row for row in rows if panel.get_shared_y_axes().joined(panel, _panel(row[0].text)))
        row = next(shared, None)
        if row is None:
            rows.append([note])
        else:
            row.append(note)
    return rows

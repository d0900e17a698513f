"""Several figures as parts of one, beside or above one another, each exactly as it is drawn alone."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from trajectories.figures.style import PAGE_INCHES, new_figure, styled

TITLE_INCHES = 0.25
GAP_INCHES = 0.1  # between parts
INDENT_INCHES = 0.08  # of titles
TITLE: dict[str, Any] = {"fontsize": 8.5, "fontweight": "bold", "ha": "left", "va": "center"}


class Part(Artist):
    """A whole figure, drawn inside another; it stays as it is, and can be drawn or saved alone, too.

    matplotlib draws a figure at its `bbox_inches`, which begins at zero: while the part is drawn it begins
    where the part stands, so that no panel, legend or text has to be laid out again.
    """

    def __init__(self, drawing: Figure, place: tuple[float, float]) -> None:
        """`place` is the lower left corner of the drawing, in fractions of the figure that it is drawn in."""
        super().__init__()
        self.drawing, self.place = drawing, place

    def draw(self, renderer: RendererBase) -> None:
        """Draw the figure at its place, with the dots per inch of the figure around it."""
        around, drawing = self._around(), self.drawing
        dots, size = drawing.dpi, drawing.get_size_inches().copy()
        # Whole dots, so that lines and letters fall on them as they do in the figure alone.
        corner = np.round(around.transFigure.transform(self.place)) / around.dpi
        try:
            drawing.set_dpi(around.dpi)
            drawing.bbox_inches.set_points(np.array([corner, corner + size]))
            drawing.draw(renderer)
        finally:
            drawing.bbox_inches.set_points(np.array([[0.0, 0.0], size]))
            drawing.set_dpi(dots)

    def get_window_extent(self, renderer: RendererBase | None = None) -> Bbox:  # noqa: ARG002
        """What the figure covers, in pixels."""
        around = self._around()
        corner = around.transFigure.transform(self.place)
        return Bbox([corner, corner + self.drawing.get_size_inches() * around.dpi])

    def _around(self) -> Figure:
        around = self.get_figure(root=True)
        if around is None:
            raise ValueError("the part is in no figure; add it with figure.add_artist(...)")
        return around


@styled
def beside(drawings: Mapping[str, Figure]) -> Figure:
    """The figures by their titles: abreast where a page is wide enough, else above one another.

    Each is as it is alone, with its own axes, units and legend.

    Raises:
        ValueError: there is none.
    """
    if not drawings:
        raise ValueError("figures to draw beside one another are needed, got none")
    sizes = np.array([drawing.get_size_inches() for drawing in drawings.values()])
    sizes += [0.0, TITLE_INCHES]
    gaps = GAP_INCHES * (len(sizes) - 1)
    abreast = sizes[:, 0].sum() + gaps <= PAGE_INCHES
    whole, along = sizes.max(axis=0), 0 if abreast else 1
    whole[along] = sizes[:, along].sum() + gaps
    figure = new_figure(*map(float, whole))
    left, top = 0.0, float(whole[1])
    for (title, drawing), (width, height) in zip(drawings.items(), sizes, strict=True):
        at = (left + INDENT_INCHES) / whole[0], (top - TITLE_INCHES / 2) / whole[1]
        figure.text(*at, title, **TITLE)
        figure.add_artist(Part(drawing, (left / whole[0], (top - height) / whole[1])))
        left, top = (left + width + GAP_INCHES, top) if abreast else (left, top - height - GAP_INCHES)
    return figure

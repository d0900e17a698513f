"""How every figure looks: sizes, fonts, and one colour and marker for each model, which also read in grey."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

COLUMN_INCHES = 3.4
PAGE_INCHES = 7.0
DOTS_PER_INCH = 200
INK = "#222222"
FAINT = "#6b6b6b"
# Small to large runs from light to dark, so the order is seen without colour; above 0.82 lines fade on white.
COLOURS = "plasma"
LIGHTEST, DARKEST = 0.82, 0.0
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p")
SETTINGS: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, so that all machines draw the same letters
    "mathtext.default": "regular",
    "font.size": 7.5,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.2,
    "lines.markeredgewidth": 0,
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "legend.columnspacing": 1.6,
    "pdf.fonttype": 42,  # TrueType: text that can be searched and edited
    "svg.fonttype": "path",  # the same letters where the font is not installed
    "figure.dpi": DOTS_PER_INCH,
    "figure.facecolor": "white",
    "figure.constrained_layout.h_pad": 0.05,
    "figure.constrained_layout.w_pad": 0.05,
}


class StyledFigure(Figure):
    """A figure that is saved under this style, too, whatever matplotlibrc says then."""

    def savefig(self, *arguments: Any, **settings: Any) -> None:
        """As `Figure.savefig`."""
        with matplotlib.rc_context(SETTINGS):
            super().savefig(*arguments, **settings)


Parameters = ParamSpec("Parameters")


@dataclass(frozen=True)
class LineStyle:
    """How one of several lines is named and drawn: a model, in all figures, or what else is compared."""

    label: str
    color: str
    marker: str


def model_styles(dataset: xr.Dataset | xr.DataArray) -> dict[str, LineStyle]:
    """The style of each model, in the data's order (by parameters): the larger, the darker.

    Models of one label, a size trained with several seeds, share a style.
    """
    names = [str(name) for name in dataset["model"].values]
    labels = [str(label) for label in dataset["label"].values] if "label" in dataset.coords else names
    sizes = list(dict.fromkeys(labels))
    shades = matplotlib.colormaps[COLOURS](
        np.linspace(LIGHTEST, DARKEST, len(sizes)) if sizes[1:] else [DARKEST]
    )
    of_size = {
        label: LineStyle(label, to_hex(shades[i]), MARKERS[i % len(MARKERS)]) for i, label in enumerate(sizes)
    }
    return {name: of_size[label] for name, label in zip(names, labels, strict=True)}


def styled(draw: Callable[Parameters, Figure]) -> Callable[Parameters, Figure]:
    """Run a figure function under this style, whatever matplotlibrc says, and fix its layout at the end."""

    @wraps(draw)
    def drawn(*arguments: Parameters.args, **settings: Parameters.kwargs) -> Figure:
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(SETTINGS)
            figure = draw(*arguments, **settings)
            # Ticks take their style when they are first drawn, which must not be after this context.
            settle(figure)
        return figure

    return drawn


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of this size in inches, outside pyplot's global state."""
    figure = StyledFigure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def settle(figure: Figure) -> None:
    """Lay the figure out once; later drawing moves nothing, so repeated saving gives the same picture."""
    figure.draw_without_rendering()
    # Not "none", which leaves an engine that does nothing, and saving would draw everything twice for it.
    figure.set_layout_engine(None)


@styled
def message(text: str) -> Figure:
    """A figure that says why there is nothing to draw."""
    figure = new_figure(COLUMN_INCHES, 1.2)
    figure.text(0.5, 0.5, text, ha="center", va="center", color=FAINT)
    return figure

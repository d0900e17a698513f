"""Figure 1: validation perplexity along training."""

import xarray as xr
from matplotlib.figure import Figure

from trajectories.figures.axes import axis_label, coordinate, set_perplexity_axis, set_x_axis
from trajectories.figures.curves import add_legend, draw_curves
from trajectories.figures.style import COLUMN_INCHES, model_styles, new_figure, styled

DENSE_BELOW = 60  # checkpoints of a model, each with a marker; more markers would be a smear


@styled
def validation_perplexity(scores: xr.Dataset, *, axis: str = "flops") -> Figure:
    """Validation perplexity of every model against a coordinate of its checkpoints (Figure 1).

    `scores` has the coordinates `validation_perplexity` and `axis` over (model, checkpoint).
    """
    across, perplexity = coordinate(scores, axis), coordinate(scores, "validation_perplexity")
    figure, styles = new_figure(COLUMN_INCHES, 2.7), model_styles(scores)
    panel = figure.subplots()
    dense = bool(perplexity.count("checkpoint").max() < DENSE_BELOW)
    draw_curves(panel, perplexity, across, styles=styles, dense=dense)
    set_x_axis(panel, across)
    set_perplexity_axis(panel, perplexity.values)
    panel.set_xlabel(axis_label(across))
    panel.set_ylabel("Validation perplexity")
    add_legend(figure, styles)
    return figure

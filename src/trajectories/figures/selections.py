"""Figures 3, 4, 10, 11 and 12: perplexity of the tokens that a model's trend selects, in every model."""

from collections.abc import Sequence

import xarray as xr
from matplotlib.figure import Figure

from trajectories.figures.panels import Grid, Selection, draw_grid
from trajectories.figures.style import COLUMN_INCHES, PAGE_INCHES, message, model_styles, styled
from trajectories.figures.ticks import hundredths

NAMES = {"upward": "upward-trend", "downward": "downward-trend"}
ROW_INCHES = 2.0
MARGINS_INCHES = 0.75  # legend and label of the x-axis


@styled
def selected_tokens(
    scores: xr.Dataset,
    trends: xr.Dataset,
    *,
    trend: str,
    start: float = 0.1,
    small: str | None = None,
    large: str | None = None,
    axis: str = "flops",
) -> Figure:
    """Each model on its own tokens, all on those of the small, all on those of the large (Figures 3 and 4).

    The first 4 % of training are left out, where all tokens fall from the perplexity of a uniform guess.

    Args:
        scores: `log_likelihood` over (model, checkpoint, token), as in data/scores/tokens.nc.
        trends: over (start, model, token), as `fit_trends` gives them.
        trend: stagnated, upward, downward or other.
        start: one of the starts of `trends`.
        small: the model that selects in the middle; None is the first, which is the smallest.
        large: the model that selects on the right; None is the last, which is the largest.
        axis: a coordinate of `scores` over (model, checkpoint).

    Raises:
        ValueError: a trend, start, model or axis that is not there.
    """
    return _own_small_large(
        scores, trends, [trend], start=start, selecting=_ends(scores, small, large), axis=axis
    )


@styled
def all_trends(
    scores: xr.Dataset,
    trends: xr.Dataset,
    *,
    start: float = 0.1,
    small: str | None = None,
    large: str | None = None,
    axis: str = "validation_perplexity",
) -> Figure:
    """The panels of Figures 3 and 4, and those of downward-trend tokens, against another axis (Figure 12)."""
    names = ["stagnated", "upward", "downward"]
    return _own_small_large(
        scores, trends, names, start=start, selecting=_ends(scores, small, large), axis=axis
    )


@styled
def uncategorised_tokens(
    scores: xr.Dataset, trends: xr.Dataset, *, starts: Sequence[float] = (0.1, 0.4), axis: str = "flops"
) -> Figure:
    """Each model on its own tokens that are in no category, a panel for each start (Figure 10)."""
    grid = Grid(
        rows=[[Selection("other", start)] for start in starts],
        row_labels=["Perplexity"] * len(starts),
        titles=[[f"In no category after {hundredths(start)} % of training"] for start in starts],
        width=COLUMN_INCHES,
        height=ROW_INCHES * len(starts) + MARGINS_INCHES,
    )
    return draw_grid(scores, trends, grid, axis=axis)


@styled
def middle_selections(
    scores: xr.Dataset,
    trends: xr.Dataset,
    *,
    trend: str = "upward",
    starts: Sequence[float] = (0.1, 0.4),
    small: str | None = None,
    large: str | None = None,
    axis: str = "flops",
) -> Figure:
    """All models on the tokens of each model between small and large, a row for each start (Figure 11)."""
    styles, ends = model_styles(scores), _ends(scores, small, large)
    names = list(styles)
    between = names[names.index(ends[0]) + 1 : names.index(ends[1])]
    # One model of each size: other seeds would repeat its panel.
    outer = {styles[name] for name in ends}
    of_size = {styles[name]: name for name in reversed(between) if styles[name] not in outer}
    middle = list(reversed(of_size.values()))
    if not middle:
        small, large = (styles[name].label for name in ends)
        return message(f"No model lies between the small one ({small})\nand the large one ({large}).")
    grid = Grid(
        rows=[[Selection(trend, start, model) for model in middle] for start in starts],
        row_labels=[f"Perplexity, {trend} after {hundredths(start)} %" for start in starts],
        titles=[[f"Selected by {styles[model].label}" for model in middle]],
        width=PAGE_INCHES if middle[1:] else COLUMN_INCHES,
        height=ROW_INCHES * len(starts) + MARGINS_INCHES,
    )
    return draw_grid(scores, trends, grid, axis=axis)


def _own_small_large(
    scores: xr.Dataset,
    trends: xr.Dataset,
    names: Sequence[str],
    *,
    start: float,
    selecting: tuple[str, str],
    axis: str,
) -> Figure:
    styles = model_styles(scores)
    grid = Grid(
        rows=[[Selection(name, start, model) for model in (None, *selecting)] for name in names],
        row_labels=[f"Perplexity of {NAMES.get(name, name)} tokens" for name in names],
        titles=[
            ["Each model's own tokens", *(f"Tokens selected by {styles[model].label}" for model in selecting)]
        ],
        width=PAGE_INCHES,
        height=ROW_INCHES * len(names) + MARGINS_INCHES,
    )
    return draw_grid(scores, trends, grid, axis=axis)


def _ends(scores: xr.Dataset, small: str | None, large: str | None) -> tuple[str, str]:
    names = [str(name) for name in scores["model"].values]
    for chosen in (small, large):
        if chosen is not None and chosen not in names:
            raise ValueError(f"there is no model '{chosen}' in the scores; there are {', '.join(names)}")
    return small or names[0], large or names[-1]

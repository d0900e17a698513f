"""Figures 3, 4, 10, 11 and 12: perplexity of the tokens that a model's trend selects, in every model."""

from collections.abc import Sequence

import xarray as xr
from matplotlib.figure import Figure

from trajectories.figures.panels import Grid, draw_grid
from trajectories.figures.style import COLUMN_INCHES, PAGE_INCHES, LineStyle, message, model_styles, styled
from trajectories.figures.ticks import hundredths
from trajectories.trends.selected import Selection

CATEGORISED = ("stagnated", "upward", "downward")
NAMES = {"upward": "upward-trend", "downward": "downward-trend"}
ROW_INCHES = 2.0
MARGINS_INCHES = 0.75  # legend and label of the x-axis
ALONE_INCHES = 3.0  # of one panel in a column, whose legend has more rows


def drawn_selections(
    scores: xr.Dataset, *, starts: Sequence[float], small: str | None = None, large: str | None = None
) -> list[Selection]:
    """The selections that Figures 3, 4 and 10 to 12 show, for `selected_perplexity`.

    Args:
        scores: with the dimension model.
        starts: the first is that of Figures 3, 4 and 12, all are those of Figures 10 and 11.
        small: a model that selects; None is the first, which is the smallest.
        large: another; None is the last, which is the largest.

    Raises:
        ValueError: a model that is not there.
    """
    ends = _ends(scores, small, large)
    return [
        *(Selection(trend, starts[0], model) for trend in CATEGORISED for model in (None, *ends)),
        *(Selection("other", start) for start in starts),
        *(Selection("upward", start, model) for start in starts for model in _between(scores, ends)),
    ]


@styled
def selected_tokens(
    subsets: xr.Dataset,
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
        subsets: what `selected_perplexity` returns for these selections, see `drawn_selections`.
        trend: stagnated, upward, downward or other.
        start: from which the trends are fitted.
        small: the model that selects in the middle; None is the first, which is the smallest.
        large: the model that selects on the right; None is the last, which is the largest.
        axis: a coordinate of `subsets` over (model, checkpoint).

    Raises:
        ValueError: a trend, start, model or axis that is not there.
    """
    return _own_small_large(subsets, [trend], start=start, selecting=_ends(subsets, small, large), axis=axis)


@styled
def tokens_selected_by(
    subsets: xr.Dataset, model: str, *, trend: str, start: float = 0.1, axis: str = "flops"
) -> Figure:
    """All models on the tokens that one of them selects: one panel of Figures 3 and 4, in a column.

    Args:
        subsets: what `selected_perplexity` returns for this selection, or numbers published in its form.
        model: the model that selects.
        trend: stagnated, upward, downward or other.
        start: from which the trends are fitted.
        axis: a coordinate of `subsets` over (model, checkpoint).

    Raises:
        ValueError: a trend, start, model or axis that is not there.
    """
    grid = Grid(
        rows=[[Selection(trend, start, model)]],
        row_labels=[_row_label(trend)],
        titles=[_titles(subsets, [model])],
        width=COLUMN_INCHES,
        height=ALONE_INCHES,
    )
    return draw_grid(subsets, grid, axis=axis)


@styled
def all_trends(
    subsets: xr.Dataset,
    *,
    start: float = 0.1,
    small: str | None = None,
    large: str | None = None,
    axis: str = "validation_perplexity",
) -> Figure:
    """The panels of Figures 3 and 4, and those of downward-trend tokens, against another axis (Figure 12)."""
    return _own_small_large(
        subsets, CATEGORISED, start=start, selecting=_ends(subsets, small, large), axis=axis
    )


@styled
def uncategorised_tokens(
    subsets: xr.Dataset, *, starts: Sequence[float] = (0.1, 0.4), axis: str = "flops"
) -> Figure:
    """Each model on its own tokens that are in no category, a panel for each start (Figure 10)."""
    grid = Grid(
        rows=[[Selection("other", start)] for start in starts],
        row_labels=["Perplexity"] * len(starts),
        titles=[[f"In no category after {hundredths(start)} % of training"] for start in starts],
        width=COLUMN_INCHES,
        height=ROW_INCHES * len(starts) + MARGINS_INCHES,
    )
    return draw_grid(subsets, grid, axis=axis)


@styled
def middle_selections(
    subsets: xr.Dataset,
    *,
    trend: str = "upward",
    starts: Sequence[float] = (0.1, 0.4),
    small: str | None = None,
    large: str | None = None,
    axis: str = "flops",
) -> Figure:
    """All models on the tokens of each model between small and large, a row for each start (Figure 11)."""
    styles, ends = model_styles(subsets), _ends(subsets, small, large)
    middle = _between(subsets, ends)
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
    return draw_grid(subsets, grid, axis=axis)


def _own_small_large(
    subsets: xr.Dataset, names: Sequence[str], *, start: float, selecting: tuple[str, str], axis: str
) -> Figure:
    grid = Grid(
        rows=[[Selection(name, start, model) for model in (None, *selecting)] for name in names],
        row_labels=[_row_label(name) for name in names],
        titles=[["Each model's own tokens", *_titles(subsets, selecting)]],
        width=PAGE_INCHES,
        height=ROW_INCHES * len(names) + MARGINS_INCHES,
    )
    return draw_grid(subsets, grid, axis=axis)


def _row_label(trend: str) -> str:
    return f"Perplexity of {NAMES.get(trend, trend)} tokens"


def _titles(models: xr.Dataset, selecting: Sequence[str]) -> list[str]:
    styles = _styles_of(models, selecting)
    return [f"Tokens selected by {styles[name].label}" for name in selecting]


def _ends(models: xr.Dataset, small: str | None, large: str | None) -> tuple[str, str]:
    names = list(_styles_of(models, [name for name in (small, large) if name is not None]))
    return small or names[0], large or names[-1]


def _styles_of(models: xr.Dataset, chosen: Sequence[str]) -> dict[str, LineStyle]:
    """Those of all models; ValueError unless the chosen ones are among them."""
    styles = model_styles(models)
    for name in chosen:
        if name not in styles:
            raise ValueError(f"there is no model '{name}' in the scores; there are {', '.join(styles)}")
    return styles


def _between(models: xr.Dataset, ends: tuple[str, str]) -> list[str]:
    """One model of each size between the ends: other seeds would repeat its panel."""
    styles = model_styles(models)
    names = list(styles)
    between = names[names.index(ends[0]) + 1 : names.index(ends[1])]
    outer = {styles[name] for name in ends}
    of_size = {styles[name]: name for name in reversed(between) if styles[name] not in outer}
    return list(reversed(of_size.values()))

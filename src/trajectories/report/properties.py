"""The table of trends by token properties (appendix B.3), as CSV and for reading."""

import numpy as np
import xarray as xr

from trajectories.figures.ticks import hundredths, percent, plain
from trajectories.report.tabular import csv_text, markdown_escaped, markdown_table, number

MEASURES = ("inside", "outside", "effect", "odds_ratio", "p_value", "p_corrected")
SIGNIFICANCE = 0.05
SMALL_EFFECT = 0.2  # Cohen (1988), for h; below it a difference is hardly one, however small its p-value
LEGEND = """\
Each cell: what share of the category's tokens has the property (for values: their median), and in brackets
how far that is from all other tokens: Cohen's h for shares, the rank-biserial correlation for values. Bold: a
difference of at least {effect} with a corrected p-value (Benjamini-Hochberg) below {significance}. The tests
take tokens as independent. All numbers and models are in `token-properties.csv`.
"""


def properties_csv(table: xr.Dataset) -> str:
    """Every number of `property_table`, a row per model, category and property."""
    rows = [
        [model, trend, prop, str(cell["kind"].item()), *(number(float(cell[name])) for name in MEASURES)]
        for model in _names(table, "model")
        for trend in _names(table, "trend")
        for prop in _names(table, "property")
        for cell in [table.sel(model=model, trend=trend, property=prop)]
    ]
    return csv_text(["model", "trend", "property", "kind", *MEASURES], rows)


def properties_markdown(table: xr.Dataset) -> str:
    """The first and the last model, the smallest and the largest: properties down, categories across."""
    models = _names(table, "model")
    parts = [
        f"# Which tokens have which trend, after {hundredths(float(table.attrs['start']))} % of training\n"
    ]
    parts.append(LEGEND.format(effect=SMALL_EFFECT, significance=SIGNIFICANCE))
    for model in dict.fromkeys([models[0], models[-1]]):
        of_model = table.sel(model=model)
        label = str(of_model["label"].item()) if "label" in of_model.coords else model
        parts.append(f"## {markdown_escaped(label)}\n\n{_model_table(of_model)}")
    return "\n".join(parts)


def _model_table(table: xr.Dataset) -> str:
    trends = _names(table, "trend")
    rows = [
        [markdown_escaped(prop), *(_cell(table.sel(property=prop, trend=trend)) for trend in trends)]
        for prop in _names(table, "property")
    ]
    return markdown_table(["property", *trends], rows, right=range(1, len(trends) + 1))


def _cell(found: xr.Dataset) -> str:
    inside, effect = float(found["inside"]), float(found["effect"])
    if np.isnan(inside):
        return "n/a"
    shown = f"{percent(inside)} %" if found["kind"].item() == "share" else plain(float(f"{inside:.3g}"))
    if np.isnan(effect):
        return shown
    text = f"{shown} ({effect:+.2f})"
    marked = abs(effect) >= SMALL_EFFECT and float(found["p_corrected"]) < SIGNIFICANCE
    return f"**{text}**" if marked else text


def _names(table: xr.Dataset, dimension: str) -> list[str]:
    return [str(name) for name in table[dimension].values]

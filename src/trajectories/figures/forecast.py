"""What smaller sizes predict of a larger one, beside what it did."""

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from trajectories.alignment.forecasts import AT_COMPUTE, AT_PERPLEXITY, FIRST_PART, LAST_VALUE
from trajectories.figures.style import FAINT, INK, PAGE_INCHES, message, new_figure, styled
from trajectories.figures.ticks import hundredths

HEIGHT_INCHES = 2.3
MOST_PANELS = 3
TICKS = 5
WAY_STYLES: dict[str, dict[str, Any]] = {
    AT_PERPLEXITY: {"color": "#1f3f77", "linewidth": 1.4, "label": "at its validation perplexity"},
    FIRST_PART: {
        "color": "#1f3f77",
        "linewidth": 1.1,
        "linestyle": (0, (4, 2)),
        "label": "at the perplexity foretold from its first part",
    },
    AT_COMPUTE: {"color": "#c8742a", "linewidth": 1.2, "label": "at equal compute"},
    LAST_VALUE: {
        "color": FAINT,
        "linewidth": 1.0,
        "linestyle": (0, (1, 1.5)),
        "label": "last value of the next smaller size",
    },
}
BAND: dict[str, Any] = {"color": "#1f3f77", "alpha": 0.13, "linewidth": 0}
ACTUAL: dict[str, Any] = {"color": INK, "marker": "o", "markersize": 2.6, "linestyle": "none", "zorder": 3}
OBSERVED: dict[str, Any] = {"color": FAINT, "linestyle": (0, (4, 3)), "linewidth": 0.8, "zorder": 1.2}


@styled
def forecast_panels(forecasts: xr.Dataset, names: Sequence[str], *, label: str) -> Figure:
    """A measure of the largest size along its training, and what the smaller sizes predict in four ways.

    The band is the interval of the forecast at the size's own validation perplexity. The dashed line ends the
    part of training of which the perplexity is taken as observed where it is foretold.

    Args:
        forecasts: what `trajectories.alignment.forecasts.forecast_measures` returns.
        names: of at most three of its measures, a panel each; those that are not there are left out.
        label: of the size, for the legend.
    """
    there = [str(measure) for measure in forecasts["measure"].values]
    drawn = [name for name in names if name in there][:MOST_PANELS]
    if not drawn or not forecasts["forecast"].sel(measure=drawn, way=AT_PERPLEXITY).notnull().any():
        reasons = [str(reason) for reason in forecasts["reason"].values.ravel() if reason]
        return message(
            "\n".join(wrap(f"Nothing was forecast: {reasons[0] if reasons else 'no measure'}.", 60))
        )
    figure = new_figure(PAGE_INCHES, HEIGHT_INCHES)
    panels = figure.subplots(1, len(drawn), sharex=True, squeeze=False)[0]
    for panel, name in zip(panels, drawn, strict=True):
        _draw(panel, forecasts.sel(measure=name), observed=float(forecasts.attrs["observed"]))
        panel.set_title(str(forecasts["name"].sel(measure=name).item()))
    kinds = [str(forecasts["kind"].sel(measure=name).item()) for name in drawn]
    panels[0].set_ylabel(f"{kinds[0].capitalize()}{' [%]' if kinds[0] == 'accuracy' else ''}")
    figure.supxlabel("Fraction of training [%]", fontsize=panels[0].xaxis.label.get_fontsize())
    handles = [
        Line2D([], [], label=f"{label} itself", **ACTUAL),
        *(Line2D([], [], **style) for style in WAY_STYLES.values()),
        Patch(label=f"{forecasts.attrs['confidence']:.0%} interval".replace("%", " %"), **BAND),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def _draw(panel: Axes, forecast: xr.Dataset, *, observed: float) -> None:
    across = forecast["training_fraction"].values
    for way, style in WAY_STYLES.items():
        series = forecast.sel(way=way)
        known = np.isfinite(series["forecast"].values) & np.isfinite(across)
        if way == AT_PERPLEXITY:
            low, high = (series[end].values[known] for end in ("low", "high"))
            panel.fill_between(across[known], low, high, **BAND)
        panel.plot(across[known], series["forecast"].values[known], **style)
    panel.plot(across, forecast["actual"].values, **ACTUAL)
    panel.axvline(observed, **OBSERVED)
    panel.xaxis.set_major_formatter(FuncFormatter(hundredths))
    panel.yaxis.set_major_locator(MaxNLocator(TICKS, steps=[1, 2, 5, 10]))
    if forecast["kind"].item() == "accuracy":
        panel.yaxis.set_major_formatter(FuncFormatter(hundredths))

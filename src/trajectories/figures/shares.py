"""Figure 2: how many tokens stagnate, rise and fall, by where the fit of the trend begins."""

import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from trajectories.figures.curves import add_legend, draw_curves
from trajectories.figures.style import PAGE_INCHES, SETTINGS, model_styles, new_figure, styled
from trajectories.figures.ticks import hundredths

MAXIMUM_TICKS = 8
TITLES = {
    "stagnated": "Stagnated (already learned)",
    "upward": "Upward trend (forgetting)",
    "downward": "Downward trend (still learning)",
}


@styled
def trend_shares(shares: xr.DataArray) -> Figure:
    """Share of tokens with each trend after a fraction of training, one curve per model (Figure 2).

    `shares` is over (start, model, trend), as `trajectories.trends.shares` gives it.
    """
    figure, styles = new_figure(PAGE_INCHES, 2.35), model_styles(shares)
    panels = figure.subplots(1, len(TITLES), sharex=True)
    start = shares["start"].broadcast_like(shares.isel(trend=0))
    for panel, (trend, title) in zip(panels, TITLES.items(), strict=True):
        draw_curves(panel, shares.sel(trend=trend), start, styles=styles)
        panel.set_title(title)
        panel.set_ylim(bottom=0)
        panel.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        panel.yaxis.set_major_formatter(FuncFormatter(hundredths))
        panel.xaxis.set_major_locator(FixedLocator(shares["start"].values.tolist(), nbins=MAXIMUM_TICKS))
        panel.xaxis.set_major_formatter(FuncFormatter(hundredths))
    panels[0].set_ylabel("Tokens [%]")
    figure.supxlabel("Trend fitted after this part of training [%]", fontsize=SETTINGS["axes.labelsize"])
    add_legend(figure, styles)
    return figure

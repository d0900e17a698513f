"""Figure 1 with power laws: the fit to each size's trajectory, and the compute-optimal frontiers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from trajectories.alignment.scaling_data import of_first_family
from trajectories.alignment.scaling_forms import HOFFMANN, KAPLAN
from trajectories.alignment.scaling_predict import compute_optimal, predict_along
from trajectories.figures.axes import axis_label, coordinate, set_perplexity_axis, set_x_axis
from trajectories.figures.curves import add_legend
from trajectories.figures.style import COLUMN_INCHES, FAINT, INK, model_styles, new_figure, styled
from trajectories.figures.training import DRAWN_FROM, late
from trajectories.scoring.labels import EDGE

POINTS: dict[str, Any] = {"linestyle": "none", "markersize": 2.2, "alpha": 0.35, "zorder": 2}
FITTED: dict[str, Any] = {"linewidth": 0.9, "zorder": 3}
DASHES: dict[str, Any] = {HOFFMANN: (0, (5, 2)), KAPLAN: (0, (1, 1.2))}
WITHIN: dict[str, Any] = {"color": INK, "linewidth": 1.2, "zorder": 4}  # measured sizes and tokens
BEYOND: dict[str, Any] = {"color": FAINT, "linewidth": 0.75, "zorder": 3.5}
BAND: dict[str, Any] = {"color": INK, "alpha": 0.09, "linewidth": 0, "zorder": 1}
NOTE_POINTS = 6.5
NAMES = {HOFFMANN: "Hoffmann", KAPLAN: "Kaplan"}
EXPONENTS = {
    HOFFMANN: {"alpha": r"$\alpha$", "beta": r"$\beta$"},
    KAPLAN: {"alpha_N": r"$\alpha_N$", "alpha_D": r"$\alpha_D$"},
}
PLACES = 200  # of a frontier
OPTIMUM = {"flops": "flops", "tokens_seen": "tokens"}  # axes on which the frontier has a place


@styled
def scaling_laws(scores: xr.Dataset, fits: xr.Dataset, *, axis: str = "flops") -> Figure:
    """Validation perplexity of every model, its own power law, and the compute-optimal frontiers (Figure 1).

    Points are checkpoints, and lines each size's fit in Hoffmann's form. Dashes are the lowest loss that the
    joint fits promise for so much compute, with intervals, thin where the best size or its tokens lie beyond
    those that were measured; they have no place on axes other than compute and tokens. Checkpoints before the
    fits' start may lie above the panel.

    Args:
        scores: as for `trajectories.alignment.scaling.fit_power_laws`.
        fits: what it returns.
        axis: a coordinate over (model, checkpoint).
    """
    own = of_first_family(scores)
    across, perplexity = coordinate(own, axis), coordinate(own, "validation_perplexity")
    fraction = own["training_fraction"]
    counts = perplexity.notnull() & (fraction >= fits.attrs["start"] - EDGE)
    drawn = late(perplexity, fraction, DRAWN_FROM)
    curves = _perplexity(predict_along(fits, HOFFMANN, own["flops"])).where(counts)
    figure, styles = new_figure(COLUMN_INCHES, 3.4), model_styles(own)
    panel = figure.subplots()
    for name, style in styles.items():
        at, curve = across.sel(model=name).values, curves.sel(model=name).values
        known = np.isfinite(at) & np.isfinite(curve)
        panel.plot(at, drawn.sel(model=name), color=style.color, marker=style.marker, **POINTS)
        panel.plot(at[known], curve[known], color=style.color, **FITTED)
    measured = {name: own[name].where(counts).values for name in OPTIMUM}
    frontiers = _draw_frontiers(panel, fits, measured, axis=axis)
    set_x_axis(panel, across.where(counts).rename(axis))
    set_perplexity_axis(panel, np.append(perplexity.where(counts), frontiers))
    panel.set_xlabel(axis_label(across))
    panel.set_ylabel("Validation perplexity")
    add_legend(figure, styles)
    return figure


def _draw_frontiers(
    panel: Axes, fits: xr.Dataset, measured: Mapping[str, np.ndarray], *, axis: str
) -> np.ndarray:
    """Draw the frontiers over the compute of the fitted checkpoints; returns the perplexities in view."""
    reason = str(fits["joint_reason"].values[0])
    if reason:
        panel.text(0.03, 0.03, f"no joint fit: {reason}", transform=panel.transAxes, color=FAINT)
    if reason or axis not in OPTIMUM or not np.isfinite(measured["flops"]).any():
        return np.empty(0)
    ends = np.nanmin(measured["flops"]), np.nanmax(measured["flops"])
    compute = xr.DataArray(np.geomspace(*ends, PLACES), dims="place")
    in_view, handles = [], []
    for form, dashes in DASHES.items():
        best = compute_optimal(fits, form, compute).assign(flops=compute)
        at, perplexity = best[OPTIMUM[axis]], _perplexity(best["loss"])
        within = _within(best["parameters"], fits["parameters"].values)
        within &= _within(best["tokens"], measured["tokens_seen"])
        panel.fill_between(at, _perplexity(best["loss_low"]), _perplexity(best["loss_high"]), **BAND)
        panel.plot(at, perplexity.where(~within), linestyle=dashes, **BEYOND)
        panel.plot(at, perplexity.where(within), linestyle=dashes, **WITHIN)
        handles.append(Line2D([], [], linestyle=dashes, label=_label(fits, form), **WITHIN))
        in_view.append(perplexity.values[_within(at, measured[axis])])
    panel.figure.legend(
        handles=handles,
        loc="outside lower center",
        title="Lowest loss for the compute (thin: extrapolated)",
        fontsize=NOTE_POINTS,
        title_fontsize=NOTE_POINTS,
        handlelength=3,
    )
    return np.concatenate(in_view)


def _perplexity(loss: xr.DataArray) -> xr.DataArray:
    perplexity: xr.DataArray = xr.apply_ufunc(np.exp, loss)
    return perplexity


def _within(values: xr.DataArray, measured: np.ndarray) -> xr.DataArray:
    inside: xr.DataArray = (values >= np.nanmin(measured)) & (values <= np.nanmax(measured))
    return inside


def _label(fits: xr.Dataset, form: str) -> str:
    """The form and its exponents with their intervals."""
    exponents = []
    for name, symbol in EXPONENTS[form].items():
        of = fits.sel(form=form, parameter=name)
        value, low, high = (float(of[each]) for each in ("estimate", "low", "high"))
        exponents.append(f"{symbol} = {value:.3f} [{low:.3f}, {high:.3f}]")
    return f"{NAMES[form]}: {', '.join(exponents)}"

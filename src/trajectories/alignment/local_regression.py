"""Local linear regression: a line through the nearest points, at any place, for many samples at once."""

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from trajectories import arrays

Floats = NDArray[np.float64]

FEWEST_TO_SMOOTH = 4  # points; fewer are their own line
FEWEST_NEAREST = 5  # the outermost has no weight: four make a line
FLAT = 1e-6  # variance of the points, in squares of their radius, below which they have no slope


class Neighbourhoods(NamedTuple):
    """Which points count at each place: their weights and where they lie, both [place, point].

    `offset` is the distance from the centre of a place's neighbourhood in parts of its radius, and `beyond`
    [place] that of the place itself: 0 within the points, outside them the line is continued.
    """

    weight: Floats
    offset: Floats
    beyond: Floats


def neighbourhoods(x: Floats, at: Floats, *, span: float) -> Neighbourhoods:
    """Tricube weights of the nearest `span` of the points around each place (Cleveland, 1979).

    A place beyond all points takes the neighbourhood of the outermost one.

    Args:
        x: [point], at least one, all finite.
        at: [place], finite.
        span: share of the points that count, above 0 to 1; at least five do.
    """
    centre = np.clip(at, x.min(), x.max())
    away = x[None, :] - centre[:, None]
    nearest = min(len(x), max(FEWEST_NEAREST, int(span * len(x) + 1e-9)))
    radius = np.partition(np.abs(away), nearest - 1, axis=1)[:, nearest - 1, None]
    # Where so many points share one x that the radius is 0, these count alike and the others not at all.
    wide = np.where(radius > 0, radius, 1.0)
    inside = (1 - np.minimum(np.abs(away) / wide, 1) ** 3) ** 3
    weight = np.where(radius > 0, inside, away == 0)
    return Neighbourhoods(weight, away / wide, (at - centre) / wide[:, 0])


def lines(near: Neighbourhoods, y: Floats, counts: Floats) -> Floats:
    """[sample, place] values of the local lines through samples of the points.

    Neighbourhoods are those of all points; in a sample a point counts as often as it was drawn.

    Args:
        near: of the places.
        y: [point], or [sample, point] where samples differ in it.
        counts: [sample, point], how often a point counts.

    Returns:
        NaN where a sample has no point near a place; the mean where those points lie at one x.
    """
    first, second = near.weight * near.offset, near.weight * near.offset**2
    heights = counts * y
    s0, s1, s2 = (counts @ moment.T for moment in (near.weight, first, second))
    t0, t1 = (heights @ moment.T for moment in (near.weight, first))
    spread = s0 * s2 - s1**2
    sloped = spread > FLAT * s0**2
    safe = np.where(sloped, spread, 1.0)
    slope = np.where(sloped, (s0 * t1 - s1 * t0) / safe, 0.0)
    mean = t0 / np.where(s0 > 0, s0, np.nan)
    level = np.where(sloped, (s2 * t0 - s1 * t1) / safe, mean)
    values: Floats = np.where(s0 > 0, level + slope * near.beyond, np.nan)
    return values


def line(x: Floats, y: Floats, at: Floats, *, span: float) -> Floats:
    """[place] value of the local line through the points x and y [point]; see `neighbourhoods`."""
    near = neighbourhoods(x, at, span=span)
    return np.asarray(lines(near, y, np.ones((1, len(x))))[0])


def smooth(x: xr.DataArray, y: xr.DataArray, *, span: float = 0.5) -> xr.DataArray:
    """A smooth line through the points of each trajectory, at the same x (Figure 8).

    Local linear regression against the logarithm of x: each value comes from the nearest `span` of the
    points, with tricube weights of their distance (Cleveland, 1979, without his robust iterations).

    Args:
        x: over checkpoint and any others, such as model; positive. FLOPs or perplexity.
        y: over checkpoint and any others.
        span: share of the points that count, above 0 to 1; at least five do.

    Returns:
        As y, over the dimensions of both. NaN where x or y is, or x is not positive: such points are left
        out. Fewer than four points are returned as they are.

    Raises:
        ValueError: `span` is not a share, or a dimension is absent.
    """
    require_span(span)
    arrays.require(x, "checkpoint", what="x of a smoothed line")
    arrays.require(y, "checkpoint", what="y of a smoothed line")
    smoothed: xr.DataArray = xr.apply_ufunc(
        smooth_points,
        x,
        y,
        kwargs={"span": span},
        input_core_dims=[["checkpoint"], ["checkpoint"]],
        output_core_dims=[["checkpoint"]],
        vectorize=True,
        join="exact",
        output_dtypes=[np.float64],
    )
    return smoothed.transpose(*(name for name in smoothed.dims if name != "checkpoint"), "checkpoint")


def smooth_points(x: Floats, y: Floats, *, span: float) -> Floats:
    """The core of `smooth`: x and y are [point] in any order, and so is what is returned."""
    known = np.isfinite(x) & np.isfinite(y) & (x > 0)
    smoothed = np.where(known, y, np.nan)
    if known.sum() >= FEWEST_TO_SMOOTH:
        across = np.log(x[known])
        smoothed[known] = line(across, y[known].astype(np.float64), across, span=span)
    return smoothed


def require_span(span: float) -> None:
    """Raise ValueError unless it is a share of the points."""
    if not 0 < span <= 1:
        raise ValueError(f"span needs a share of the points, above 0 to 1, got {span}")

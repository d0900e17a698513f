"""Fitting a form of the loss to measured points, and again to samples of them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, inv
from scipy.optimize import Bounds, minimize

from trajectories.alignment.scaling_forms import Form, constant

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

HUBER_DELTA = 1e-3  # of log loss, Hoffmann et al. (2022), section 3.3
SQUARES = np.inf  # as delta: least squares
STARTS = 3  # of the grid's best, from which the fit runs to its end
RIDGE = 1e-9  # of the mean diagonal: directions that the data do not tell still have a length
ROUNDING = 1e-9  # of log loss, and of a bound
SMALLEST = 1e-7  # residual that sets the length of a step
# Of the objective, in which a standard error is about 1: a fit is exact, that of a sample to a thousandth.
EXACT, NEAR = 1e-10, 1e-6
MOST_STEPS = 500


class Points(NamedTuple):
    """Measured points, the logarithms of what loss depends on less their means.

    `x` is [term, point], `centre` [term] the means, `log_loss` and `weights` [point].
    """

    x: Floats
    centre: Floats
    log_loss: Floats
    weights: Floats


def make_points(across: Floats, loss: Floats, weights: Floats | None = None) -> Points:
    """Points from positive numbers: across [term, point], loss [point] in nats, weights [point] if not 1."""
    logs = np.log(across)
    centre = logs.mean(axis=1)
    return Points(
        logs - centre[:, None], centre, np.log(loss), np.ones(len(loss)) if weights is None else weights
    )


def fit_lines(points: Points, counts: Counts) -> tuple[Floats, float]:
    """Powers without irreducible loss, L = (scale / x)^exponent: straight lines in logarithms, least squares.

    Args:
        points: with one term.
        counts: [sample, point], how often a point counts; each sample has two points or more.

    Returns:
        [sample, 2 (scale, exponent)], and R squared of the first sample's line over all points.
    """
    x, y = points.x[0], points.log_loss
    total = counts.sum(axis=1)
    across, up, product, square = ((counts * values).sum(axis=1) / total for values in (x, y, x * y, x * x))
    slope = (product - across * up) / (square - across**2)
    with np.errstate(divide="ignore", invalid="ignore"):  # a level line has no scale
        scale = constant(points.centre[0] + across - up / slope)
    fitted = up[0] + slope[0] * (x - across[0])
    return np.stack([scale, -slope], axis=1), _r_squared(y, fitted, points.weights)


def fit(form: Form, points: Points, *, delta: float = HUBER_DELTA) -> Floats:
    """[inner] the values at which the Huber loss of log loss is smallest, searched from a grid of starts.

    As Hoffmann et al. (2022), section 3.3, do with L-BFGS. The sum counts, not the mean, and steps are in
    standard errors: so the search does not stop early, as theirs did (Besiroglu et al., 2024). The search is
    SciPy's SLSQP, which goes by estimates of the curvature too and finds the same minima; its L-BFGS-B waits
    for the threads of LAPACK at every step, which takes twenty times as long where processors are busy.
    """
    loss = np.exp(points.log_loss)
    grid = sorted(
        form.starts(points.x, loss, points.weights),
        key=lambda inner: _objective(form, points, inner, delta=SQUARES)[0],
    )
    found = [_settled(form, points, inner, delta) for inner in grid[:STARTS]]
    return min(found, key=lambda inner: _objective(form, points, inner, delta=delta)[0])


def refit(form: Form, points: Points, inner: Floats, *, counts: Counts, delta: float = HUBER_DELTA) -> Floats:
    """[sample, inner] the fits to samples of the points, each from the fit to all of them.

    Args:
        form: of the loss.
        points: all.
        inner: their fit.
        counts: [sample, point], how often a point counts.
        delta: as for `fit`.
    """
    steps = _steps(form, points, inner)
    weighted = (points._replace(weights=points.weights * of_sample) for of_sample in counts)
    return np.array(
        [_minimise(form, sample, inner, steps=steps, delta=delta, tolerance=NEAR) for sample in weighted]
    )


def explained(form: Form, points: Points, inner: Floats) -> float:
    """R squared of log loss with the points' weights, NaN where it is the same at all of them."""
    return _r_squared(points.log_loss, form.curve(inner, points.x)[0], points.weights)


def _settled(form: Form, points: Points, inner: Floats, delta: float) -> Floats:
    """From a start to the minimum: twice by least squares, whose steps lead there, then by the loss asked."""
    for stage in (SQUARES, SQUARES, delta, delta):
        steps = _steps(form, points, inner)
        inner = _minimise(form, points, inner, steps=steps, delta=stage)
    return inner


def _steps(form: Form, points: Points, inner: Floats) -> Floats:
    """[inner, inner] lower triangular: its columns are independent steps of about a standard error.

    The first inner value, which has a bound, moves with the first step alone.
    """
    fitted, slopes = form.curve(inner, points.x)
    curvature = np.einsum("ip,p,jp->ij", slopes, points.weights, slopes)
    ridge = RIDGE * np.trace(curvature) / len(inner)
    spread = np.average((fitted - points.log_loss) ** 2, weights=points.weights)
    length = max(float(np.sqrt(spread)), SMALLEST)
    lower: Floats = cholesky(inv(curvature + ridge * np.eye(len(inner))), lower=True)
    return length * lower


def _minimise(
    form: Form, points: Points, inner: Floats, *, steps: Floats, delta: float, tolerance: float = EXACT
) -> Floats:
    """[inner] the minimum that is reached from `inner`, the first value held within its bounds."""
    mean = _objective(form, points, inner, delta=delta)[0] / points.weights.sum()
    unit = max(mean, SMALLEST**2)

    def in_steps(taken: Floats) -> tuple[float, Floats]:
        value, gradient = _objective(form, points, inner + steps @ taken, delta=delta)
        return value / unit, steps.T @ gradient / unit

    low, high = np.full((2, len(inner)), [[-np.inf], [np.inf]])
    low[0], high[0] = (np.array(form.bounds) - inner[0]) / steps[0, 0]
    found = minimize(
        in_steps,
        np.zeros(len(inner)),
        jac=True,
        method="SLSQP",
        bounds=Bounds(low, high),
        options={"maxiter": MOST_STEPS, "ftol": tolerance},
    )
    reached: Floats = inner + steps @ found.x
    first = float(np.clip(reached[0], *form.bounds))
    reached[0] = next((end for end in form.bounds if abs(first - end) < ROUNDING), first)
    return reached


def _objective(form: Form, points: Points, inner: Floats, *, delta: float) -> tuple[float, Floats]:
    """Sum over points of the Huber loss of their log loss, and its gradient [inner]."""
    fitted, slopes = form.curve(inner, points.x)
    residual = fitted - points.log_loss
    pull = np.clip(residual, -delta, delta)  # the derivative: the residual, up to delta
    value = np.sum(points.weights * pull * (residual - pull / 2))
    # Not `@`, whose threads take longer to wake than so few numbers to multiply.
    return float(value), np.einsum("ip,p->i", slopes, points.weights * pull)


def _r_squared(measured: Floats, fitted: Floats, weights: Floats) -> float:
    """One minus the share of the weighted variance of `measured` [point] that is left; NaN without any."""
    mean = np.average(measured, weights=weights)
    variance = np.average((measured - mean) ** 2, weights=weights)
    left = np.average((measured - fitted) ** 2, weights=weights)
    return float(1 - left / variance) if variance > ROUNDING**2 else float("nan")

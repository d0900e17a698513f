"""The loss that fitted power laws predict, and the compute-optimal frontier."""

from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from trajectories.alignment.scaling_forms import HOFFMANN, JOINT, KAPLAN
from trajectories.generation.resampling import interval

Floats = NDArray[np.float64]
Cost = Callable[[Floats], Floats]  # FLOP per token of models of so many parameters

FROM_LOG, TO_LOG = 0.0, 60.0  # logarithm of parameters between which the optimum is looked for
AT_END = 1e-3  # of that logarithm: a minimum so near an end is none
GOLDEN = (np.sqrt(5) - 1) / 2
NARROWED = 60  # times, to 1e-11: below what differences of loss tell
OPTIMUM = {  # name: long name, units
    "parameters": ("compute-optimal number of parameters", "1"),
    "tokens": ("compute-optimal number of training tokens", "1"),
    "loss": ("validation loss on the compute-optimal frontier", "nats"),
}


def predict_loss(
    fits: xr.Dataset, form: str, parameters: xr.DataArray | float, tokens: xr.DataArray | float
) -> xr.DataArray:
    """Validation loss, nats, of a model of this size after so many tokens by the joint fit of a form.

    Args:
        fits: what `fit_power_laws` returns.
        form: "kaplan" or "hoffmann".
        parameters: positive, a number or over any dimensions.
        tokens: positive; dimensions broadcast by their names.
    """
    loss = _joint_loss(_constants(fits, form, "estimate"), form)
    predicted: xr.DataArray = xr.apply_ufunc(loss, xr.DataArray(parameters), xr.DataArray(tokens))
    return predicted.drop_attrs()


def predict_along(fits: xr.Dataset, form: str, flops: xr.DataArray) -> xr.DataArray:
    """Validation loss, nats, of every model at so much compute by its own fit of a form.

    Args:
        fits: what `fit_power_laws` returns.
        form: "kaplan" or "hoffmann".
        flops: positive, over model or any other dimensions.
    """
    _require_form(form)
    of_form = fits.sel(form=form, drop=True)
    if form == KAPLAN:
        return (of_form["scale"] / flops) ** of_form["exponent"]
    return of_form["irreducible_loss"] + of_form["scale"] * flops ** -of_form["exponent"]


def compute_optimal(
    fits: xr.Dataset, form: str, flops: xr.DataArray, flops_per_token: Cost | None = None
) -> xr.Dataset:
    """The size and tokens that spend compute best by the joint fit of a form, and the loss that they reach.

    Minimises L(N, C / c(N)) over N by golden section search, c being the compute of a token. With c = 6 N and
    Hoffmann's form it is their Eq. 4: N = G (C / 6)^(beta / (alpha + beta)), G = (alpha A / (beta B))^(1 /
    (alpha + beta)). The fits are of trajectories, so this is what their checkpoints trade size for tokens at,
    not how to plan a run whose learning rate decays to its end.

    Args:
        fits: what `fit_power_laws` returns.
        form: "kaplan" or "hoffmann".
        flops: compute C in FLOP, positive, over any dimensions.
        flops_per_token: c in FLOP, of arrays of parameters; by default `token_cost` of the fitted models.

    Returns:
        `parameters`, `tokens` and `loss` (nats) over the dimensions of flops, each with `_low` and `_high`,
        its interval over the samples of the fits. NaN without a fit, and where there is no optimum because
        loss does not fall with size or with tokens; the interval is NaN where that is so in a sample.
    """
    known, confidence = _constants(fits, form, "estimate"), fits.attrs["confidence"]
    samples, blocks = _constants(fits, form, "resampled"), max(2, int(fits["joint_blocks"]))
    values = {
        name: np.concatenate([[known[name]], samples[name]]).reshape(-1, *[1] * flops.ndim) for name in known
    }
    found = _optimum(_joint_loss(values, form), flops.values, flops_per_token or token_cost(fits), values)
    variables = {}
    for (name, (long_name, units)), of in zip(OPTIMUM.items(), found, strict=True):
        low, high = interval(of[1:], texts=blocks, confidence=confidence)
        for ending, each in {"": of[0], "_low": low, "_high": high}.items():
            attributes = {"long_name": long_name + ending.replace("_", ", "), "units": units}
            variables[name + ending] = (flops.dims, each, attributes)
    return xr.Dataset(variables, coords=flops.coords)


def token_cost(fits: xr.Dataset) -> Cost:
    """FLOP per token as a power of parameters: the line of least squares in logarithms through the models.

    6 N where compute was counted as 6 x parameters x tokens; with attention and the output head counted it
    departs from that in small models. Proportional to N where one size alone is known, NaN where none is.
    """
    known = np.isfinite(fits["flops_per_token"].values)
    if not known.any():
        return lambda parameters: np.full_like(parameters, np.nan)
    size = np.log(fits["parameters"].values[known].astype(np.float64))
    cost = np.log(fits["flops_per_token"].values[known])
    away = size - size.mean()
    exponent = float(np.sum(away * cost) / np.sum(away**2)) if np.ptp(size) > 0 else 1.0
    level = float(np.exp(cost.mean() - exponent * size.mean()))
    return lambda parameters: level * parameters**exponent


def _constants(fits: xr.Dataset, form: str, variable: str) -> dict[str, Floats]:
    """The constants of one form by their names, [] or [resample]."""
    _require_form(form)
    of_form = fits[variable].sel(form=form)
    return {name: of_form.sel(parameter=name).values for name in JOINT[form].constants}


def _joint_loss(constants: Mapping[str, Floats], form: str) -> Callable[[Floats, Floats], Floats]:
    """Loss in nats as a function of parameters and tokens."""
    if form == HOFFMANN:
        e, a, b, alpha, beta = (constants[name] for name in JOINT[form].constants)
        return lambda parameters, tokens: e + a * parameters**-alpha + b * tokens**-beta
    n_c, d_c, alpha_n, alpha_d = (constants[name] for name in JOINT[form].constants)

    def kaplan(parameters: Floats, tokens: Floats) -> Floats:
        of_size = alpha_n / alpha_d * np.log(n_c / parameters)
        with np.errstate(invalid="ignore"):  # missing tokens
            total = np.logaddexp(of_size, np.log(d_c / tokens))
        loss: Floats = np.exp(alpha_d * total)
        return loss

    return kaplan


def _optimum(
    loss: Callable[[Floats, Floats], Floats], flops: Floats, cost: Cost, constants: Mapping[str, Floats]
) -> tuple[Floats, Floats, Floats]:
    """[sample, ...] size, tokens and loss at the minimum, of flops [...] and constants [sample, 1, ...]."""
    shape = np.broadcast_shapes(next(iter(constants.values())).shape, flops.shape)
    low, high = np.full(shape, FROM_LOG), np.full(shape, TO_LOG)
    with np.errstate(over="ignore"):  # far from any optimum
        for _ in range(NARROWED):
            width = high - low
            left, right = high - GOLDEN * width, low + GOLDEN * width
            at_left, at_right = (loss(size, flops / cost(size)) for size in (np.exp(left), np.exp(right)))
            falls = at_right < at_left
            low, high = np.where(falls, left, low), np.where(falls, high, right)
    middle = (low + high) / 2
    inside = (middle > FROM_LOG + AT_END) & (middle < TO_LOG - AT_END)
    parameters = np.where(inside, np.exp(middle), np.nan)
    tokens = flops / cost(parameters)
    return parameters, tokens, loss(parameters, tokens)


def _require_form(form: str) -> None:
    if form not in JOINT:
        raise ValueError(f"no form is called '{form}'; choose one of {', '.join(JOINT)}")

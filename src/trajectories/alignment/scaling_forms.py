"""The forms that loss is fitted with: log loss against size, tokens or compute, and its derivatives.

Fits run in inner values, which trade off against each other less than the constants of the papers do: what a
term adds in the middle of the data, and how fast it falls from there. The papers' constants are outer values.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

Floats = NDArray[np.float64]

KAPLAN, HOFFMANN = "kaplan", "hoffmann"
EXPONENTS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.6, 1.0)  # from which fits start
FAINTEST = 1e-3  # share of a term in the loss at a start; at 0 its exponent would have no derivative
TERM, CONSTANT = 100.0, 700.0  # largest logarithms: of a term after a step too far, of a constant in double


@dataclass(frozen=True)
class Form:
    """A form of the loss.

    Attributes:
        constants: The outer values, in the order that `outward` gives.
        bounds: Of the first inner value; the others have none.
        curve: Inner values and x [term, point] to log loss [point] and its derivatives [inner, point].
        starts: x, loss [point] in nats and weights [point] to inner values that fit about.
        outward: Inner values [..., inner] and what x was centred by [term] to outer values [..., outer].
    """

    constants: tuple[str, ...]
    bounds: tuple[float, float]
    curve: Callable[[Floats, Floats], tuple[Floats, Floats]]
    starts: Callable[[Floats, Floats, Floats], Iterator[Floats]]
    outward: Callable[[Floats, Floats], Floats]


def _sum_of_powers(inner: Floats, x: Floats) -> tuple[Floats, Floats]:
    """E and powers that add to it: inner values are E, and of each term its logarithm at 0 and exponent."""
    terms = _term(inner[1::2, None] - inner[2::2, None] * x)
    loss = max(inner[0], 0) + terms.sum(axis=0)  # a search may overstep its bound by rounding
    share = terms / loss
    of_terms = np.stack([share, -x * share], axis=1).reshape(-1, x.shape[1])
    return np.log(loss), np.concatenate([1 / loss[None, :], of_terms])


def _starts_of_powers(x: Floats, loss: Floats, weights: Floats) -> Iterator[Floats]:
    """For each choice of exponents the other inner values that fit best, none of them negative."""
    root = np.sqrt(weights)
    for exponents in product(EXPONENTS, repeat=len(x)):
        columns = np.vstack([np.ones_like(loss), np.exp(-np.array(exponents)[:, None] * x)])
        shares, _ = nnls((columns * root / loss).T, root)
        levels = np.log(np.maximum(shares[1:], FAINTEST * loss.mean()))
        yield np.concatenate([shares[:1], np.column_stack([levels, exponents]).ravel()])


def _outward_of_powers(inner: Floats, centre: Floats) -> Floats:
    exponents = inner[..., 2::2]
    factors = constant(inner[..., 1::2] + exponents * centre)
    return np.concatenate([inner[..., :1], factors, exponents], axis=-1)


def _power_above(inner: Floats, x: Floats) -> tuple[Floats, Floats]:
    """E and one power that adds to it: inner values are the share of E, log loss and its fall, all at 0."""
    share, level, fall = np.clip(inner[0], 0, 1 - FAINTEST), inner[1], inner[2]
    exponent = fall / (1 - share)
    decay = _term(-exponent * x[0])
    loss = share + (1 - share) * decay  # in parts of that at 0
    slopes = [1 - decay - exponent * x[0] * decay, loss, -x[0] * decay]
    return level + np.log(loss), np.stack(slopes) / loss


def _starts_above(x: Floats, loss: Floats, weights: Floats) -> Iterator[Floats]:
    for irreducible, level, exponent in _starts_of_powers(x, loss, weights):
        whole = irreducible + np.exp(level)
        share = min(irreducible / whole, 1 - FAINTEST)
        yield np.array([share, np.log(whole), exponent * (1 - share)])


def _outward_above(inner: Floats, centre: Floats) -> Floats:
    share, level, fall = np.moveaxis(inner, -1, 0)
    exponent = fall / (1 - share)
    factor = constant(level + np.log(1 - share) + exponent * centre)
    return np.stack([share * np.exp(level), factor, exponent], axis=-1)


def _power_of_sum(inner: Floats, x: Floats) -> tuple[Floats, Floats]:
    """A power of a sum: inner values are alpha_D, of size the logarithm at 0 and exponent, that of tokens.

    Either logarithm is that of the loss if there were no limit but this one.
    """
    power, level, exponent, of_tokens = inner
    scaled = np.stack([(level - exponent * x[0]) / power, of_tokens / power - x[1]])
    total = np.logaddexp(*scaled)
    share = np.exp(scaled - total)
    of_power = total - share[0] * scaled[0] - share[1] * of_tokens / power
    return power * total, np.stack([of_power, share[0], -share[0] * x[0], share[1]])


def _starts_of_sums(x: Floats, loss: Floats, weights: Floats) -> Iterator[Floats]:
    root = np.sqrt(weights)
    middle = np.exp(np.log(loss).mean())  # a small power's inverse would overflow
    for power, exponent in product(EXPONENTS, repeat=2):
        columns = np.exp(np.stack([-exponent / power * x[0], -x[1]])) / (loss / middle) ** (1 / power)
        if not np.isfinite(columns).all():
            continue
        shares, _ = nnls((columns * root).T, root)
        levels = power * np.log(np.maximum(shares, FAINTEST)) + np.log(middle)
        yield np.array([power, levels[0], exponent, levels[1]])


def _outward_of_sums(inner: Floats, centre: Floats) -> Floats:
    power, level, exponent, of_tokens = np.moveaxis(inner, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithms = centre[0] + level / exponent, centre[1] + of_tokens / power
    return np.stack([*map(constant, logarithms), exponent, power], axis=-1)


def constant(logarithm: Floats) -> Floats:
    """The exponential of what may be beyond all numbers, where the exponent of a term is near 0."""
    return np.exp(np.clip(logarithm, -CONSTANT, CONSTANT))


def _term(logarithm: Floats) -> Floats:
    return np.exp(np.clip(logarithm, -TERM, TERM))


# A model's loss against compute, Hoffmann et al. (2022), Eq. 2 at one size: L = E + B / C^beta; x is log C.
ALONG_COMPUTE = Form(("E", "B", "beta"), (0, 1 - FAINTEST), _power_above, _starts_above, _outward_above)
# Of x = (log N, log D):
JOINT = {
    # Kaplan et al. (2020), Eq. 1.5: L = [(N_c / N)^(alpha_N / alpha_D) + D_c / D]^alpha_D
    KAPLAN: Form(
        ("N_c", "D_c", "alpha_N", "alpha_D"), (1e-3, np.inf), _power_of_sum, _starts_of_sums, _outward_of_sums
    ),
    # Hoffmann et al. (2022), Eq. 2: L = E + A / N^alpha + B / D^beta
    HOFFMANN: Form(
        ("E", "A", "B", "alpha", "beta"), (0, np.inf), _sum_of_powers, _starts_of_powers, _outward_of_powers
    ),
}

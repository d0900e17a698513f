"""Power laws fitted to the checkpoints of a family: those of each size, and those of all sizes together."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from trajectories.alignment.checkpoints_drawn import block_length, draw_checkpoints
from trajectories.alignment.scaling_data import Measured
from trajectories.alignment.scaling_forms import ALONG_COMPUTE, JOINT
from trajectories.alignment.scaling_search import (
    SQUARES,
    Points,
    explained,
    fit,
    fit_lines,
    make_points,
    refit,
)
from trajectories.generation.resampling import interval

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Counts = NDArray[np.int64]

FEWEST_CHECKPOINTS = 4  # of a model
FEWEST_SIZES = 3  # for the joint fit
FORMS = tuple(JOINT)
UNITS = {  # of the joint fits' constants, whose names are those of the papers
    "E": "nats",
    "A": "nats·parameters^alpha",
    "B": "nats·tokens^beta",
    "alpha": "1",
    "beta": "1",
    "N_c": "parameters·nats^(1/alpha_N)",
    "D_c": "tokens·nats^(1/alpha_D)",
    "alpha_N": "1",
    "alpha_D": "1",
}
OF_SIZE = {  # measure: long name and unit
    "exponent": ("exponent of compute, alpha_C or beta", "1"),
    "exponent_low": ("lower end of the exponent's interval", "1"),
    "exponent_high": ("upper end of the exponent's interval", "1"),
    "scale": ("C_c in FLOP·nats^(1/alpha_C), or B in nats·FLOP^beta", "see long_name"),
    "irreducible_loss": ("loss that compute does not lower, 0 in Kaplan's form", "nats"),
    "r_squared": ("share of the variance of log loss that is explained", "1"),
}


@dataclass(frozen=True)
class Redrawing:
    """How intervals come about."""

    resamples: int
    seed: int
    confidence: float

    def draw(self, known: Booleans) -> Counts:
        """[resample, model, checkpoint] how often each known checkpoint is drawn."""
        rng = np.random.default_rng(self.seed)
        return draw_checkpoints(known, resamples=self.resamples, rng=rng)

    def ends(self, values: Floats, *, blocks: int) -> Floats:
        """[2, ...] ends of the interval from values [resample, ...] of samples of so many blocks."""
        return interval(values, texts=blocks, confidence=self.confidence)


def fit_sizes(measured: Measured, redrawing: Redrawing) -> xr.Dataset:
    """Loss against compute of every model: what `fit_power_laws` says over (form, model) and over model."""
    known = np.isfinite(measured.loss) & np.isfinite(measured.flops)
    drawn = redrawing.draw(known)
    values = np.full((len(OF_SIZE), len(FORMS), len(known)), np.nan)
    reasons = [_lack_of_size(measured, model) for model in range(len(known))]
    for model, has in enumerate(known):
        if not reasons[model]:
            points = make_points(measured.flops[model, has][None], measured.loss[model, has])
            values[:, :, model] = _size_values(points, drawn[:, model, has], redrawing)
    cost = measured.flops / measured.tokens
    variables = {
        **{name: (("form", "model"), values[row]) for row, name in enumerate(OF_SIZE)},
        "reason": (("form", "model"), [reasons] * len(FORMS)),
        "checkpoints": ("model", known.sum(axis=1)),
        "flops_per_token": ("model", [_median(of_model[np.isfinite(of_model)]) for of_model in cost]),
    }
    return xr.Dataset(variables, coords={"form": list(FORMS)})


def fit_jointly(measured: Measured, redrawing: Redrawing) -> xr.Dataset:
    """Loss against parameters and tokens: what `fit_power_laws` says over (form, parameter)."""
    known = np.isfinite(measured.loss) & np.isfinite(measured.tokens)
    known &= known.sum(axis=1, keepdims=True) >= FEWEST_CHECKPOINTS
    shape = (redrawing.resamples, len(FORMS), len(UNITS))
    estimate, resampled = np.full(shape[1:], np.nan), np.full(shape, np.nan)
    low, high, r_squared = estimate.copy(), estimate.copy(), np.full(len(FORMS), np.nan)
    reason, blocks = _lack_of_sizes(measured, known), _blocks(known)
    if not reason:
        points, drawn = _joint_points(measured, known), redrawing.draw(known)[:, known]
        for row, form in enumerate(JOINT.values()):
            of_form = [list(UNITS).index(name) for name in form.constants]
            inner = fit(form, points)
            samples = form.outward(refit(form, points, inner, counts=drawn), points.centre)
            estimate[row, of_form], resampled[:, row, of_form] = form.outward(inner, points.centre), samples
            low[row, of_form], high[row, of_form] = redrawing.ends(samples, blocks=blocks)
            r_squared[row] = explained(form, points, inner)
    return xr.Dataset(
        {
            "estimate": (("form", "parameter"), estimate),
            "low": (("form", "parameter"), low),
            "high": (("form", "parameter"), high),
            "resampled": (("resample", "form", "parameter"), resampled),
            "joint_r_squared": ("form", r_squared),
            "joint_reason": ("form", [reason] * len(FORMS)),
            "joint_checkpoints": ((), int(known.sum())),
            "joint_blocks": ((), blocks),
        },
        coords={"form": list(FORMS), "parameter": list(UNITS), "unit": ("parameter", list(UNITS.values()))},
    )


def _size_values(points: Points, counts: Counts, redrawing: Redrawing) -> Floats:
    """[measure, form] the numbers of one model in the order of `OF_SIZE`, from counts [resample, point]."""
    blocks = _blocks(np.ones((1, len(points.log_loss)), dtype=bool))
    every = np.ones((1, counts.shape[1]), dtype=np.int64)
    lines, straight = fit_lines(points, np.concatenate([every, counts]))
    inner = fit(ALONG_COMPUTE, points, delta=SQUARES)
    samples = refit(ALONG_COMPUTE, points, inner, counts=counts, delta=SQUARES)
    curves = ALONG_COMPUTE.outward(np.concatenate([inner[None], samples]), points.centre)
    by_form = [
        (lines[:, 1], lines[0, 0], 0.0, straight),
        (curves[:, 2], curves[0, 1], curves[0, 0], explained(ALONG_COMPUTE, points, inner)),
    ]
    return np.transpose(
        [
            [exponents[0], *redrawing.ends(exponents[1:], blocks=blocks), scale, irreducible, share]
            for exponents, scale, irreducible, share in by_form
        ]
    )


def _joint_points(measured: Measured, known: Booleans) -> Points:
    """All known checkpoints; the weights of those of a model add up to the same for each."""
    of_models = known.sum(axis=1, keepdims=True)
    weights = np.where(known, known.sum() / np.count_nonzero(of_models) / np.maximum(of_models, 1), 0)
    parameters = np.broadcast_to(measured.parameters[:, None], known.shape)
    across = np.stack([parameters[known], measured.tokens[known]])
    return make_points(across, measured.loss[known], weights[known])


def _blocks(known: Booleans) -> int:
    """Of how many blocks of neighbours the known checkpoints [model, checkpoint] are drawn."""
    counts = known.sum(axis=1).tolist()
    return sum(-(-count // block_length(count)) for count in counts)


def _median(values: Floats) -> float:
    return float(np.median(values)) if values.size else float("nan")


def _lack_of_size(measured: Measured, model: int) -> str:
    """Why a model has no fit; empty where it has one."""
    loss = np.isfinite(measured.loss[model])
    usable = int(np.sum(loss & np.isfinite(measured.flops[model])))
    if usable >= FEWEST_CHECKPOINTS:
        return ""
    if np.count_nonzero(loss) >= FEWEST_CHECKPOINTS:
        return "compute unknown"
    return f"{usable} checkpoint{'s' * (usable != 1)}"


def _lack_of_sizes(measured: Measured, known: Booleans) -> str:
    """Why there is no joint fit; empty where there is one."""
    if np.isfinite(measured.loss).any() and not np.isfinite(measured.tokens).any():
        return "tokens unknown"
    sizes = len(np.unique(measured.parameters[known.any(axis=1)]))
    return "" if sizes >= FEWEST_SIZES else f"{sizes} size{'s' * (sizes != 1)}"

"""What power laws are fitted to: losses, compute and tokens of one family's checkpoints."""

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from trajectories import arrays
from trajectories.scoring.labels import EDGE

Floats = NDArray[np.float64]

ALONG = ("validation_perplexity", "tokens_seen", "flops", "training_fraction")


class Measured(NamedTuple):
    """Loss in nats, FLOP and tokens [model, checkpoint], NaN where unknown; parameters [model]."""

    loss: Floats
    flops: Floats
    tokens: Floats
    parameters: Floats


def of_first_family(scores: xr.Dataset) -> xr.Dataset:
    """The models of the first model's family by rising parameters, checkpoints in the order of training.

    All models where families are not told.

    Raises:
        ValueError: a dimension, or a coordinate that power laws need, is absent.
    """
    arrays.require(scores, "model", "checkpoint", what="a dataset to fit power laws to")
    absent = [name for name in ("parameters", *ALONG) if name not in scores.variables]
    if absent:
        came = ", ".join(str(name) for name in scores.coords)
        raise ValueError(
            f"power laws need the coordinates parameters, {', '.join(ALONG)}; missing: {', '.join(absent)} "
            f"(there are {came}); trajectories.scoring.gather_scores gives them"
        )
    own = np.arange(scores.sizes["model"])
    if "family" in scores.variables:
        own = np.flatnonzero(scores["family"].values == scores["family"].values[0])
    order = np.lexsort((scores["model"].values[own], scores["parameters"].values[own]))
    return scores.isel(model=own[order]).sortby("checkpoint")


def measure(own: xr.Dataset, *, start: float) -> Measured:
    """The numbers of a family's models, where a checkpoint counts: at `start` of training or later.

    Raises:
        ValueError: a perplexity is not above 1.
    """
    perplexity, tokens, flops, fraction = (_over(own, name) for name in ALONG)
    wrong = np.argwhere(perplexity <= 1)
    if len(wrong):
        model, checkpoint = wrong[0]
        raise ValueError(
            f"the validation perplexity of {own['model'].values[model]} at checkpoint "
            f"{own['checkpoint'].values[checkpoint]} is {perplexity[model, checkpoint]:g}, and power laws "
            "need losses above 0; give perplexities, which are above 1, not losses"
        )
    counts = np.isfinite(perplexity) & (fraction >= start - EDGE)
    loss = np.log(np.where(counts, perplexity, np.nan))
    parameters = own["parameters"].values.astype(np.float64)
    return Measured(loss, _positive(flops), _positive(tokens), parameters)


def _positive(values: Floats) -> Floats:
    return np.where((values > 0) & np.isfinite(values), values, np.nan)


def _over(own: xr.Dataset, name: str) -> Floats:
    values: Floats = own[name].transpose("model", "checkpoint").values.astype(np.float64)
    return values

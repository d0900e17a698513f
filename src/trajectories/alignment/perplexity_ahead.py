"""The validation perplexity of the rest of a training, from its first part and the other sizes' power law."""

import numpy as np
import xarray as xr

from trajectories.alignment.scaling import fit_power_laws
from trajectories.alignment.scaling_forms import HOFFMANN
from trajectories.alignment.scaling_predict import predict_loss
from trajectories.scoring.labels import EDGE

LAST_PART = 0.5  # of the observed part: its later half tells by how much the law is off


def extrapolate_perplexity(
    scores: xr.Dataset, target: str, *, observed: float = 0.3, start: float = 0.1
) -> xr.DataArray:
    """Validation perplexities as far as they are observed, the target's later ones as a power law has them.

    L = E + A / N^alpha + B / D^beta (Hoffmann et al., 2022, Eq. 2) is fitted to the checkpoints of smaller
    sizes and to the target's first part. What the law is off by in the later half of that part, on average,
    is added to its loss.

    Args:
        scores: as for `trajectories.alignment.scaling.fit_power_laws`.
        target: the model whose training is observed in part.
        observed: that part, a fraction of training.
        start: fraction of training from which checkpoints count in the fit.

    Returns:
        (model, checkpoint), the coordinate validation_perplexity with the target's values after `observed`
        replaced at all checkpoints whose tokens are known; NaN there when the law could not be fitted, as
        with fewer than three sizes, or when the target has no checkpoint in the later half of `observed`.

    Raises:
        ValueError: there is no such model.
    """
    models = [str(name) for name in scores["model"].values]
    if target not in models:
        raise ValueError(f"there is no model {target!r}; there are {', '.join(models)}")
    fraction, parameters = scores["training_fraction"], scores["parameters"]
    is_target = scores["model"] == target
    early = fraction <= observed + EDGE
    known = scores["validation_perplexity"].where(~is_target | early)
    taken = np.flatnonzero(((parameters < parameters.sel(model=target)) | is_target).values)
    with_part = scores.assign_coords(validation_perplexity=known).isel(model=taken)
    fits = fit_power_laws(with_part, start=start, resamples=1)
    tokens = scores["tokens_seen"].sel(model=target, drop=True)
    law = predict_loss(fits, HOFFMANN, float(parameters.sel(model=target)), tokens.where(tokens > 0))
    later_half = known.sel(model=target).where(fraction.sel(model=target) >= LAST_PART * observed)
    loss: xr.DataArray = xr.apply_ufunc(np.log, later_half)
    off = (loss - law).mean("checkpoint")
    ahead: xr.DataArray = xr.apply_ufunc(np.exp, law + off)
    predicted = known.where(~is_target | early, ahead.reset_coords(drop=True))
    bare = predicted.reset_coords(drop=True).drop_attrs()
    return bare.transpose("model", "checkpoint").rename("validation_perplexity")

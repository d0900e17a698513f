"""Perplexity of single tokens and of sets of tokens along training."""

import numpy as np
import xarray as xr

from trajectories import arrays


def token_perplexity(log_likelihood: xr.DataArray) -> xr.DataArray:
    """Perplexity of every token, exp(-log-likelihood in nats), in double precision; NaN stays NaN."""
    negative = -log_likelihood.astype(np.float64)
    perplexity: xr.DataArray = xr.apply_ufunc(np.exp, negative, dask="allowed", keep_attrs=False)
    return perplexity.rename("perplexity").assign_attrs(long_name="perplexity of the token", units="1")


def subset_perplexity(log_likelihood: xr.DataArray, selected: xr.DataArray) -> xr.DataArray:
    """Perplexity of a set of tokens, exp of minus their mean log-likelihood, at each (model, checkpoint).

    A token that is missing (NaN) at a checkpoint is left out of that checkpoint's mean; where every
    selected token is missing, or none is selected, the perplexity is NaN.

    Args:
        log_likelihood: nats, over token and any others, such as (model, checkpoint).
        selected: boolean over token, or over (model, token) where each model has its own set.

    Raises:
        ValueError: a dimension is absent, or the two do not hold the same tokens or models.
    """
    arrays.require(log_likelihood, "token", what="log_likelihood")
    arrays.require(selected, "token", what="selected")
    scores, chosen = xr.align(log_likelihood, selected, join="exact")
    # One set for all models is picked: far fewer numbers to move than under a mask.
    alike = chosen.ndim == 1
    kept = scores.isel(token=np.flatnonzero(chosen.values)) if alike else scores.where(chosen)
    counts = kept.count("token")
    mean = kept.sum("token", dtype=np.float64) / counts.where(counts > 0)
    return token_perplexity(mean).assign_attrs(long_name="perplexity of the tokens", units="1")

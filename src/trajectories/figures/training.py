"""Which part of training is drawn: not its first checkpoints, beside which all that follows looks flat."""

import xarray as xr

# Fractions of training. Everything begins at the perplexity of a uniform guess: the first checkpoints are not
# drawn, and curves may enter from above the panel.
DRAWN_FROM = 0.04
IN_VIEW_FROM = 0.05


def late(values: xr.DataArray, training_fraction: xr.DataArray, start: float) -> xr.DataArray:
    """The values (..., model, checkpoint), NaN at checkpoints before this fraction of training."""
    kept = values.where(training_fraction >= start)
    return kept.transpose(*values.dims).rename(values.name).assign_attrs(values.attrs)

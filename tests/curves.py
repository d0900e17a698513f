"""Trajectories of made-up sizes whose measures follow perplexity, compute or nothing."""

import numpy as np
import xarray as xr

PARAMETERS = (1e6, 4e6, 16e6, 64e6)
STEPS = np.arange(1, 21) * 100


def make_axes(parameters: tuple[float, ...] = PARAMETERS) -> xr.Dataset:
    """Axes over (model, checkpoint): perplexity falls by a power law of size and tokens."""
    sizes = np.array(parameters)
    tokens = np.tile(STEPS * 1e4, (len(sizes), 1))
    loss = 1.0 + 2.0 * (sizes[:, None] / 1e6) ** -0.15 + 60.0 * tokens**-0.3
    dims = ("model", "checkpoint")
    return xr.Dataset(
        coords={
            "model": [f"size-{place}" for place in range(len(sizes))],
            "checkpoint": STEPS,
            "label": ("model", [f"{size:g}" for size in sizes]),
            "family": ("model", ["made up"] * len(sizes)),
            "parameters": ("model", sizes),
            "seed": ("model", np.full(len(sizes), np.nan)),
            "tokens_seen": (dims, tokens),
            "flops": (dims, 6 * sizes[:, None] * tokens),
            "training_fraction": (dims, tokens / tokens[0, -1]),
            "validation_perplexity": (dims, np.exp(loss)),
        }
    )


def measure_of(axes: xr.Dataset, axis: str, *, noise: float = 0.0, seed: int = 0) -> xr.DataArray:
    """A smooth function of the logarithm of one axis, with noise that differs from point to point."""
    log = np.log(axes[axis])
    across = (log - log.min()) / (log.max() - log.min())
    random = np.random.default_rng(seed)
    values = np.tanh(3 * across - 1) + noise * random.standard_normal(across.shape)
    return values.assign_coords(axes.coords).rename("measure")

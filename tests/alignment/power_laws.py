"""Trajectories whose losses follow a power law of size and tokens, with noise that lasts if asked."""

import numpy as np
import xarray as xr

SIZES = (1e6, 4e6, 2e7, 1e8)
HOFFMANN = {"E": 1.7, "A": 400.0, "B": 410.0, "alpha": 0.34, "beta": 0.28}
KAPLAN = {"N_c": 9e13, "D_c": 5e13, "alpha_N": 0.076, "alpha_D": 0.095}


def hoffmann(parameters: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Loss in nats, Eq. 2 of Hoffmann et al. (2022) with the constants above."""
    of_size = HOFFMANN["A"] / parameters ** HOFFMANN["alpha"]
    return HOFFMANN["E"] + of_size + HOFFMANN["B"] / tokens ** HOFFMANN["beta"]


def kaplan(parameters: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Loss in nats, Eq. 1.5 of Kaplan et al. (2020) with the constants above."""
    ratio = KAPLAN["alpha_N"] / KAPLAN["alpha_D"]
    return ((KAPLAN["N_c"] / parameters) ** ratio + KAPLAN["D_c"] / tokens) ** KAPLAN["alpha_D"]


LAWS = {"hoffmann": hoffmann, "kaplan": kaplan}


def make_trajectories(
    law: str = "hoffmann", *, checkpoints: int = 24, noise: float = 0.0, lasting: float = 0.0, seed: int = 0
) -> xr.Dataset:
    """Models of `SIZES`, every other with a checkpoint less, over (model, checkpoint).

    `noise` is the standard deviation of log loss; the share `lasting` of it goes on to the next checkpoint.
    """
    sizes = np.array(SIZES)
    steps = np.arange(1, checkpoints + 1) * 1000
    tokens = np.outer(sizes**0.4, steps * 200.0)
    random = np.asarray(np.random.default_rng(seed).standard_normal(tokens.shape))
    for step in range(1, checkpoints):
        random[:, step] = lasting * random[:, step - 1] + np.sqrt(1 - lasting**2) * random[:, step]
    loss = LAWS[law](sizes[:, None], tokens) * np.exp(noise * random)
    present = np.ones(tokens.shape, dtype=bool)
    present[1::2, checkpoints // 2] = False
    over = {
        "tokens_seen": tokens,
        "flops": 6 * sizes[:, None] * tokens,
        "training_fraction": tokens / tokens[:, -1:],
        "validation_perplexity": np.exp(loss),
    }
    dims = ("model", "checkpoint")
    return xr.Dataset(
        coords={
            "model": [f"model-{size:g}" for size in sizes],
            "checkpoint": steps,
            "label": ("model", [f"{size:g}" for size in sizes]),
            "family": ("model", ["opt"] * len(sizes)),
            "parameters": ("model", sizes.astype(np.int64)),
            **{name: (dims, np.where(present, values, np.nan)) for name, values in over.items()},
        }
    )

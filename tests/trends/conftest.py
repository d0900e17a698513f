"""Synthetic trajectories with the layout of data/scores/tokens.nc."""

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

TEXTS = np.array([" the", "ing", ".", "\n", " 12", " Hello", "API", "  "])


def _scores(
    *, models: int = 2, checkpoints: int = 12, documents: int = 10, per_document: int = 6, seed: int = 0
) -> xr.DataArray:
    rng = np.random.default_rng(seed)
    tokens = documents * per_document
    walks = rng.normal(scale=0.1, size=(models, checkpoints, tokens)).cumsum(axis=1) - rng.uniform(
        1, 6, tokens
    )
    fraction = np.arange(1, checkpoints + 1) / checkpoints
    over_checkpoints = np.tile(fraction, (models, 1))
    identity = rng.integers(len(TEXTS), size=tokens)
    return xr.DataArray(
        walks,
        dims=("model", "checkpoint", "token"),
        coords={
            "model": [f"model-{size}" for size in range(models)],
            "checkpoint": np.arange(1, checkpoints + 1) * 50,
            "training_fraction": (("model", "checkpoint"), over_checkpoints),
            "tokens_seen": (("model", "checkpoint"), over_checkpoints * 1e9),
            "flops": (("model", "checkpoint"), over_checkpoints * 1e21),
            "validation_perplexity": (("model", "checkpoint"), 100 / over_checkpoints),
            "parameters": ("model", 10 ** np.arange(1, models + 1)),
            "document": ("token", np.repeat([f"document-{n}" for n in range(documents)], per_document)),
            "position": ("token", np.tile(np.arange(1, per_document + 1), documents)),
            "token_id": ("token", identity),
            "token_text": ("token", TEXTS[identity]),
            "domain": ("token", np.repeat(np.resize(["algebra", "plots"], documents), per_document)),
            "training_frequency": ("token", rng.integers(0, 1000, size=tokens)),
        },
        name="log_likelihood",
    )


@pytest.fixture(scope="session")
def make_scores() -> Callable[..., xr.DataArray]:
    """Builds seeded random walks of log-likelihoods (model, checkpoint, token)."""
    return _scores

"""Scores of models that learn the way section 3 describes, from formulas, for figures and tables."""

import numpy as np
import xarray as xr

from trajectories import arrays
from trajectories.trends import fit_trends, token_perplexity

MODELS = {
    "opt-0_2m": ("0.2M", 0.16e6),
    "opt-0_4m": ("0.4M", 0.42e6),
    "opt-1_4m": ("1.4M", 1.4e6),
    "opt-3_6m": ("3.6M", 3.6e6),
}
STEPS = np.array([2, 4, 8, 16, *range(32, 705, 32)])
TOKENS_PER_STEP = 4096
VOCABULARY = 4096
DOMAINS = ("algebra", "graphs", "tables")
WORDS = (
    " the",
    "function",
    "\n",
    " returns",
    "    ",
    "<b>",
    " a",
    "&",
    "ing",
    ".",
    " 3",
    "_",
    "|",
    " Array",
    "`",
    "\ufffd",
)


def make_scores(
    *, tokens: int = 3000, models: dict[str, tuple[str, float]] = MODELS, seed: int = 7
) -> xr.Dataset:
    """Dataset as in data/scores/tokens.nc; the first model has lost its last checkpoint but two."""
    random = np.random.default_rng(seed)
    parameters = np.array([count for _, count in models.values()])
    loss = _validation_loss(parameters)
    fates = random.choice(4, size=tokens, p=[0.03, 0.07, 0.7, 0.2])
    depth = random.gamma(2.0, 0.5, size=tokens)
    curve = np.stack([_FATES[fate](loss, d) for fate, d in zip(fates, depth, strict=True)], axis=-1)
    noise = np.where(fates == 0, 0.004, np.where(fates == 3, 0.8, 0.15))
    likelihood = np.minimum(-curve + noise * random.standard_normal(curve.shape), -1e-3)
    scores = xr.Dataset(
        {"log_likelihood": (("model", "checkpoint", "token"), likelihood.astype(np.float32))},
        coords={
            "model": list(models),
            "checkpoint": STEPS,
            "label": ("model", [label for label, _ in models.values()]),
            "family": ("model", ["opt"] * len(models)),
            "parameters": ("model", parameters.astype(np.int64)),
            "seed": ("model", np.full(len(models), np.nan)),
            "tokens_seen": (
                ("model", "checkpoint"),
                np.tile(STEPS * float(TOKENS_PER_STEP), (len(models), 1)),
            ),
            "flops": (("model", "checkpoint"), 6 * parameters[:, None] * STEPS * float(TOKENS_PER_STEP)),
            "training_fraction": (("model", "checkpoint"), np.tile(STEPS / STEPS[-1], (len(models), 1))),
            "validation_perplexity": (("model", "checkpoint"), np.exp(loss)),
            **_token_coordinates(tokens, random),
        },
    )
    present = (scores["model"] != next(iter(models))) | (scores["checkpoint"] != STEPS[-3])
    for name in ("flops", "tokens_seen", "training_fraction", "validation_perplexity"):
        scores[name] = scores[name].where(present)
    return arrays.label(scores.where(present))


def make_trends(scores: xr.Dataset) -> xr.Dataset:
    """The trends of the scores with the paper's settings."""
    return fit_trends(token_perplexity(scores["log_likelihood"]), start=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7))


def _validation_loss(parameters: np.ndarray) -> np.ndarray:
    """[model, checkpoint] in nats, from a uniform guess towards a power law of size and time."""
    reached = 4.6 - 0.22 * np.log(parameters / parameters[0])
    learnt = (1 + STEPS[None, :] / 12.0) ** -0.62
    loss: np.ndarray = reached[:, None] + (np.log(VOCABULARY) - reached[:, None]) * learnt
    return loss


def _stagnated(loss: np.ndarray, depth: float) -> np.ndarray:
    return 0.03 + 0.1 * depth + 8.0 / (1 + np.exp(-(loss - 6.6 + 0.4 * depth) / 0.12))


def _upward(loss: np.ndarray, depth: float) -> np.ndarray:
    fall = 6.2 + 2.1 / (1 + np.exp(-(loss - 6.6) / 0.25))
    bump = 1.2 * np.exp(-(((loss - 5.05 + 0.4 * depth) / 0.45) ** 2))
    return fall + bump + 0.3 * (depth - 1)


def _downward(loss: np.ndarray, depth: float) -> np.ndarray:
    return np.maximum(loss * (0.4 + 0.6 * depth), 0.05)


def _other(loss: np.ndarray, depth: float) -> np.ndarray:
    return 3.0 + 0.3 * loss + depth


_FATES = (_stagnated, _upward, _downward, _other)


def _token_coordinates(tokens: int, random: np.random.Generator) -> dict[str, tuple[str, np.ndarray]]:
    window = min(500, tokens)
    document = np.arange(tokens) // window
    identity = random.integers(0, len(WORDS), size=tokens)
    return {
        "document": ("token", np.array([f"document-{number}" for number in document])),
        "position": ("token", np.arange(tokens) % window + 1),
        "domain": ("token", np.array(DOMAINS)[document % len(DOMAINS)]),
        "token_id": ("token", identity.astype(np.int32)),
        "token_text": ("token", np.array(WORDS)[identity]),
        "training_frequency": ("token", (identity.astype(np.int64) + 1) * 100),
    }

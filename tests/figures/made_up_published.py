"""Numbers in the form of `trajectories.publications.published`: as a paper draws them, from formulas."""

import numpy as np
import xarray as xr

MODELS = {"opt-125m": ("125M", 1.25e8), "opt-1_3b": ("1.3B", 1.3e9), "opt-175b": ("175B", 1.75e11)}
SELECTING = "opt-1_3b"
STEPS = np.arange(1000, 30001, 1000)  # validated; of every second one there is a checkpoint that was scored
LAST_STEP = 32000
TOKENS_PER_STEP = 2e6
TASKS = {  # their groups; the first are means over more tasks than those that follow
    "all": "",
    "linearity": "",
    "breakthroughness": "",
    "date_understanding": "linearity",
    "strange_stories": "linearity",
    "human_organs_senses": "breakthroughness",
}
CHANCE = (0.318, 0.266, 0.333, np.nan, np.nan, np.nan)
SUBSETS = {"stagnated": 0.085, "upward": 0.094}
STARTS = (0.1, 0.4, 0.7)


def make_published() -> xr.Dataset:
    """No token, standard error or option; the largest model was not validated at the first steps."""
    random = np.random.default_rng(3)
    parameters = np.array([count for _, count in MODELS.values()])
    tokens = np.tile(STEPS * TOKENS_PER_STEP, (len(MODELS), 1))
    perplexity = 7 + 40 * (parameters[:, None] * tokens / 1e17) ** -0.2
    validated = (STEPS > 3000) | (parameters[:, None] < 1e11)
    scored = validated & (STEPS % 2000 == 0)
    over = ("model", "checkpoint")
    rising = 0.3 + 2 / perplexity
    noise = 0.01 * random.standard_normal((len(TASKS), *perplexity.shape))
    slopes = np.array([0.0, -0.1])[:, None, None] * np.log(perplexity)
    shares = random.uniform(0.05, 0.3, (3, len(STARTS), len(MODELS)))
    return xr.Dataset(
        {
            "accuracy": (("task", *over), np.where(scored, rising + noise, np.nan)),
            "chance": ("task", np.array(CHANCE)),
            "subset_perplexity": (("subset", *over), np.where(scored, np.exp(1 + slopes), np.nan)),
            "share": (("trend", "start", "model"), shares),
        },
        coords={
            "model": list(MODELS),
            "checkpoint": STEPS,
            "label": ("model", [label for label, _ in MODELS.values()]),
            "family": ("model", ["opt"] * len(MODELS)),
            "parameters": ("model", parameters.astype(np.int64)),
            "seed": ("model", np.full(len(MODELS), np.nan)),
            "tokens_seen": (over, np.where(validated, tokens, np.nan)),
            "flops": (over, np.where(validated, 6 * parameters[:, None] * tokens, np.nan)),
            "training_fraction": (over, np.where(validated, STEPS / LAST_STEP, np.nan)),
            "validation_perplexity": (over, np.where(validated, perplexity, np.nan)),
            "in_table_2": (over, scored),
            "task": list(TASKS),
            "group": ("task", list(TASKS.values())),
            "subset": [f"{trend} in {SELECTING}" for trend in SUBSETS],
            "subset_trend": ("subset", list(SUBSETS)),
            "subset_start": ("subset", [0.1] * len(SUBSETS)),
            "selected_by": ("subset", [SELECTING] * len(SUBSETS)),
            "selected_share": ("subset", list(SUBSETS.values())),
            "trend": ["stagnated", "upward", "downward"],
            "start": list(STARTS),
        },
    )

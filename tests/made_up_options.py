"""Scored options of made-up tasks: with subtasks, with fractional scores, with several right answers."""

import numpy as np
import xarray as xr

STEPS = [2, 4, 8, 16]
TASKS = ("arithmetic", "proverbs", "geography")
SUBTASKS = {"arithmetic": ("",), "proverbs": ("",), "geography": ("rivers", "towns")}
EXAMPLES = {"": 12, "rivers": 7, "towns": 3}


def make_labels(seed: int = 0) -> dict[str, tuple[str, np.ndarray]]:
    """Coordinates over option; examples have two to five options, some of them several right ones."""
    random = np.random.default_rng(seed)
    rows = []
    for task in TASKS:
        for subtask in SUBTASKS[task]:
            for example in range(EXAMPLES[subtask]):
                targets = np.zeros(int(random.integers(2, 6)))
                targets[random.integers(len(targets))] = 1
                if task == "proverbs":
                    targets[random.integers(len(targets))] += 0.5
                rows += [(task, subtask, example, f"option {i}", score) for i, score in enumerate(targets)]
    names = ("task", "subtask", "example", "text", "target_score")
    labels = {
        name: ("option", np.array(values))
        for name, values in zip(names, zip(*rows, strict=True), strict=True)
    }
    return labels | {"is_correct": ("option", labels["target_score"][1] > 0)}


def make_options(
    model: str = "opt-a",
    parameters: int = 10,
    steps: list[int] = STEPS,
    *,
    family: str = "opt",
    skill: float = 1.0,
    seed: float = np.nan,
) -> xr.Dataset:
    """One model's options, as in data/options; log-likelihoods of right ones are higher by `skill`."""
    labels = make_labels()
    right = labels["is_correct"][1]
    random = np.random.default_rng(parameters)
    shape = (len(steps), len(right))
    growing = skill * np.arange(1, len(steps) + 1)[:, None] / max(1, len(steps))
    tokens = random.integers(1, 5, len(right))
    return xr.Dataset(
        {
            "log_likelihood": (
                ("checkpoint", "option"),
                (-3 * tokens * random.exponential(size=shape) + growing * right).astype(np.float32),
            ),
            "unconditional_log_likelihood": (
                ("checkpoint", "option"),
                (-4 * tokens * random.exponential(size=shape)).astype(np.float32),
            ),
            "tokens": ("option", tokens),
            "characters": ("option", np.arange(len(right)) % 7 + 1),
            "bytes": ("option", np.arange(len(right)) % 7 + np.arange(len(right)) % 2 + 1),
            "shots": ("option", np.full(len(right), 2)),
            "shots_dropped": ("option", np.zeros(len(right), int)),
            "tokens_cut": ("option", np.zeros(len(right), int)),
        },
        coords={
            **labels,
            "checkpoint": steps,
            "tokens_seen": ("checkpoint", np.multiply(steps, 100.0)),
            "flops": ("checkpoint", np.multiply(steps, 600.0 * parameters)),
            "training_fraction": ("checkpoint", np.divide(steps, max(steps, default=1))),
            "model": model,
            "label": f"{parameters}K",
            "family": family,
            "parameters": parameters,
            "seed": seed,
        },
        attrs={"skipped_checkpoints": "[]", "precision": "float32"},
    )


def make_scores(model: str, steps: list[int] = STEPS) -> xr.Dataset:
    """What scoring of held-out windows leaves, as far as validation perplexity needs it."""
    means = -np.random.default_rng(len(model)).exponential(size=(len(steps), 2))
    return xr.Dataset(
        {
            "validation_log_likelihood": (("checkpoint", "validation_domain"), means),
            "validation_tokens": ("validation_domain", [10, 30]),
        },
        coords={"checkpoint": steps, "validation_domain": ["algebra", "tables"], "model": model},
    )

"""The labels of a model's scores: its checkpoints, the model itself, and how it was scored."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trajectories.checkpoints import Trajectory

# Attributes; the second and the third are JSON.
PRECISION, PRECISION_DIFFERENCE, SKIPPED = "precision", "precision_difference", "skipped_checkpoints"
AXES = ("tokens_seen", "flops", "training_fraction")
EDGE = 1e-6  # fractions of training that differ by less are the same, told apart by rounding


def checkpoint_labels(
    steps: Sequence[int], trajectory: "Trajectory", *, flops: str = "chowdhery"
) -> dict[str, object]:
    """The coordinates `checkpoint`, `tokens_seen`, `flops` and `training_fraction` of training steps."""
    return {
        "checkpoint": list(steps),
        "tokens_seen": ("checkpoint", [trajectory.tokens_seen(step) for step in steps]),
        "flops": (
            "checkpoint",
            [trajectory.flops(step, convention=flops) for step in steps],
            {"convention": flops},
        ),
        "training_fraction": ("checkpoint", [trajectory.training_fraction(step) for step in steps]),
    }


def model_labels(trajectory: "Trajectory") -> dict[str, object]:
    """The coordinates `model`, `label`, `family`, `parameters` and `seed`, NaN where it is not known."""
    named = {name: getattr(trajectory, name) for name in ("model", "label", "family", "parameters")}
    return {**named, "seed": math.nan if trajectory.seed is None else float(trajectory.seed)}

"""Log-likelihoods of held-out tokens: under one checkpoint, along a trajectory, models side by side."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trajectories.scoring.trajectory import score_trajectory
    from trajectories.scoring.windows import score_windows

__all__ = ["score_trajectory", "score_windows"]

# Imported on first use: gathering scores must not wait for torch, nor depend on the code that computes them.
_HOMES = {
    "score_trajectory": "trajectories.scoring.trajectory",
    "score_windows": "trajectories.scoring.windows",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)

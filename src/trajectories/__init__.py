"""Training trajectories of language models across scales: scores, trends and figures along checkpoints."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trajectories.checkpoints import load_checkpoint
    from trajectories.scoring import score_windows
    from trajectories.trends import fit_trends

__all__ = ["fit_trends", "load_checkpoint", "score_windows"]

# Imported on first use: the trend fits must not wait for torch, nor a stage depend on what it never calls.
_HOMES = {
    "load_checkpoint": "trajectories.checkpoints",
    "score_windows": "trajectories.scoring",
    "fit_trends": "trajectories.trends",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'trajectories' has no attribute '{name}'; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)

"""What `import trajectories as tj` offers, imported on first use: trend fits must not wait for torch."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trajectories.checkpoints import load_checkpoint
    from trajectories.scoring import score_windows
    from trajectories.trends import fit_trends

__all__ = ["fit_trends", "load_checkpoint", "score_windows"]

_HOMES = {
    "fit_trends": "trajectories.trends",
    "load_checkpoint": "trajectories.checkpoints",
    "score_windows": "trajectories.scoring",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'trajectories' has no attribute '{name}'; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)

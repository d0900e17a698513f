"""What `import trajectories as tj` offers, imported on first use: trend fits must not wait for torch."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trajectories.alignment.align import align
    from trajectories.alignment.forecast import forecast
    from trajectories.alignment.scaling import fit_power_laws
    from trajectories.checkpoints import load_checkpoint
    from trajectories.downstream.score_task import score_task
    from trajectories.downstream.tasks import load_task
    from trajectories.generation.contrastive import contrastive_decode
    from trajectories.generation.decoding import interpolated_decode, joint_decode
    from trajectories.publications import published
    from trajectories.scoring import score_windows
    from trajectories.scoring.continuations import score_continuations
    from trajectories.scoring.sequences import score_sequences
    from trajectories.trends import fit_trends

__all__ = [
    "align",
    "contrastive_decode",
    "fit_power_laws",
    "fit_trends",
    "forecast",
    "interpolated_decode",
    "joint_decode",
    "load_checkpoint",
    "load_task",
    "published",
    "score_continuations",
    "score_sequences",
    "score_task",
    "score_windows",
]

_HOMES = {
    "align": "trajectories.alignment.align",
    "contrastive_decode": "trajectories.generation.contrastive",
    "fit_power_laws": "trajectories.alignment.scaling",
    "fit_trends": "trajectories.trends",
    "forecast": "trajectories.alignment.forecast",
    "interpolated_decode": "trajectories.generation.decoding",
    "joint_decode": "trajectories.generation.decoding",
    "load_checkpoint": "trajectories.checkpoints",
    "load_task": "trajectories.downstream.tasks",
    "published": "trajectories.publications",
    "score_continuations": "trajectories.scoring.continuations",
    "score_sequences": "trajectories.scoring.sequences",
    "score_task": "trajectories.downstream.score_task",
    "score_windows": "trajectories.scoring",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'trajectories' has no attribute '{name}'; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)

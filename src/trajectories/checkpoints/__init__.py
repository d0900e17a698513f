"""Checkpoints: where they come from, how far each was trained, and loading one."""

from trajectories.checkpoints.load import Checkpoint, load_checkpoint, load_weights
from trajectories.checkpoints.sources import Source
from trajectories.checkpoints.trajectory import Trajectory, find_checkpoints, read_trajectory
from trajectories.checkpoints.weights import fingerprint

__all__ = [
    "Checkpoint",
    "Source",
    "Trajectory",
    "find_checkpoints",
    "fingerprint",
    "load_checkpoint",
    "load_weights",
    "read_trajectory",
]

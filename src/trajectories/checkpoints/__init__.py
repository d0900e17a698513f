"""Checkpoints: what a model's folder holds, how far each checkpoint was trained, and loading one."""

from trajectories.checkpoints.load import Checkpoint, load_checkpoint, load_weights
from trajectories.checkpoints.trajectory import Trajectory, find_checkpoints, read_trajectory
from trajectories.checkpoints.weights import fingerprint

__all__ = [
    "Checkpoint",
    "Trajectory",
    "find_checkpoints",
    "fingerprint",
    "load_checkpoint",
    "load_weights",
    "read_trajectory",
]

"""Pretraining: one model of a suite, from a stream of tokens to a folder of checkpoints."""

from trajectories.pretraining.architectures import Size
from trajectories.pretraining.pretrain import pretrain
from trajectories.pretraining.schedule import Recipe, checkpoint_steps
from trajectories.pretraining.train import DivergedError

__all__ = ["DivergedError", "Recipe", "Size", "checkpoint_steps", "pretrain"]

"""What conf/execution chooses: how the work is done, which changes no result."""

from dataclasses import dataclass

from omegaconf import MISSING


@dataclass
class ExecutionSettings:
    """`workers` processes score a model's checkpoints; `keep_weights` of the Hub once they are scored."""

    choice: str = MISSING
    workers: int | None = MISSING
    keep_weights: bool = MISSING

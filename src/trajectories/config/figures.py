"""What conf/figures chooses: the x-axis and which models and starts select the tokens that are drawn."""

from dataclasses import dataclass
from enum import Enum

from omegaconf import MISSING


class Axis(Enum):
    """Coordinates over (model, checkpoint) that can be an x-axis."""

    flops = "flops"
    tokens_seen = "tokens_seen"
    training_fraction = "training_fraction"
    validation_perplexity = "validation_perplexity"


@dataclass
class FigureSettings:
    """Selections of the paper's figures; `small` and `large` null: the suite's smallest, largest model."""

    choice: str = MISSING
    axis: Axis = MISSING
    start: float = MISSING
    late_start: float = MISSING
    small: str | None = None
    large: str | None = None
    passage_document: int = MISSING
    passage_tokens: int = MISSING

"""What conf/decoding chooses: which two models decode together, how, from which prompts, and how long."""

from dataclasses import dataclass
from enum import Enum

from omegaconf import MISSING


class Method(Enum):
    """How the next token is chosen: the likeliest, from the nucleus, or from the whole distribution."""

    greedy = "greedy"
    nucleus = "nucleus"
    sample = "sample"


@dataclass
class WeightSettings:
    """Weights in [-1, 1] of the small and of the large model's probabilities (Eq. 2)."""

    small: float = MISSING
    large: float = MISSING


@dataclass
class LengthSettings:
    """Texts of `new_tokens` tokens, continuing each of the first `prompts` prompts."""

    new_tokens: int = MISSING
    prompts: int = MISSING


@dataclass
class DecodingSettings:
    """How texts are decoded; `small` and `large` null: the family's smallest, largest model.

    `temperature` is that of `sample` and of `nucleus`.
    """

    choice: str = MISSING
    small: str | None = None
    large: str | None = None
    weights: list[WeightSettings] = MISSING
    methods: list[Method] = MISSING
    prompt_tokens: int = MISSING
    lengths: list[LengthSettings] = MISSING
    top_p: float = MISSING
    temperature: float = MISSING
    seed: int = MISSING

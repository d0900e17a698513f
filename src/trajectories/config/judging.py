"""What conf/judging chooses: which generated texts all checkpoints score, and what MAUVE compares."""

from dataclasses import dataclass

from omegaconf import MISSING


@dataclass
class JudgingSettings:
    """Every checkpoint scores the texts of the first `prompts` prompts; tables print those of `examples`.

    MAUVE takes all texts. `features` is a Hugging Face folder or repository whose hidden states it compares,
    null for the family's largest model; `seeds` are those of its clustering, whose spread is drawn.
    """

    choice: str = MISSING
    prompts: int = MISSING
    examples: list[int] = MISSING
    features: str | None = None
    revision: str | None = None
    seeds: list[int] = MISSING

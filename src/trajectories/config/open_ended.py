"""What conf/open_ended chooses: how long contexts are continued, the protocol of appendix C.4."""

from dataclasses import dataclass

from omegaconf import MISSING

from trajectories.config.decoding import Method


@dataclass
class OpenEndedSettings:
    """Every larger model with and without every smaller one continues `texts` contexts.

    `models` are those that take part, null: all of the family. `plausibility` is that of contrastive decoding
    (Li et al. 2022), the method beside it.
    """

    choice: str = MISSING
    models: list[str] | None = None
    texts: int = MISSING
    context_tokens: int = MISSING
    new_tokens: int = MISSING
    methods: list[Method] = MISSING
    top_p: float = MISSING
    plausibility: float = MISSING
    seed: int = MISSING

"""What conf/corruption chooses: which held-out texts are corrupted, how, and how much."""

from dataclasses import dataclass, field
from enum import Enum

from omegaconf import MISSING


class Operation(Enum):
    """What happens to the tokens that are touched."""

    replace = "replace"
    delete = "delete"
    insert = "insert"
    repeat = "repeat"


class Pool(Enum):
    """Where random tokens come from: the texts themselves (the paper's way), or the whole vocabulary."""

    sequences = "sequences"
    vocabulary = "vocabulary"


@dataclass
class CorruptionKind:
    """One way to corrupt a text: `rates` of its tokens are touched, `span` adjacent ones at a time."""

    operation: Operation = MISSING
    rates: list[float] = MISSING
    pool: Pool = Pool.sequences
    span: int = 1


@dataclass
class CorruptionSettings:
    """`texts` beginnings of held-out documents, of at most `tokens` tokens each, corrupted in each kind."""

    choice: str = MISSING
    texts: int = MISSING
    tokens: int = MISSING
    seed: int = MISSING
    kinds: dict[str, CorruptionKind] = field(default_factory=dict)

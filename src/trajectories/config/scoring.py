"""What conf/scoring chooses: the number format of scoring and what happens to scores that are not finite."""

from dataclasses import dataclass
from enum import Enum

from omegaconf import MISSING


class Precision(Enum):
    """Number format of the forward pass."""

    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"


class Nonfinite(Enum):
    """What a NaN or infinite log-likelihood does: stop, or leave its checkpoint out as NaN."""

    error = "error"
    skip = "skip"


class Flops(Enum):
    """How training compute is counted: Chowdhery et al. (2022), or plain 6 x parameters x tokens."""

    chowdhery = "chowdhery"
    plain = "plain"


@dataclass
class ScoringSettings:
    """How held-out windows are scored; `batch_tokens` bounds the tokens of one forward pass."""

    choice: str = MISSING
    precision: Precision = MISSING
    batch_tokens: int = MISSING
    nonfinite: Nonfinite = MISSING
    flops: Flops = MISSING

"""What conf/scoring chooses: the number format of scoring and what happens to scores that are not finite."""

from dataclasses import dataclass
from enum import Enum

from omegaconf import MISSING


class Precision(Enum):
    """Number format of the forward pass; auto: float32 on a processor, half precision on a GPU."""

    auto = "auto"
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
    """How held-out windows are scored; `batch_tokens` bounds a forward pass, null by what memory takes."""

    choice: str = MISSING
    precision: Precision = MISSING
    batch_tokens: int | None = MISSING
    nonfinite: Nonfinite = MISSING
    flops: Flops = MISSING

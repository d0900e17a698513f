"""What conf/trends chooses: the estimator of a token's trend and its thresholds (section 3.1)."""

from dataclasses import dataclass
from enum import Enum

from omegaconf import MISSING


class Regressor(Enum):
    """What the perplexity is regressed on."""

    index = "index"
    step = "step"
    log_step = "log_step"
    tokens_seen = "tokens_seen"
    flops = "flops"


class Estimator(Enum):
    """Least squares with a t-test (the paper), or Theil-Sen slopes with the Mann-Kendall test."""

    least_squares = "least_squares"
    theil_sen = "theil_sen"


class FalseDiscovery(Enum):
    """Correction of the p-values over tokens: none (the paper), Benjamini-Hochberg, Benjamini-Yekutieli."""

    none = "none"
    bh = "bh"
    by = "by"


@dataclass
class TrendSettings:
    """`start` holds fractions of training; `tolerance` is the half-width of the stagnation band."""

    choice: str = MISSING
    start: list[float] = MISSING
    regressor: Regressor = MISSING
    estimator: Estimator = MISSING
    significance: float = MISSING
    tolerance: float = MISSING
    false_discovery: FalseDiscovery = MISSING

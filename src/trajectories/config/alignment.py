"""What conf/alignment chooses: how curves of sizes are compared, and what is forecast."""

from dataclasses import dataclass

from omegaconf import MISSING


@dataclass
class AlignmentSettings:
    """`starts` and `observed` are fractions of training; `span` and `forecast_span` shares of pooled points.

    `trend_start` is the start of the trends that select tokens, the nearest of those that are fitted.
    """

    choice: str = MISSING
    starts: list[float] = MISSING
    trend_start: float = MISSING
    span: float = MISSING
    forecast_span: float = MISSING
    observed: float = MISSING
    law_start: float = MISSING
    resamples: int = MISSING
    confidence: float = MISSING
    seed: int = MISSING

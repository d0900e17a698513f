"""The paper's figures of section 3: labelled datasets in, a matplotlib Figure out, nothing read or saved."""

from trajectories.figures.selections import (
    all_trends,
    middle_selections,
    selected_tokens,
    uncategorised_tokens,
)
from trajectories.figures.shares import trend_shares
from trajectories.figures.validation import validation_perplexity

__all__ = [
    "all_trends",
    "middle_selections",
    "selected_tokens",
    "trend_shares",
    "uncategorised_tokens",
    "validation_perplexity",
]

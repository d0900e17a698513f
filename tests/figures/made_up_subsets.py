"""Perplexities of selected tokens, of made-up scores and trends."""

from typing import Any

import xarray as xr

from trajectories.figures import drawn_selections
from trajectories.trends import selected_perplexity


def make_subsets(scores: xr.Dataset, trends: xr.Dataset, **chosen: Any) -> xr.Dataset:
    """What figures 3, 4 and 10 to 12 show; `chosen` as for `drawn_selections`."""
    selections = drawn_selections(scores, **({"starts": (0.1, 0.4)} | chosen))
    return selected_perplexity(scores, trends, selections)

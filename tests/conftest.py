"""Data that tests of several packages share."""

import pytest
import xarray as xr
from hypothesis import settings

from made_up import make_scores, make_trends

# The same examples every time, and none too slow for a busy machine: a run tells about the code alone.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")


@pytest.fixture(scope="session")
def scores() -> xr.Dataset:
    """Four models × 26 checkpoints × 3000 tokens; read it, do not write to it."""
    return make_scores()


@pytest.fixture(scope="session")
def trends(scores: xr.Dataset) -> xr.Dataset:
    """The trends of `scores` with the paper's settings."""
    return make_trends(scores)

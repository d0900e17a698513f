"""What figures are drawn from, beside the scores and trends that tests of all packages share."""

import pytest
import xarray as xr
from made_up_published import make_published
from made_up_subsets import make_subsets


@pytest.fixture(scope="session")
def subsets(scores: xr.Dataset, trends: xr.Dataset) -> xr.Dataset:
    """Perplexities of the tokens that figures 3, 4 and 10 to 12 select; read it, do not write to it."""
    return make_subsets(scores, trends)


@pytest.fixture(scope="session")
def opt() -> xr.Dataset:
    """Numbers of two models in the form of published ones; read it, do not write to it."""
    return make_published()

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tiny_models import MODELS, POSITIONS, VOCABULARY, opt


@pytest.fixture(params=MODELS)
def checkpoint(request: pytest.FixtureRequest) -> SimpleNamespace:
    torch.manual_seed(7)
    return SimpleNamespace(model=MODELS[request.param]().eval())


@pytest.fixture
def opt_checkpoint() -> SimpleNamespace:
    torch.manual_seed(7)
    return SimpleNamespace(model=opt().eval())


@pytest.fixture
def windows() -> np.ndarray:
    """More tokens than a block of queries, more windows than a batch."""
    return np.random.default_rng(3).integers(0, VOCABULARY, size=(5, POSITIONS))

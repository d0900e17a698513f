from pathlib import Path

import pytest

from tiny_suite import make_tokens


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A family's tokens from real English; read it, do not write to it."""
    return make_tokens(tmp_path_factory.mktemp("tokens") / "opt")

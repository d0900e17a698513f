import shutil
from pathlib import Path

import pytest

from tiny_suite import make_recipe, make_size, make_tokens
from trajectories.pretraining import pretrain


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder per family with checkpoints of steps 2, 4 and 8; read it, do not write to it."""
    root = tmp_path_factory.mktemp("trained")
    tokens = make_tokens(root / "tokens")
    for architecture in ("opt", "gpt_neox"):
        pretrain(
            tokens,
            root / architecture,
            label="8K",
            family=architecture,
            size=make_size(architecture, layers=2),
            recipe=make_recipe(),
        )
    return root


@pytest.fixture
def opt(trained: Path, tmp_path: Path) -> Path:
    """A copy of the OPT model's folder, to write to."""
    return shutil.copytree(trained / "opt", tmp_path / "opt")


@pytest.fixture
def last(opt: Path) -> Path:
    """Its last checkpoint."""
    return opt / "step-000008"

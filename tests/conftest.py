"""Data that tests of several packages share."""

import shutil
from pathlib import Path

import pytest
import xarray as xr
from hypothesis import settings

from clone import Clone
from made_up import make_scores, make_trends
from small_project import make_small_project

# The same examples every time, and none too slow for a busy machine: a run tells about the code alone.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole pipelines first: at the end of a run no worker waits for another's long one."""
    items.sort(key=lambda item: item.get_closest_marker("pipeline") is None)


@pytest.fixture(scope="session")
def scores() -> xr.Dataset:
    """Four models, 26 checkpoints, 3000 tokens; read it, do not write to it."""
    return make_scores()


@pytest.fixture(scope="session")
def trends(scores: xr.Dataset) -> xr.Dataset:
    """The trends of `scores` with the paper's settings."""
    return make_trends(scores)


@pytest.fixture(scope="session")
def small_project(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A project with a pipeline of seconds, run and committed; read it, do not write to it."""
    return make_small_project(tmp_path_factory.mktemp("small") / "trajectories")


@pytest.fixture
def project(small_project: Clone, tmp_path: Path) -> Clone:
    """A copy of the small project, to write to."""
    shutil.copytree(small_project.root, tmp_path / "trajectories", symlinks=True)
    return Clone(tmp_path / "trajectories")

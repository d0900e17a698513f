"""A clone of the working tree in which the smoke suite has run from text to figures."""

import pytest

from clone import SMOKE, Clone, copy_project


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """The project with the smoke suite composed, run and committed; tests leave it as it was."""
    clone = copy_project(tmp_path_factory.mktemp("project") / "trajectories")
    clone.start()
    clone.python("trajectories.corpora.environment")
    clone.python("trajectories.compose", *SMOKE)
    clone.dvc("repro")
    clone.commit("Run the smoke suite")
    return clone

"""DVC composes conf/ typed, also where this package is not installed, and the guard lets its results pass."""

import json
import sys
from pathlib import Path

import pytest

from clone import Clone
from trajectories.config.read import load

pytestmark = pytest.mark.pipeline


def test_dvc_finds_the_types_without_this_package_on_its_path(project: Clone, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    refused = project.run(
        sys.executable,
        *("-m", "dvc", "exp", "run", "-S", "trends.significance=abc"),
        check=False,
        PYTHONPATH=str(elsewhere),
    )
    assert refused.returncode != 0
    assert "full_key: trends.significance" in refused.stderr
    assert "could not be converted to Float" in refused.stderr
    assert "Warning" not in refused.stderr


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("trends.nonsense=1", "Key 'nonsense' not in 'TrendSettings'"),
        ("suite=huge", "Available options in 'suite':\n\tdesk\n"),
        ("corpus=text", "corpus.path has no value; give one with corpus.path=VALUE"),
    ],
)
def test_an_experiment_with_bad_input_is_refused_and_changes_nothing(
    override: str, named: str, small_project: Clone
) -> None:
    refused = small_project.dvc("exp", "run", "-S", override, check=False)
    assert refused.returncode != 0
    assert named in refused.stderr
    assert small_project.run("git", "status", "--short").stdout == ""


def test_an_experiment_with_overrides_passes_the_guard(project: Clone) -> None:
    project.dvc("exp", "run", "-S", "suite=smoke", "-S", "trends.significance=0.01", "composition")
    assert load(project.root / "params.yaml")["overrides"] == ["trends.significance=0.01"]
    project.python("trajectories.compose", "--check")


def test_a_hand_edit_stops_the_pipeline_with_the_command_to_run(project: Clone) -> None:
    params = project.root / "params.yaml"
    params.write_text(params.read_text().replace("significance: 0.05", "significance: 0.2"))
    refused = project.dvc("repro", check=False)
    assert refused.returncode != 0
    assert "trends.significance: conf/ gives 0.05, params.yaml has 0.2" in refused.stderr
    assert "run `python -m trajectories.compose`" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "Running stage 'count'" not in refused.stdout


def test_a_parameter_changes_only_the_stages_that_read_it(project: Clone) -> None:
    project.python("trajectories.compose", "figures.start=0.2")
    project.dvc("repro", "composition")
    changed = json.loads(project.dvc("status", "--json").stdout)
    assert list(changed) == ["draw"]

"""The stage as dvc runs it, in this process and in another."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tiny_suite import CONTEXT, VOCABULARY
from trajectories.config import ConfigurationError
from trajectories.stages.pretrain import main
from trajectories.stages.run import run

SOURCES = Path(__file__).parents[2] / "src"


def parameters() -> dict[str, Any]:
    training = {
        "steps": 6,
        "batch": 4,
        "warmup": 0.1,
        "weight_decay": 0.1,
        "gradient_norm": 1.0,
        "checkpoint_every": 3,
        "early_checkpoints": [1],
        "precision": "auto",
        "seed": 42,
    }
    model = {
        "label": "8K",
        "family": "opt",
        "width": 32,
        "layers": 1,
        "heads": 2,
        "learning_rate": 1e-2,
        "checkpoints": "all",
    }
    families = {"opt": {"architecture": "opt", "vocabulary": VOCABULARY}}
    suite = {"choice": "tiny", "context": CONTEXT, "families": families, "models": {"opt-tiny": model}}
    return {"suite": {**suite, "training": training}}


@pytest.fixture
def root(tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository root with the tokens of a tiny suite, made the working directory."""
    shutil.copytree(tokens, tmp_path / "data" / "tokens" / "tiny" / "opt")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def choose(parameters: dict[str, Any]) -> None:
    Path("params.yaml").write_text(yaml.safe_dump(parameters), encoding="utf-8")


def test_another_process_writes_the_same_bytes_and_only_says_how_far_it_is(root: Path) -> None:
    choose(parameters())
    main("opt-tiny")
    folder = root / "data" / "checkpoints" / "tiny" / "opt-tiny"
    first = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*")}
    assert {name.split("/")[0] for name in first} == {
        "loss.csv",
        "step-000001",
        "step-000003",
        "step-000006",
        "trajectory.json",
    }
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-m", "trajectories.stages.pretrain", "opt-tiny"],
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert all(line.startswith("opt-tiny: step ") for line in finished.stderr.splitlines())
    assert {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*")} == first


@pytest.mark.usefixtures("root")
def test_bad_input_ends_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = parameters()
    chosen["suite"]["families"]["opt"]["vocabulary"] = 400
    choose(chosen)
    monkeypatch.setattr("sys.argv", ["src/trajectories/stages/pretrain.py", "opt-tiny"])
    with pytest.raises(SystemExit):
        run(main)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error in stage pretrain: ")
    assert "vocabulary of 400" in line
    assert not Path("data/checkpoints").exists()


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("key", ["heads", "steps"])
def test_a_missing_setting_is_named(key: str) -> None:

    chosen = parameters()
    section = chosen["suite"]["models"]["opt-tiny"] if key == "heads" else chosen["suite"]["training"]
    del section[key]
    choose(chosen)
    with pytest.raises(ConfigurationError, match=key):
        main("opt-tiny")

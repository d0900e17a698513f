"""Verification sees another Python or package where the docstrings that they gave are on this disk."""

import json
import platform
from importlib import metadata
from pathlib import Path

import pytest

from clone import Clone
from trajectories.provenance import __main__ as command
from trajectories.provenance.environment import changed_environment
from trajectories.provenance.verify import State, verify

HERE = {"python": platform.python_version(), "packages": {"numpy": metadata.version("numpy")}}


def record(root: Path, environment: dict[str, object], *, kind: str | None = "docstrings") -> None:
    """environment.json, and the manifest of a corpus of this kind unless it is None."""
    (root / "environment.json").write_text(json.dumps(environment))
    if kind:
        (root / "data/corpus").mkdir(parents=True)
        (root / "data/corpus/manifest.json").write_text(json.dumps({"source": {"kind": kind}}))


def test_the_recorded_environment_is_no_change(tmp_path: Path) -> None:
    record(tmp_path, HERE)
    assert changed_environment(tmp_path) == []


def test_python_and_packages_are_named_with_both_versions(tmp_path: Path) -> None:
    record(tmp_path, {"python": "2.7.18", "packages": {"numpy": "0.1", "no_such_package": "3.0"}})
    assert changed_environment(tmp_path) == [
        f"python is {HERE['python']} here and 2.7.18 there",
        f"numpy is {metadata.version('numpy')} here and 0.1 there",
        "no_such_package is absent here and 3.0 there",
    ]


@pytest.mark.parametrize("kind", [None, "text", "huggingface"])
def test_it_does_not_matter_without_docstrings_on_this_disk(tmp_path: Path, kind: str | None) -> None:
    record(tmp_path, {"python": "2.7.18", "packages": {}}, kind=kind)
    assert changed_environment(tmp_path) == []


@pytest.mark.pipeline
def test_another_python_makes_verify_fail_only_with_the_corpus(
    project: Clone, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record(project.root, HERE)
    assert command.main(["verify", "--root", str(project.root)]) == 0
    assert "environment.json" not in capsys.readouterr().out
    monkeypatch.setattr("platform.python_version", lambda: "3.99.0")
    assert command.main(["verify", "--root", str(project.root)]) == 1
    line = capsys.readouterr().out.splitlines()[0]
    assert line.split()[:2] == ["stale", "environment.json"]
    assert line.endswith(
        f"python is 3.99.0 here and {HERE['python']} there; run `make environment`, then `dvc repro`"
    )
    assert verify(project.root).verdicts[0].state is State.stale
    (project.root / "data/corpus/manifest.json").unlink()
    assert command.main(["verify", "--root", str(project.root)]) == 0
    assert "made with other versions than here: python" in capsys.readouterr().out

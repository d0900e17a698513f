"""Verification names each result as current, stale, altered or missing, and says why."""

from pathlib import Path

import pytest
import yaml

from clone import Clone
from trajectories.config import ConfigurationError
from trajectories.provenance import __main__ as command
from trajectories.provenance.verify import Report, State, verify

pytestmark = pytest.mark.pipeline

FIGURES = {f"reports/figures/counts.{kind}" for kind in ("png", "svg", "pdf")}
RESULTS = FIGURES | {"data/counts.nc", "reports/metrics/counts.json", "reports/tables/counts.csv"}


def states(report: Report) -> dict[str, State]:
    return {verdict.path: verdict.state for verdict in report.verdicts}


def reasons(report: Report, path: str) -> str:
    return "; ".join(next(verdict.reasons for verdict in report.verdicts if verdict.path == path))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_what_has_just_been_made_is_current(small_project: Clone) -> None:
    report = verify(small_project.root)
    assert report.is_current
    assert set(states(report)) == RESULTS
    assert not report.not_here
    assert not report.packages


def test_a_touched_figure_is_altered_and_only_that(project: Clone) -> None:
    edit(project.root / "reports/figures/counts.svg", "</svg>", "<!-- touched --></svg>")
    report = verify(project.root)
    found = states(report)
    assert found.pop("reports/figures/counts.svg") is State.altered
    assert set(found.values()) == {State.current}


def test_a_changed_input_makes_what_was_drawn_from_it_stale(project: Clone) -> None:
    with (project.root / "data/counts.nc").open("ab") as file:
        file.write(b" ")
    report = verify(project.root)
    assert states(report)["data/counts.nc"] is State.altered
    assert {states(report)[path] for path in FIGURES} == {State.stale}
    assert "input data/counts.nc changed" in reasons(report, "reports/tables/counts.csv")
    assert states(report)["reports/metrics/counts.json"] is State.current


def test_a_changed_parameter_is_named_also_in_what_follows(project: Clone) -> None:
    edit(project.root / "params.yaml", "significance: 0.05", "significance: 0.01")
    report = verify(project.root)
    assert set(states(report).values()) == {State.stale}
    changed = "parameter trends.significance: 0.05 → 0.01"
    assert reasons(report, "data/counts.nc") == changed
    assert reasons(report, "reports/metrics/counts.json") == changed
    assert reasons(report, "reports/figures/counts.pdf") == f"{changed} (before data/counts.nc)"


def test_a_parameter_that_nobody_read_changes_nothing(project: Clone) -> None:
    edit(project.root / "params.yaml", "batch_tokens: null", "batch_tokens: 1024")
    assert verify(project.root).is_current


def test_changed_code_is_named(project: Clone) -> None:
    with (project.root / "src/trajectories/provenance/carriers.py").open("a") as file:
        file.write("# changed\n")
    report = verify(project.root)
    assert {states(report)[path] for path in FIGURES} == {State.stale}
    assert "code src/trajectories/provenance/carriers.py changed" in reasons(
        report, "reports/figures/counts.png"
    )


def test_a_deleted_figure_is_missing(project: Clone) -> None:
    (project.root / "reports/figures/counts.pdf").unlink()
    assert states(verify(project.root))["reports/figures/counts.pdf"] is State.missing


def test_a_stage_that_has_not_run_is_missing(project: Clone) -> None:
    lock = project.root / "dvc.lock"
    recorded = yaml.safe_load(lock.read_text())
    del recorded["stages"]["draw"]
    lock.write_text(yaml.safe_dump(recorded))
    report = verify(project.root)
    assert states(report)["(draw)"] is State.missing
    assert "dvc repro" in reasons(report, "(draw)")


def test_stages_that_are_gone_from_the_pipeline_are_not_judged(project: Clone) -> None:
    lock = project.root / "dvc.lock"
    recorded = yaml.safe_load(lock.read_text())
    recorded["stages"]["gone"] = {"cmd": "true", "outs": [{"path": "reports/gone.csv", "md5": "0" * 32}]}
    recorded["stages"]["score@opt-gone"] = recorded["stages"]["gone"]
    lock.write_text(yaml.safe_dump(recorded))
    edit(
        project.root / "dvc.yaml",
        "stages:\n",
        "stages:\n  score:\n    foreach: ${suite.models}\n    do: {cmd: 'true'}\n",
    )
    found = states(verify(project.root))
    assert "reports/gone.csv" not in found
    assert "(score@opt-0_2m)" in found


def test_a_clone_without_data_is_compared_with_the_lock_file(
    small_project: Clone, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    colleague = small_project.another(tmp_path / "colleague")
    report = verify(colleague.root)
    assert report.is_current
    assert report.not_here == {"data/counts.nc", "data/composition.txt"}
    assert command.main(["verify", "--root", str(colleague.root)]) == 0
    assert "2 inputs are not on this disk" in capsys.readouterr().out


def test_other_versions_are_told_and_make_nothing_stale(
    small_project: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.python_version", lambda: "3.99.0")
    report = verify(small_project.root)
    assert report.is_current
    assert any("(here 3.99.0)" in package for package in report.packages)


def test_the_command_exits_with_1_unless_all_is_current(
    project: Clone, capsys: pytest.CaptureFixture[str]
) -> None:
    root = str(project.root)
    assert command.main(["verify", "--root", root]) == 0
    assert "current  reports/figures/counts.pdf" in capsys.readouterr().out
    (project.root / "reports/figures/counts.pdf").unlink()
    assert command.main(["verify", "--root", root]) == 1
    assert "5 of 6 results are current" in capsys.readouterr().out


def test_show_prints_inputs_parameters_code_and_packages(
    small_project: Clone, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["show", str(small_project.root / "reports/figures/counts.svg")]) == 0
    shown = capsys.readouterr().out
    for words in ("data/counts.nc", "figures.axis", "src/trajectories/arrays.py", "matplotlib"):
        assert words in shown
    assert command.main(["show", str(small_project.root / "dvc.yaml")]) == 1
    assert "dvc.yaml carries no stamp" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["dvc.lock", "params.yaml", "dvc.yaml"])
def test_a_missing_record_is_named_with_the_remedy(name: str, project: Clone) -> None:
    (project.root / name).unlink()
    with pytest.raises(ConfigurationError, match=rf"{name} is missing; "):
        verify(project.root)

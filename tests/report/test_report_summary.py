import json
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

from trajectories.report import __main__ as command
from trajectories.report.summary import read_metrics, read_start, summary_text
from trajectories.trends import find_double_descent, summary

VALIDATION: dict[str, dict[str, Any]] = {
    "neox-0_2m": {"validation_perplexity": 200.25, "parameters": 200_000},
    "opt-0_2m": {"validation_perplexity": 133.6, "parameters": 160_000},
    "opt-0_4m": {"validation_perplexity": None, "parameters": 420_000},
    "opt-1_4m": {"validation_perplexity": 86.1, "parameters": 1_400_000},
    "opt-3_6m": {"validation_perplexity": 71.1, "parameters": 3_600_000},
}


@pytest.fixture(scope="module")
def metrics(scores: xr.Dataset, trends: xr.Dataset) -> dict[str, Any]:
    descent = find_double_descent(scores["log_likelihood"], trends, start=0.1, resamples=50)
    return dict(json.loads(json.dumps(summary(trends, descent, start=0.1))))


def test_every_model_has_its_line_by_size(metrics: dict[str, Any]) -> None:
    lines = summary_text(VALIDATION, dict(reversed(metrics.items())), start=0.1).splitlines()
    assert lines[0].endswith("by trend after 10 % of training:")
    assert [line.split()[0] for line in lines[2:6]] == ["opt-0_2m", "opt-0_4m", "opt-1_4m", "opt-3_6m"]
    assert lines[2].split()[1:3] == ["160,000", "133.6"]
    assert lines[3].split()[2] == "n/a"
    assert "6.7 %" in lines[2]


def test_models_of_another_family_stand_apart(metrics: dict[str, Any]) -> None:
    text = summary_text(VALIDATION, metrics)
    assert "do not compare: neox-0_2m 200.2" in text


def test_the_verdict_stands_with_its_intervals(metrics: dict[str, Any]) -> None:
    found = metrics["double_descent"]
    text = " ".join(summary_text(VALIDATION, metrics).split())
    assert "Double descent in opt-3_6m: shown." in text
    assert f"rises by {found['rise']:.2f} nats (95 % interval {found['rise_low']:.2f} to" in text
    assert f"to {found['fall_high']:.2f})." in text
    other = metrics | {"double_descent": found | {"verdict": "not shown", "fall": None}}
    text = " ".join(summary_text(VALIDATION, other).split())
    assert "Double descent in opt-3_6m: not shown." in text
    assert "falls by n/a nats" in text


def test_generated_texts_have_a_row_per_configuration_and_a_column_per_method(
    metrics: dict[str, Any],
) -> None:
    trend = {"slope": 1.114, "slope_low": 0.96, "slope_high": 1.26, "verdict": "inverse"}
    texts: dict[str, dict[str, Any]] = {
        "p_s - p_l, greedy, 50": trend,
        "p_s - p_l, nucleus, 50": trend | {"slope": None},
        "p_l, nucleus, 50": trend
        | {"slope": -0.3, "slope_low": -0.4, "slope_high": -0.2, "verdict": "normal"},
        "corrupted": {"inverse": 1},
    }
    lines = summary_text(VALIDATION, metrics, texts=texts).splitlines()
    assert lines[-3].split() == ["greedy", "nucleus"]
    assert lines[-2].split("  ")[1] == "p_s - p_l"
    assert "+1.11 (+0.96 to +1.26) inverse" in lines[-2]
    assert lines[-2].endswith("n/a")
    assert lines[-1].endswith("-0.30 (-0.40 to -0.20) normal")


def test_no_line_is_longer_than_a_terminal(metrics: dict[str, Any]) -> None:
    figures = [Path(f"reports/figures/figure-{number:02}.png") for number in range(40)]
    text = summary_text(VALIDATION, metrics, start=0.1, figures=figures)
    assert max(map(len, text.splitlines())) <= 100
    assert "figure-39" in text


def test_a_suite_of_one_model_has_no_verdict(metrics: dict[str, Any]) -> None:
    text = summary_text({"opt-0_2m": VALIDATION["opt-0_2m"]}, {"opt-0_2m": metrics["opt-0_2m"]})
    assert "Double descent" not in text
    assert "do not compare" not in text


def test_the_command_prints_what_is_in_reports(
    metrics: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for folder in ("metrics", "plots", "figures"):
        (tmp_path / "reports" / folder).mkdir(parents=True)
    (tmp_path / "reports/metrics/validation.json").write_text(json.dumps(VALIDATION))
    (tmp_path / "reports/metrics/trends.json").write_text(json.dumps(metrics))
    (tmp_path / "reports/plots/shares.csv").write_text(
        "model,trend,start,share\na,upward,0.4,1\na,upward,0.2,1\n"
    )
    (tmp_path / "reports/figures/figure-01.png").touch()
    monkeypatch.chdir(tmp_path)
    assert command.main() == 0
    printed = capsys.readouterr().out
    assert "reports/figures/ holds figure-01" in printed
    assert "after 20 % of training" in printed


def test_the_command_names_a_missing_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command.main() == 1
    assert "validation.json does not exist; make it with `dvc repro`" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["{", "[1]", '{"a": 1}'])
def test_broken_metrics_are_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "validation.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"validation\.json .*make it again with `dvc repro`"):
        read_metrics(path)


def test_without_a_table_the_start_is_unknown(tmp_path: Path) -> None:
    assert read_start(tmp_path / "shares.csv") is None

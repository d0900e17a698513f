import json

import pytest

from made_up_alignment import make_forecasts, make_table
from trajectories.alignment.summary import alignment_metrics
from trajectories.report.alignment_summary import alignment_lines
from trajectories.report.summary import summary_text


@pytest.fixture(scope="module")
def metrics() -> dict[str, object]:
    few = alignment_metrics(make_table((1e6, 16e6)), make_forecasts((1e6, 16e6)))
    return {"suite": alignment_metrics(make_table(), make_forecasts()), "opt": few}


def test_numbers_are_those_of_the_datasets(metrics: dict[str, dict[str, dict[str, float]]]) -> None:
    table, forecasts = make_table(), make_forecasts()
    at = metrics["suite"]["from 0"]
    mean = table["r_squared"].sel(start=0, measure="accuracy: all tasks")
    assert at["perplexity"] == pytest.approx(float(mean.sel(axis="validation_perplexity")), rel=1e-3)
    assert at["compute"] == pytest.approx(float(mean.sel(axis="flops")), rel=1e-3)
    assert (at["measures"], at["better"], at["worse"]) == (2, 1, 1)
    errors = forecasts["error"].sel(measure="accuracy: all tasks")
    assert metrics["suite"]["forecast"]["at_compute"] == pytest.approx(
        float(errors.sel(way="compute")), rel=1e-3
    )


def test_what_is_missing_is_none_and_the_file_is_json(
    metrics: dict[str, dict[str, dict[str, float]]],
) -> None:
    assert metrics["opt"]["forecast"]["at_perplexity"] is None
    assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics


def test_the_summary_says_it_in_lines_that_fit(metrics: dict[str, dict[str, object]]) -> None:
    text = summary_text({}, {}, alignment=metrics)
    assert max(map(len, text.splitlines())) <= 100
    text = " ".join(text.split())
    assert "This suite, all of training: perplexity is significantly better in 1 of 2 measures" in text
    assert "worse in 1; mean accuracy" in text
    assert "Forecast of size-3: mean accuracy is off by" in text
    assert "OPT, as published" in text


def test_without_numbers_there_is_no_line() -> None:
    assert list(alignment_lines({})) == []

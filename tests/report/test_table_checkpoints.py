import csv

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from made_up import MODELS
from trajectories.report.checkpoints import checkpoint_rows, checkpoints_csv, checkpoints_markdown, runs


@given(steps=st.sets(st.integers(0, 60)))
def test_runs_name_every_step_once(steps: set[int]) -> None:
    ordered = sorted(steps)
    found: list[int] = []
    for part in filter(None, runs(ordered).split(", ")):
        if "to" in part:
            first, last, every = (int(word) for word in part.replace("to ", "").replace("every ", "").split())
            found += range(first, last + 1, every)
        else:
            found.append(int(part))
    assert found == ordered


def test_evenly_spaced_steps_are_one_run() -> None:
    assert runs([2, 4, 8, 16, *range(32, 705, 32)]) == "2, 4, 8, 16, 32 to 704 every 32"
    assert runs([1, 2, 3]) == "1, 2, 3"


def test_there_is_a_row_for_every_model_with_its_own_checkpoints(scores: xr.Dataset) -> None:
    rows = checkpoint_rows(scores)
    assert [row.model for row in rows] == list(MODELS)
    for row in rows:
        of_model = scores.sel(model=row.model)
        present = of_model["log_likelihood"].notnull().any("token").values
        assert list(row.checkpoint_steps) == scores["checkpoint"].values[present].tolist()
        assert row.tokens_seen == float(of_model["tokens_seen"][-1])
        assert row.validation_perplexity == float(of_model["validation_perplexity"][-1])


def test_steps_and_tokens_per_step_follow_from_the_coordinates(scores: xr.Dataset) -> None:
    (row, *_) = checkpoint_rows(scores)
    assert row.tokens_per_step == 4096
    assert row.steps == 704


def test_a_trajectory_without_its_end_knows_how_long_it_was(scores: xr.Dataset) -> None:
    (row, *_) = checkpoint_rows(scores.isel(checkpoint=slice(None, 15)))
    assert row.checkpoint_steps[-1] == 352
    assert row.steps == 704


def test_unordered_checkpoints_give_the_same_rows(scores: xr.Dataset) -> None:
    assert checkpoint_rows(scores.isel(checkpoint=slice(None, None, -1))) == pytest.approx(
        checkpoint_rows(scores), nan_ok=True
    )


def test_csv_holds_every_number(scores: xr.Dataset) -> None:
    text = checkpoints_csv(checkpoint_rows(scores, learning_rates={"opt-0_2m": 4e-3}))
    small, *others = csv.DictReader(text.splitlines())
    assert float(small["learning_rate"]) == 4e-3
    assert small["checkpoints"] == str(len(small["checkpoint_steps"].split()))
    assert {row["learning_rate"] for row in others} == {""}
    expected = scores["flops"].isel(model=0, checkpoint=-1).item()
    assert float(small["flops"]) == pytest.approx(expected, rel=1e-5)


def test_markdown_leaves_out_a_column_that_nobody_knows(scores: xr.Dataset) -> None:
    assert "Learning rate" not in checkpoints_markdown(checkpoint_rows(scores))
    known = checkpoints_markdown(checkpoint_rows(scores, learning_rates={"opt-3_6m": 2e-3}))
    assert "Learning rate" in known
    assert "2.0·10⁻³" in known


def test_a_model_without_scores_is_named(scores: xr.Dataset) -> None:
    absent = scores.assign(
        log_likelihood=scores["log_likelihood"].where(scores["model"] != "opt-1_4m", np.nan)
    )
    with pytest.raises(ValueError, match=r"opt-1_4m has no scored checkpoint"):
        checkpoint_rows(absent)


def test_what_nobody_knows_is_left_empty(scores: xr.Dataset) -> None:
    unknown = {name: scores[name] * np.nan for name in ("tokens_seen", "flops")}
    rows = checkpoint_rows(scores.assign_coords(unknown))
    assert "nan" not in checkpoints_markdown(rows) + checkpoints_csv(rows)


def test_seeds_are_a_column_where_they_are_known(scores: xr.Dataset) -> None:
    rows = checkpoint_rows(scores.assign_coords(seed=("model", [1.0, 2.0, 3.0, np.nan])))
    assert [row["seed"] for row in csv.DictReader(checkpoints_csv(rows).splitlines())] == ["1", "2", "3", ""]
    assert "| Model | Seed |" in checkpoints_markdown(rows)
    assert "Seed" not in checkpoints_markdown(checkpoint_rows(scores))

"""The whole pipeline on the smoke suite, used as a reader of the README uses it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from clone import SMOKE, Clone
from trajectories.generation.inverse_scaling import TRENDS

pytestmark = pytest.mark.pipeline

NUMBERS = [f"{number:02}" for number in range(1, 19)]


def test_a_second_repro_does_nothing(pipeline: Clone) -> None:
    assert "Data and pipelines are up to date" in pipeline.dvc("repro").stdout


def test_every_figure_and_table_is_current(pipeline: Clone) -> None:
    report = pipeline.python("trajectories.provenance", "verify").stdout
    for number in NUMBERS:
        for ending in ("png", "svg", "pdf"):
            assert f"figure-{number}.{ending}" in report


def test_scores_open_without_this_package(pipeline: Clone) -> None:
    with xr.open_dataset(pipeline.root / "data/scores/tokens.nc") as tokens:
        assert dict(tokens.sizes)["model"] == 2
        assert tokens["log_likelihood"].dims == ("model", "checkpoint", "token")
        assert tokens["log_likelihood"].attrs["units"] == "nats"
        assert (tokens["validation_perplexity"].values > 1).all()
        assert list(tokens["checkpoint"].values) == [4, 16, 20, 24]


@pytest.mark.skipif(shutil.which("ncdump") is None, reason="needs ncdump (netcdf-bin)")
def test_ncdump_prints_a_readable_header(pipeline: Clone) -> None:
    header = pipeline.run("ncdump", "-h", "data/scores/tokens.nc").stdout
    assert "float log_likelihood(model, checkpoint, token)" in header
    assert 'log_likelihood:units = "nats"' in header


def test_metrics_hold_what_the_datasets_say(pipeline: Clone) -> None:
    validation = json.loads((pipeline.root / "reports/metrics/validation.json").read_text())
    with xr.open_dataset(pipeline.root / "data/scores/tokens.nc") as tokens:
        final = tokens["validation_perplexity"].isel(checkpoint=-1)
        for model in tokens["model"].values:
            stated = validation[str(model)]["validation_perplexity"]
            np.testing.assert_allclose(stated, float(final.sel(model=model)), rtol=1e-5)
    assert "opt-small" in pipeline.dvc("metrics", "show").stdout


def test_plots_and_experiments_are_shown(pipeline: Clone, tmp_path: Path) -> None:
    pipeline.dvc("plots", "show", "--out", str(tmp_path))
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    for name in ("opt-tiny", "opt-small", "upward", "validation_perplexity"):
        assert name in page
    shown = pipeline.dvc("exp", "show", "--csv", "--no-pager").stdout
    assert "workspace" in shown
    assert "opt-small.validation_perplexity" in shown


def test_training_twice_gives_the_same_bytes(pipeline: Clone) -> None:
    weights = pipeline.root / "data/checkpoints/smoke/opt-small/step-000024/model.safetensors"
    before = weights.read_bytes()
    shutil.rmtree(pipeline.root / "data/checkpoints/smoke/opt-small")
    pipeline.python("trajectories.stages.pretrain", "opt-small")
    assert weights.read_bytes() == before


def test_scoring_again_gives_the_same_bytes_without_the_store(pipeline: Clone) -> None:
    kinds = ("scores/smoke", "judged/smoke/corrupted", "options/smoke")
    scores = [pipeline.root / "data" / kind / "opt-small.nc" for kind in kinds]
    before = [path.read_bytes() for path in scores]
    shutil.rmtree(pipeline.root / ".shards")
    for path in scores:
        path.unlink()
    pipeline.python("trajectories.stages.score", "opt-small", "opt")
    assert [path.read_bytes() for path in scores] == before


def test_texts_are_judged_by_all_sizes_and_by_another_family(pipeline: Clone) -> None:
    with xr.open_dataset(pipeline.root / "data/scores/sequences.nc") as judged:
        assert list(judged["model"].values) == ["opt-tiny", "opt-small", "neox-tiny"]
        likely = judged["log_likelihood"].load()
        last = likely.isel(checkpoint=-1)
        generated = judged["source"].values == "generated"
        assert (last.sel(model=["opt-tiny", "opt-small"]) < 0).all()
        assert (last.sel(model="neox-tiny").values[generated] < 0).all()
        assert np.isnan(last.sel(model="neox-tiny").values[~generated]).all()
        assert {"clean", "replace-0.2", "replace-1", "repeat_spans-0.6"} < set(judged["source"].values)


def test_tasks_are_answered_by_all_models_and_measured(pipeline: Clone) -> None:
    names = sorted(path.name for path in (pipeline.root / "data/tasks").iterdir())
    assert {"word_order", "continuation"} < set(names)
    with xr.open_dataset(pipeline.root / "data/downstream/accuracy.nc") as accuracy:
        assert list(accuracy["model"].values) == ["opt-tiny", "opt-small", "neox-tiny"]
        assert list(accuracy["task"].values) == names
        last = accuracy["accuracy"].isel(checkpoint=-1)
        assert ((last >= 0) & (last <= 1)).all()
        assert (accuracy["examples"] == 8).all()
        assert (accuracy["correct_perplexity"].isel(checkpoint=-1) > 1).all()
    tables = pipeline.root / "reports/tables"
    examples = json.loads((pipeline.root / "data/tasks/word_order/task.json").read_text())["examples"]
    options = list(examples[0]["target_scores"])
    assert all(option.split()[0] in (tables / "table-08.md").read_text() for option in options)
    assert all(name in (tables / "accuracy.csv").read_text() for name in names)
    numbers = json.loads((pipeline.root / "reports/metrics/tasks.json").read_text())
    assert sorted(numbers["tasks"]) == names


def test_every_section_is_aligned_beside_the_published_numbers(pipeline: Clone) -> None:
    with xr.open_dataset(pipeline.root / "data/alignment.nc") as ours:
        kinds = set(ours["kind"].values)
        assert {"accuracy", "log perplexity of generated texts", "log perplexity of tokens by trend"} < kinds
        assert ours["r_squared"].dims == ("start", "measure", "axis")
        known = np.isfinite(ours["r_squared"].values)
        assert known.any()
        assert ((ours["reason"].values == "") == known).all()
    with xr.open_dataset(pipeline.root / "data/published/alignment.nc") as opt:
        mean = opt["r_squared"].sel(start=0, measure="accuracy: all tasks")
        assert float(mean.sel(axis="validation_perplexity")) == pytest.approx(0.86, abs=0.02)
    numbers = json.loads((pipeline.root / "reports/metrics/alignment.json").read_text())
    assert numbers["suite"]["forecast"]["at_perplexity"] is None  # of two sizes
    tables = pipeline.root / "reports/tables"
    assert "needs at least 2 smaller sizes" in (tables / "forecast.csv").read_text()
    assert "OPT (Xia et al., 2023)" in (tables / "alignment.md").read_text()
    assert "nats" in (tables / "power-laws.md").read_text()


def test_other_tasks_leave_windows_and_texts_as_they_were_scored(pipeline: Clone, tmp_path: Path) -> None:
    clone = Clone(tmp_path / "clone")
    shutil.copytree(pipeline.root, clone.root, symlinks=True)
    windows, texts, options = (
        clone.root / "data" / kind / "opt-small.nc"
        for kind in ("scores/smoke", "judged/smoke/corrupted", "options/smoke")
    )
    before = [path.read_bytes() for path in (windows, texts, options)]
    shards = {path.name for path in (clone.root / ".shards").glob("*.safetensors")}
    clone.python("trajectories.compose", *SMOKE, "tasks.shots=1")
    clone.python("trajectories.stages.score", "opt-small", "opt")
    assert [windows.read_bytes(), texts.read_bytes()] == before[:2]
    assert options.read_bytes() != before[2]
    added = {path.name for path in (clone.root / ".shards").glob("*.safetensors")} - shards
    assert len(added) == 4  # one for each checkpoint


def test_decoding_and_judging_again_give_the_same_bytes_without_the_store(pipeline: Clone) -> None:
    judged = "data/judged/smoke/generated/opt-small.nc"
    written = [pipeline.root / name for name in ("data/generations.nc", judged)]
    before = [path.read_bytes() for path in written]
    shutil.rmtree(pipeline.root / ".shards")
    for path in written:
        path.unlink()
    pipeline.python("trajectories.stages.generate")
    pipeline.python("trajectories.stages.judge", "opt-small", "opt")
    assert [path.read_bytes() for path in written] == before


def test_texts_and_what_they_amount_to_are_tabulated(pipeline: Clone) -> None:
    tables = pipeline.root / "reports/tables"
    with xr.open_dataset(pipeline.root / "data/generations.nc") as generations:
        prompt = str(generations["prompt_text"].values[0])
        assert str(generations["text"].values[3, 0, 0])[:4].strip() in (tables / "table-01.md").read_text()
    assert prompt.split(maxsplit=1)[0] in (tables / "table-01.html").read_text()
    numbers = json.loads((pipeline.root / "reports/metrics/sequences.json").read_text())
    assert numbers["p_s - p_l, greedy, 8"]["verdict"] in TRENDS
    assert "MAUVE" in (tables / "table-04.md").read_text()


def test_a_hand_edit_of_params_is_refused_with_the_command_to_run(pipeline: Clone) -> None:
    params = pipeline.root / "params.yaml"
    composed = params.read_text()
    try:
        params.write_text(composed.replace("significance: 0.05", "significance: 0.2"))
        refused = pipeline.dvc("repro", check=False)
        assert refused.returncode != 0
        assert "trends.significance" in refused.stderr
        assert "python -m trajectories.compose" in refused.stderr
    finally:
        params.write_text(composed)
    assert "Running stage" not in pipeline.dvc("repro").stdout


def test_another_python_shows_in_status(pipeline: Clone) -> None:
    environment = pipeline.root / "environment.json"
    recorded = environment.read_text()
    try:
        stated = json.loads(recorded)
        environment.write_text(json.dumps({**stated, "python": "3.11.0"}))
        assert "environment.json" in pipeline.dvc("status").stdout
        refused = pipeline.dvc("repro", check=False)
        assert refused.returncode != 0
        assert "3.11.0" in refused.stderr
    finally:
        environment.write_text(recorded)


def test_a_changed_figure_is_named_altered_and_a_changed_input_stale(pipeline: Clone) -> None:
    figure = pipeline.root / "reports/figures/figure-01.svg"
    drawn = figure.read_text()
    scores = pipeline.root / "data/trends.nc"
    stored = scores.read_bytes()
    try:
        figure.write_text(drawn.replace("</svg>", "<!-- touched --></svg>"))
        scores.write_bytes(stored + b" ")
        verified = pipeline.python("trajectories.provenance", "verify", check=False)
        assert verified.returncode == 1
        lines = verified.stdout.splitlines()
        assert any("figure-01.svg" in line and "altered" in line for line in lines)
        assert any("figure-02.svg" in line and "stale" in line and "data/trends.nc" in line for line in lines)
        assert any("figure-01.png" in line and "current" in line for line in lines)
    finally:
        figure.write_text(drawn)
        scores.write_bytes(stored)


def test_a_colleague_pulls_and_has_nothing_to_do(pipeline: Clone, tmp_path: Path) -> None:
    store = tmp_path / "store"
    pipeline.dvc("remote", "modify", "--local", "shared", "url", str(store))
    pipeline.dvc("push")
    colleague = pipeline.another(tmp_path / "colleague")
    colleague.dvc("remote", "modify", "--local", "shared", "url", str(store))
    colleague.dvc("pull")
    assert "up to date" in colleague.dvc("repro").stdout
    colleague.python("trajectories.provenance", "verify")


def test_an_experiment_runs_what_its_override_changes_and_rejects_by_name(
    pipeline: Clone, tmp_path: Path
) -> None:
    clone = pipeline.another(tmp_path / "experiment")
    for each in (pipeline, clone):
        each.dvc("remote", "modify", "--local", "shared", "url", str(tmp_path / "store"))
    pipeline.dvc("push")
    clone.dvc("pull")
    overrides = [part for choice in SMOKE for part in ("-S", choice)]
    refused = clone.dvc("exp", "run", *overrides, "-S", "trends.significance=abc", check=False)
    assert refused.returncode != 0
    assert "significance" in refused.stderr
    refused = clone.dvc("exp", "run", *overrides, "-S", "trends.nonsense=1", check=False)
    assert refused.returncode != 0
    assert "nonsense" in refused.stderr
    ran = clone.dvc("exp", "run", *overrides, "-S", "trends.significance=0.01", "trends").stdout
    assert [line for line in ran.splitlines() if line.startswith("Running stage")] == [
        "Running stage 'composition':",
        "Running stage 'trends':",
    ]
    with xr.open_dataset(clone.root / "data/trends.nc") as trends:
        assert trends.attrs["significance"] == 0.01
    assert "0.01" in clone.dvc("exp", "show", "--csv").stdout

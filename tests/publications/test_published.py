import csv
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml

import trajectories as tj
from clone import REPOSITORY
from trajectories import arrays
from trajectories.checkpoints.revisions import expand_steps
from trajectories.publications import PUBLISHED, paper
from trajectories.publications.collection import FOLDER

SHARED = REPOSITORY.parent / "shared/reference/opt_trajectories_xia2023.csv"
MEANS = {
    "all 74 tasks": "all",
    "12 linearity tasks": "linearity",
    "6 breakthroughness tasks": "breakthroughness",
}
SHARES = {"accuracy", "share"}  # percent there
needs_shared = pytest.mark.skipif(
    not SHARED.is_file(), reason="the measured values are not beside the repository"
)


@pytest.fixture(scope="module")
def opt() -> xr.Dataset:
    return tj.published("opt")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return pd.read_csv(FOLDER / PUBLISHED["opt"], comment="#", dtype={"figure": str})


def measured() -> list[dict[str, str]]:
    with SHARED.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@needs_shared
def test_every_measured_value_is_in_the_table_with_all_its_digits() -> None:
    with (FOLDER / PUBLISHED["opt"]).open(encoding="utf-8", newline="") as file:
        file.readline()
        ours = list(csv.DictReader(file))
    theirs = measured()
    assert len(ours) == len(theirs) == 4509
    for mine, original in zip(ours, theirs, strict=True):
        scale = 100 if "percent" in original["quantity"] else 1
        assert Decimal(mine["value"]) * scale == Decimal(original["value"])
        assert mine["model"] == original["model"].replace(".", "_")
        assert mine["checkpoint"] == original["step"]
        assert mine["figure"] in original["figure"].split("/")


@needs_shared
def test_every_measured_value_is_at_its_place_in_the_dataset(opt: xr.Dataset) -> None:
    bare = {task.replace("_", ""): task for task in paper().tasks}
    expected: dict[str, dict[tuple, float]] = {
        name: {} for name in ("accuracy", "share", "subset_perplexity", "validation_perplexity")
    }
    for row in measured():
        at = (row["model"].replace(".", "_"), int(row["step"] or 0))
        subset, value = row["subset"], float(row["value"])
        if row["quantity"] == "percent_of_tokens":
            expected["share"][subset, int(row["start_percent"]) / 100, at[0]] = value / 100
        elif row["quantity"] == "two_shot_accuracy_percent":
            expected["accuracy"][MEANS.get(subset) or bare[subset], *at] = value / 100
        elif row["quantity"] == "subset_perplexity":
            expected["subset_perplexity"][subset.partition(" (")[0].replace("1.3b", "1_3b"), *at] = value
        else:
            expected["validation_perplexity"][at] = value  # the last of several
    for name, values in expected.items():
        found = opt[name].to_series().dropna().to_dict()
        assert found.keys() == values.keys()
        np.testing.assert_allclose(
            [found[key] for key in values], list(values.values()), rtol=1e-15 if name in SHARES else 0
        )


@needs_shared
def test_tokens_and_compute_are_those_of_the_measured_positions(opt: xr.Dataset) -> None:
    tokens, flops = opt["tokens_seen"].to_series().to_dict(), opt["flops"].to_series().to_dict()
    for row in filter(lambda row: row["step"], measured()):
        at = (row["model"].replace(".", "_"), int(row["step"]))
        assert tokens[at] == float(row["tokens"])
        assert f"{flops[at]:.6g}" == f"{float(row['flops']):.6g}"


def test_the_dataset_agrees_with_a_pivot_of_the_table(opt: xr.Dataset, table: pd.DataFrame) -> None:
    for name, labels in {
        "accuracy": ["task", "model", "checkpoint"],
        "subset_perplexity": ["subset", "model", "checkpoint"],
        "share": ["trend", "start", "model"],
    }.items():
        pivot = table[table["quantity"] == name].set_index(labels)["value"].to_xarray()
        axes = {label: opt[label].values for label in labels}
        np.testing.assert_array_equal(opt[name].transpose(*labels), pivot.reindex(axes))


def test_dimensions_and_coordinates_are_those_of_our_own_results(opt: xr.Dataset, scores: xr.Dataset) -> None:
    assert opt["accuracy"].dims == ("task", "model", "checkpoint")
    assert opt["subset_perplexity"].dims == ("subset", "model", "checkpoint")
    assert opt["share"].dims == ("trend", "start", "model")
    over_models = {
        name: of.dims for name, of in scores.coords.items() if set(of.dims) & {"model", "checkpoint"}
    }
    assert {name: opt[name].dims for name in over_models} == over_models
    assert {name: opt[name].dtype.kind for name in over_models} == {
        name: scores[name].dtype.kind for name in over_models
    }
    assert opt["label"].values.tolist() == ["125M", "1.3B", "6.7B", "13B", "30B", "175B"]
    assert opt["parameters"].values.tolist() == [125e6, 1.3e9, 6.7e9, 13e9, 30e9, 175e9]
    assert opt["seed"].isnull().all()
    assert set(opt["family"].values) == {"opt"}


def test_there_are_the_147_checkpoints_of_table_2_and_other_evaluated_steps(opt: xr.Dataset) -> None:
    inside = opt["in_table_2"]
    assert inside.dtype == bool
    assert inside.sum("checkpoint").values.tolist() == [36, 22, 21, 18, 18, 32]
    assert opt["validation_perplexity"].where(inside).count() == 147
    assert opt["validation_perplexity"].count() == 909
    for name in ("accuracy", "subset_perplexity"):
        assert not opt[name].where(~inside).notnull().any()
    for name in ("tokens_seen", "flops", "training_fraction"):
        np.testing.assert_array_equal(opt[name].notnull(), opt["validation_perplexity"].notnull())
    np.testing.assert_allclose(opt["training_fraction"], opt["tokens_seen"] / 300e9)


def test_the_suite_names_the_checkpoints_of_table_2_and_the_final_ones(opt: xr.Dataset) -> None:
    suite = yaml.safe_load((REPOSITORY / "conf/suite/opt.yaml").read_text(encoding="utf-8"))["fetched"]
    assert set(suite) == set(opt["model"].values) - {
        "opt-175b"
    }  # which is in a comment: it is not on the Hub
    for name, described in suite.items():
        inside = opt["in_table_2"].sel(model=name)
        steps = inside["checkpoint"].values[inside.values].tolist()
        last = paper().models[name].last_step
        assert expand_steps(described["all"].split()) == [*steps, last]
        assert described["last_step"] == last
        assert described["tokens_per_step"] == paper().models[name].tokens_per_step
        assert described["label"] == paper().models[name].label


def test_tasks_and_groups_are_those_that_conf_chooses(opt: xr.Dataset) -> None:
    choice = yaml.safe_load((REPOSITORY / "conf/tasks/paper.yaml").read_text(encoding="utf-8"))
    assert list(paper().tasks) == choice["names"]
    assert {name: list(tasks) for name, tasks in paper().groups.items()} == choice["groups"]
    assert opt["task"].values.tolist()[:3] == ["all", "linearity", "breakthroughness"]
    assert set(opt["group"].values[:3]) == {""}
    for group, tasks in choice["groups"].items():
        assert opt["task"].values[opt["group"].values == group].tolist() == tasks
    assert opt["chance"].values[:3].tolist() == [0.318, 0.266, 0.333]
    assert opt["chance"][3:].isnull().all()


# Figure 9 leaves nonsense_words_grammar, which Figure 17 shows, out of the mean of the linearity tasks.
@pytest.mark.parametrize(
    ("group", "left_out"), [("linearity", ["nonsense_words_grammar"]), ("breakthroughness", [])]
)
def test_the_mean_of_a_group_is_the_mean_of_its_tasks(
    opt: xr.Dataset, group: str, left_out: list[str]
) -> None:
    tasks = [task for task in paper().groups[group] if task not in left_out]
    mean = opt["accuracy"].sel(task=tasks).mean("task")
    np.testing.assert_allclose(mean, opt["accuracy"].sel(task=group), atol=1e-6)


def test_subsets_say_how_they_were_selected(opt: xr.Dataset) -> None:
    assert opt["subset"].values.tolist() == ["stagnated in opt-1_3b", "upward in opt-1_3b"]
    assert opt["subset_trend"].values.tolist() == ["stagnated", "upward"]
    assert set(opt["selected_by"].values) == {"opt-1_3b"}
    assert set(opt["subset_start"].values) == {0.1}
    assert opt["selected_share"].values.tolist() == [0.085, 0.094]


def test_shares_are_fractions_at_seven_starts(opt: xr.Dataset) -> None:
    assert opt["start"].values.tolist() == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    assert opt["trend"].values.tolist() == ["stagnated", "upward", "downward"]
    assert opt["share"].notnull().all()
    assert (opt["share"].sum("trend") < 1).all()


def test_the_source_and_the_figures_are_in_the_attributes(opt: xr.Dataset) -> None:
    assert "Xia et al. (2023)" in opt.attrs["source"]
    assert "arXiv:2212.09803" in opt.attrs["source"]
    figures = {name: opt[name].attrs["figures"] for name in ("accuracy", "share", "validation_perplexity")}
    assert figures == {"accuracy": "8, 9, 17, 18", "share": "2", "validation_perplexity": "1, 8"}
    for name, variable in opt.variables.items():
        assert variable.attrs["long_name"], name
        assert variable.dtype.kind in "UOb" or variable.attrs["units"], name


def test_the_dataset_can_be_written_and_read(opt: xr.Dataset, tmp_path: Path) -> None:
    arrays.write(opt, tmp_path / "opt.nc")
    xr.testing.assert_identical(arrays.read(tmp_path / "opt.nc"), opt)


def test_published_numbers_never_wait_for_torch() -> None:
    script = "import sys, trajectories as tj; tj.published('opt'); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_an_unknown_name_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"no published numbers 'pythia'; those here are: opt; read others"):
        tj.published("pythia")

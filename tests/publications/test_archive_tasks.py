from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from archive_files import MODELS, make_accuracy, make_archive, save
from hypothesis import given, settings
from hypothesis import strategies as st

from trajectories.publications.bigbench import read_bigbench
from trajectories.publications.bigbench_files import write_bigbench

OWN = ("my_own_task",)


def test_percent_by_step_become_fractions_over_models_checkpoints_and_tasks(tmp_path: Path) -> None:
    found = read_bigbench(make_archive(tmp_path) / "bigbench")
    assert found["accuracy"].dims == ("model", "checkpoint", "task")
    assert found["task"].values.tolist() == ["snarks", "what_is_the_tao"]
    assert found["group"].values.tolist() == ["", "breakthroughness"]
    assert found["model"].values.tolist() == ["opt-125m", "opt-1_3b"]
    tao = found["accuracy"].sel(task="what_is_the_tao")
    assert tao.values.tolist() == [[0.25, 0.5], [0.25, 0.5]]
    assert found["accuracy"].sel(task="snarks").isel(model=0).fillna(-1).values.tolist() == [0.4, -1]
    here = found.sel(model="opt-125m", task="snarks")
    assert here["correct_perplexity"].values.tolist() == [9.5, 8.5]
    assert here["incorrect_perplexity"].values.tolist() == [11.5, 12.5]
    assert (here["correct_tokens"], here["incorrect_tokens"]) == (120, 130)
    assert found["correct_perplexity"].sel(model="opt-1_3b").isnull().all()


def test_compute_is_as_the_files_tell_it(tmp_path: Path) -> None:
    found = read_bigbench(make_archive(tmp_path) / "bigbench")
    assert found["flops"].sel(model="opt-1_3b").values.tolist() == [7.5e17, 2.25e18]  # as of 125M in the fake
    assert found["tokens_seen"].sel(model="opt-1_3b").values.tolist() == [1e9, 3e9]
    without = {"opt_1.3b": {"accuracy": {"bigbench__snarks": {2000: 40.0}}}}
    save(without, tmp_path / "other/checkpoint_results.pt")
    assert read_bigbench(tmp_path / "other")["flops"].item() == 6 * 1.3e9 * 2000 * 1e6


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6))
def test_accuracies_come_back_from_the_archive(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    accuracy, folder = make_accuracy(seed=seed), tmp_path_factory.mktemp("tasks")
    write_bigbench(accuracy.transpose("task", "checkpoint", "model", "criterion"), folder)
    found = read_bigbench(folder, models=MODELS, tasks=OWN).reindex(task=accuracy["task"].values)
    expected = accuracy.sel(criterion="tokens", drop=True)
    for name in (
        "accuracy",
        "correct_perplexity",
        "incorrect_perplexity",
        "correct_tokens",
        "incorrect_tokens",
    ):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-15)
    for name in ("flops", "tokens_seen", "training_fraction", "label", "parameters", "group"):
        np.testing.assert_array_equal(found[name], expected[name])


def test_files_are_those_that_the_authors_notebooks_load(tmp_path: Path) -> None:
    accuracy = make_accuracy()
    written = write_bigbench(accuracy, tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        "checkpoint_results.pt",
        "checkpoint_Btasks_results.pt",
        "perplexity_analysis/mini_0.2m.pt",
        "perplexity_analysis/mini_1m.pt",
    ]
    results = torch.load(tmp_path / "checkpoint_results.pt", weights_only=True)
    groups = torch.load(tmp_path / "checkpoint_Btasks_results.pt", weights_only=True)
    for name, theirs in {"mini-0_2m": "mini_0.2m", "mini-1m": "mini_1m"}.items():
        for task in accuracy["task"].values:
            of = accuracy["accuracy"].sel(criterion="tokens", model=name, task=task)
            expected = {int(step): 100 * float(value) for step, value in of.to_series().dropna().items()}
            assert results[theirs]["accuracy"][f"bigbench__{task.replace('_', '')}"] == expected
        assert set(groups[theirs]["accuracy"]) == {"bigbench__whatisthetao"}
        options = torch.load(tmp_path / f"perplexity_analysis/{theirs}.pt", weights_only=True)[theirs]
        assert set(options) == {"correct_ppl", "incorrect_ppl", "correct_token_num", "incorrect_token_num"}
        tokens = accuracy["correct_tokens"].sel(model=name, task="snarks")
        assert options["correct_token_num"]["bigbench__snarks"] == tokens


def test_a_skipped_checkpoint_and_a_task_without_incorrect_options_stay_missing(tmp_path: Path) -> None:
    accuracy = make_accuracy()
    kept = (accuracy["checkpoint"] != 2) | (accuracy["model"] != "mini-1m")
    for name in ("accuracy", "correct_perplexity", "incorrect_perplexity"):
        accuracy[name] = accuracy[name].where(kept)
    accuracy["incorrect_perplexity"] = accuracy["incorrect_perplexity"].where(accuracy["task"] != "snarks")
    write_bigbench(accuracy, tmp_path)
    found = read_bigbench(tmp_path, models=MODELS, tasks=OWN)
    assert found["accuracy"].sel(model="mini-1m", checkpoint=2).isnull().all()
    assert found["incorrect_perplexity"].sel(task="snarks").isnull().all()
    assert found["correct_perplexity"].sel(task="snarks", model="mini-1m", checkpoint=4).notnull()


def test_a_task_that_nobody_tells_of_keeps_the_name_of_the_file(tmp_path: Path) -> None:
    write_bigbench(make_accuracy(), tmp_path)
    assert "myowntask" in read_bigbench(tmp_path, models=MODELS)["task"].values


def test_files_of_groups_add_their_tasks_and_must_agree(tmp_path: Path) -> None:
    folder = make_archive(tmp_path) / "bigbench"
    save(
        {"opt_125m": {"accuracy": {"bigbench__implicatures": {2000: 62.5}}}},
        folder / "checkpoint_Btasks_results.pt",
    )
    assert (
        read_bigbench(folder)["accuracy"].sel(task="implicatures", model="opt-125m", checkpoint=2000) == 0.625
    )
    save(
        {"opt_125m": {"accuracy": {"bigbench__snarks": {2000: 41.0}}}},
        folder / "checkpoint_Ltasks_results.pt",
    )
    message = r"Ltasks_results\.pt: accuracy of opt-125m, snarks, 2000 is 0\.41, but 0\.4 in a file before it"
    with pytest.raises(ValueError, match=message):
        read_bigbench(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"opt_13b": {"flops": {}}},
            r"model 'opt_13b': the entry 'accuracy' is missing; there are flops; add it",
        ),
        ({"opt_13b": {"accuracy": [1]}}, r"model 'opt_13b', 'accuracy': a dictionary is needed, got list"),
        (
            {"opt_13b": {"accuracy": {"bigbench__snarks": {2000: 140}}}},
            r"'bigbench__snarks', step 2000: percent from 0 to 100 are needed, got 140",
        ),
        (
            {"opt_13b": {"accuracy": {"bigbench__snarks": {"last": 40}}}},
            r"'bigbench__snarks': a training step is needed, got 'last'",
        ),
        (
            {"opt_13b": {"accuracy": {"bigbench__snarks": {2000: None}}}},
            r"'bigbench__snarks', step 2000: a number is needed, got NoneType",
        ),
        ({"gpt": {"accuracy": {}}}, r"model 'gpt' is not known"),
    ],
)
def test_results_of_another_structure_are_refused_by_name(
    tmp_path: Path, content: object, message: str
) -> None:
    save(content, tmp_path / "checkpoint_results.pt")
    with pytest.raises(ValueError, match=rf"checkpoint_results\.pt.*{message}"):
        read_bigbench(tmp_path)


def test_a_model_without_values_is_left_out_and_files_without_any_are_refused(tmp_path: Path) -> None:
    some = {"opt_13b": {"accuracy": {"bigbench__snarks": {2000: np.float64(40)}}}}
    none = {"opt_30b": {"accuracy": {}, "flops": {2000: 1e18}}}
    save(some | none, tmp_path / "checkpoint_results.pt")
    assert read_bigbench(tmp_path)["model"].values.tolist() == ["opt-13b"]
    save(none, tmp_path / "checkpoint_results.pt")
    with pytest.raises(ValueError, match="the files of results have no value"):
        read_bigbench(tmp_path)


def test_a_folder_without_results_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"has neither checkpoint_results\.pt nor perplexity_analysis"
    ):
        read_bigbench(tmp_path)


def test_tasks_that_differ_in_underscores_alone_are_not_written(tmp_path: Path) -> None:
    accuracy = make_accuracy().assign_coords(task=["a_b", "ab", "c"])
    with pytest.raises(ValueError, match="names that differ in more than underscores, got a_b, ab, c"):
        write_bigbench(accuracy, tmp_path)


def test_accuracies_without_tasks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="accuracies of tasks needs the dimensions"):
        write_bigbench(xr.Dataset({"accuracy": ("model", [1.0])}), tmp_path)

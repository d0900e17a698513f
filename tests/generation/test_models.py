"""Which models of a family take part in decoding, in the order of their sizes."""

import json
import shutil
from pathlib import Path

import pytest
import torch

import hub
from trajectories.checkpoints import load_checkpoint
from trajectories.generation.models import load_final, one_of_each_size, read_sizes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sizes of a family, the larger first by name, and a model of another; two checkpoints each."""
    root = tmp_path_factory.mktemp("models")
    for name, family, layers in (("a", "neox", 2), ("b", "neox", 1), ("c", "other", 1)):
        for step in (2, 4):
            hub.save_checkpoint(
                root / name / f"step-{step:06d}", "gpt_neox", seed=step, num_hidden_layers=layers
            )
        (root / name / "trajectory.json").write_text(json.dumps({"family": family, "steps": 4}))
    return root


def test_the_models_of_a_family_run_from_small_to_large(folder: Path) -> None:
    assert list(read_sizes(folder, ["a", "b", "c"], family="neox")) == ["b", "a"]


def test_what_is_loaded_is_the_last_checkpoint(folder: Path) -> None:
    loaded = load_final(read_sizes(folder, ["a", "b"], family="neox"), "b", precision="float32")
    assert loaded.fingerprint == load_checkpoint(folder / "b/step-000004").fingerprint
    assert loaded.model.dtype == torch.float32


def test_of_seeds_of_a_size_the_lowest_is_taken(folder: Path, tmp_path: Path) -> None:
    for name, source, seed in (("second", "b", 2), ("first", "b", 1), ("large", "a", 3)):
        shutil.copytree(folder / source, tmp_path / name)
        facts = {"family": "neox", "steps": 4, "seed": seed}
        (tmp_path / name / "trajectory.json").write_text(json.dumps(facts))
    sizes = read_sizes(tmp_path, ["second", "first", "large"], family="neox")
    assert one_of_each_size(sizes) == ["first", "large"]


def test_a_family_without_models_is_refused_with_those_there_are(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"no model in .* is of the family 'opt'; .* one of neox, other"):
        read_sizes(folder, ["a", "c"], family="opt")


def test_a_model_of_another_family_cannot_decode_along(folder: Path) -> None:
    sizes = read_sizes(folder, ["a", "b", "c"], family="neox")
    with pytest.raises(ValueError, match="'c' is not of the analysed family, which has b, a"):
        load_final(sizes, "c", precision="float32")

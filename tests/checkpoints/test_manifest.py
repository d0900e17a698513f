import json
from dataclasses import replace
from pathlib import Path

import pytest

from trajectories.checkpoints import read_trajectory
from trajectories.checkpoints.dimensions import Dimensions
from trajectories.checkpoints.manifest import Manifest, PinnedCheckpoint, read_manifest, write_manifest
from trajectories.checkpoints.pinned import PinnedFile
from trajectories.checkpoints.sources import PinnedFolder, PinnedRevision

FILES = {
    "config.json": PinnedFile(600, "git_sha1", "a" * 40),
    "model.safetensors": PinnedFile(28_000_000, "sha256", "b" * 64),
}
REMEDY = r"delete .*/tiny/manifest\.json and run `dvc repro fetch@tiny`"
MANIFEST = Manifest(
    model="tiny",
    family="tinies",
    label="14M",
    seed=3,
    context=2_048,
    tokens_per_step=100,
    steps=16,
    dimensions=Dimensions(
        architecture="gpt_neox",
        parameters=14_067_712,
        multiplied_parameters=7_628_800,
        layers=6,
        heads=4,
        head_size=32,
        context=2_048,
    ),
    tokenizer="c" * 64,
    checkpoints=(
        PinnedCheckpoint(4, tokens=None, files=FILES, folder="runs/step-4"),
        PinnedCheckpoint(
            8, tokens=900, files=FILES, repository="someone/tiny", revision="step8", commit="d" * 40
        ),
    ),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "tiny" / "manifest.json"
    path.parent.mkdir()
    write_manifest(MANIFEST, path)
    return path


def test_a_manifest_is_read_as_it_was_written(path: Path) -> None:
    assert read_manifest(path) == MANIFEST


def test_the_same_manifest_gives_the_same_bytes_in_order(path: Path) -> None:
    written = path.read_bytes()
    turned = tuple(replace(each, files=dict(reversed(each.files.items()))) for each in MANIFEST.checkpoints)
    write_manifest(replace(MANIFEST, checkpoints=turned), path)
    assert path.read_bytes() == written
    content = json.loads(written)
    assert list(content) == sorted(content)
    assert content["checkpoints"][1]["files"]["config.json"] == {"git_sha1": "a" * 40, "size": 600}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"steps": 16', '"steps": 17'),
        ("b" * 64, "e" * 64),
        ('"checksum": "', '"checksum": "f'),
        ('"checksum"', '"checks"'),
        ("}\n}", "}"),
    ],
)
def test_an_edit_by_hand_is_named(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text or before == "}\n}"
    path.write_text(text.replace(before, after) if before in text else text[:-3], encoding="utf-8")
    with pytest.raises(
        ValueError, match=rf"{path} was edited .*`dvc checkout --force {path.parent}`, or {REMEDY}"
    ):
        read_trajectory(path.parent)


@pytest.mark.parametrize("content", ["", "[]", "7", "{}"])
def test_what_is_no_manifest_is_named(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"manifest\.json was edited or cut off"):
        read_manifest(path)


def test_a_manifest_of_another_version_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trajectories.checkpoints.manifest.asdict", lambda _: {"colour": "red"})
    write_manifest(MANIFEST, path)
    with pytest.raises(ValueError, match=rf"{path} was written by another version .*; {REMEDY}"):
        read_manifest(path)


def test_a_trajectory_comes_from_the_manifest_alone(path: Path) -> None:
    trajectory = read_trajectory(path.parent)
    assert (trajectory.model, trajectory.family, trajectory.label) == ("tiny", "tinies", "14M")
    assert (trajectory.architecture, trajectory.seed, trajectory.tokenizer) == ("gpt_neox", 3, "c" * 64)
    assert (trajectory.steps, trajectory.context, trajectory.parameters) == (16, 2_048, 14_067_712)
    (first, folder), (second, revision) = trajectory.checkpoints
    assert (first, second) == (4, 8)
    assert folder == PinnedFolder(Path("runs/step-4"), FILES, model="tiny")
    assert revision == PinnedRevision("someone/tiny", "step8", "d" * 40, files=FILES, model="tiny")
    assert (folder.name, revision.name) == ("runs/step-4", "someone/tiny@step8")


def test_tokens_are_those_of_the_manifest_where_it_knows_them(path: Path) -> None:
    trajectory = read_trajectory(path.parent)
    assert trajectory.tokens_seen(8) == 900
    assert trajectory.tokens_seen(4) == 400
    assert trajectory.training_fraction(8) == 0.5


def test_keeping_weights_is_for_the_reader_to_say(path: Path) -> None:
    kept, evicted = (
        read_trajectory(path.parent, keep_weights=keep).checkpoints[1][1] for keep in (True, False)
    )
    assert isinstance(kept, PinnedRevision)
    assert isinstance(evicted, PinnedRevision)
    assert (kept.keep_weights, evicted.keep_weights) == (True, False)
    assert kept.identity() == evicted.identity()

import shutil
from pathlib import Path

import pytest

from hub import save_checkpoint
from trajectories.checkpoints.pinned import choose_files, pin
from trajectories.checkpoints.sources import PinnedFolder, Source, TrainedFolder


def pinned(folder: Path) -> PinnedFolder:
    names = choose_files(path.name for path in folder.iterdir())
    return PinnedFolder(folder, {name: pin(folder / name) for name in names}, model="tiny")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_checkpoint(tmp_path / "step-1", "gpt_neox", seed=1)


@pytest.mark.parametrize("make", [TrainedFolder, pinned])
def test_weights_and_configuration_make_the_identity(folder: Path, tmp_path: Path, make: type) -> None:
    source: Source = make(folder)
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "tokenizer.json").write_text("{}", encoding="utf-8")
    assert make(copy).identity() == source.identity()
    (copy / "config.json").write_text("{}", encoding="utf-8")
    assert make(copy).identity() != source.identity()
    other: Source = make(save_checkpoint(tmp_path / "other", "gpt_neox", seed=2))
    assert other.identity() != source.identity()


@pytest.mark.parametrize("make", [TrainedFolder, pinned])
def test_a_folder_stays_after_its_release(folder: Path, make: type) -> None:
    source: Source = make(folder)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert source.folder() == folder
    source.release()
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert source.name == str(folder)


def test_the_identity_of_a_pinned_folder_needs_no_weights(folder: Path) -> None:
    source = pinned(folder)
    before = source.identity()
    shutil.rmtree(folder)
    assert source.identity() == before


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_file_that_changed_is_named(folder: Path, name: str) -> None:
    source = pinned(folder)
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(OSError, match=rf"{name} changed since tiny was fetched .* `dvc repro fetch@tiny`"):
        source.folder()


def test_a_file_that_is_gone_is_named(folder: Path) -> None:
    source = pinned(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(OSError, match=r"model\.safetensors changed since tiny was fetched \(it is missing\)"):
        source.folder()

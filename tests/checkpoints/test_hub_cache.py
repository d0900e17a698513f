"""The Hub's cache on disk, as the client lays it out, without a network."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from hub import commit_of, connected, make_cache, save_checkpoint, save_revisions
from trajectories.checkpoints import fingerprint, load_checkpoint
from trajectories.checkpoints.hub import list_revisions, resolve
from trajectories.checkpoints.hub_errors import HubError, MovedRevisionError
from trajectories.checkpoints.pinned import pin
from trajectories.checkpoints.places import find_folder
from trajectories.checkpoints.sources import PinnedRevision

REPOSITORIES = ("gpt_neox", "llama", "opt")


@pytest.fixture(scope="module")
def revisions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Path]]:
    """Folders by architecture and revision; read them, do not write to them."""
    root = tmp_path_factory.mktemp("revisions")
    return {name: save_revisions(root / name, name, steps=(1, 4, 8)) for name in REPOSITORIES}


@pytest.fixture
def cache(revisions: dict[str, dict[str, Path]], tmp_path: Path) -> Iterator[Path]:
    """A cache with these repositories, which is all that this process can reach."""
    for name, folders in revisions.items():
        make_cache(tmp_path / "hub", f"someone/{name}", folders)
    with connected(tmp_path / "hub"):
        yield tmp_path / "hub"


def source(name: str, revision: str = "step4", *, keep_weights: bool = True) -> PinnedRevision:
    found = resolve(f"someone/{name}", revision)
    return PinnedRevision(
        found.repository,
        revision,
        found.commit,
        files=found.files,
        model="tiny",
        keep_weights=keep_weights,
    )


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("name", REPOSITORIES)
def test_a_revision_is_its_commit_and_the_files_of_a_checkpoint(
    name: str, revisions: dict[str, dict[str, Path]]
) -> None:
    folder = revisions[name]["step4"]
    found = resolve(f"someone/{name}", "step4")
    assert found.commit == commit_of(folder)
    assert "README.md" not in found.files
    assert dict(found.files) == {
        path.name: pin(path)
        for path in folder.iterdir()
        if path.name not in {"README.md", "generation_config.json"}
    }
    assert resolve(f"someone/{name}", found.commit).files == found.files


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("name", REPOSITORIES)
def test_the_snapshot_loads_as_what_was_saved(name: str, revisions: dict[str, dict[str, Path]]) -> None:
    folder = source(name).folder()
    expected = AutoModelForCausalLM.from_pretrained(revisions[name]["step4"])
    loaded = load_checkpoint(f"someone/{name}", revision="step4", device="cpu")
    tokens = torch.arange(20)[None]
    with torch.no_grad():
        assert torch.equal(loaded.model(tokens).logits, expected(tokens).logits)
    assert loaded.fingerprint == fingerprint(folder)


@pytest.mark.usefixtures("cache")
def test_without_a_revision_it_is_main(revisions: dict[str, dict[str, Path]]) -> None:
    assert find_folder("someone/opt", None).name == commit_of(revisions["opt"]["step8"])


@pytest.mark.usefixtures("cache")
def test_the_cache_s_revisions_are_listed() -> None:
    assert list_revisions("someone/opt") == ["main", "step1", "step4", "step8"]
    assert list_revisions("someone/else") == []


@pytest.mark.usefixtures("cache")
def test_a_revision_that_the_cache_lacks_is_named_with_a_few_that_it_has() -> None:
    with pytest.raises(HubError, match=r"someone/opt \(revision step5\) is not.* there are 4, such as step"):
        resolve("someone/opt", "step5")


@pytest.mark.usefixtures("cache")
def test_a_repository_that_the_cache_lacks_is_named() -> None:
    with pytest.raises(HubError, match=r"someone/else .* while HF_HUB_OFFLINE is set; .*; unset it, or copy"):
        resolve("someone/else", "main")
    with pytest.raises(
        HubError, match=r"someone/else \(revision main\) is no local folder and cannot be had"
    ):
        find_folder("someone/else", None)


def test_a_snapshot_without_weights_is_not_whole(cache: Path) -> None:
    folder = source("opt").folder()
    (folder / "model.safetensors").unlink()
    with pytest.raises(HubError, match=r"\(revision step4\) is not, or not whole, in the cache"):
        resolve("someone/opt", "step4")
    assert cache.is_dir()


@pytest.mark.parametrize("lost", ["model-00002-of-00002.safetensors", "config.json"])
def test_a_snapshot_without_a_part_is_not_whole(cache: Path, tmp_path: Path, lost: str) -> None:
    folder = save_checkpoint(tmp_path / "parts", "opt", seed=0)
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    parts = [f"model-0000{part}-of-00002.safetensors" for part in (1, 2)]
    index = {name: parts[number % 2] for number, name in enumerate(sorted(tensors))}
    for part in parts:
        save_file({name: tensors[name] for name in tensors if index[name] == part}, folder / part)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    storage = make_cache(cache, "someone/parts", {"main": folder})
    assert {*parts, "model.safetensors.index.json"} < resolve("someone/parts", "main").files.keys()
    (storage / "snapshots" / commit_of(folder) / lost).unlink()
    with pytest.raises(HubError, match=r"someone/parts \(revision main\) is not, or not whole, in the cache"):
        resolve("someone/parts", "main")


def test_a_missing_file_cannot_be_had_offline(cache: Path) -> None:
    pinned = source("opt")
    shutil.rmtree(cache / "models--someone--opt" / "snapshots" / pinned.commit)
    with pytest.raises(HubError, match=rf"someone/opt@step4 \(commit {pinned.commit}\) is not, or not whole"):
        pinned.folder()


def test_a_revision_that_moved_is_named_with_both_commits(
    cache: Path, revisions: dict[str, dict[str, Path]]
) -> None:
    pinned = source("opt")
    shutil.rmtree(cache / "models--someone--opt" / "snapshots" / pinned.commit)
    make_cache(cache, "someone/opt", {"step4": revisions["opt"]["step1"]})
    now = commit_of(revisions["opt"]["step1"])
    with pytest.raises(MovedRevisionError) as caught:
        pinned.folder()
    for part in (
        "someone/opt@step4",
        pinned.commit,
        now,
        "delete the manifest.json of tiny and run `dvc repro fetch@tiny`",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_damaged_file_is_named(cache: Path, name: str) -> None:
    pinned = source("opt")
    blob = (pinned.folder() / name).resolve()
    content = bytearray(blob.read_bytes())
    content[len(content) // 2] ^= 1
    blob.write_bytes(content)
    with pytest.raises(HubError, match=rf"{name} of someone/opt@step4 is damaged: .*; remove {blob} and run"):
        pinned.folder()
    assert cache in blob.parents


def test_offline_nothing_is_evicted(cache: Path) -> None:
    pinned = source("opt", keep_weights=False)
    before = sorted(cache.rglob("*"))
    pinned.release()
    assert sorted(cache.rglob("*")) == before


def test_the_identity_needs_neither_cache_nor_network(cache: Path) -> None:
    one, other = source("opt"), source("opt", "step1")
    before = one.identity()
    shutil.rmtree(cache)
    assert one.identity() == before != other.identity()


def test_a_cache_without_links_works_too(cache: Path) -> None:
    linked = resolve("someone/opt", "step4")
    copied = shutil.copytree(cache, cache.parent / "copied")
    with connected(copied):
        assert resolve("someone/opt", "step4") == linked

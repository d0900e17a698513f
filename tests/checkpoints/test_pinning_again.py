"""Fetching again: what a manifest pins stays pinned, and is refused where it is something else now."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub import CONTEXT, Hub, commit_of, connected, make_cache, save_checkpoint, save_revisions, serve
from trajectories.checkpoints.fetch import make_manifest
from trajectories.checkpoints.hub_errors import MovedRevisionError
from trajectories.checkpoints.manifest import Manifest, PinnedCheckpoint
from trajectories.stages import fetch as stage

REPOSITORY = "someone/tiny"
REMEDY = "delete the manifest.json of tiny and run `dvc repro fetch@tiny`"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders by revision; read them, do not write to them."""
    return save_revisions(tmp_path_factory.mktemp("saved"), "gpt_neox", steps=(1, 4, 8))


@pytest.fixture
def revisions(saved: dict[str, Path], tmp_path: Path) -> dict[str, Path]:
    """Copies, to write to; what they are at first can still be had by its commit."""
    names = [name for name in saved if name != "main"]
    copies = {name: shutil.copytree(saved[name], tmp_path / "now" / name) for name in names}
    return {**copies, **{f"old-{name}": saved[name] for name in names}}


@pytest.fixture
def hub(revisions: dict[str, Path], tmp_path: Path) -> Iterator[Hub]:
    with serve({REPOSITORY: revisions}) as hub, connected(tmp_path / "cache", endpoint=hub.url):
        yield hub


def fetch(*steps: int, before: Manifest | None = None, **settings: Any) -> Manifest:
    usual = {"repository": REPOSITORY, "folder": None, "revision": "step{step}", "tokens_per_step": None}
    return make_manifest(
        "tiny",
        family="tinies",
        label=None,
        steps=[str(step) for step in steps],
        last_step=None,
        context=CONTEXT,
        seed=None,
        before=before,
        **{**usual, **settings},
    )


def pins(manifest: Manifest) -> dict[int, PinnedCheckpoint]:
    return {checkpoint.step: checkpoint for checkpoint in manifest.checkpoints}


@pytest.mark.usefixtures("hub")
def test_nothing_changes_where_nothing_changed() -> None:
    before = fetch(1, 4)
    assert fetch(1, 4, before=before) == before


@pytest.mark.usefixtures("hub")
def test_a_revision_that_moved_is_refused_with_both_commits(revisions: dict[str, Path]) -> None:
    before = fetch(1, 4)
    save_checkpoint(revisions["step4"], "gpt_neox", seed=99)
    with pytest.raises(MovedRevisionError) as caught:
        fetch(1, 4, before=before)
    now = commit_of(revisions["step4"])
    for part in (f"{REPOSITORY}@step4", str(pins(before)[4].commit), now, REMEDY):
        assert part in str(caught.value)
    assert pins(fetch(1, 4))[4].commit == now


@pytest.mark.usefixtures("hub")
def test_a_revision_whose_readme_changed_stays_at_its_commit(revisions: dict[str, Path]) -> None:
    before = fetch(1, 4)
    (revisions["step4"] / "README.md").write_text("Corrected.\n", encoding="utf-8")
    assert pins(fetch(1, 4))[4].commit == commit_of(revisions["step4"]) != pins(before)[4].commit
    assert fetch(1, 4, before=before) == before


@pytest.mark.usefixtures("hub")
def test_further_steps_are_pinned_and_the_others_stay(revisions: dict[str, Path]) -> None:
    before = fetch(1, 4)
    for step in (4, 8):
        (revisions[f"step{step}"] / "README.md").write_text("Corrected.\n", encoding="utf-8")
    after = pins(fetch(4, 8, before=before))
    assert after[4] == pins(before)[4]
    assert after[8].commit == commit_of(revisions["step8"])
    assert list(after) == [4, 8]


@pytest.mark.usefixtures("hub")
def test_what_is_said_of_a_pinned_checkpoint_may_change() -> None:
    before = fetch(1, 4)
    after = fetch(1, 4, before=before, tokens_per_step=10)
    assert [each.tokens for each in after.checkpoints] == [10, 40]
    assert [each.files for each in after.checkpoints] == [each.files for each in before.checkpoints]


@pytest.mark.usefixtures("hub")
def test_another_repository_is_pinned_anew(hub: Hub, revisions: dict[str, Path]) -> None:
    before = fetch(1, 4)
    hub.repositories["someone/else"] = {"step1": revisions["step8"], "step4": revisions["step8"]}
    after = fetch(1, 4, before=before, repository="someone/else")
    assert pins(after)[4].commit == commit_of(revisions["step8"])


def test_offline_the_cache_tells_what_moved(hub: Hub, revisions: dict[str, Path], tmp_path: Path) -> None:
    before = fetch(1, 4)
    hub.stopped.set()
    cache = tmp_path / "offline"
    make_cache(cache, REPOSITORY, revisions)
    with connected(cache):
        assert fetch(1, 4, before=before) == before
        (revisions["step4"] / "README.md").write_text("Corrected.\n", encoding="utf-8")
        make_cache(cache, REPOSITORY, revisions)
        assert fetch(1, 4, before=before) == before
        save_checkpoint(revisions["step4"], "gpt_neox", seed=99)
        make_cache(cache, REPOSITORY, revisions)
        with pytest.raises(MovedRevisionError, match=f"{REPOSITORY}@step4 has moved"):
            fetch(1, 4, before=before)


def test_a_folder_that_changed_is_refused(saved: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    for step in (1, 4):
        shutil.copytree(saved[f"step{step}"], folder / f"step-{step}")
    before = fetch(repository=None, folder=folder)
    (folder / "step-4" / "README.md").write_text("Corrected.\n", encoding="utf-8")
    assert fetch(repository=None, folder=folder, before=before) == before
    save_checkpoint(folder / "step-4", "gpt_neox", seed=99)
    message = rf"step-4/model\.safetensors changed since tiny was fetched .*, {REMEDY}"
    with pytest.raises(OSError, match=message):
        fetch(repository=None, folder=folder, before=before)
    assert pins(fetch(repository=None, folder=folder))[4] != pins(before)[4]


def test_the_stage_refuses_a_manifest_that_was_edited(
    saved: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(saved["step1"], tmp_path / "run" / "step-1")
    parameters = {
        "suite": {
            "choice": "mine",
            "context": CONTEXT,
            "fetch": {"folder": None, "steps": "short"},
            "fetched": {
                "tiny": {
                    "family": "tinies",
                    "folder": str(tmp_path / "run"),
                    "revision": "main",
                    "short": "",
                    "all": "",
                    "last_step": None,
                    "tokens_per_step": None,
                }
            },
        }
    }
    (tmp_path / "params.yaml").write_text(json.dumps(parameters), encoding="utf-8")
    shutil.copytree(saved["step1"], tmp_path / "data/tokens/mine/tinies/tokenizer")
    monkeypatch.chdir(tmp_path)
    stage.main("tiny")
    manifest = Path("data/checkpoints/mine/tiny/manifest.json")
    written = manifest.read_bytes()
    stage.main("tiny")
    assert manifest.read_bytes() == written
    manifest.write_bytes(written.replace(b'"steps": 1', b'"steps": 2'))
    with pytest.raises(
        ValueError, match=rf"{manifest} was edited .*`dvc checkout --force {manifest.parent}`, or del"
    ):
        stage.main("tiny")
    manifest.unlink()
    stage.main("tiny")
    assert manifest.read_bytes() == written

"""The Hub's client against a server on loopback: resolving, downloading, and what can go wrong."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from huggingface_hub import constants
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import are_progress_bars_disabled

from hub import Hub, commit_of, connected, save_checkpoint, save_revisions, serve
from trajectories.checkpoints import fingerprint, load_checkpoint, transfer
from trajectories.checkpoints.hub import list_revisions, resolve
from trajectories.checkpoints.hub_errors import HubError, MovedRevisionError, UnreachableError
from trajectories.checkpoints.places import find_folder
from trajectories.checkpoints.sources import PinnedRevision

OPT = "someone/opt"
CHUNK = constants.DOWNLOAD_CHUNK_SIZE
DOWNLOAD = """
from trajectories.checkpoints.places import find_folder
find_folder("someone/large", None)
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders by revision; read them, do not write to them."""
    return save_revisions(tmp_path_factory.mktemp("saved"), "opt", steps=(1, 4, 8))


@pytest.fixture
def revisions(saved: dict[str, Path], tmp_path: Path) -> dict[str, Path]:
    """Copies, to write to."""
    copies = {name: shutil.copytree(folder, tmp_path / "saved" / name) for name, folder in saved.items()}
    return {**copies, "main": copies["step8"]}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def hub(revisions: dict[str, Path], cache: Path) -> Iterator[Hub]:
    with serve({OPT: revisions}) as hub, connected(cache, endpoint=hub.url):
        yield hub


def source(revision: str = "step4", *, keep_weights: bool = True) -> PinnedRevision:
    found = resolve(OPT, revision)
    return PinnedRevision(
        OPT, revision, found.commit, files=found.files, model="tiny", keep_weights=keep_weights
    )


def test_a_revision_is_pinned_without_downloading(hub: Hub, revisions: dict[str, Path], cache: Path) -> None:
    online = resolve(OPT, "step4")
    assert online.commit == commit_of(revisions["step4"])
    assert list_revisions(OPT) == ["main", "step1", "step4", "step8"]
    assert not cache.exists()
    assert hub.sent == []


def test_what_is_downloaded_is_what_was_published(hub: Hub, revisions: dict[str, Path]) -> None:
    folder = source().folder()
    assert fingerprint(folder) == fingerprint(revisions["step4"])
    names = {path.name for path in folder.iterdir()}
    assert names == {path.name for path in revisions["step4"].iterdir()} - {
        "README.md",
        "generation_config.json",
    }
    size = (revisions["step4"] / "model.safetensors").stat().st_size
    assert hub.sent == [(0, size)]


@pytest.mark.usefixtures("hub")
def test_downloading_shows_no_bars_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    source().folder()
    assert capfd.readouterr() == ("", "")
    assert not are_progress_bars_disabled()


def test_what_is_there_is_not_asked_for_again(hub: Hub) -> None:
    pinned = source()
    pinned.folder()
    before = len(hub.requests)
    pinned.folder()
    assert len(hub.requests) == before


def test_what_was_downloaded_is_there_offline(cache: Path, hub: Hub) -> None:
    pinned = source()
    folder = pinned.folder()
    hub.stopped.set()
    with connected(cache):
        assert pinned.folder() == folder
        assert resolve(OPT, "step4").files == pinned.files


def test_files_of_two_revisions_are_downloaded_once(hub: Hub) -> None:
    source("step1").folder()
    before = hub.asked("GET", "tokenizer.json")
    source("step4").folder()
    assert hub.asked("GET", "tokenizer.json") == before == 1


def test_one_format_of_weights_is_downloaded(hub: Hub, revisions: dict[str, Path]) -> None:
    (revisions["step4"] / "pytorch_model.bin").write_bytes(b"weights in the older format")
    folder = source().folder()
    assert not (folder / "pytorch_model.bin").exists()
    assert len(hub.sent) == 1


@pytest.mark.usefixtures("hub")
def test_a_checkpoint_loads_from_its_repository(revisions: dict[str, Path]) -> None:
    loaded = load_checkpoint(OPT, revision="step4")
    assert loaded.fingerprint == fingerprint(revisions["step4"])


def test_a_connection_that_breaks_is_taken_up_where_it_broke(
    hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 4_096)
    hub.cut = 10_000
    pinned = source()
    size = pinned.files["model.safetensors"].size
    pinned.folder()
    assert hub.sent == [(0, 10_000), (8_192, size - 8_192)]
    assert not list(cache.rglob("*.incomplete"))


def test_a_download_that_was_killed_continues_where_it_stopped(tmp_path: Path, cache: Path) -> None:
    folder = save_checkpoint(tmp_path / "large", "opt", seed=0)
    size = 2 * CHUNK + 1_000
    (folder / "model.safetensors").write_bytes(os.urandom(size))
    with serve({"someone/large": {"main": folder}}) as hub:
        hub.stall = CHUNK + 5_000
        mirror = {"HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": "0"}
        mirror["PYTHONPATH"] = "src"
        with subprocess.Popen([sys.executable, "-c", DOWNLOAD], env={**os.environ, **mirror}) as killed:
            try:
                assert hub.stalled.wait(60)
                _wait_for(cache, CHUNK)
            finally:
                killed.kill()
        hub.stall = None
        with connected(cache, endpoint=hub.url):
            snapshot = find_folder("someone/large", None)
        assert hub.sent[1:] == [(CHUNK, size - CHUNK)]
    assert (snapshot / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()
    assert not list(cache.rglob("*.incomplete"))


@pytest.fixture
def continued(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Files that come by the transfer that continues, on a Hub that offers its own too."""
    names: list[str] = []

    def recorded(url: str, *arguments: Any, **settings: Any) -> None:
        names.append(url.rpartition("/")[2])
        http_get(url, *arguments, **settings)

    offer = SimpleNamespace(xet_file_data=object())
    monkeypatch.setattr(transfer, "get_hf_file_metadata", lambda *_, **__: offer)
    monkeypatch.setattr(transfer, "find_spec", lambda _: object())
    monkeypatch.setattr(transfer, "http_get", recorded)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    return names


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(("disabled", "expected"), [(False, []), (True, ["model.safetensors"])])
def test_the_hub_s_own_transfer_is_used_where_it_is_offered_and_not_disabled(
    disabled: bool, expected: list[str], continued: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", disabled)
    source().folder()
    assert continued == expected


def test_a_part_that_is_there_is_continued_whatever_the_hub_offers(
    hub: Hub, cache: Path, continued: list[str], revisions: dict[str, Path]
) -> None:
    pinned = source()
    weights = pinned.files["model.safetensors"]
    part = cache / "models--someone--opt" / "blobs" / f"{weights.digest}.incomplete"
    part.parent.mkdir(parents=True)
    part.write_bytes((revisions["step4"] / "model.safetensors").read_bytes()[:1_000])
    pinned.folder()
    assert continued == ["model.safetensors"]
    assert hub.sent == [(1_000, weights.size - 1_000)]


def _wait_for(cache: Path, size: int) -> None:
    """Until the client has written what it was sent."""
    for _ in range(6_000):
        if any(path.stat().st_size >= size for path in cache.rglob("*.incomplete")):
            return
        time.sleep(0.01)
    raise AssertionError(f"nothing of {size} bytes appeared in {cache}")


def test_a_hub_that_is_asked_too_often_is_asked_again(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    hub.busy = 2
    assert resolve(OPT, "step4").name == "step4"
    assert "the Hub is asked too often (2 of 5); waiting 0 s" in caplog.text
    hub.busy = 99
    with pytest.raises(UnreachableError, match=rf"{hub.url} does not serve someone/opt .*; try again later"):
        resolve(OPT, "step4")


def test_a_gated_repository_is_named(hub: Hub) -> None:
    hub.gated.add(OPT)
    pinned = source()
    with pytest.raises(HubError, match=rf"someone/opt .* is gated; ask for access on {hub.url}/someone/opt"):
        pinned.folder()


@pytest.mark.usefixtures("hub")
def test_a_repository_that_is_missing_or_private_is_named() -> None:
    for ask in (resolve, find_folder):
        with pytest.raises(HubError, match=r"someone/else \(revision main\) .*does not exist or is private"):
            ask("someone/else", "main")
    with pytest.raises(HubError, match="someone/else does not exist or is private"):
        list_revisions("someone/else")


@pytest.mark.usefixtures("hub")
def test_a_name_that_is_none_is_named() -> None:
    with pytest.raises(HubError, match="'some/one/opt' is no name of a repository; give owner/name"):
        resolve("some/one/opt", "main")


@pytest.mark.usefixtures("hub")
def test_a_missing_revision_is_named_with_a_few_that_there_are() -> None:
    with pytest.raises(HubError, match="someone/opt has no revision step5; there are 4, such as step"):
        resolve(OPT, "step5")


@pytest.mark.usefixtures("hub")
def test_a_revision_without_weights_is_named(revisions: dict[str, Path]) -> None:
    (revisions["step4"] / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="someone/opt@step4 has no weights"):
        resolve(OPT, "step4")


def test_no_route_to_the_hub_is_named(hub: Hub, cache: Path) -> None:
    pinned = source()
    with connected(cache, endpoint="http://127.0.0.1:9"):
        for ask in (pinned.folder, lambda: resolve(OPT, "step4"), lambda: list_revisions(OPT)):
            with pytest.raises(UnreachableError, match=r"no route to http://127\.0\.0\.1:9 for someone/opt"):
                ask()
    assert hub.sent == []


@pytest.mark.usefixtures("hub")
def test_without_a_route_a_checkpoint_loads_from_the_cache(cache: Path) -> None:
    folder = source().folder()
    with connected(cache, endpoint="http://127.0.0.1:9"):
        assert find_folder(OPT, "step4") == folder


@pytest.mark.usefixtures("hub")
def test_a_moved_revision_is_named_with_both_commits(revisions: dict[str, Path]) -> None:
    pinned = source()
    save_checkpoint(revisions["step4"], "opt", seed=99)
    with pytest.raises(MovedRevisionError) as caught:
        pinned.folder()
    now = commit_of(revisions["step4"])
    for part in (
        "someone/opt@step4",
        pinned.commit,
        now,
        "delete the manifest.json of tiny and run `dvc repro fetch@tiny`",
    ):
        assert part in str(caught.value)


def test_a_revision_whose_readme_changed_is_as_it_was_pinned(
    hub: Hub, revisions: dict[str, Path], tmp_path: Path
) -> None:
    pinned = source()
    hub.repositories[OPT]["old"] = shutil.copytree(revisions["step4"], tmp_path / "old")
    (revisions["step4"] / "README.md").write_text("Corrected.\n", encoding="utf-8")
    assert commit_of(revisions["step4"]) != pinned.commit
    assert pinned.folder().name == pinned.commit


def test_a_revision_that_gained_another_format_is_as_it_was_pinned(
    hub: Hub, revisions: dict[str, Path], tmp_path: Path
) -> None:
    weights = revisions["step4"] / "model.safetensors"
    older = weights.rename(revisions["step4"] / "pytorch_model.bin")
    pinned = source()
    hub.repositories[OPT]["old"] = shutil.copytree(revisions["step4"], tmp_path / "old")
    shutil.copyfile(older, weights)
    assert (pinned.folder() / "pytorch_model.bin").is_file()


def test_what_was_damaged_on_its_way_is_not_kept(
    hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = source()
    size = pinned.files["model.safetensors"].size
    with monkeypatch.context() as patch:
        patch.setattr(hub, "large", lambda _: bytes(size))
        with pytest.raises(HubError, match=r"model\.safetensors was damaged on its way: .*; run again"):
            pinned.folder()
    assert not list(cache.rglob("*.incomplete"))
    assert fingerprint(pinned.folder())


def test_released_weights_leave_the_cache_but_for_what_others_need(hub: Hub, cache: Path) -> None:
    kept, gone = source("step1"), source("step4", keep_weights=False)
    folders = kept.folder(), gone.folder()
    kept.release()
    gone.release()
    assert not folders[1].exists()
    assert [path.stat().st_size for path in cache.rglob("blobs/*") if len(path.name) == 64] == [
        kept.files["model.safetensors"].size
    ]
    before = hub.asked("GET", "/large/")
    assert kept.folder() == folders[0]
    assert hub.asked("GET", "/large/") == before
    assert gone.folder() == folders[1]
    assert hub.asked("GET", "/large/") == before + 1


@pytest.mark.usefixtures("hub")
def test_what_cannot_be_evicted_stays_and_is_named(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    gone = source("step4", keep_weights=False)
    folder = gone.folder()
    (cache / "models--someone--opt" / "refs" / "lost").write_text("0" * 40)
    gone.release()
    assert f"cannot evict {gone.commit} of someone/opt: Reference(s) refer to missing" in caplog.text
    assert fingerprint(folder)


@pytest.mark.usefixtures("hub")
def test_checkpoints_come_and_go_at_the_same_time(revisions: dict[str, Path]) -> None:
    def come_and_go(name: str) -> set[str]:
        coming, seen = source(name, keep_weights=False), set()
        for _ in range(3):
            seen.add(fingerprint(coming.folder()))
            coming.release()
        return seen

    names = ("step1", "step4", "step8")
    with ThreadPoolExecutor(len(names)) as pool:
        assert list(pool.map(come_and_go, names)) == [{fingerprint(revisions[name])} for name in names]


@pytest.mark.usefixtures("hub")
def test_the_last_revision_in_the_cache_can_be_released_twice(cache: Path) -> None:
    gone = source("step4", keep_weights=False)
    gone.folder()
    gone.release()
    gone.release()
    assert not list(cache.rglob("*.safetensors"))
    assert fingerprint(gone.folder())

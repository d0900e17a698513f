import json
import logging
import multiprocessing
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.queues import Queue
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from safetensors.numpy import load_file

from trajectories.scoring.shards import Claim, ShardStore, default_store, shard_key

KEY = shard_key({"weights": "a", "windows": "b"})
VALUES = -np.random.default_rng(0).exponential(size=(60, 101)).astype(np.float32)


def refuse() -> np.ndarray:
    raise AssertionError("computed what the store holds")


def fetch(store: ShardStore, key: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
    """The scores under `key`, computed where the store has none."""
    found = store.find(key, wait=True)
    if not isinstance(found, Claim):
        assert found is not None
        return found
    try:
        values = compute()
        found.keep(values)
    finally:
        found.release()
    return values


@pytest.fixture
def store(tmp_path: Path) -> ShardStore:
    return ShardStore(tmp_path / ".shards")


def test_what_was_stored_comes_back_bit_for_bit_and_is_not_computed_again(store: ShardStore) -> None:
    special = VALUES.copy()
    special[0, :3] = np.nan, -np.inf, -0.0
    assert not store.has(KEY)
    assert fetch(store, KEY, lambda: special).tobytes() == special.tobytes()
    assert store.has(KEY)
    again = fetch(ShardStore(store.folder), KEY, refuse)
    assert (again.dtype, again.shape, again.tobytes()) == (special.dtype, special.shape, special.tobytes())


def test_a_key_depends_on_every_part_and_not_on_their_order() -> None:
    assert shard_key({"windows": "b", "weights": "a"}) == KEY
    others = (shard_key({"weights": "b", "windows": "b"}), shard_key({"weights": "a", "step": "b"}))
    assert len({KEY, *others}) == 3


def test_a_flipped_byte_anywhere_never_gives_other_scores(
    store: ShardStore, caplog: pytest.LogCaptureFixture
) -> None:
    fetch(store, KEY, lambda: VALUES)
    path = store.folder / f"{KEY}.safetensors"
    whole = path.read_bytes()
    positions = [*range(200), *np.linspace(200, len(whole) - 1, 60, dtype=int)]  # the header, and the values
    for position in positions:
        flipped = bytearray(whole)
        flipped[position] ^= 0xFF
        path.write_bytes(flipped)
        caplog.clear()
        np.testing.assert_array_equal(fetch(store, KEY, lambda: VALUES), VALUES)
        assert caplog.text.count("is damaged; its scores are computed again") == 1, position
        assert path.read_bytes() == whole
    path.write_bytes(whole[: len(whole) // 2])
    fetch(store, KEY, lambda: VALUES)
    assert path.read_bytes() == whole


def test_a_shard_under_another_name_is_not_trusted(store: ShardStore) -> None:
    fetch(store, KEY, lambda: VALUES)
    other = shard_key({"weights": "c"})
    (store.folder / f"{KEY}.safetensors").rename(store.folder / f"{other}.safetensors")
    np.testing.assert_array_equal(fetch(store, other, lambda: VALUES + 1), VALUES + 1)


def test_what_a_killed_run_left_is_removed(store: ShardStore) -> None:
    store.folder.mkdir()
    left = store.folder / f".{KEY}.safetensors.abc123.part"
    left.write_bytes(b"half")
    fetch(store, KEY, lambda: VALUES)
    assert not left.exists()


def test_a_failed_computation_leaves_nothing_and_frees_the_lock(store: ShardStore) -> None:
    def fail() -> np.ndarray:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fetch(store, KEY, fail)
    assert [path.suffix for path in store.folder.iterdir()] == [".lock"]
    np.testing.assert_array_equal(fetch(store, KEY, lambda: VALUES), VALUES)


def test_a_claim_of_one_thread_can_be_kept_and_released_by_another(store: ShardStore) -> None:
    claim = store.find(KEY, wait=False)
    assert isinstance(claim, Claim)
    assert store.is_locked(KEY)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(claim.keep, VALUES).result()
        assert store.is_locked(KEY)
        pool.submit(claim.release).result()
    assert not store.is_locked(KEY)
    claim.release()  # a second time is no error
    np.testing.assert_array_equal(store.read(KEY), VALUES)


def _hold(folder: Path, begun: "Queue[None]", go: "Queue[None]") -> None:
    claim = ShardStore(folder).find(KEY, wait=False)
    assert isinstance(claim, Claim)
    begun.put(None)
    go.get(timeout=60)
    claim.keep(VALUES)
    claim.release()


Holder = tuple[multiprocessing.process.BaseProcess, "Queue[None]"]


@pytest.fixture
def holder(store: ShardStore) -> Iterator[Holder]:
    """Another process that computes the shard, and ends when it is told to."""
    context = multiprocessing.get_context("spawn")
    begun, go = context.Queue(), context.Queue()
    process = context.Process(target=_hold, args=(store.folder, begun, go))
    process.start()
    begun.get(timeout=60)
    yield process, go
    process.kill()
    process.join()


def test_of_two_runs_at_once_one_computes_and_the_other_waits_for_it(
    store: ShardStore, holder: Holder, caplog: pytest.LogCaptureFixture
) -> None:
    process, go = holder
    assert store.find(KEY, wait=False) is None
    assert store.is_locked(KEY)

    class Release(logging.Handler):
        def emit(self, _record: logging.LogRecord) -> None:
            go.put(None)  # this run has met the lock: let the other one finish

    logger, handler = logging.getLogger("trajectories.scoring.shards"), Release()
    logger.addHandler(handler)
    try:
        np.testing.assert_array_equal(fetch(store, KEY, refuse), VALUES)
    finally:
        logger.removeHandler(handler)
    process.join(60)
    assert process.exitcode == 0
    assert caplog.text.count("waiting for another run") == 1


def test_what_a_killed_run_was_computing_is_free(store: ShardStore, holder: Holder) -> None:
    process, _ = holder
    process.kill()
    process.join(60)
    assert not store.is_locked(KEY)
    np.testing.assert_array_equal(fetch(store, KEY, lambda: VALUES), VALUES)


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("cannot mount a file system here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_an_error_that_names_the_file_and_spares_the_old_one(mount: Path) -> None:
    store = ShardStore(mount)
    fetch(store, "small", lambda: VALUES)
    before = (mount / "small.safetensors").read_bytes()
    noise = np.random.default_rng(1).normal(size=(300, 300)).astype(np.float32)
    with pytest.raises(OSError, match=r"could not write .*large\.safetensors: .*No space left.*; free space"):
        fetch(store, "large", lambda: noise)
    names = sorted(path.name for path in mount.iterdir())
    assert names == ["large.lock", "small.lock", "small.safetensors"]
    assert (mount / "small.safetensors").read_bytes() == before


def test_a_store_that_cannot_be_written_is_read_and_otherwise_done_without(
    mount: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = ShardStore(mount)
    fetch(store, "known", lambda: VALUES)
    subprocess.run(["mount", "-o", "remount,ro", str(mount)], check=True)
    np.testing.assert_array_equal(fetch(store, "known", refuse), VALUES)
    assert not caplog.records
    assert not store.is_locked("known")
    for key in ("unknown", "unknown", "other"):
        np.testing.assert_array_equal(fetch(store, key, lambda: VALUES + 1), VALUES + 1)
    assert caplog.text.count(f"{mount} cannot be written") == 1
    with pytest.raises(ValueError, match="no"), store.noting("known", step=1):
        raise ValueError("no")
    with store.noting("known", step=1):
        pass
    assert sorted(path.name for path in mount.iterdir()) == ["known.lock", "known.safetensors"]


def test_a_file_in_place_of_the_store_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / ".shards").write_text("")
    with pytest.raises(OSError, match=r"could not write the shard store .*\.shards"):
        fetch(ShardStore(tmp_path / ".shards"), KEY, lambda: VALUES)


def test_shards_are_ordinary_files_that_are_read_without_their_lock(store: ShardStore) -> None:
    fetch(store, KEY, lambda: VALUES)
    stored = load_file(store.folder / f"{KEY}.safetensors")
    np.testing.assert_array_equal(stored["log_likelihood"], VALUES)
    with FileLock(store.folder / f"{KEY}.lock", timeout=0):
        np.testing.assert_array_equal(fetch(store, KEY, refuse), VALUES)


def test_why_a_checkpoint_failed_is_noted_until_it_succeeds(store: ShardStore) -> None:
    assert store.failure(KEY) is None
    with pytest.raises(OSError, match="cut short"), store.noting(KEY, step=12):
        raise OSError("weights\ncut short")
    note = store.failure(KEY)
    assert note is not None
    assert (note["step"], note["reason"]) == (12, "weights cut short")
    assert note["time"].endswith(" UTC")
    assert json.loads((store.folder / f"{KEY}.failed.json").read_text()) == note
    with pytest.raises(MemoryError), store.noting(KEY, step=12):
        raise MemoryError
    again = store.failure(KEY)
    assert again is not None
    assert again["reason"] == "MemoryError"
    with store.noting(KEY, step=12):
        pass
    assert store.failure(KEY) is None


def test_an_interrupted_run_has_not_failed(store: ShardStore) -> None:
    with pytest.raises(KeyboardInterrupt), store.noting(KEY, step=12):
        raise KeyboardInterrupt
    assert store.failure(KEY) is None


def test_experiments_in_a_copy_share_the_store_of_the_main_repository(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DVC_ROOT", raising=False)
    assert default_store() == Path(".shards")
    monkeypatch.setenv("DVC_ROOT", "/repository")
    assert default_store() == Path("/repository/.shards")

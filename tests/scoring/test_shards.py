import logging
import multiprocessing
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from trajectories import arrays
from trajectories.scoring.shards import ShardStore, default_store, shard_key

KEY = shard_key({"weights": "a", "windows": "b"})
VALUES = -np.random.default_rng(0).exponential(size=(60, 101)).astype(np.float32)


def refuse() -> np.ndarray:
    raise AssertionError("computed what the store holds")


@pytest.fixture
def store(tmp_path: Path) -> ShardStore:
    return ShardStore(tmp_path / ".shards")


def test_what_was_stored_comes_back_bit_for_bit_and_is_not_computed_again(store: ShardStore) -> None:
    special = VALUES.copy()
    special[0, :3] = np.nan, -np.inf, -0.0
    assert store.fetch(KEY, lambda: special).tobytes() == special.tobytes()
    assert ShardStore(store.folder).fetch(KEY, refuse).tobytes() == special.tobytes()


def test_a_key_depends_on_every_part_and_not_on_their_order() -> None:
    assert shard_key({"windows": "b", "weights": "a"}) == KEY
    assert (
        len({KEY, shard_key({"weights": "b", "windows": "b"}), shard_key({"weights": "a", "step": "b"})}) == 3
    )


def test_a_flipped_byte_anywhere_never_gives_other_scores(
    store: ShardStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.fetch(KEY, lambda: VALUES)
    path = store.folder / f"{KEY}.nc"
    whole = path.read_bytes()
    reported = 0
    for position in np.linspace(0, len(whole) - 1, 60, dtype=int):
        flipped = bytearray(whole)
        flipped[position] ^= 0xFF
        path.write_bytes(flipped)
        caplog.clear()
        np.testing.assert_array_equal(store.fetch(KEY, lambda: VALUES), VALUES)
        reported += caplog.text.count("is damaged")
    assert reported > 10
    path.write_bytes(whole[: len(whole) // 2])
    store.fetch(KEY, lambda: VALUES)
    assert path.read_bytes() == whole


def test_a_shard_under_another_name_is_not_trusted(store: ShardStore) -> None:
    store.fetch(KEY, lambda: VALUES)
    other = shard_key({"weights": "c"})
    (store.folder / f"{KEY}.nc").rename(store.folder / f"{other}.nc")
    np.testing.assert_array_equal(store.fetch(other, lambda: VALUES + 1), VALUES + 1)


def test_what_a_killed_run_left_is_removed(store: ShardStore) -> None:
    store.folder.mkdir()
    left = store.folder / f".{KEY}.nc.abc123.part"
    left.write_bytes(b"half")
    store.fetch(KEY, lambda: VALUES)
    assert not left.exists()


def test_a_failed_computation_leaves_nothing_and_frees_the_lock(store: ShardStore) -> None:
    def fail() -> np.ndarray:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        store.fetch(KEY, fail)
    assert [path.suffix for path in store.folder.iterdir()] == [".lock"]
    np.testing.assert_array_equal(store.fetch(KEY, lambda: VALUES), VALUES)


def _fetch_in_child(folder: Path, begun: "multiprocessing.Queue[int]", computed: Path) -> None:
    store = ShardStore(folder)

    def compute() -> np.ndarray:
        with computed.open("a") as lines:
            lines.write("computed\n")
        begun.put(os.getpid())
        _wait_until(lambda: computed.with_suffix(".go").exists())
        return VALUES

    np.testing.assert_array_equal(store.fetch(KEY, compute), VALUES)


def test_of_two_runs_at_once_one_computes_and_the_other_waits_for_it(
    store: ShardStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    context = multiprocessing.get_context("spawn")
    begun, computed = context.Queue(), tmp_path / "computed.txt"
    child = context.Process(target=_fetch_in_child, args=(store.folder, begun, computed))
    child.start()
    begun.get(timeout=60)

    class Release(logging.Handler):
        def emit(self, _record: logging.LogRecord) -> None:
            computed.with_suffix(".go").touch()  # this run has met the lock: let the other one finish

    logger, handler = logging.getLogger("trajectories.scoring.shards"), Release()
    logger.addHandler(handler)
    try:
        np.testing.assert_array_equal(store.fetch(KEY, refuse), VALUES)
    finally:
        logger.removeHandler(handler)
    child.join(60)
    assert child.exitcode == 0
    assert computed.read_text() == "computed\n"
    assert "waiting for another run" in caplog.text


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
    store.fetch("small", lambda: VALUES)
    before = (mount / "small.nc").read_bytes()
    noise = np.random.default_rng(1).normal(size=(300, 300)).astype(np.float32)
    with pytest.raises(OSError, match=r"could not write .*large\.nc: .*No space left"):
        store.fetch("large", lambda: noise)
    assert sorted(path.name for path in mount.iterdir()) == ["large.lock", "small.lock", "small.nc"]
    assert (mount / "small.nc").read_bytes() == before


def test_a_store_that_cannot_be_written_is_read_and_otherwise_done_without(
    mount: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = ShardStore(mount)
    store.fetch("known", lambda: VALUES)
    subprocess.run(["mount", "-o", "remount,ro", str(mount)], check=True)
    np.testing.assert_array_equal(store.fetch("known", refuse), VALUES)
    assert not caplog.records
    np.testing.assert_array_equal(store.fetch("unknown", lambda: VALUES + 1), VALUES + 1)
    assert f"{mount} cannot be written" in caplog.text
    assert not (mount / "unknown.nc").exists()


def test_a_file_in_place_of_the_store_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / ".shards").write_text("")
    with pytest.raises(OSError, match=r"could not write the shard store .*\.shards"):
        ShardStore(tmp_path / ".shards").fetch(KEY, lambda: VALUES)


def test_shards_are_ordinary_files_once_written(store: ShardStore) -> None:
    store.fetch(KEY, lambda: VALUES)
    shard = arrays.read(store.folder / f"{KEY}.nc")
    np.testing.assert_array_equal(shard["log_likelihood"], VALUES)
    with FileLock(store.folder / f"{KEY}.lock", timeout=0):
        np.testing.assert_array_equal(store.fetch(KEY, refuse), VALUES)


def test_experiments_in_a_copy_share_the_store_of_the_main_repository(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DVC_ROOT", raising=False)
    assert default_store() == Path(".shards")
    monkeypatch.setenv("DVC_ROOT", "/repository")
    assert default_store() == Path("/repository/.shards")


def _wait_until(condition: "object") -> None:
    import time  # noqa: PLC0415

    while not condition():
        time.sleep(0.01)

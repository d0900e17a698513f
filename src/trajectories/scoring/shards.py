"""A store of finished scores outside the pipeline's outputs, so that a killed run continues where it was."""

import errno
import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import xarray as xr
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from trajectories import arrays

READ_ONLY = {errno.EACCES, errno.EPERM, errno.EROFS}
Compute = Callable[[], NDArray[np.float32]]
log = logging.getLogger(__name__)


def default_store() -> Path:
    """`.shards` of the main repository, also when DVC runs an experiment in a copy of it."""
    return Path(os.environ.get("DVC_ROOT", "")) / ".shards"


def shard_key(content: Mapping[str, str]) -> str:
    """The name of a shard: a hash of everything that its values depend on."""
    return hashlib.sha256(json.dumps(dict(content), sort_keys=True).encode()).hexdigest()


class ShardStore:
    """Scores by key in a folder: written whole or not at all, checked when read, computed by one run only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, key: str) -> NDArray[np.float32] | None:
        """The scores [window, position] under `key`; None where there are none or they are damaged."""
        try:
            shard = arrays.read(self._path(key))
            values = np.asarray(shard["log_likelihood"].values, np.float32)
            intact = _checksum(key, values) == shard.attrs["checksum"]
        except (OSError, KeyError, AttributeError, TypeError):  # what a flipped byte can turn a file into
            return None
        return values if intact else None

    def fetch(self, key: str, compute: Compute) -> NDArray[np.float32]:
        """The scores under `key`, computed and stored where they are absent.

        Where another run is computing them, this one waits and takes what that one stored. Where the store
        cannot be written, the scores are computed, a warning says so, and nothing is stored.

        Raises:
            OSError: the disk is full, say; names the file. What `compute` raises.
        """
        values = self.read(key)
        if values is not None:
            return values
        with self._locked(key) as writable:
            if not writable:
                return compute()
            values = self.read(key)  # another run may have stored it before the lock was ours
            if values is None:
                if self._path(key).exists():
                    log.warning("the shard %s is damaged; its scores are computed again", self._path(key))
                values = compute()
                self._write(key, values)
            return values

    def _write(self, key: str, values: NDArray[np.float32]) -> None:
        shard = xr.Dataset({"log_likelihood": (("window", "position"), values)})
        arrays.write(shard.assign_attrs(checksum=_checksum(key, values)), self._path(key))

    @contextmanager
    def _locked(self, key: str) -> Iterator[bool]:
        """Whether the store can be written; holds the lock of `key` where it can."""
        lock = FileLock(self.folder / f"{key}.lock")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(blocking=False)
            except Timeout:
                log.warning("waiting for another run that computes the shard %s", self._path(key))
                lock.acquire()
        except OSError as error:
            if error.errno not in READ_ONLY:
                raise OSError(f"could not write the shard store {self.folder}: {error}") from error
            log.warning("%s cannot be written (%s); scores are computed and not kept", self.folder, error)
            yield False
            return
        with lock:
            lock.release()  # of the two holds, the block's remains
            yield True

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.nc"


def _checksum(key: str, values: NDArray[np.float32]) -> str:
    """Of the values, their shape and their name: a file under another's name is damaged too."""
    head = f"{key} {values.shape} ".encode()
    return hashlib.sha256(head + np.ascontiguousarray(values, "<f4").tobytes()).hexdigest()

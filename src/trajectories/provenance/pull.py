"""Runs `dvc pull` and names what is corrupted in the remote; DVC itself only says that it is missing."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from trajectories.config.read import PARAMETERS, load
from trajectories.provenance.lock import read_lock

CACHE = Path(".dvc/cache/files/md5")
_DEBUG = re.compile(r"\d{4}-\d\d-\d\d .* DEBUG: ")
_CORRUPTED = re.compile(r"corrupted cache file '(.+)'")


def pull(targets: Sequence[str] = (), root: Path = Path()) -> None:
    """Fetch the targets (all without any) and put them in their places.

    Raises:
        OSError: it failed; the message names what is corrupted (none of it is kept), or is DVC's own.
    """
    # DVC tells what is corrupted only among its messages for debugging.
    command = [sys.executable, "-m", "dvc", "pull", "--verbose", *targets]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        sys.stdout.write(
            "".join(line for line in done.stdout.splitlines(keepends=True) if not _DEBUG.match(line))
        )
        return
    corrupted = ["".join(Path(found).parts[-2:]) for found in _CORRUPTED.findall(done.stdout)]
    if not corrupted:
        raise OSError(done.stderr.strip().rpartition("ERROR: ")[2])
    names = dict(_names(root))
    listed = ", ".join(sorted(names.get(md5, f"object {md5}") for md5 in corrupted))
    raise OSError(
        f"corrupted in the remote: {listed}; the bytes are not those that were pushed and were not kept; "
        "`dvc push` them again from a clone that has them, or make them with `dvc repro`"
    )


def _names(root: Path) -> Iterator[tuple[str, str]]:
    """md5 and path of every output, and of every file of the folders whose lists are in the cache."""
    for stage in read_lock(root, load(root / PARAMETERS)):
        for path, md5 in stage.outputs.items():
            yield md5, path
            listed = root / CACHE / md5[:2] / md5[2:]
            if md5.endswith(".dir") and listed.is_file():
                for entry in json.loads(listed.read_text(encoding="utf-8")):
                    yield entry["md5"], f"{path}/{entry['relpath']}"

"""Runs `dvc pull` and says which files are corrupted in the remote, where DVC only says that they are missing."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from trajectories.config.read import PARAMETERS, load
from trajectories.provenance.lock import read_lock

CACHE = Path(".dvc/cache/files/md5")
_CORRUPTED = re.compile(r"corrupted cache file '(.+)'")


def pull(targets: Sequence[str] = (), root: Path = Path()) -> None:
    """Fetch the targets (all without any) and put them in their places.

    Raises:
        OSError: it failed; the message names what is corrupted, or is DVC's own. A corrupted file is not kept.
    """
    # DVC tells what is corrupted only when it is verbose.
    command = [sys.executable, "-m", "dvc", "pull", "--verbose", *targets]
    done = subprocess.run(command, cwd=root, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode == 0:
        return
    corrupted = ["".join(Path(found).parts[-2:]) for found in _CORRUPTED.findall(done.stderr)]
    if not corrupted:
        raise OSError(done.stderr.strip().rpartition("ERROR: ")[2])
    names = dict(_names(root))
    listed = ", ".join(sorted(names.get(md5, f"object {md5}") for md5 in corrupted))
    raise OSError(
        f"corrupted in the remote: {listed}. The bytes are not those that were pushed, so they were not kept; "
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

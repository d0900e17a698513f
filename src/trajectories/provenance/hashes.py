"""Hashes of files and folders as DVC computes them, so that they can be compared with dvc.lock."""

import hashlib
import json
import os
from fnmatch import fnmatch
from pathlib import Path

IGNORED = ("__pycache__", "*.pyc", "*.egg-info", ".*.part")  # what .dvcignore lists


def md5(path: Path | str) -> str:
    """The md5 of a file, or of a folder's list of files and their md5s, which ends in `.dir`.

    Raises:
        FileNotFoundError: there is neither a file nor a folder.
    """
    source = Path(path)
    if not source.is_dir():
        return _file_md5(source)
    names = sorted(file.relative_to(source).as_posix() for file in _files(source))
    listed = [{"md5": _file_md5(source / name), "relpath": name} for name in names]
    return hashlib.md5(json.dumps(listed).encode(), usedforsecurity=False).hexdigest() + ".dir"


def _files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not _ignored(name)]
        found += [Path(parent) / name for name in names if not _ignored(name)]
    return found


def _ignored(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in IGNORED)


def _file_md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()

"""Hashes agree with DVC's own."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from clone import REPOSITORY
from trajectories.provenance.hashes import IGNORED, md5


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Names whose order differs between paths and their parts, an empty file, things that are ignored."""
    contents = {
        "a/x.txt": b"one",
        "a-b/x.txt": b"two\r\n",
        "a.txt": b"",
        "é ü.bin": bytes(range(256)),
        "__pycache__/x.cpython-311.pyc": b"compiled",
        "a/old.pyc": b"compiled",
    }
    for name, content in contents.items():
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "folder"


def test_files_and_folders_hash_as_in_dvc(folder: Path) -> None:
    root = folder.parent
    (root / ".dvcignore").write_text((REPOSITORY / ".dvcignore").read_text())
    (root / "file.txt").write_bytes(b"line\r\nline\n")
    for arguments in (["init", "--no-scm"], ["add", "folder", "file.txt"]):
        subprocess.run([sys.executable, "-m", "dvc", "--quiet", *arguments], cwd=root, check=True)
    for name in ("folder", "file.txt"):
        recorded = yaml.safe_load((root / f"{name}.dvc").read_text())["outs"][0]["md5"]
        assert md5(root / name) == recorded


def test_ignored_names_are_those_of_dvcignore() -> None:
    lines = (REPOSITORY / ".dvcignore").read_text().splitlines()
    assert set(IGNORED) == {line for line in lines if line and not line.startswith("#")}


def test_a_folders_hash_sees_names_and_contents(folder: Path) -> None:
    before = md5(folder)
    (folder / "a.txt").rename(folder / "b.txt")
    renamed = md5(folder)
    (folder / "b.txt").write_text("more")
    assert len({before, renamed, md5(folder)}) == 3


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"scores\.nc"):
        md5(tmp_path / "scores.nc")

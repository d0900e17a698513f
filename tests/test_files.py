"""Files and folders that appear whole or not at all."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from trajectories.files import replacing, replacing_folder

KILLED = """
import os, signal, sys
from pathlib import Path
from trajectories import files
with getattr(files, sys.argv[1])(Path(sys.argv[2])) as temporary:
    (temporary if temporary.is_file() else temporary / "part").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_block_that_raises_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    path.write_text("old")
    with pytest.raises(FileNotFoundError), replacing(path) as temporary:
        temporary.rename(tmp_path / "absent" / "folder")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["metrics.json"]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "model"
    for content in ("first", "second"):
        with replacing_folder(path) as temporary:
            (temporary / content).write_text(content)
    assert [entry.name for entry in path.iterdir()] == ["second"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("name", ["replacing", "replacing_folder"])
def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path, name: str) -> None:
    path = tmp_path / "result"
    killed = subprocess.run([sys.executable, "-c", KILLED, name, str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.endswith(".part")
    writer = {"replacing": replacing, "replacing_folder": replacing_folder}[name]
    with writer(path) as temporary:
        if temporary.is_file():
            temporary.write_text("whole")
    assert [entry.name for entry in tmp_path.iterdir()] == ["result"]


def test_a_folder_that_cannot_take_its_place_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model"
    path.mkdir()
    (path / "weights").write_text("old")
    rename = Path.rename

    def refuse_new(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError("no space left")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse_new)
    with pytest.raises(OSError, match="no space"), replacing_folder(path) as temporary:
        (temporary / "weights").write_text("new")
    assert (path / "weights").read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]

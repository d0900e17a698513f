"""A clone of a project and the commands that a user types in it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
# The whole pipeline in seconds, of a suite that allows it.
PARTS = ("corpus", "corruption", "decoding", "open_ended", "tasks", "alignment")
MINIATURE = (*(f"{part}=miniature" for part in PARTS), "judging.examples=[0,1,2]")
SMOKE = ("suite=smoke", *MINIATURE)


@dataclass(frozen=True)
class Clone:
    root: Path

    def run(self, *command: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        standard = {"PATH": path, "PYTHONPATH": "src", "OMP_NUM_THREADS": "1", "DVC_NO_ANALYTICS": "1"}
        done = subprocess.run(
            command,
            cwd=self.root,
            env={**os.environ, **standard, **environment},
            text=True,
            capture_output=True,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
        return done

    def python(self, module: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", module, *arguments, check=check)

    def dvc(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.python("dvc", *arguments, check=check)

    def start(self) -> None:
        self.run("git", "init", "--quiet", "--initial-branch=main")
        self.sign()

    def sign(self) -> None:
        self.run("git", "config", "user.name", "Reader")
        self.run("git", "config", "user.email", "reader@example.org")

    def commit(self, message: str) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", message)

    def another(self, folder: Path) -> "Clone":
        """A second clone, as a colleague would make it."""
        self.run("git", "clone", "--quiet", str(self.root), str(folder))
        clone = Clone(folder)
        clone.sign()
        return clone


def copy_project(root: Path, *, only: Iterable[str] = ()) -> Clone:
    """The repository's files as they are now, tracked or not, or those at and below the named paths.

    dvc.lock is left out: it is of other results, and DVC would read and write it at every stage.
    """
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *only],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if name != "dvc.lock" and (REPOSITORY / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, root / name)
    return Clone(root)

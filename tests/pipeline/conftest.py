"""A clone of the working tree in which the smoke suite has run from text to figures."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SMOKE = ("suite=smoke", "corpus=miniature")


@dataclass(frozen=True)
class Clone:
    """A clone of the project and the commands a user types in it."""

    root: Path

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": "src",
            "OMP_NUM_THREADS": "1",
            "DVC_NO_ANALYTICS": "1",
        }
        done = subprocess.run(
            command, cwd=self.root, env=environment, text=True, capture_output=True, check=False
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
        return done

    def python(self, module: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", module, *arguments, check=check)

    def dvc(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.python("dvc", *arguments, check=check)

    def commit(self, message: str) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", message)

    def another(self, folder: Path) -> "Clone":
        """A second clone beside this one, as a colleague would make it."""
        self.run("git", "clone", "--quiet", str(self.root), str(folder))
        return Clone(folder)


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """The project with the smoke suite composed, run and committed; tests must leave it as it was."""
    root = tmp_path_factory.mktemp("project") / "trajectories"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        source = REPOSITORY / name
        if source.is_file():
            target = root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    clone = Clone(root)
    clone.run("git", "init", "--quiet", "--initial-branch=main")
    clone.run("git", "config", "user.name", "Reader")
    clone.run("git", "config", "user.email", "reader@example.org")
    clone.python("trajectories.corpora.environment")
    clone.python("trajectories.compose", *SMOKE)
    clone.dvc("repro")
    clone.commit("Run the smoke suite")
    return clone

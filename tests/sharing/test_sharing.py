"""Data goes from clone to clone through the default remote, and only whole."""

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from clone import Clone
from trajectories.provenance.verify import verify

pytestmark = pytest.mark.pipeline


@pytest.fixture
def remote(project: Clone) -> Path:
    """The default remote, a folder beside the clone, after `dvc push`."""
    project.dvc("push")
    return project.root.parent / "trajectories-data"


@pytest.fixture
def address(remote: Path) -> Iterator[str]:
    """The remote served as plain files."""
    handler = functools.partial(QuietHandler, directory=str(remote))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:  # type: ignore[override]
        pass


def flip_a_byte(remote: Path) -> None:
    """In the largest object, which is the dataset."""
    stored = max((path for path in remote.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    content = bytearray(stored.read_bytes())
    content[len(content) // 2] ^= 1
    stored.chmod(0o644)
    stored.write_bytes(bytes(content))


def test_a_colleague_pulls_and_has_nothing_to_do(project: Clone, remote: Path) -> None:
    colleague = project.another(remote.parent / "colleague")
    colleague.dvc("pull")
    counts = "data/counts.nc"
    assert (colleague.root / counts).read_bytes() == (project.root / counts).read_bytes()
    assert "up to date" in colleague.dvc("repro").stdout
    report = verify(colleague.root)
    assert report.is_current
    assert not report.not_here


def test_a_flipped_byte_in_the_remote_is_refused_as_corrupted_until_pushed_again(
    project: Clone, remote: Path
) -> None:
    flip_a_byte(remote)
    colleague = project.another(remote.parent / "colleague")
    pulled = colleague.python("trajectories.provenance", "pull", check=False)
    assert pulled.returncode == 1
    assert "error: corrupted in the remote: data/counts.nc" in pulled.stderr
    assert not (colleague.root / "data/counts.nc").exists()
    project.dvc("push")
    pulled = colleague.python("trajectories.provenance", "pull")
    assert "data/counts.nc" in pulled.stdout
    assert "DEBUG" not in pulled.stdout
    assert verify(colleague.root).is_current


def test_plain_dvc_pull_refuses_it_too(project: Clone, remote: Path) -> None:
    flip_a_byte(remote)
    colleague = project.another(remote.parent / "colleague")
    assert colleague.dvc("pull", "data/counts.nc", check=False).returncode != 0
    assert not (colleague.root / "data/counts.nc").exists()


def test_a_folder_served_over_http_is_a_remote_and_verified_too(
    project: Clone, remote: Path, address: str
) -> None:
    colleague = project.another(remote.parent / "colleague")
    colleague.dvc("remote", "modify", "--local", "shared", "url", address)
    colleague.python("trajectories.provenance", "pull")
    assert verify(colleague.root).is_current
    flip_a_byte(remote)
    other = project.another(remote.parent / "other")
    other.dvc("remote", "modify", "--local", "shared", "url", address)
    refused = other.python("trajectories.provenance", "pull", check=False)
    assert "corrupted in the remote: data/counts.nc" in refused.stderr
    assert not (other.root / "data/counts.nc").exists()


def test_a_remote_that_is_not_there_is_told_in_dvcs_words(project: Clone, tmp_path: Path) -> None:
    colleague = project.another(tmp_path / "colleague")
    refused = colleague.python("trajectories.provenance", "pull", check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: failed to pull data")

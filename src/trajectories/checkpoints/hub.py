"""Repositories of the Hugging Face Hub: what a revision holds, and its files in the local cache.

With HF_HUB_OFFLINE everything is answered from the cache alone; HF_ENDPOINT names a mirror.
"""

import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from huggingface_hub import HfApi, constants
from huggingface_hub.errors import HfHubHTTPError, RevisionNotFoundError
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.hf_api import RepoSibling

from trajectories.checkpoints.hub_errors import HubError, UnreachableError, explaining
from trajectories.checkpoints.pinned import (
    CONFIGURATION,
    Files,
    PinnedFile,
    choose_files,
    pin,
    require_checkpoint,
)
from trajectories.checkpoints.weights import weight_files

LOG = logging.getLogger(__name__)
COMMIT_DIGITS = 40
ALGORITHMS_BY_DIGITS = {64: "sha256", 40: "git_sha1"}
NAMED = 3  # so many of the revisions that there are, in a message
ATTEMPTS = 5  # while the Hub says that it is asked too often
USUAL_PAUSE_SECONDS = 60

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Revision:
    """A revision of a repository and what it is at present, or was when it was pinned.

    Attributes:
        repository: owner/name.
        name: Branch, tag or commit.
        commit: What the name resolves to.
        files: Configuration, weights in one format and tokenizer; not the others.
    """

    repository: str
    name: str
    commit: str
    files: Files

    def __str__(self) -> str:
        return f"{self.repository}@{self.name}"


def is_offline() -> bool:
    """Whether HF_HUB_OFFLINE is set."""
    return bool(constants.HF_HUB_OFFLINE)


def storage(repository: str) -> Path:
    """The repository's folder in the Hub's cache."""
    return Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repository, repo_type="model")


def snapshot(repository: str, commit: str) -> Path:
    """The folder in the cache with the files of a commit."""
    return storage(repository) / "snapshots" / commit


def list_revisions(repository: str) -> list[str]:
    """The names of all branches and tags; offline those in the cache.

    Raises:
        HubError: The repository does not exist, is private or gated, or the Hub cannot be reached.
    """
    if is_offline():
        refs = storage(repository) / "refs"
        return sorted(path.relative_to(refs).as_posix() for path in refs.rglob("*") if path.is_file())
    with explaining(repository):
        found = _patiently(lambda: HfApi().list_repo_refs(repository))
    return sorted({ref.name for ref in [*found.branches, *found.tags]})


def resolve(repository: str, name: str) -> Revision:
    """What a revision is at present; offline what the cache says, its files hashed.

    Raises:
        HubError: There is no such repository or revision, it is private or gated, the Hub cannot be reached,
            or the cache does not have it.
        FileNotFoundError: It holds no checkpoint.
    """
    if is_offline():
        return _resolve_in_cache(repository, name)
    commit, files = read_revision(repository, name)
    revision = Revision(repository, name, commit, {path: files[path] for path in choose_files(files)})
    require_checkpoint(revision.files, place=str(revision))
    return revision


def resolve_reachable(repository: str, name: str) -> Revision:
    """As `resolve`, but from the cache too where the Hub cannot be reached."""
    try:
        return resolve(repository, name)
    except UnreachableError:
        if cached_commit(repository, name) is None:
            raise
        return _resolve_in_cache(repository, name)


def read_revision(repository: str, name: str) -> tuple[str, Files]:
    """Commit and all files of a revision, from the Hub."""
    try:
        with explaining(repository, name):
            found = _patiently(
                lambda: HfApi().model_info(
                    repository, revision=name, files_metadata=True, timeout=constants.HF_HUB_ETAG_TIMEOUT
                )
            )
    except HubError as error:
        if isinstance(error.__cause__, RevisionNotFoundError):
            close = _close(name, list_revisions(repository))
            raise HubError(f"{repository} has no revision {name}; {close}") from error
        raise
    return str(found.sha), {each.rfilename: _pinned(each) for each in found.siblings or ()}


def cached_commit(repository: str, name: str) -> str | None:
    """What the cache knows a name to be, where it has files of that commit."""
    ref = storage(repository) / "refs" / name
    commit = ref.read_text(encoding="utf-8").strip() if ref.is_file() else name
    return commit if len(commit) == COMMIT_DIGITS and snapshot(repository, commit).is_dir() else None


def not_cached(what: str, *, has: str) -> HubError:
    """The error for what the cache lacks while HF_HUB_OFFLINE is set; `has` says what it has."""
    return HubError(
        f"{what} is not, or not whole, in the cache {constants.HF_HUB_CACHE} while HF_HUB_OFFLINE is set; "
        f"{has and f'{has}; '}unset it, or copy the cache from a machine with a network"
    )


def _patiently(ask: Callable[[], Answer]) -> Answer:
    """Ask again when the Hub's limit of questions has been waited out: suites have many revisions."""
    for attempt in range(1, ATTEMPTS):
        try:
            return ask()
        except HfHubHTTPError as error:
            if error.response.status_code != 429:
                raise
            pause = _pause(error.response.headers)
            LOG.warning("the Hub is asked too often (%d of %d); waiting %d s", attempt, ATTEMPTS, pause)
            time.sleep(pause)
    return ask()


def _pause(headers: Mapping[str, str]) -> int:
    """Seconds to wait, from `Retry-After` or the `t=` of `RateLimit`."""
    told = re.search(r"^\d+$", headers.get("Retry-After", "")) or re.search(
        r"(?<=;t=)\d+", headers.get("RateLimit", "")
    )
    return int(told[0]) if told else USUAL_PAUSE_SECONDS


def _pinned(sibling: RepoSibling) -> PinnedFile:
    if sibling.lfs is not None:
        return PinnedFile(sibling.lfs.size, "sha256", sibling.lfs.sha256)
    return PinnedFile(sibling.size or 0, "git_sha1", str(sibling.blob_id))


def _resolve_in_cache(repository: str, name: str) -> Revision:
    commit = cached_commit(repository, name)
    folder = snapshot(repository, str(commit))
    names = choose_files(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    if commit is None or not _is_whole(folder):
        close = _close(name, list_revisions(repository)) if is_offline() else ""
        raise not_cached(f"{repository} (revision {name})", has=close)
    return Revision(
        repository, name, commit, {path: pin(folder / path, _algorithm(folder / path)) for path in names}
    )


def _is_whole(folder: Path) -> bool:
    """Whether configuration and all weights are there, those that an index names too."""
    try:
        return bool(weight_files(folder)) and (folder / CONFIGURATION).is_file()
    except FileNotFoundError:
        return False


def _algorithm(path: Path) -> str | None:
    """The hash by which the cache names a file's content; None where the cache has no links."""
    return ALGORITHMS_BY_DIGITS.get(len(path.readlink().name)) if path.is_symlink() else None


def _close(name: str, known: list[str]) -> str:
    """A few of the revisions that there are, the most similar ones first."""
    if not known:
        return "no revision is known"
    similar = get_close_matches(name, known, n=NAMED, cutoff=0)
    return f"there are {len(known)}, such as {', '.join(similar)}"

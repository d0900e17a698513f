"""Snapshots of pinned revisions in the Hub's cache: completing one, and evicting it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from huggingface_hub import constants, scan_cache_dir
from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

from trajectories.checkpoints.hub import (
    Revision,
    cached_commit,
    is_offline,
    not_cached,
    read_revision,
    snapshot,
    storage,
)
from trajectories.checkpoints.hub_errors import HubError, MovedRevisionError, explaining
from trajectories.checkpoints.pinned import damage, is_weights, pinning_anew
from trajectories.checkpoints.transfer import fetch_file

LOG = logging.getLogger(__name__)


def download(revision: Revision, *, model: str | None = None) -> Path:
    """The folder with a revision's files in the cache; what is missing is downloaded.

    Interrupted downloads continue where they stopped. Each file is compared with its size and hash.

    Args:
        revision: As it was pinned.
        model: The model that is pinned to it, which is fetched again where the pin is out of date.

    Raises:
        MovedRevisionError: The files that are missing are not those of the revision any more.
        HubError: They cannot be had, or are damaged.
    """
    folder = snapshot(revision.repository, revision.commit)
    missing = [name for name in revision.files if not (folder / name).is_file()]
    if missing:
        require_unmoved(revision, model=model)
        if is_offline():
            raise not_cached(f"{revision} (commit {revision.commit})", has="")
        _fetch(revision, missing, folder=folder)
    for name, pinned in revision.files.items():
        wrong = damage(folder / name, pinned)
        if wrong:
            raise HubError(
                f"{folder / name} of {revision} is damaged: it {wrong}; remove {(folder / name).resolve()} "
                "and run again, which downloads it anew"
            )
    return folder


def evict(repository: str, commit: str) -> None:
    """Delete a commit from the cache, all but the files that other commits need."""
    if not snapshot(repository, commit).is_dir():
        return
    with _locked(repository):
        cached = scan_cache_dir(constants.HF_HUB_CACHE)
        if commit not in {each.commit_hash for repo in cached.repos for each in repo.revisions}:
            said = (str(warning) for warning in cached.warnings)
            reason = next((text for text in said if storage(repository).name in text), "it is not listed")
            LOG.warning("cannot evict %s of %s: %s", commit, repository, reason)
            return
        plan = cached.delete_revisions(commit)
        plan.execute()
    LOG.info("evicted %s of %s: %s", commit, repository, plan.expected_freed_size_str)


def require_unmoved(revision: Revision, *, model: str | None = None) -> None:
    """Raise MovedRevisionError when a revision is at another commit than the pinned one, with other files.

    Where only files that are not pinned changed (a README), the pinned commit serves. Offline the cache
    tells; a revision that it does not know has not moved.
    """
    commit, changed = _in_cache(revision) if is_offline() else _on_hub(revision)
    if commit == revision.commit or not changed:
        return
    remedy = (
        "give the commit itself" if model is None else f"to take what is there now, {pinning_anew(model)}"
    )
    raise MovedRevisionError(
        f"{revision} has moved: it was pinned to commit {revision.commit}, is at {commit} now, and its files "
        f"differ; {remedy}"
    )


def _on_hub(revision: Revision) -> tuple[str, bool]:
    """The present commit, and whether a pinned file differs there."""
    commit, files = read_revision(revision.repository, revision.name)
    return commit, any(files.get(name) != pinned for name, pinned in revision.files.items())


def _in_cache(revision: Revision) -> tuple[str, bool]:
    commit = cached_commit(revision.repository, revision.name)
    if commit is None or commit == revision.commit:
        return revision.commit, False
    folder = snapshot(revision.repository, commit)
    there = {name: pinned for name, pinned in revision.files.items() if (folder / name).is_file()}
    return commit, any(damage(folder / name, pinned) for name, pinned in there.items())


def _fetch(revision: Revision, missing: list[str], *, folder: Path) -> None:
    size = sum(revision.files[name].size for name in missing)
    LOG.info("downloading %s: %.1f MB", revision, size / 1e6)
    with explaining(revision.repository, revision.name), _without_bars():
        # Small files are often those of other commits, which must not be evicted while they are linked.
        with _locked(revision.repository):
            folder.mkdir(parents=True, exist_ok=True)
            for name in missing:
                if not is_weights(name):
                    fetch_file(revision.repository, revision.commit, name, revision.files[name])
        for name in missing:
            if is_weights(name):
                fetch_file(revision.repository, revision.commit, name, revision.files[name])
    ref = storage(revision.repository) / "refs" / revision.name
    if not ref.exists() and revision.name != revision.commit:
        ref.parent.mkdir(parents=True, exist_ok=True)
        ref.write_text(revision.commit, encoding="utf-8")


@contextmanager
def _without_bars() -> Iterator[None]:
    """Without the client's progress bars, which would tear ours, unless the environment asks for them."""
    silence = constants.HF_HUB_DISABLE_PROGRESS_BARS is None and not are_progress_bars_disabled()
    if silence:
        disable_progress_bars()
    try:
        yield
    finally:
        if silence:
            enable_progress_bars()


def _locked(repository: str) -> FileLock:
    path = Path(constants.HF_HUB_CACHE, ".locks", storage(repository).name, "trajectories.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path, thread_local=False)

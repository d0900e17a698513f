"""One file of the Hub into its local cache: a transfer that was cut off continues where it stopped."""

from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock
from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

from trajectories.checkpoints.hub import storage
from trajectories.checkpoints.hub_errors import HubError
from trajectories.checkpoints.pinned import PinnedFile, damage


def fetch_file(repository: str, commit: str, name: str, pinned: PinnedFile) -> None:
    """Put a file into the snapshot of a commit.

    The client itself starts a file anew after it was killed. So a large one is first brought into the cache
    here, unless the Hub offers its own way of transfer, whose speed is worth more, and no part of the file
    is here yet. HF_HUB_DISABLE_XET chooses this way for all files.

    Raises:
        HubError: What came is not the pinned file; nothing of it is kept.
        OSError: The Hub cannot be reached, or the disk is full.
    """
    url = hf_hub_url(repository, name, revision=commit)
    if pinned.algorithm == "sha256" and pinned.size <= constants.MAX_HTTP_DOWNLOAD_SIZE:
        blob = storage(repository) / "blobs" / pinned.digest
        if not blob.exists() and (_part(blob).exists() or not _has_own_transfer(url)):
            _continue(url, blob, pinned)
    hf_hub_download(repository, name, revision=commit, cache_dir=constants.HF_HUB_CACHE)


def _has_own_transfer(url: str) -> bool:
    if constants.HF_HUB_DISABLE_XET or find_spec("hf_xet") is None:
        return False
    metadata = get_hf_file_metadata(url, headers=build_hf_headers(), timeout=constants.HF_HUB_ETAG_TIMEOUT)
    return metadata.xet_file_data is not None


def _part(blob: Path) -> Path:
    return blob.with_name(f"{blob.name}.incomplete")


def _continue(url: str, blob: Path, pinned: PinnedFile) -> None:
    part = _part(blob)
    blob.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{part}.lock"):
        if blob.exists():
            return
        with part.open("ab") as target:
            http_get(
                url,
                target,
                resume_size=target.tell(),
                headers=build_hf_headers(),
                expected_size=pinned.size,
                displayed_filename=blob.name,
            )
        wrong = damage(part, pinned)
        if wrong:
            part.unlink()
            raise HubError(f"{url} was damaged on its way: it {wrong}; run again, which downloads it anew")
        part.replace(blob)

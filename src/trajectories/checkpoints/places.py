"""Where a checkpoint lies: in a local folder, or in a repository of the Hugging Face Hub."""

import re
from pathlib import Path

from trajectories.checkpoints import hub
from trajectories.checkpoints.download import download
from trajectories.checkpoints.hub_errors import HubError

REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")  # owner/name
DEFAULT_REVISION = "main"


def find_folder(source: str | Path, revision: str | None) -> Path:
    """The local folder of a checkpoint; one of the Hub is downloaded, or taken from the cache.

    Args:
        source: A folder, or `owner/name` of a repository.
        revision: Branch, tag or commit of the repository; many keep their checkpoints there.

    Raises:
        FileNotFoundError: `source` is neither a folder nor looks like a repository.
        ValueError: A revision of a local folder was asked for.
        OSError: The repository or its revision cannot be had.
    """
    folder = Path(source)
    if folder.is_dir():
        if revision is not None:
            raise ValueError(f"{source} is a local folder and has no revision '{revision}'; leave it out")
        return folder
    if isinstance(source, Path) or not REPOSITORY.fullmatch(source):
        raise FileNotFoundError(
            f"{source} does not exist; give the folder of a checkpoint, or owner/name of a Hub repository"
        )
    name = revision or DEFAULT_REVISION
    try:
        return download(hub.resolve_reachable(source, name))
    except HubError as error:
        raise HubError(
            f"{source} (revision {name}) is no local folder and cannot be had from the Hugging Face Hub: "
            f"{error}"
        ) from error

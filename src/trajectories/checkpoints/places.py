"""Where a checkpoint lies: in a local folder, or in a repository of the Hugging Face Hub."""

import re
from pathlib import Path

from huggingface_hub import snapshot_download

REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")  # owner/name
DESCRIPTION_FILES = ["*.json", "*.txt", "*.model"]
# In the order in which they are tried: safetensors cannot run code and are read without copying.
WEIGHT_FILES = ("model*.safetensors", "pytorch_model*.bin")


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
    try:
        return _download(source, revision)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise OSError(
            f"{source} (revision {revision or 'main'}) is no local folder and cannot be had from the "
            f"Hugging Face Hub: {reason}"
        ) from error


def _download(repository: str, revision: str | None) -> Path:
    for pattern in WEIGHT_FILES:
        wanted = [*DESCRIPTION_FILES, pattern]
        folder = Path(snapshot_download(repository, revision=revision, allow_patterns=wanted))
        if any(folder.glob(pattern)):
            break
    return folder

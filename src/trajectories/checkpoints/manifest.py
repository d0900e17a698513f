"""The manifest of a fetched model: which files at which commits its checkpoints are, and what they share."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trajectories.checkpoints.dimensions import Dimensions
from trajectories.checkpoints.hub import Revision
from trajectories.checkpoints.pinned import ALGORITHMS, Files, PinnedFile, pinning_anew
from trajectories.files import replacing

MANIFEST = "manifest.json"  # in the model's folder
CHECKSUM = "checksum"


@dataclass(frozen=True)
class PinnedCheckpoint:
    """One checkpoint, either in a repository of the Hub or in a folder.

    Attributes:
        step: Training step.
        tokens: Training tokens up to it, None where nothing tells.
        files: Its configuration, weights in one format, and tokenizer.
        repository: owner/name on the Hub, with the revision and the commit that this resolved to.
        folder: A Hugging Face folder.
    """

    step: int
    tokens: int | None
    files: Files
    repository: str | None = None
    revision: str | None = None
    commit: str | None = None
    folder: str | None = None

    @property
    def published(self) -> Revision | None:
        """The revision in the repository, None for a folder."""
        if self.repository is None:
            return None
        return Revision(self.repository, str(self.revision), str(self.commit), self.files)


@dataclass(frozen=True)
class Manifest:
    """What is known of a model and its checkpoints without their weights.

    Attributes:
        model: Its key in the suite.
        family: Models with the same architecture and tokenizer.
        label: Number of parameters as written in figures.
        seed: Of the training run, None where it is not known.
        context: Tokens per training window.
        tokens_per_step: Training tokens per step, None where nothing tells.
        steps: The step at which training ends.
        dimensions: Architecture, parameters, and what the compute of a token depends on.
        tokenizer: The hash of `trajectories.checkpoints.tokenizers`, None where there is no tokenizer.
        checkpoints: By rising step.
    """

    model: str
    family: str
    label: str
    seed: int | None
    context: int
    tokens_per_step: int | None
    steps: int
    dimensions: Dimensions
    tokenizer: str | None
    checkpoints: tuple[PinnedCheckpoint, ...]


def write_manifest(manifest: Manifest, path: Path) -> None:
    """Write a JSON file, whole or not at all; the same manifest gives the same bytes."""
    content = asdict(manifest)
    content["checkpoints"] = [_plain(checkpoint) for checkpoint in manifest.checkpoints]
    with replacing(path) as temporary:
        text = json.dumps(content | {CHECKSUM: _checksum(content)}, indent=1, sort_keys=True)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_manifest(path: Path) -> Manifest:
    """Read what `write_manifest` wrote.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It was edited, or written by another version of the package.
    """
    remedy = pinning_anew(path.parent.name, path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        stored = content.pop(CHECKSUM)
    except (ValueError, KeyError, TypeError, AttributeError):
        stored, content = None, {}
    if stored != _checksum(content):
        raise ValueError(
            f"{path} was edited or cut off: its checksum does not fit; get it back with "
            f"`dvc checkout --force {path.parent}`, or {remedy}"
        )
    try:
        checkpoints = tuple(_checkpoint(entry) for entry in content.pop("checkpoints"))
        dimensions = Dimensions(**content.pop("dimensions"))
        return Manifest(**content, dimensions=dimensions, checkpoints=checkpoints)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{path} was written by another version of trajectories ({error}); {remedy}"
        ) from error


def _checksum(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _plain(checkpoint: PinnedCheckpoint) -> dict[str, Any]:
    """Without the place that it does not have; a file as `{size, <algorithm>: digest}`."""
    entry = {name: value for name, value in vars(checkpoint).items() if value is not None}
    files = {
        name: {"size": file.size, file.algorithm: file.digest} for name, file in checkpoint.files.items()
    }
    return entry | {"files": files, "tokens": checkpoint.tokens}


def _checkpoint(entry: dict[str, Any]) -> PinnedCheckpoint:
    files = {name: _file(stored) for name, stored in entry.pop("files").items()}
    return PinnedCheckpoint(**entry, files=files)


def _file(stored: Mapping[str, Any]) -> PinnedFile:
    algorithm = next(name for name in ALGORITHMS if name in stored)
    return PinnedFile(size=stored["size"], algorithm=algorithm, digest=stored[algorithm])

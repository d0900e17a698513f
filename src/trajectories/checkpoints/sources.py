"""Where the weights of a checkpoint come from: a folder, or a pinned revision on the Hugging Face Hub."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from trajectories.checkpoints import hub
from trajectories.checkpoints.download import download, evict
from trajectories.checkpoints.pinned import CONFIGURATION, Files, content_hash, damage, pinning_anew
from trajectories.checkpoints.weights import fingerprint


class Source(Protocol):
    """The place of one checkpoint."""

    @property
    def name(self) -> str:
        """For messages and logs: the folder, or owner/name@revision."""

    def identity(self) -> str:
        """A hash that tells weights and configuration from all others.

        Raises:
            OSError: They have to be read for it and cannot be.
        """

    def folder(self) -> Path:
        """A Hugging Face folder with whole files; what is missing is downloaded.

        Raises:
            OSError: The files cannot be had, or are not those that were pinned.
        """

    def release(self) -> None:
        """Say that the weights are not needed any more."""


@dataclass(frozen=True)
class TrainedFolder:
    """A folder that this pipeline trained; DVC looks after its content."""

    path: Path

    @property
    def name(self) -> str:
        """The folder."""
        return str(self.path)

    @cached_property
    def _identity(self) -> str:
        configuration = (self.path / CONFIGURATION).read_bytes()
        return hashlib.sha256(fingerprint(self.path).encode() + configuration).hexdigest()

    def identity(self) -> str:
        """Hash of the stored tensors and the configuration; read once."""
        return self._identity

    def folder(self) -> Path:
        """The folder as it is."""
        return self.path

    def release(self) -> None:
        """Nothing: these are the only copy."""


@dataclass(frozen=True)
class PinnedFolder:
    """A user's own folder, with the sizes and hashes that its files had when `model` was fetched."""

    path: Path
    files: Files
    model: str

    @property
    def name(self) -> str:
        """The folder."""
        return str(self.path)

    def identity(self) -> str:
        """From the pinned hashes; nothing is read."""
        return content_hash(self.files)

    def folder(self) -> Path:
        """The folder, after its files were compared with the pinned ones."""
        for name, pinned in self.files.items():
            wrong = damage(self.path / name, pinned)
            if wrong:
                raise OSError(
                    f"{self.path / name} changed since {self.model} was fetched (it {wrong}); put the file "
                    f"back, or, to take it as it is, {pinning_anew(self.model)}"
                )
        return self.path

    def release(self) -> None:
        """Nothing: the files are the user's."""


@dataclass(frozen=True)
class PinnedRevision:
    """A revision of a repository of the Hub, at the commit that it had when `model` was fetched."""

    repository: str
    revision: str
    commit: str
    files: Files
    model: str
    keep_weights: bool = True

    @property
    def name(self) -> str:
        """owner/name@revision."""
        return f"{self.repository}@{self.revision}"

    def identity(self) -> str:
        """From the pinned hashes; nothing is downloaded."""
        return content_hash(self.files)

    def folder(self) -> Path:
        """The snapshot in the Hub's cache, completed and compared with the pinned hashes."""
        pinned = hub.Revision(self.repository, self.revision, self.commit, self.files)
        return download(pinned, model=self.model)

    def release(self) -> None:
        """Delete the revision from the Hub's cache, unless weights are kept or could not be had again."""
        if not self.keep_weights and not hub.is_offline():
            evict(self.repository, self.commit)

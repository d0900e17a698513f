"""Pinning a checkpoint to its files: what was pinned before stays so, and is refused where it changed."""

from collections.abc import Iterable
from pathlib import Path

from trajectories.checkpoints import hub
from trajectories.checkpoints.download import require_unmoved
from trajectories.checkpoints.manifest import PinnedCheckpoint
from trajectories.checkpoints.pinned import Files, choose_files, pin, require_checkpoint
from trajectories.checkpoints.sources import PinnedFolder


class Pins:
    """What the places of a model's checkpoints are pinned to."""

    def __init__(self, model: str, *, before: Iterable[PinnedCheckpoint]) -> None:
        self._model = model
        pinned = list(before)
        self._folders = {each.folder: each.files for each in pinned if each.folder is not None}
        published = [each.published for each in pinned if each.published is not None]
        self._revisions = {(each.repository, each.name): each for each in published}

    def folder(self, folder: Path) -> Files:
        """The files of a checkpoint in a folder.

        Raises:
            FileNotFoundError: It holds no checkpoint.
            OSError: It was pinned before, and has changed.
        """
        earlier = self._folders.get(str(folder))
        if earlier is not None:
            PinnedFolder(folder, earlier, model=self._model).folder()
            return earlier
        names = (path.name for path in folder.iterdir() if path.is_file())
        files = {name: pin(folder / name) for name in choose_files(names)}
        require_checkpoint(files, place=str(folder))
        return files

    def revision(self, repository: str, name: str) -> hub.Revision:
        """The commit and files of a revision.

        Raises:
            MovedRevisionError: It was pinned before, and has other files now.
            HubError: See `hub.resolve`.
        """
        earlier = self._revisions.get((repository, name))
        if earlier is None:
            return hub.resolve(repository, name)
        require_unmoved(earlier, model=self._model)
        return earlier

"""Training trajectories of language models across scales: scores, trends and figures along checkpoints."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trajectories.api import *  # noqa: F403


# Public names live in `api`: every stage depends on this file, which a new name must not change.
def __getattr__(name: str) -> Any:
    return getattr(import_module("trajectories.api"), name)


def __dir__() -> list[str]:
    return sorted(import_module("trajectories.api").__all__)

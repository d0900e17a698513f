"""Training trajectories of language models across scales: scores, trends and figures along checkpoints."""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trajectories.api import *  # noqa: F403


# Public names live in `api`: every stage depends on this file, which a new name must not change.
def __getattr__(name: str) -> Any:
    # `from trajectories import arrays` asks here before it looks for the module: that is no use of the API,
    # and must not put `api` among the code that a figure was drawn by.
    if find_spec(f"{__name__}.{name}") is not None:
        raise AttributeError(f"module '{__name__}' has not imported '{name}' yet")
    return getattr(import_module("trajectories.api"), name)


def __dir__() -> list[str]:
    return sorted(import_module("trajectories.api").__all__)

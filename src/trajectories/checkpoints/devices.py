"""Where a model goes: one device, or, where it is too large for that, spread over several by accelerate."""

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from trajectories.checkpoints.memory import InsufficientMemoryError, is_out_of_memory

SPREAD = "map"
WEIGHTS_SHARE = 0.8  # of a device's free memory that weights may take; a forward pass needs the rest
GIGABYTE = 1e9


def choose_device(asked: str, *, needed: Callable[[], int]) -> str:
    """The torch device for a model, or `map`.

    Args:
        asked: A torch device; `auto`: CUDA where there is one and the model fits on it, `map` where it does
            not fit, and the processor where there is no CUDA device; `map`.
        needed: How many bytes the weights take; called only where that matters.

    Raises:
        ValueError: There is no such device here, the model does not fit on the one that was named, or
            accelerate is needed and not installed.
    """
    if asked == "auto" and not torch.cuda.is_available():
        return "cpu"
    if asked == SPREAD:
        return _spread("device=map was asked for")
    place = torch.device("cuda") if asked == "auto" else _existing(asked)
    if place.type != "cuda":
        return asked
    size, (free, _) = needed(), torch.cuda.mem_get_info(place)
    if size <= WEIGHTS_SHARE * free:
        return str(place)
    too_large = (
        f"weights of {size / GIGABYTE:.1f} GB do not fit {place}, where {free / GIGABYTE:.1f} GB are free"
    )
    if asked == "auto":
        return _spread(too_large)
    raise ValueError(f"{too_large}; choose device=auto, which spreads them, or dtype bfloat16")


@contextmanager
def explaining_lack(folder: Path, *, place: str, needed: Callable[[], int]) -> Iterator[None]:
    """Turn lack of memory, of which there are many errors, into one that says what would do.

    Args:
        folder: Whose weights are loaded.
        place: Where to.
        needed: How many bytes they take.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise InsufficientMemoryError(
            f"{place} has no memory for the weights in {folder}, {needed() / GIGABYTE:.1f} GB; choose dtype "
            "bfloat16, a larger device, or device='map', which spreads them with accelerate"
        ) from error


def _existing(asked: str) -> torch.device:
    try:
        place = torch.device(asked)
    except RuntimeError as error:
        raise ValueError(f"device must be auto, map, cpu, cuda or cuda:<number>, got '{asked}'") from error
    count = torch.cuda.device_count()
    if place.type == "cuda" and (place.index or 0) >= count:
        raise ValueError(
            f"device {asked} was asked for, and there are {count} CUDA devices here; choose another"
        )
    return place


def _spread(reason: str) -> str:
    if importlib.util.find_spec("accelerate") is None:
        raise ValueError(
            f"{reason}, which needs the package 'accelerate', and it is not installed; "
            "install it with `pip install 'trajectories[accelerate]'`"
        )
    return SPREAD

"""What there is to score, and what scores depend on, hashed into the names of their shards."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from trajectories.scoring import attention, batch, linear, logits, windows
from trajectories.scoring.shards import shard_key

if TYPE_CHECKING:
    from trajectories.checkpoints.sources import Source

CODE = (attention, batch, linear, logits, windows)  # that the values of a shard come from
PACKAGES = ("torch", "transformers")

Ids = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Settings:
    """How windows are scored.

    Attributes:
        precision: Number format of the forward pass: float32, bfloat16 or float16.
        batch_tokens: Tokens of one forward pass, None: as many as memory takes.
        device: A torch device, or `auto`: CUDA where there is one, else the processor.
    """

    precision: str
    batch_tokens: int | None
    device: str = "auto"


@dataclass(frozen=True)
class Task:
    """One checkpoint to be scored, and the key of its shard."""

    step: int
    source: "Source"
    key: str


@dataclass(frozen=True)
class Work:
    """Checkpoints to be scored on the same windows.

    Attributes:
        tasks: One for each.
        blocks: Token ids, each [window, position]; windows of several lengths stand in several blocks.
        store: Folder of the shard store.
        settings: How windows are scored.
    """

    tasks: Sequence[Task]
    blocks: Sequence[Ids]
    store: Path
    settings: Settings


def make_work(
    checkpoints: Sequence[tuple[int, "Source"]], blocks: Sequence[Ids], *, store: Path, settings: Settings
) -> Work:
    """The work of scoring each (step, source) on all blocks; see `Work`.

    Raises:
        OSError: A checkpoint cannot be read whose weights have to be for its identity.
    """
    shared = {
        "windows": ", ".join(f"{ids.shape} {_ids_hash(ids)}" for ids in blocks),
        "settings": f"{settings.precision}, {settings.batch_tokens} tokens in a batch",
        "hardware": hardware(),
        "code": _code_hash(),
        **{name: metadata.version(name) for name in PACKAGES},
    }
    tasks = [
        Task(step, source, shard_key({**shared, "checkpoint": source.identity()}))
        for step, source in checkpoints
    ]
    return Work(tasks, blocks, store, settings)


def hardware() -> str:
    """What of this machine decides the last digits: a store may be shared between machines."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name(0)
    products = "oneDNN" if linear.available() else "torch"
    return f"{torch.backends.cpu.get_cpu_capability()} with {products}"


def _ids_hash(ids: Ids) -> str:
    return hashlib.sha256(np.ascontiguousarray(ids, "<i8").tobytes()).hexdigest()


def _code_hash() -> str:
    sources = [Path(str(module.__file__)).read_bytes() for module in CODE]
    return hashlib.sha256(b"\0".join(sources)).hexdigest()

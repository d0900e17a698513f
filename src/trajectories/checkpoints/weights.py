"""The stored weights of a checkpoint: their files, their tensors, and the hash that tells them apart."""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

SINGLE_FILES = ("model.safetensors", "pytorch_model.bin")  # or, of each, an index that names its shards
UNREADABLE = (SafetensorError, UnpicklingError, EOFError, RuntimeError, ValueError)


@dataclass(frozen=True)
class Stored:
    """A tensor in a file: its shape, and how to read it while the file is open."""

    shape: tuple[int, ...]
    read: Callable[[], Tensor]


def weight_files(folder: Path) -> list[Path]:
    """The files with the weights of a Hugging Face folder; safetensors where both formats are there.

    Raises:
        FileNotFoundError: There is none, or a shard is missing.
        OSError: The index of the shards cannot be read.
    """
    for name in SINGLE_FILES:
        index = folder / f"{name}.index.json"
        if (folder / name).is_file():
            return [folder / name]
        if index.is_file():
            return [_existing(folder / shard) for shard in _shards(index)]
    raise FileNotFoundError(
        f"{folder} holds no weights: {' or '.join(SINGLE_FILES)} is needed; fetch or train it again"
    )


def fingerprint(folder: Path) -> str:
    """SHA-256 over the name, type, shape and bytes of every stored tensor, in the order of the names.

    So it depends on the weights alone, not on how they are spread over files nor on what lies beside them.

    Raises:
        OSError: The weights are missing, truncated or corrupted.
    """
    digest = hashlib.sha256()
    with stored_tensors(folder) as stored:
        for name in sorted(stored):
            tensor = stored[name].read().contiguous()
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def require_readable(folder: Path) -> None:
    """Raise OSError, naming the file, unless the weights are there and whole."""
    with stored_tensors(folder):
        pass


@contextmanager
def stored_tensors(folder: Path) -> Iterator[Mapping[str, Stored]]:
    """The stored tensors by name, to be read inside the block; no code in a file is run.

    Raises:
        OSError: The weights are missing, truncated or corrupted.
    """
    with ExitStack() as stack:
        stored: dict[str, Stored] = {}
        for path in weight_files(folder):
            try:
                stored |= _open(path, stack)
            except UNREADABLE as error:
                reason = str(error).strip().partition("\n")[0]
                raise OSError(
                    f"{path} is truncated or corrupted ({reason}); fetch or train the checkpoint again"
                ) from error
        yield stored


def _shards(index: Path) -> list[str]:
    try:
        return sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise OSError(
            f"{index} does not name the files of the weights ({error!r}); fetch the checkpoint again"
        ) from error


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist, but the index beside it names it; fetch it again")
    return path


def _open(path: Path, stack: ExitStack) -> Mapping[str, Stored]:
    if path.suffix == ".safetensors":
        file = stack.enter_context(safe_open(path, framework="pt"))
        names = list(file.keys())
        return {
            name: Stored(tuple(file.get_slice(name).get_shape()), partial(file.get_tensor, name))
            for name in names
        }
    # Files of torch before 1.6 are no archives, and cannot be mapped into memory.
    tensors = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    if not (isinstance(tensors, dict) and all(isinstance(each, Tensor) for each in tensors.values())):
        raise ValueError("it should hold nothing but tensors by name")
    return {
        name: Stored(tuple(tensor.shape), partial(tensors.__getitem__, name))
        for name, tensor in tensors.items()
    }

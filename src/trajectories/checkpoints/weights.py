"""The stored weights of a checkpoint: finding their files, and the hash that tells them from all others."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

SINGLE_FILES = ("model.safetensors", "pytorch_model.bin")  # or, of each, an index that names its shards
UNREADABLE = (SafetensorError, UnpicklingError, EOFError, RuntimeError, ValueError)

Loaders = Mapping[str, Callable[[], Tensor]]  # by the tensor's name


def weight_files(folder: Path) -> list[Path]:
    """The files with the weights of a Hugging Face folder; safetensors where both formats are there.

    Raises:
        FileNotFoundError: There is none, or a shard is missing.
    """
    for name in SINGLE_FILES:
        index = folder / f"{name}.index.json"
        if (folder / name).is_file():
            return [folder / name]
        if index.is_file():
            shards = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
            return [_existing(folder / shard) for shard in sorted(set(shards))]
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
    with _stored(folder) as loaders:
        for name in sorted(loaders):
            tensor = loaders[name]().contiguous()
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def require_readable(folder: Path) -> None:
    """Raise OSError, naming the file, unless the weights are there and whole."""
    with _stored(folder):
        pass


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist, but the index beside it names it; fetch it again")
    return path


@contextmanager
def _stored(folder: Path) -> Iterator[Loaders]:
    """Functions that read the stored tensors, by name, while the files are open."""
    with ExitStack() as stack:
        loaders: dict[str, Callable[[], Tensor]] = {}
        for path in weight_files(folder):
            try:
                loaders |= _open(path, stack)
            except UNREADABLE as error:
                raise OSError(
                    f"{path} is truncated or corrupted ({error}); fetch or train the checkpoint again"
                ) from error
        yield loaders


def _open(path: Path, stack: ExitStack) -> Loaders:
    if path.suffix == ".safetensors":
        file = stack.enter_context(safe_open(path, framework="pt"))
        return {name: partial(file.get_tensor, name) for name in file.keys()}  # noqa: SIM118
    tensors = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    return {name: partial(tensors.__getitem__, name) for name in tensors}

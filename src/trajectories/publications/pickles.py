"""Reading files that torch.save wrote, without running anything that they hold."""

import io
import pickle
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trajectories.files import replacing

NUMBERS = "fiu"  # kinds of NumPy types that are read: floating point, signed and unsigned integers
# What a damaged or forbidden file makes torch.load raise.
ERRORS = (
    pickle.UnpicklingError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)


class _Type:
    """Stands in for numpy.dtype while a file is read: a type of numbers and nothing else."""

    def __init__(self, code: str, *_: object) -> None:
        dtype = np.dtype(code) if isinstance(code, str) else None
        if dtype is None or dtype.kind not in NUMBERS:
            raise pickle.UnpicklingError(f"it holds NumPy values of type {code!r}, not numbers")
        self.dtype = dtype

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] == ">":  # of another machine; the code of a type has no byte order
            self.dtype = self.dtype.newbyteorder(">")


class _Array:
    """Stands in for numpy.ndarray while a file is read."""

    values: NDArray[Any]

    def __setstate__(self, state: tuple[int, tuple[int, ...], _Type, bool, bytes]) -> None:
        _, shape, kind, is_fortran, raw = state
        flat = np.frombuffer(raw, dtype=_type(kind))
        self.values = flat.reshape(shape, order="F" if is_fortran else "C").copy(order="K")


def _reconstruct(kind: object, *_: object) -> _Array:
    if kind is not _Array:
        raise pickle.UnpicklingError(f"it holds an array of another class, {kind!r}")
    return _Array()


def _scalar(kind: _Type, raw: bytes) -> int | float:
    number: int | float = np.frombuffer(raw, dtype=_type(kind), count=1)[0].item()
    return number


def _type(kind: object) -> np.dtype[Any]:
    if not isinstance(kind, _Type):
        raise pickle.UnpicklingError(f"it holds an array whose type is {kind!r}")
    return kind.dtype


def _no_bytes() -> bytes:
    return b""


# NumPy 1 and NumPy 2 write its private module by different names. NumPy's own functions are not called: they
# trust the file, these do not.
ALLOWED: list[Any] = [
    (_Type, "numpy.dtype"),
    (_Array, "numpy.ndarray"),
    (_no_bytes, "builtins.bytes"),  # of an empty array
    *((_reconstruct, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")),
    *((_scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
]


def read_pickle(path: Path) -> Any:
    """What torch.save wrote: dictionaries, lists, text, numbers, and arrays of numbers as NumPy arrays.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no such file, or holds anything else; nothing that it holds was run.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; correct the path")
    try:
        with torch.serialization.safe_globals(ALLOWED), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Detected pickle protocol")  # read or refused as any
            return _plain(torch.load(path, map_location="cpu", weights_only=True))
    except ERRORS as error:
        raise ValueError(
            f"{path} is not read, and nothing in it was run: {_reason(error)}; needed is a file that "
            "torch.save wrote, with dictionaries, lists, text, numbers and arrays of numbers"
        ) from error


def write_pickle(values: Mapping[str, Any], path: Path) -> None:
    """Write for torch.load: the same bytes for the same values, whole or not at all."""
    # Into memory first: torch.save writes the name of the file into it.
    buffer = io.BytesIO()
    torch.save(dict(values), buffer)
    with replacing(path) as temporary:
        temporary.write_bytes(buffer.getvalue())


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_plain(key): _plain(of) for key, of in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(of) for of in value]
    if isinstance(value, torch.Tensor):
        return value.detach().numpy()
    if isinstance(value, _Array):
        return value.values
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise pickle.UnpicklingError(f"it holds a {type(value).__name__}")


def _reason(error: BaseException) -> str:
    """What torch says without its advice, which is to trust the file."""
    text = str(error)
    for advice in ("from a trusted source.", "WeightsUnpickler error: "):
        text = text.rpartition(advice)[2].strip()
    return (text or type(error).__name__).splitlines()[0].split(". Please")[0].rstrip(". ")

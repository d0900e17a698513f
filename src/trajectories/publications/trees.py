"""What nested dictionaries of an archive must be, and errors that say where one is not."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trajectories.publications.facts import Model


def archive_name(model: str) -> str:
    """The name that the authors' files have for a model: `opt_1.3b` for `opt-1_3b`."""
    family, dash, size = model.partition("-")
    return f"{family}_{size.replace('_', '.')}" if dash else model


def find_model(name: object, models: Mapping[str, Model], *, where: str) -> str:
    """Our name of a model in an archive.

    Raises:
        ValueError: It is not known.
    """
    ours = {archive_name(known): known for known in models} | {known: known for known in models}
    if not isinstance(name, str) or name not in ours:
        raise ValueError(
            f"{where}: model {name!r} is not known; known are {', '.join(map(archive_name, models))}; "
            "tell of others in `models`"
        )
    return ours[name]


def by_model(values: object, models: Mapping[str, Model], *, where: str) -> Iterator[tuple[str, str, Any]]:
    """Of each model in an archive our name, where it is, and what is there.

    Raises:
        ValueError: There is no dictionary of models, one is not known, or is there by two names.
    """
    found: dict[str, object] = {}
    if not mapping(values, where=where):
        raise ValueError(f"{where}: there is no model; give at least one, or leave the file out")
    for name, of in mapping(values, where=where).items():
        ours = find_model(name, models, where=where)
        if ours in found:
            raise ValueError(f"{where}: {found[ours]!r} and {name!r} are one model; leave one out")
        found[ours] = name
        yield ours, f"{where}, model {name!r}", of


def mapping(values: object, *, where: str) -> Mapping[Any, Any]:
    """The values, if they are a dictionary; else a ValueError."""
    if not isinstance(values, Mapping):
        raise ValueError(f"{where}: a dictionary is needed, got {_kind(values)}; see docs/published.md")
    return values


def entry(values: object, key: str, *, where: str) -> Any:
    """One entry of a dictionary; raises ValueError that lists those that there are."""
    there = mapping(values, where=where)
    if key not in there:
        raise ValueError(
            f"{where}: the entry {key!r} is missing; there are {', '.join(map(str, there)) or 'none'}; add it"
        )
    return there[key]


def numbers_by_step(values: object, *, where: str) -> dict[int, float]:
    """Numbers by training step; raises ValueError for anything else."""
    return {
        step(at, where=where): number(value, where=f"{where}, step {at}")
        for at, value in mapping(values, where=where).items()
    }


def perplexities_by_step(values: object, *, where: str) -> dict[int, float]:
    """Perplexities by training step; raises ValueError for anything else."""
    found = numbers_by_step(values, where=where)
    for at, value in found.items():
        if value <= 0:
            raise ValueError(
                f"{where}, step {at}: a perplexity is above 0, got {value:g}; leave the step out where there "
                "is none"
            )
    return found


def step(value: object, *, where: str) -> int:
    """A training step; raises ValueError for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ValueError(f"{where}: a training step is needed, got {value!r}; write it as a whole number")


def number(value: object, *, where: str) -> float:
    """A number; raises ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{where}: a number is needed, got {_kind(value)}; leave it out where there is none")
    return float(value)


def matrix(values: object, *, where: str) -> NDArray[Any]:
    """An array [token, checkpoint] of numbers; raises ValueError for anything else."""
    if not isinstance(values, np.ndarray) or values.ndim != 2:
        got = f"one of shape {values.shape}" if isinstance(values, np.ndarray) else _kind(values)
        raise ValueError(f"{where}: an array (tokens, checkpoints) is needed, got {got}; write one per model")
    return values


def _kind(value: object) -> str:
    return f"{type(value).__name__} {value!r}"[:80]

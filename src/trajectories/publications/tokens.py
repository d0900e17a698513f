"""Scores of tokens in the authors' files `trend_of_tokens/all_scores-<dataset>.pt`."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from trajectories import arrays
from trajectories.publications.facts import Model, known_models
from trajectories.publications.labels import coordinates
from trajectories.publications.pickles import read_pickle, write_pickle
from trajectories.publications.trees import archive_name, by_model, mapping, matrix, step

SCORES, PERPLEXITIES, STEPS = "scores", "ppls", "steps"
NAME = re.compile(r"all_(?:scores|ppls)-(.+)\.pt")


def token_datasets(folder: Path) -> list[str]:
    """Names of the texts that a folder has scores or perplexities of."""
    matches = (NAME.fullmatch(path.name) for path in sorted(folder.glob("*.pt")))
    return sorted({match[1] for match in matches if match})


def read_tokens(folder: Path, dataset: str, *, models: Mapping[str, Model] | None = None) -> xr.Dataset:
    """Scores of tokens at every checkpoint, as in data/scores/tokens.nc.

    Args:
        folder: With `all_scores-<dataset>.pt`, {model: array (tokens, checkpoints)} of log-likelihoods in
            nats, or else `all_ppls-<dataset>.pt` of perplexities; and `all_steps-<dataset>.pt`, {model: list
            of training steps}. Of a model without steps they are those of Table 2, where their number fits.
        dataset: The name of the text, such as `gutenberg_pg-19`.
        models: Models besides those of Table 2.

    Returns:
        `log_likelihood` (model, checkpoint, token) in nats, NaN where a model has no such checkpoint, with
        the coordinates of models and checkpoints; see `trajectories.publications.labels.coordinates`.

    Raises:
        FileNotFoundError: There are neither scores nor perplexities.
        ValueError: A file cannot be read, a model is not known, or arrays and steps do not fit each other.
    """
    path = _file(folder, SCORES, dataset)
    is_perplexity = not path.is_file()
    path = _file(folder, PERPLEXITIES, dataset) if is_perplexity else path
    known = known_models(models)
    tables: dict[str, NDArray[Any]] = {}
    for name, where, of in by_model(read_pickle(path), known, where=str(path)):
        values = matrix(of, where=where)
        tables[name] = _logarithms(values, where=where) if is_perplexity else values
    _require_same_tokens(tables, where=str(path))
    told = _read_steps(_file(folder, STEPS, dataset), known)
    steps = {name: _steps(name, of, told, known, where=str(path)) for name, of in tables.items()}
    return _stack(tables, steps, known)


def write_tokens(scores: xr.Dataset, folder: Path, *, dataset: str) -> list[Path]:
    """Write scores of tokens, their perplexities and the steps as the authors' files.

    Args:
        scores: `log_likelihood` (model, checkpoint, token) in nats. A checkpoint at which a model has no
            score is left out of its array.
        folder: Where the files go.
        dataset: The name of the text.

    Returns:
        The files.

    Raises:
        ValueError: A dimension is absent.
    """
    arrays.require(scores["log_likelihood"], "model", "checkpoint", "token", what="scores of tokens")
    ordered = scores["log_likelihood"].transpose("model", "checkpoint", "token")
    content: dict[str, dict[str, Any]] = {SCORES: {}, PERPLEXITIES: {}, STEPS: {}}
    for name, values in zip(map(str, ordered["model"].values), ordered.values, strict=True):
        has = np.isfinite(values).any(axis=1)
        table = np.ascontiguousarray(values[has].T)  # [token, checkpoint]
        content[SCORES][archive_name(name)] = table
        content[PERPLEXITIES][archive_name(name)] = np.exp(-table)
        content[STEPS][archive_name(name)] = ordered["checkpoint"].values[has].tolist()
    paths = {kind: _file(folder, kind, dataset) for kind in content}
    for kind, path in paths.items():
        write_pickle(content[kind], path)
    return list(paths.values())


def _file(folder: Path, kind: str, dataset: str) -> Path:
    return folder / f"all_{kind}-{dataset}.pt"


def _logarithms(perplexity: NDArray[Any], *, where: str) -> NDArray[Any]:
    if (perplexity <= 0).any():
        lowest = np.nanmin(perplexity)
        raise ValueError(f"{where}: a perplexity is above 0, got {lowest:g}; write NaN where there is none")
    logarithms: NDArray[Any] = -np.log(perplexity)
    return logarithms


def _require_same_tokens(tables: Mapping[str, NDArray[Any]], *, where: str) -> None:
    (first, one), *others = tables.items()
    for name, table in others:
        if len(table) != len(one):
            raise ValueError(
                f"{where}: model {archive_name(name)!r} has {len(table)} tokens where "
                f"{archive_name(first)!r} has {len(one)}; score the same tokens with all models"
            )


def _read_steps(path: Path, models: Mapping[str, Model]) -> dict[str, list[int]]:
    if not path.is_file():
        return {}
    told: dict[str, list[int]] = {}
    for name, where, of in by_model(mapping(read_pickle(path), where=str(path)), models, where=str(path)):
        listed = of.tolist() if isinstance(of, np.ndarray) else of
        if not isinstance(listed, list):
            raise ValueError(f"{where}: a list of training steps is needed, got {listed!r}; write one")
        told[name] = [step(value, where=where) for value in listed]
        if len(set(told[name])) < len(told[name]):
            raise ValueError(f"{where}: a training step is listed twice; list each column's own")
    return told


def _steps(
    name: str,
    table: NDArray[Any],
    told: Mapping[str, Sequence[int]],
    models: Mapping[str, Model],
    *,
    where: str,
) -> Sequence[int]:
    steps = told.get(name, models[name].checkpoints)
    if len(steps) != table.shape[1]:
        source = "all_steps lists" if name in told else "Table 2 has"
        raise ValueError(
            f"{where}: model {archive_name(name)!r} has {table.shape[1]} columns, but {source} {len(steps)} "
            "checkpoints of it; list the step of every column in the file all_steps"
        )
    return steps


def _stack(
    tables: Mapping[str, NDArray[Any]], steps: Mapping[str, Sequence[int]], models: Mapping[str, Model]
) -> xr.Dataset:
    axes = coordinates(steps, models)
    tokens = len(next(iter(tables.values())))
    dtype = np.result_type(np.float32, *(table.dtype for table in tables.values()))
    stacked = np.full((len(axes["model"]), len(axes["checkpoint"]), tokens), np.nan, dtype=dtype)
    for place, name in enumerate(axes["model"]):
        stacked[place, np.searchsorted(axes["checkpoint"], steps[name])] = tables[name].T
    over = ("model", "checkpoint", "token")
    return arrays.label(xr.Dataset({"log_likelihood": (over, stacked)}, coords=axes))

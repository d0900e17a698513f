"""Perplexity and quality of generated texts from the authors' table, and ours in that form."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from trajectories import arrays
from trajectories.publications.facts import Model, known_models, models_of
from trajectories.publications.generation_table import Texts, read_texts, write_texts
from trajectories.publications.labels import coordinates, lay_out

SET = ("configuration", "method", "new_tokens")
GREEDY, NUCLEUS, SAMPLE = "greedy", "nucleus", "sample"


def read_generations(path: Path, *, models: Mapping[str, Model] | None = None) -> dict[str, xr.Dataset]:
    """Perplexities of generated texts under every checkpoint, by task: the documents that they begin like.

    Args:
        path: A table by pandas with its index and the columns `task`, `topp` (0: greedy), `slambda` and
            `llambda`, the weights of the small and the large model, `max_length`, `mauve`; for each model one
            of its name (perplexity under the final model), one with `_ckpts` behind it (a Python dictionary
            of training steps and perplexities, as text), or both; `data_file` and `out_file`, which are not
            read.
        models: Models besides those of Table 2.

    Returns:
        For each task `perplexity` (configuration, method, new_tokens, model, checkpoint), that of the final
        model at the last step, and `mauve` (configuration, method, new_tokens). Configurations are labelled
        as in data/generations.nc, with `small_weight` and `large_weight`; methods are `greedy` and `nucleus`,
        or `nucleus-<mass>` where there are several masses, with `top_p`, NaN for greedy.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A column is missing or not known, a cell cannot be read, or two rows are of the same
            texts; file, line and column are named.
    """
    known = known_models(models)
    by_task: dict[str, list[Texts]] = {}
    for row in read_texts(path, known):
        by_task.setdefault(row.task, []).append(row)
    return {task: _dataset(rows, known) for task, rows in by_task.items()}


def write_generations(generations: Mapping[str, xr.Dataset], path: Path, *, top_p: float = 0.9) -> None:
    """Write perplexities of generated texts as the authors' table.

    Args:
        generations: For each task `perplexity` (configuration, method, new_tokens, model, checkpoint), as
            `read_generations` and trajectories.generation.perplexity return it, with `small_weight` and
            `large_weight` over configuration; `mauve` (configuration, method, new_tokens) where it is known.
            Combinations without a value are left out, as are values that are not finite.
        path: The file.
        top_p: Mass of `nucleus` where no coordinate `top_p` tells; `greedy` has 0 and `sample` 1.

    Raises:
        ValueError: A dimension is absent, or a method has no mass.
    """
    models: dict[str, Model] = {}
    rows: list[Texts] = []
    for task, dataset in generations.items():
        arrays.require(dataset["perplexity"], *SET, "model", "checkpoint", what="perplexity of texts")
        models |= models_of(dataset)
        rows += _rows(task, dataset, _masses(dataset, top_p=top_p))
    write_texts(rows, path, models)


def configuration_label(small_weight: float, large_weight: float) -> str:
    """A pair of weights as data/generations.nc labels it: `p_s - p_l`, `p_s - 0.8 p_l`."""
    terms = [(weight, name) for weight, name in ((small_weight, "p_s"), (large_weight, "p_l")) if weight]
    terms.sort(key=lambda term: term[0] < 0)
    joined = " ".join(
        f"{'-' if weight < 0 else '+'} {'' if abs(weight) == 1 else f'{abs(weight):g} '}{name}"
        for weight, name in terms
    )
    return f"-{joined[2:]}" if joined.startswith("- ") else joined.removeprefix("+ ")


def _dataset(rows: Sequence[Texts], models: Mapping[str, Model]) -> xr.Dataset:
    methods = _methods(row.top_p for row in rows)
    keys = [(_label(row), methods[row.top_p], row.new_tokens) for row in rows]
    _require_once(keys, rows)
    perplexity = {
        (*key, *at): value
        for key, row in zip(keys, rows, strict=True)
        for at, value in row.perplexity.items()
    }
    present: dict[str, set[int]] = {}
    for *_, model, step in perplexity:
        present.setdefault(model, set()).add(step)
    shared = coordinates(present, models)
    weights = {_label(row): (row.small_weight, row.large_weight) for row in rows}
    sets: dict[str, Any] = {
        "configuration": list(weights),
        "method": list(methods.values()),
        "new_tokens": sorted({row.new_tokens for row in rows}),
    }
    under = {"model": shared["model"], "checkpoint": shared["checkpoint"].tolist()}
    mauve = {key: row.mauve for key, row in zip(keys, rows, strict=True)}
    dataset = xr.Dataset(
        {"perplexity": lay_out(perplexity, **sets, **under), "mauve": lay_out(mauve, **sets)},
        coords={
            **sets,
            **shared,
            "small_weight": ("configuration", [small for small, _ in weights.values()]),
            "large_weight": ("configuration", [large for _, large in weights.values()]),
            "top_p": ("method", [mass if mass > 0 else math.nan for mass in methods]),
        },
    )
    dataset["perplexity"].attrs = {"long_name": "perplexity", "units": "1"}
    dataset["top_p"].attrs = {"long_name": "mass of the nucleus", "units": "1"}
    return arrays.label(dataset)


def _label(row: Texts) -> str:
    return configuration_label(row.small_weight, row.large_weight)


def _methods(masses: Iterable[float]) -> dict[float, str]:
    """By mass of the nucleus, rising, what the method is called."""
    rising = sorted(set(masses))
    several = sum(mass > 0 for mass in rising) > 1
    return {mass: GREEDY if mass <= 0 else (f"{NUCLEUS}-{mass:g}" if several else NUCLEUS) for mass in rising}


def _require_once(keys: Sequence[tuple[Any, ...]], rows: Sequence[Texts]) -> None:
    first: dict[tuple[Any, ...], Texts] = {}
    for key, row in zip(keys, rows, strict=True):
        if key in first:
            raise ValueError(
                f"{row.place}: the texts {', '.join(map(str, key))} of task '{row.task}' are also at "
                f"{first[key].place}; remove one"
            )
        first[key] = row


def _masses(dataset: xr.Dataset, *, top_p: float) -> dict[str, float]:
    """The mass of the nucleus of each method, 0 for greedy."""
    names = list(map(str, dataset["method"].values))
    if "top_p" in dataset.coords:
        told = np.nan_to_num(dataset["top_p"].values).tolist()
        return dict(zip(names, told, strict=True))
    known = {GREEDY: 0.0, NUCLEUS: top_p, SAMPLE: 1.0}
    strangers = [name for name in names if name not in known]
    if strangers:
        raise ValueError(
            f"method '{strangers[0]}' has no mass of a nucleus; add a coordinate `top_p` over method, or use "
            f"{', '.join(known)}"
        )
    return {name: known[name] for name in names}


def _rows(task: str, dataset: xr.Dataset, masses: Mapping[str, float]) -> Iterator[Texts]:
    perplexity = dataset["perplexity"].transpose(*SET, "model", "checkpoint")
    unknown = xr.full_like(perplexity.isel(model=0, checkpoint=0), np.nan)
    mauve = dataset.get("mauve", unknown).transpose(*SET)
    methods, lengths = dataset["method"].values.tolist(), dataset["new_tokens"].values.tolist()
    small, large = dataset["small_weight"].values.tolist(), dataset["large_weight"].values.tolist()
    models, steps = dataset["model"].values.tolist(), dataset["checkpoint"].values.tolist()
    for place in np.ndindex(*mauve.shape):
        table = perplexity.values[place]  # [model, checkpoint]
        values = {
            (models[model], steps[step]): float(table[model, step])
            for model, step in np.argwhere(np.isfinite(table)).tolist()
        }
        configuration, method, length = place
        if values or not np.isnan(mauve.values[place]):
            yield Texts(
                task=task,
                small_weight=small[configuration],
                large_weight=large[configuration],
                top_p=masses[methods[method]],
                new_tokens=lengths[length],
                mauve=float(mauve.values[place]),
                perplexity=values,
            )

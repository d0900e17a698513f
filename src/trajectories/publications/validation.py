"""Validation perplexity along training in the authors' file `opt_validation_ppl_trajectory.pt`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from trajectories import arrays
from trajectories.publications.facts import Model, known_models
from trajectories.publications.labels import coordinates, lay_out
from trajectories.publications.pickles import read_pickle, write_pickle
from trajectories.publications.trees import archive_name, by_model, entry, mapping, perplexities_by_step

FILE = "opt_validation_ppl_trajectory.pt"
PREFIX = "valid/"
COMBINED = f"{PREFIX}combined"


def read_validation(path: Path, *, models: Mapping[str, Model] | None = None) -> xr.Dataset:
    """Validation perplexities at every evaluated step.

    Args:
        path: {model: {`valid/combined` and other sets: {training step: perplexity}}}.
        models: Models besides those of Table 2.

    Returns:
        `validation_perplexity` (model, checkpoint) of the combined set and, where there are other sets,
        `domain_perplexity` (model, checkpoint, validation_domain), with the coordinates of models and
        checkpoints.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It cannot be read, a model is not known or has no combined set.
    """
    known = known_models(models)
    combined: dict[tuple[str, int], float] = {}
    by_domain: dict[tuple[str, int, str], float] = {}
    for name, where, sets in by_model(read_pickle(path), known, where=str(path)):
        entry(sets, COMBINED, where=where)
        for kind, of in mapping(sets, where=where).items():
            values = perplexities_by_step(of, where=f"{where}, {kind!r}")
            if kind == COMBINED:
                combined |= {(name, at): value for at, value in values.items()}
            else:
                domain = str(kind).removeprefix(PREFIX)
                by_domain |= {(name, at, domain): value for at, value in values.items()}
    present: dict[str, set[int]] = {}
    for name, at in [*combined, *(key[:2] for key in by_domain)]:
        present.setdefault(name, set()).add(at)
    shared = coordinates(present, known)
    axes = {"model": shared["model"], "checkpoint": shared["checkpoint"].tolist()}
    variables = {"validation_perplexity": lay_out(combined, **axes)}
    if by_domain:
        axes["validation_domain"] = sorted({domain for _, _, domain in by_domain})
        variables["domain_perplexity"] = lay_out(by_domain, **axes)
    return arrays.label(xr.Dataset(variables, coords={**axes, **shared}))


def with_validation(dataset: xr.Dataset, validation: xr.Dataset | None) -> xr.Dataset:
    """A dataset over models and checkpoints with the coordinate `validation_perplexity`.

    Args:
        dataset: Over model and checkpoint.
        validation: From `read_validation`; None: nothing is known.

    Returns:
        The dataset with the coordinate, NaN where the validation has no such model or step.
    """
    if validation is None:
        unknown = np.full((dataset.sizes["model"], dataset.sizes["checkpoint"]), np.nan)
        known = xr.DataArray(unknown, dims=("model", "checkpoint"))
    else:
        places = {"model": dataset["model"].values, "checkpoint": dataset["checkpoint"].values}
        known = validation["validation_perplexity"].reset_coords(drop=True).reindex(places)
    return arrays.label(dataset.assign_coords(validation_perplexity=known))


def write_validation(dataset: xr.Dataset, path: Path) -> None:
    """Write validation perplexities as the authors' file.

    Args:
        dataset: `validation_perplexity` (model, checkpoint), and `domain_perplexity` (model, checkpoint,
            validation_domain) where there is; missing steps are left out, and models without any.
        path: The file.

    Raises:
        ValueError: No model has a perplexity.
    """
    content: dict[str, dict[str, dict[int, float]]] = {}
    for name in map(str, dataset["model"].values):
        of = dataset.sel(model=name)
        combined = _by_step(of["validation_perplexity"])
        if not combined:
            continue
        sets = {COMBINED: combined}
        if "domain_perplexity" in dataset:
            domains: Any = of["validation_domain"].values
            of_domains = {
                f"{PREFIX}{domain}": _by_step(of["domain_perplexity"].sel(validation_domain=domain))
                for domain in domains
            }
            sets |= {kind: values for kind, values in of_domains.items() if values}
        content[archive_name(name)] = sets
    if not content:
        raise ValueError(f"{path} needs a validation perplexity of at least one model, got none; score it")
    write_pickle(content, path)


def _by_step(perplexity: xr.DataArray) -> dict[int, float]:
    pairs = zip(perplexity["checkpoint"].values.tolist(), perplexity.values.tolist(), strict=True)
    return {at: value for at, value in pairs if np.isfinite(value)}

"""Perplexity of the tokens that trends select, in every model: the data of Figures 3, 4 and 10 to 12."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from trajectories import arrays
from trajectories.trends.categories import shares
from trajectories.trends.perplexity import subset_perplexity
from trajectories.trends.subsets import select, start_position
from trajectories.trends.trajectory import start_index

OWN = ""  # in place of the selecting model, where each model selects its own tokens
ATTRIBUTES = {
    "subset": {"long_name": "tokens of one trend in one model, or of each model's own"},
    "subset_trend": {"long_name": "trend of the subset's tokens"},
    "subset_start": {
        "long_name": "fraction of training from which the subset's trend is fitted",
        "units": "1",
    },
    "selected_by": {"long_name": "model in which the subset's tokens have the trend"},
    "selected_share": {"long_name": "share of the tokens that the subset has", "units": "1"},
    "selected_tokens": {"long_name": "number of tokens that the subset has", "units": "1"},
    "fit_start": {"long_name": "training step from which the subset's trend is fitted", "units": "1"},
}


@dataclass(frozen=True)
class Selection:
    """The tokens that have a trend from a start on in `model`; None: each model's own."""

    trend: str
    start: float
    model: str | None = None

    def __str__(self) -> str:
        return f"{self.trend}-{self.start:g}-{self.model or 'own'}"


def selected_perplexity(
    scores: xr.Dataset, trends: xr.Dataset, selections: Sequence[Selection]
) -> xr.Dataset:
    """Perplexity of each selection's tokens at every checkpoint of every model.

    Args:
        scores: `log_likelihood` over (model, checkpoint, token) in nats, as in data/scores/tokens.nc, with
            the coordinate training_fraction.
        trends: over (start, model, token), as `fit_trends` gives them.
        selections: at least one; one that comes twice counts once.

    Returns:
        `perplexity` (subset, model, checkpoint), as `subset_perplexity` gives it, with the coordinates of
        models and checkpoints. Over subset, named by trend, start and selecting model: `subset_trend`,
        `subset_start`, `selected_by` ("": each model's own tokens). Over (subset, model), of the tokens on
        which the model is evaluated: `selected_share`, their fraction of those that have a trend in the
        selecting model, NaN where none has one; `selected_tokens`, their number. And `fit_start`, the
        checkpoint from which a selecting model's trends are fitted; NaN for other models and for a model
        without checkpoints.

    Raises:
        ValueError: no selection, or a trend, start or model that is not there.
    """
    chosen = list(dict.fromkeys(selections))
    if not chosen:
        raise ValueError("the perplexity of selected tokens needs at least one selection, got none")
    share, likelihood = shares(trends), scores["log_likelihood"]
    present = likelihood.notnull().any("token")
    of_subsets = [
        _of_selection(likelihood, trends, selection, share=share, present=present) for selection in chosen
    ]
    stacked = xr.concat(of_subsets, dim="subset", coords="minimal", compat="override", join="exact")
    kept = {name: of for name, of in scores.coords.items() if set(of.dims) <= {"model", "checkpoint"}}
    described = stacked.assign_coords({**kept, **subset_coordinates(chosen)})
    found = described.transpose("subset", "model", "checkpoint")
    for name, attributes in ATTRIBUTES.items():
        found[name].attrs.update(attributes)
    return arrays.label(found.set_coords(["selected_share", "selected_tokens", "fit_start"]))


def subset_coordinates(selections: Sequence[Selection]) -> dict[str, tuple[str, list[str] | list[float]]]:
    """What names and describes subsets, over subset."""
    return {
        "subset": ("subset", [str(selection) for selection in selections]),
        "subset_trend": ("subset", [selection.trend for selection in selections]),
        "subset_start": ("subset", [selection.start for selection in selections]),
        "selected_by": ("subset", [selection.model or OWN for selection in selections]),
    }


def fit_starts(present: xr.DataArray, start: float, *, models: Collection[str]) -> NDArray[np.float64]:
    """[model] the checkpoint from which trends are fitted, NaN for those not among `models` or without any.

    Args:
        present: whether there is a checkpoint, over (model, checkpoint), with the coordinate
            training_fraction.
        start: fraction of training.
        models: those that are asked for.
    """
    found = []
    for of_model in present.transpose("model", "checkpoint"):
        steps = np.flatnonzero(of_model.values)
        asked = str(of_model["model"].item()) in models and len(steps)
        trajectory = of_model.isel(checkpoint=steps)
        found.append(float(trajectory["checkpoint"][start_index(trajectory, start)]) if asked else np.nan)
    return np.array(found)


def find_subset(subsets: xr.Dataset, selection: Selection) -> xr.Dataset:
    """The selection's part of what `selected_perplexity` returns, without the dimension subset.

    Raises:
        ValueError: it is not there; the message lists what is.
    """
    alike = (
        (subsets["subset_trend"] == selection.trend)
        & (np.abs(subsets["subset_start"] - selection.start) < 1e-6)
        & (subsets["selected_by"] == (selection.model or OWN))
    )
    positions = np.flatnonzero(alike.values)
    if not len(positions):
        raise ValueError(
            f"there is no perplexity of tokens {_words(selection)}; there is that of {_listed(subsets)}"
        )
    return subsets.isel(subset=int(positions[0]))


def _of_selection(
    likelihood: xr.DataArray,
    trends: xr.Dataset,
    selection: Selection,
    *,
    share: xr.DataArray,
    present: xr.DataArray,
) -> xr.Dataset:
    """Perplexity (model, checkpoint), and (model) share, number of tokens and start of the fit."""
    selected = select(trends, start=selection.start, trend=selection.trend, model=selection.model)
    of_trend = share.sel(trend=selection.trend).isel(start=start_position(trends, selection.start))
    names = [str(name) for name in likelihood["model"].values]
    own = selection.model is None
    at = names if own else selection.model
    over_models = {
        "selected_share": of_trend.sel(model=at).values,
        "selected_tokens": (selected.sel(model=names) if own else selected).sum("token").values,
        "fit_start": fit_starts(present, selection.start, models=names if own else [str(at)]),
    }
    of_models = {
        name: ("model", np.broadcast_to(values, len(names)).astype(np.float64))
        for name, values in over_models.items()
    }
    perplexity = subset_perplexity(likelihood, selected)
    return xr.Dataset({"perplexity": perplexity, **of_models})


def _words(selection: Selection) -> str:
    whose = "each model for itself" if selection.model is None else selection.model
    return f"that are {selection.trend} from {selection.start:g} on in {whose}"


def _listed(subsets: xr.Dataset) -> str:
    """What is there, each thing once."""
    starts = dict.fromkeys(f"{start:g}" for start in subsets["subset_start"].values)
    models = dict.fromkeys(str(name) or "each model for itself" for name in subsets["selected_by"].values)
    trends = dict.fromkeys(map(str, subsets["subset_trend"].values))
    return f"{', '.join(trends)} tokens from {', '.join(starts)} on in {', '.join(models)}"

"""Measures of section 3 along training: perplexity of tokens by trend, and the share of each trend."""

from collections.abc import Iterator

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from trajectories.alignment.axes import AXES
from trajectories.alignment.measure import Floats, Measure, make_measure, over_draws, ratio
from trajectories.generation.resampling import bootstrap
from trajectories.trends import select
from trajectories.trends.categories import code
from trajectories.trends.trajectory import start_index

TRENDS = ("stagnated", "upward", "downward")
PERPLEXITY, SHARE = "log perplexity of tokens by trend", "share of tokens by trend"
OWN = "each model"
DOCUMENTS = 1  # seed of the documents drawn; texts and examples have others


def token_measures(
    scores: xr.Dataset, trends: xr.Dataset, *, start: float, resamples: int
) -> Iterator[Measure]:
    """Log perplexity of the tokens that each model's trends select, and the share of each trend by its start.

    Args:
        scores: as in data/scores/tokens.nc.
        trends: as in data/trends.nc.
        start: one of the starts of `trends`, of which the selections are.
        resamples: replicates of each measure, on documents drawn with replacement.
    """
    documents, models = _Documents(scores, resamples=resamples), list(map(str, trends["model"].values))
    names = dict(zip(models, model_names(scores.sel(model=models)), strict=True))
    for trend in TRENDS:
        for model in (None, *models):
            selected = select(trends, start=start, trend=trend, model=model)
            name = f"{trend}, selected by {OWN if model is None else names[model]}"
            yield documents.perplexity(selected, name, headline=model in {None, models[0], models[-1]})
    for trend in TRENDS:
        yield documents.share(trends, trend)


class _Documents:
    """Scores whose tokens stand together by document, and documents drawn anew."""

    def __init__(self, scores: xr.Dataset, *, resamples: int) -> None:
        self.labels = scores
        codes, number = np.unique(scores["document"].values, return_inverse=True)
        self.order = np.argsort(number, kind="stable")
        self.document = number[self.order]
        self.draws = bootstrap(len(codes), resamples=resamples, seed=DOCUMENTS)
        self.likelihood = scores["log_likelihood"].transpose("model", "checkpoint", "token")

    def perplexity(self, selected: xr.DataArray, name: str, *, headline: bool) -> Measure:
        """Of tokens selected over token, or over (model, token)."""
        values = self.likelihood.values
        aligned = selected.transpose(..., "token").values
        chosen = np.broadcast_to(aligned, (len(values), values.shape[-1]))
        sums, counts = np.empty((2, self.draws.shape[1], *values.shape[:2]))
        for index, of_model in enumerate(values):
            kept = self.order[chosen[index, self.order]]
            document = self.document[chosen[index, self.order]]
            nats = of_model[:, kept].astype(np.float64)
            known = np.isfinite(nats)
            sums[:, index] = self._by_document(np.where(known, nats, 0), document)
            counts[:, index] = self._by_document(known.astype(np.float64), document)
        whole = -ratio(sums.sum(axis=0), counts.sum(axis=0))
        drawn = -ratio(over_draws(self.draws, sums), over_draws(self.draws, counts))
        over = xr.DataArray(whole, dims=("model", "checkpoint"), coords=self._index(self.labels))
        return make_measure(PERPLEXITY, name, over, self.labels, replicates=drawn, headline=headline)

    def share(self, trends: xr.Dataset, trend: str) -> Measure:
        """Of all tokens with a trend; a start counts as the checkpoint at which the fit begins."""
        codes = trends["trend"].transpose("model", "start", "token").values[..., self.order]
        has, is_trend = np.isfinite(codes), codes == code(trend)
        sums, counts = (
            np.stack([self._by_document(of_model, self.document) for of_model in of.astype(np.float64)], 1)
            for of in (is_trend, has)
        )  # [document, model, start]
        labels = at_starts(self.labels, self.likelihood.notnull().any("token"), trends["start"].values)
        over = xr.DataArray(
            ratio(sums.sum(axis=0), counts.sum(axis=0)),
            dims=("model", "checkpoint"),
            coords=self._index(labels),
        )
        drawn = ratio(over_draws(self.draws, sums), over_draws(self.draws, counts))
        return make_measure(SHARE, trend, over, labels, replicates=drawn)

    def _by_document(self, values: Floats, document: NDArray[np.intp]) -> Floats:
        """[document, row] sums of values [row, token], tokens sorted by document."""
        number = self.draws.shape[1]
        if not document.size:
            return np.zeros((number, len(values)))
        first = np.flatnonzero(np.diff(document, prepend=-1))
        sums = np.zeros((number, len(values)))
        sums[document[first]] = np.add.reduceat(values, first, axis=1).T
        return sums

    @staticmethod
    def _index(labels: xr.Dataset) -> dict[str, Floats]:
        return {name: labels[name].values for name in ("model", "checkpoint")}


def model_names(scores: xr.Dataset) -> list[str]:
    """Sizes as they are written, with the model's own name where a size has several seeds."""
    models, labels = (list(map(str, scores[name].values)) for name in ("model", "label"))
    return [
        label if labels.count(label) == 1 else f"{label} ({model})"
        for model, label in zip(models, labels, strict=True)
    ]


def at_starts(labels: xr.Dataset, present: xr.DataArray, starts: Floats) -> xr.Dataset:
    """The axes of models at the checkpoints from which trends are fitted, with `checkpoint` the start.

    Args:
        labels: has `parameters` and the axes over (model, checkpoint), and training_fraction among these.
        present: boolean (model, checkpoint), the checkpoints that a model has.
        starts: [start], fractions of training.
    """
    rows = []
    for model in labels["model"].values:
        has = np.flatnonzero(present.sel(model=model).values)
        trajectory = labels["training_fraction"].sel(model=model).isel(checkpoint=has)
        rows.append([has[start_index(trajectory, start)] for start in starts])
    places = xr.DataArray(rows, dims=("model", "checkpoint"))
    known = [axis for axis in AXES if axis in labels.variables]
    axes = {axis: labels[axis].transpose("model", "checkpoint").reset_coords(drop=True) for axis in known}
    chosen = {
        axis: (("model", "checkpoint"), np.take_along_axis(of.values, places.values, axis=1))
        for axis, of in axes.items()
    }
    return xr.Dataset(
        {**chosen, "parameters": ("model", labels["parameters"].values)},
        coords={"model": labels["model"].values, "checkpoint": starts},
    )

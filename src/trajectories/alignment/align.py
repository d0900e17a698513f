"""The claim as a number: how well the other sizes predict a size at equal compute, or at equal perplexity."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from trajectories import arrays
from trajectories.alignment.axes import along_axis, require_axis
from trajectories.alignment.checkpoints_drawn import weigh_checkpoints
from trajectories.alignment.held_out import FEWEST_IN_RANGE, Points, predict_held_out, r_squared, why_not
from trajectories.alignment.intervals import FEWEST_SAMPLES, centred, of_r_squared
from trajectories.alignment.local_regression import require_span
from trajectories.generation.resampling import require_settings

Floats = NDArray[np.float64]

LONG_NAMES = {
    "r_squared": "R² of predicting a model held out from the others",
    "low": "lower end of the interval of R²",
    "high": "upper end of the interval of R²",
    "points": "checkpoints within the range of another model",
    "missing": "checkpoints at which the axis is not known",
    "difference": "difference of R² between two axes, over the checkpoints that both predict",
    "difference_low": "lower end of the interval of the difference",
    "difference_high": "upper end of the interval of the difference",
    "shared_points": "checkpoints that both axes predict",
}


@dataclass(frozen=True)
class Uncertainty:
    """How intervals come about; raises ValueError for settings that give none."""

    span: float
    resamples: int
    confidence: float
    seed: int

    def __post_init__(self) -> None:
        require_span(self.span)
        require_settings(resamples=self.resamples, confidence=self.confidence)


def align(
    measure: xr.DataArray,
    axis: str | Sequence[str],
    *,
    by: str = "model",
    replicates: xr.DataArray | None = None,
    span: float = 0.25,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> xr.Dataset:
    """How well the other sizes predict a size at equal `axis`: R² over models that are held out in turn.

    One model at a time is left out. A local linear regression (tricube weights of the nearest `span` of the
    points; Cleveland, 1979) runs through the checkpoints of all the others, pooled, and predicts the measure
    at each checkpoint of the one left out whose axis lies within the range of another model. R² is 1 less the
    squared errors of all these predictions over the squared distances of the same points from their
    mean: 1 where curves lie on each other, 0 where the mean would do as well, negative where it would do
    better. FLOPs, tokens and perplexities go in by their logarithm. Of perplexities pass the logarithm as
    the measure.

    The interval is that of a bootstrap over checkpoints (`weigh_checkpoints`), and over the tokens, texts or
    examples of the measure where `replicates` are given. It tells how far R² depends on these, not
    what other models, sizes or seeds would give: of those there are only a few.

    Args:
        measure: over model, checkpoint and any others, such as task; with the axis among its coordinates,
            over model, checkpoint or both. NaN where a model has no such checkpoint, and where one is not to
            count: in the first steps all models fall from the uniform guess alike, which raises R².
        axis: the name of that coordinate, such as flops or validation_perplexity, or several names.
            Checkpoints at which it is not known (NaN, or not positive where its logarithm is taken) are left
            out.
        by: a coordinate over model; models that have the same (seeds of a size) are held out together.
        replicates: over replicate and the dimensions of `measure`: the same measure on drawn tokens. Those
            that lack a value which the measure has are left out; fewer than 20 others do not count.
        span: share of the pooled points of which a prediction comes.
        resamples: number of bootstrap samples; fewer than 20 give no interval.
        confidence: of the interval.
        seed: of the samples.

    Returns:
        `r_squared`, `low`, `high`, `points` (how many lie within the range), `missing` (at how many the axis
        is not known) and `reason` over the further dimensions of the measure. With several axes also over
        `axis`, and `difference` with its `_low` and `_high` and `shared_points` over (axis, other): R² less
        that on the other axis, over the checkpoints that both predict, at least four. The NaN of a measure
        that is constant, of one model, of too little overlap or of an axis that is constant or unknown has
        its reason in words; it is empty elsewhere.

    Raises:
        ValueError: a dimension or coordinate is absent, or the settings give no interval.
    """
    names = [axis] if isinstance(axis, str) else list(axis)
    uncertainty = Uncertainty(span=span, resamples=resamples, confidence=confidence, seed=seed)
    _require(measure, replicates, names=names, by=by)
    others = [str(name) for name in measure.dims if name not in {"model", "checkpoint"}]
    found = [
        _align_one(one, _like(replicates, one, index), names=names, by=by, uncertainty=uncertainty)
        for index, one in _each(measure, others)
    ]
    combined = _stack(found, measure, others)
    return combined if not isinstance(axis, str) else combined.isel(axis=0, drop=True)[_OF_ONE]


_OF_ONE = ["r_squared", "low", "high", "points", "missing", "reason"]


def _align_one(
    measure: xr.DataArray,
    replicates: xr.DataArray | None,
    *,
    names: Sequence[str],
    by: str,
    uncertainty: Uncertainty,
) -> xr.Dataset:
    """Over axis and (axis, other), of a measure over (model, checkpoint)."""
    values = measure.transpose("model", "checkpoint")
    rng = np.random.default_rng(uncertainty.seed)
    known = np.isfinite(values.values)
    y = _samples(values, replicates, uncertainty.resamples, rng)[:, known.ravel()]
    weights = weigh_checkpoints(known, resamples=uncertainty.resamples, rng=rng)[:, known]
    counts = np.concatenate([np.ones((1, y.shape[1])), weights])
    group = np.broadcast_to(np.unique(values[by].values, return_inverse=True)[1][:, None], known.shape)[known]
    predicted, reasons, missing = [], [], []
    for name in names:
        points = Points(along_axis(values, name)[known], y, group)
        missing.append(int(np.isnan(points.x).sum()))
        predicted.append(predict_held_out(points, counts, span=uncertainty.span))
        first = Points(points.x, y[:1], group)
        reasons.append(why_not(first, predicted[-1][0], axis=name.replace("_", " ")))
    found = _measured(y, np.stack(predicted), counts, names=names, reasons=reasons, uncertainty=uncertainty)
    return found.assign(missing=("axis", missing))


def _measured(
    y: Floats,
    predicted: Floats,
    counts: Floats,
    *,
    names: Sequence[str],
    reasons: Sequence[str],
    uncertainty: Uncertainty,
) -> xr.Dataset:
    """R² and differences from y and counts [sample, point] and what is predicted, [axis, sample, point]."""
    number = len(names)
    single, pairs = np.full((3, number), np.nan), np.full((3, number, number), np.nan)
    inside = np.isfinite(predicted[:, 0])
    usable = [not reason for reason in reasons]
    for i in range(number):
        if usable[i]:
            values = r_squared(y, predicted[i], counts)
            single[:, i] = values[0], *of_r_squared(values[0], values[1:], confidence=uncertainty.confidence)
        for j in range(i):
            both = inside[i] & inside[j]
            if usable[i] and usable[j] and both.sum() >= FEWEST_IN_RANGE:
                one, two = (r_squared(y[:, both], predicted[k][:, both], counts[:, both]) for k in (i, j))
                apart = one - two
                low, high = centred(apart[0], apart[1:], confidence=uncertainty.confidence)
                pairs[:, i, j], pairs[:, j, i] = (apart[0], low, high), (-apart[0], -high, -low)
    shared = (inside[:, None] & inside[None]).sum(axis=-1)
    return xr.Dataset(
        {
            **{name: ("axis", of) for name, of in zip(("r_squared", "low", "high"), single, strict=True)},
            "points": ("axis", inside.sum(axis=-1)),
            "reason": ("axis", np.array(reasons, dtype=object)),
            **{
                name: (("axis", "other"), of)
                for name, of in zip(("difference", "difference_low", "difference_high"), pairs, strict=True)
            },
            "shared_points": (("axis", "other"), shared),
        },
        coords={"axis": list(names), "other": list(names)},
    )


def _samples(
    values: xr.DataArray, replicates: xr.DataArray | None, resamples: int, rng: np.random.Generator
) -> Floats:
    """[1 + resample, point] the measure, and its replicates in a random order, if there are any."""
    first = np.where(np.isfinite(values.values), values.values, np.nan).reshape(1, -1).astype(np.float64)
    if replicates is None:
        return np.repeat(first, 1 + resamples, axis=0)
    drawn = replicates.transpose("replicate", "model", "checkpoint").values.reshape(-1, first.shape[1])
    # A sample may hold no token of a rare trend; it says nothing then.
    complete = drawn[(np.isfinite(drawn) | ~np.isfinite(first)).all(axis=1)]
    if len(complete) < FEWEST_SAMPLES:
        return np.repeat(first, 1 + resamples, axis=0)
    order = rng.permutation(np.arange(resamples) % len(complete))
    return np.concatenate([first, np.where(np.isfinite(first), complete[order], np.nan)])


def _each(measure: xr.DataArray, others: Sequence[str]) -> Iterator[tuple[dict[str, int], xr.DataArray]]:
    for place in np.ndindex(*(measure.sizes[name] for name in others)):
        index = dict(zip(others, place, strict=True))
        yield index, measure.isel(index)


def _like(
    replicates: xr.DataArray | None, measure: xr.DataArray, index: dict[str, int]
) -> xr.DataArray | None:
    if replicates is None:
        return None
    chosen = replicates.isel(index)
    return chosen.sel(model=measure["model"], checkpoint=measure["checkpoint"])


def _stack(found: Sequence[xr.Dataset], measure: xr.DataArray, others: Sequence[str]) -> xr.Dataset:
    shape = [measure.sizes[name] for name in others]
    labels = {name: of for name, of in measure.coords.items() if set(map(str, of.dims)) <= set(others)}
    stacked = xr.concat(found, dim="measure_", join="exact", coords="minimal", compat="override")
    combined = xr.Dataset(
        {
            name: (
                (*others, *map(str, of.dims[1:])),
                of.values.reshape(*shape, *of.shape[1:]),
                {"long_name": LONG_NAMES.get(str(name), "why R² is missing")},
            )
            for name, of in stacked.transpose("measure_", ...).data_vars.items()
        },
        coords={"axis": stacked["axis"].values, "other": stacked["other"].values, **labels},
    )
    for name in LONG_NAMES:
        combined[name].attrs["units"] = "1"
    return combined


def _require(
    measure: xr.DataArray, replicates: xr.DataArray | None, *, names: Sequence[str], by: str
) -> None:
    arrays.require(measure, "model", "checkpoint", what="a measure to align")
    for name in names:
        require_axis(measure, name)
    if by not in measure.coords or measure[by].dims != ("model",):
        raise ValueError(
            f"by={by!r} must be a coordinate over model, by which models are held out together; "
            "by='model' leaves out one at a time"
        )
    if replicates is not None:
        arrays.require(replicates, "replicate", *map(str, measure.dims), what="replicates of a measure")

"""Whether tokens that go up in a small model go up and then down in larger ones (section 3.2, Figure 4)."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from trajectories import arrays
from trajectories.trends.crossfit import CONFIDENCE, log_perplexity, rise_and_fall, turning_points
from trajectories.trends.series import fit_series
from trajectories.trends.subsets import select, start_position
from trajectories.trends.trajectory import by_model, ordered, start_index

Floats = NDArray[np.float64]

MEASURES = ("rise", "rise_low", "rise_high", "fall", "fall_low", "fall_high")  # nats
SHARES = ("share", "share_reversed")  # of all tokens
FEWEST_POINTS = 3  # of a slope with a p-value
PLACES = ("trough_checkpoint", "turning_checkpoint", "turning_validation_perplexity")


def find_double_descent(
    log_likelihood: xr.DataArray,
    trends: xr.Dataset,
    *,
    start: float = 0.1,
    model: str | None = None,
    significance: float = 0.05,
    resamples: int = 1000,
    seed: int = 0,
) -> xr.Dataset:
    """How the tokens that go upward in one model rise and then fall in each larger model.

    The curve is the log perplexity of the whole set from `start` on. Its trough and its turning point are the
    two checkpoints with the largest rise between them; the fall goes from the turning point to the last
    checkpoint. A maximum picked from noise looks like a rise, so both are picked on half of the documents and
    measured on the other half (see `crossfit.rise_and_fall`). `verdict` is "double descent" when the 95 %
    intervals of rise and fall both lie above 0, else "not shown"; it concerns one model at a time.

    `share` is the part of all tokens that go upward in the selecting model and, in the larger model, upward
    (slope > 0, p < `significance`) from `start` to the turning point and downward from there to the end.
    Slopes rather than end points, because a third of noise lies above both its neighbours. All tokens are
    those that have a trend in the selecting model. `share_reversed` are those that go downward first and
    upward then: a yardstick, because the t-test takes the noise of checkpoints for independent, and random
    walks pass it in both directions alike. NaN where fewer than three checkpoints lie on a side of the
    turning point.

    Args:
        log_likelihood: nats, over (model, checkpoint, token), models by increasing size, with the coordinates
            document, training_fraction and optionally validation_perplexity. Only tokens that are finite at
            all of the larger model's checkpoints from `start` on count, so that a curve is about one set.
        trends: what `fit_trends` returns, for the same models and tokens.
        start: one of the starts of `trends`.
        model: the selecting model, the first by default.
        significance: of the slopes of single tokens.
        resamples: number of splits and of bootstrap samples.
        seed: of the splits and samples.

    Returns:
        Dataset over the larger models: `rise` and `fall` (differences of log perplexity, nats) with `_low`
        and `_high`; `trough_checkpoint`, `turning_checkpoint` and `turning_validation_perplexity` on all
        documents; `share` and `share_reversed`; `verdict`. Attributes: `selected_by`, `selected_share` and
        the settings. Where fewer than four documents hold a selected token the numbers are NaN.

    Raises:
        ValueError: a dimension, coordinate, model or start is absent, or a model has fewer than three
            checkpoints from `start` on.
    """
    scores = ordered(log_likelihood, "log_likelihood")
    models = _model_names(scores)
    selecting = models[0] if model is None else model
    upward = select(trends, model=selecting, start=start, trend="upward")
    scores, upward = xr.align(scores, upward, join="exact")
    larger = models[models.index(selecting) + 1 :]
    tokens = int(trends["trend"].sel(model=selecting).isel(start=start_position(trends, start)).count())
    rng = np.random.default_rng(seed)
    rows = []
    for trajectory in by_model(scores.sel(model=larger)):
        curve = trajectory.isel(checkpoint=slice(start_index(trajectory, start), None), token=upward.values)
        complete = curve.isel(token=curve.notnull().all("checkpoint").values)
        rows.append(_measured(complete, tokens, significance=significance, resamples=resamples, rng=rng))
    return _labelled(rows, larger).assign_attrs(
        selected_by=selecting,
        selected_share=float(upward.sum()) / max(tokens, 1),
        start=start,
        significance=significance,
        resamples=resamples,
        seed=seed,
        confidence=CONFIDENCE,
    )


def _measured(
    curve: xr.DataArray, tokens: int, *, significance: float, resamples: int, rng: np.random.Generator
) -> dict[str, float]:
    """The numbers of one larger model from the log-likelihoods [checkpoint, token] of the selected tokens."""
    values = curve.values.astype(np.float64)
    sums, counts = _by_document(values, curve["document"].values)
    measured = rise_and_fall(sums, counts, resamples=resamples, rng=rng)  # [2, 3]
    row = dict(zip(MEASURES, measured.ravel().tolist(), strict=True))
    if np.isnan(measured).any():
        return row | dict.fromkeys((*PLACES, *SHARES), float("nan"))
    trough, peak = (
        int(at[0]) for at in turning_points(log_perplexity(np.ones((1, len(counts))), sums, counts))
    )
    turning = curve.isel(checkpoint=peak)
    validation = turning.coords.get("validation_perplexity", float("nan"))
    places = (curve["checkpoint"].values[trough], turning["checkpoint"], validation)
    shares = _rise_then_fall(np.exp(-values), peak, significance) / tokens
    return row | dict(zip((*PLACES, *SHARES), [*map(float, places), *shares], strict=True))


def _by_document(values: Floats, documents: NDArray[np.generic]) -> tuple[Floats, Floats]:
    """Sums [document, checkpoint] of values [checkpoint, token], and numbers of tokens [document]."""
    names, document = np.unique(documents, return_inverse=True)
    sums = [np.bincount(document, weights=at_checkpoint, minlength=len(names)) for at_checkpoint in values]
    return np.stack(sums, axis=1), np.bincount(document, minlength=len(names)).astype(np.float64)


def _rise_then_fall(perplexity: Floats, peak: int, significance: float) -> Floats:
    """[2] how many series of [checkpoint, token] go up until the peak and down after it, and the reverse."""
    sides = perplexity[: peak + 1], perplexity[peak:]
    if min(len(side) for side in sides) < FEWEST_POINTS:
        return np.full(2, np.nan)
    fits = (fit_series(side, np.arange(len(side), dtype=float), [0]) for side in sides)
    before, after = (np.where(fit.p_value < significance, np.sign(fit.slope), 0) for fit in fits)
    return np.array([((before > 0) & (after < 0)).sum(), ((before < 0) & (after > 0)).sum()], dtype=float)


def _labelled(rows: list[dict[str, float]], models: list[str]) -> xr.Dataset:
    names = (*MEASURES, *PLACES, *SHARES)
    found = xr.Dataset(
        {name: ("model", np.array([row[name] for row in rows], dtype=float)) for name in names},
        coords={"model": np.array(models, dtype=str)},
    )
    for name in MEASURES:
        found[name].attrs = {"long_name": f"{name.split('_')[0]} of the log perplexity", "units": "nats"}
    shown = (found["rise_low"] > 0) & (found["fall_low"] > 0)
    return found.assign(verdict=("model", np.where(shown, "double descent", "not shown")))


def _model_names(scores: xr.DataArray) -> list[str]:
    arrays.require(scores, "model", what="log_likelihood")
    if "document" not in scores.coords:
        raise ValueError(
            f"log_likelihood needs the coordinate 'document' over token, "
            f"got {sorted(map(str, scores.coords))}; add it with assign_coords(document=...)"
        )
    return [str(name) for name in scores["model"].values]

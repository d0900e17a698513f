"""Whether perplexity of a set of texts falls, rises, or falls then rises along training (section 4.3)."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from trajectories.generation.perplexity import text_sums
from trajectories.generation.resampling import (
    FEWEST_TEXTS,
    Halves,
    interval,
    log_perplexity,
    require_settings,
    split,
    text_sets,
)
from trajectories.scoring.labels import EDGE

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Row = dict[str, float | str]

FEWEST_CHECKPOINTS = 8  # six second differences tell the jitter, and each half of the checkpoints has four
LAST = 3  # checkpoints whose mean is the end
NEXT = 4  # checkpoints whose mean is the trough: two beside that picked from either half
NORMAL_QUARTILE = float(stats.norm.ppf(0.75))  # median of the absolute value of standard normal noise
FALLS, RISES, TURNS, FLAT = "falls", "rises", "falls then rises", "flat"
UNCLEAR, UNMEASURED = "unclear", "unmeasured"
VERDICTS: dict[tuple[bool | None, bool | None], str] = {  # does it fall, does it rise; None is undecided
    (True, False): FALLS,
    (False, True): RISES,
    (True, True): TURNS,
    (False, False): FLAT,
    (True, None): "falls, rise unclear",
    (None, True): "rises, fall unclear",
}
SHAPES = (*VERDICTS.values(), UNCLEAR, UNMEASURED)  # all verdicts
DEPTHS = ("fall", "fall_low", "fall_high", "rise", "rise_low", "rise_high")  # nats
PLACES = {"checkpoint": "1", "flops": "FLOP", "validation_perplexity": "1"}
TURNING = tuple(f"turning_{place}{end}" for place in PLACES for end in ("", "_low", "_high"))
WITHOUT: Row = {**dict.fromkeys((*DEPTHS, *TURNING, "jitter"), float("nan")), "verdict": UNMEASURED}


def trajectory_shapes(
    scores: xr.Dataset,
    *,
    start: float = 0.0,
    least: float = 0.1,
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> xr.Dataset:
    """How far each model's log perplexity of every set of texts falls to its trough and rises from there.

    The fall goes from the first checkpoint that counts to the trough, the rise from the trough to the mean of
    the last three checkpoints. A minimum picked from noise looks like a turn, and two kinds of noise are at
    hand: that of the texts, and the jitter of the checkpoints, which moves all texts together because it is
    in the weights. So both are split. The trough is picked on a random half of the texts among every other
    checkpoint; its depth is measured on the other texts, as the mean of the two checkpoints beside it, which
    took no part in the choice. All four ways are averaged. A trough that is narrower than three checkpoints
    is measured too shallow, never too deep.

    The estimates are means over random halves. The intervals combine (in quadrature) those over texts drawn
    with replacement within each half, and the jitter's standard error times Student's t. The jitter is the
    standard deviation of what differs from one checkpoint to the next around a straight line, from the median
    of absolute second differences, so that neither a fast fall early on nor a few outliers count. Noise that
    lasts over several checkpoints cannot be told from the shape.

    A model falls, or rises, where the interval lies above `least`, and does not where it lies below; else
    that is unclear.

    By default every checkpoint counts, so the fall from the uniform guess is part of the shape: larger models
    "improve at first, then shift away" reads "falls then rises". Such a trajectory cannot only rise; one that
    begins beyond its trough can, as those of the paper's largest models do. A later `start` asks about the
    part of training after it.

    Args:
        scores: `log_likelihood` (model, checkpoint, sequence) in nats and `tokens` (model, sequence), with
            the coordinates of texts over sequence, family over model, and training_fraction, flops and
            validation_perplexity over (model, checkpoint). Of each model the checkpoints count that it has,
            and the texts that it judges at all of these.
        start: fraction of training from which checkpoints count.
        least: smallest fall and rise that count, nats; 0.1 is a tenth of the perplexity.
        resamples: number of splits and of bootstrap samples.
        seed: of the splits and samples.
        confidence: of the intervals.

    Returns:
        Over (set, model), set as in `inverse_scaling.size_trends`: `fall` and `rise` with `_low` and
        `_high`, and `jitter`, nats; `verdict`: "falls", "rises", "falls then rises", "flat", "falls, rise
        unclear", "rises, fall unclear" or "unclear"; `checkpoints` and `texts`. Where it falls then rises,
        the trough on all texts as `turning_checkpoint`, `turning_flops` and `turning_validation_perplexity`,
        each with `_low` and `_high`: from the troughs of bootstrap samples with as much jitter again, one
        checkpoint further out, since the turn may lie anywhere between neighbours; NaN elsewhere. With fewer
        than eight checkpoints or texts the numbers are NaN, the verdict is "unmeasured", and `reason` says
        why. The attribute `family` is that of the first model.

    Raises:
        ValueError: a dimension is absent, or the settings give no interval.
    """
    require_settings(resamples=resamples, confidence=confidence)
    log_likelihood, counts = text_sums(scores)
    sets, members = text_sets(scores)
    present = np.isfinite(log_likelihood).any(axis=2) & (_over(scores, "training_fraction") >= start - EDGE)
    places = np.stack([_over(scores, name) for name in PLACES])
    rows = []
    for texts in members:
        for model in range(len(counts)):
            at = np.flatnonzero(present[model])
            curves, tokens = log_likelihood[model][np.ix_(at, texts)].T, counts[model, texts]
            complete = np.isfinite(curves).all(axis=1) & (tokens > 0)
            used = int(complete.sum())
            reason = _lack(checkpoints=len(at), texts=used)
            row: Row = {"checkpoints": float(len(at)), "texts": float(used), "reason": reason}
            if not reason:
                drawn = split(used, resamples=resamples, seed=seed)
                found, trough = _shape(
                    curves[complete], tokens[complete], drawn, least=least, seed=seed, confidence=confidence
                )
                row |= found
                if found["verdict"] == TURNS:
                    row |= _turning(places[:, model, at[trough]])
            rows.append(WITHOUT | row)
    return _labelled(rows, sets, scores).assign_attrs(
        family=str(scores["family"].values[0]),
        start=start,
        least=least,
        resamples=resamples,
        seed=seed,
        confidence=confidence,
    )


def checkpoint_jitter(curve: Floats) -> float:
    """Standard deviation of independent noise in a curve [checkpoint], whatever line it follows.

    From its second differences, whose variance is six times that of the noise (as Gasser, Sroka and
    Jennen-Steinmetz, 1986, of their neighbours), through the median of their absolute values.
    """
    return float(np.median(np.abs(np.diff(curve, 2))) / (NORMAL_QUARTILE * np.sqrt(6)))


def _shape(
    curves: Floats,
    counts: Floats,
    drawn: tuple[Halves, Halves],
    *,
    least: float,
    seed: int,
    confidence: float,
) -> tuple[Row, Indices]:
    """Numbers and verdict of one set under one model, and the index of the trough with its interval, [3].

    Args:
        curves: [text, checkpoint], summed log-likelihood of each text, nats.
        counts: [text], its tokens.
        drawn: random halves of the texts, and texts drawn within such halves.
        least: fall and rise that count, nats.
        seed: of the jitter that is added to samples.
        confidence: of the intervals.
    """
    counts = counts[:, None]
    whole = log_perplexity(np.ones((1, len(counts))), curves, counts)[0]
    jitter = checkpoint_jitter(whole)
    depths = _depths(curves, counts, drawn, jitter=jitter, confidence=confidence)
    fall, rise = (_decided(low, high, least) for _, low, high in depths.tolist())
    row: Row = {
        **dict(zip(DEPTHS, depths.ravel().tolist(), strict=True)),
        "jitter": jitter,
        "verdict": VERDICTS.get((fall, rise), UNCLEAR),
    }
    again = log_perplexity(drawn[1].one + drawn[1].other, curves, counts)
    again += jitter * np.random.default_rng(seed).standard_normal(again.shape)
    return row, _trough(whole, again, confidence)


def _depths(
    curves: Floats, counts: Floats, drawn: tuple[Halves, Halves], *, jitter: float, confidence: float
) -> Floats:
    """Fall and rise with their intervals, [2, 3], from curves [text, checkpoint] and counts [text, 1]."""
    measured = (
        _crossed(*(log_perplexity(weights, curves, counts) for weights in halves)) for halves in drawn
    )
    estimate, bootstrap = next(measured).mean(axis=1), next(measured)
    low, high = interval(bootstrap.T, texts=len(counts), confidence=confidence)
    checkpoints = curves.shape[1]
    student = stats.t.ppf((1 + confidence) / 2, checkpoints - LAST)
    shared = student * jitter * np.sqrt(1 / NEXT + 1 / np.array([1, LAST]))  # of the fall, of the rise
    below = np.hypot(np.maximum(estimate - low, 0), shared)
    above = np.hypot(np.maximum(high - estimate, 0), shared)
    return np.stack([estimate, estimate - below, estimate + above], axis=1)


def _crossed(one: Floats, other: Floats) -> Floats:
    """[2 (fall, rise), resample] from the curves [resample, checkpoint] of either half of the texts."""
    picked = (
        (curves, first + 2 * of_others[:, first::2].argmin(axis=1))
        for curves, of_others in ((one, other), (other, one))
        for first in (0, 1)
    )
    found: Floats = np.mean([_measured(curves, trough) for curves, trough in picked], axis=0)
    return found


def _measured(curves: Floats, trough: Indices) -> Floats:
    """[2, resample] fall and rise, the trough's depth taken beside it: from one neighbour at either end."""
    last = curves.shape[1] - 1
    beside = np.stack(
        [np.where(trough, trough - 1, 1), np.where(trough < last, trough + 1, last - 1)], axis=1
    )
    lowest = np.take_along_axis(curves, beside, axis=1).mean(axis=1)
    return np.stack([curves[:, 0] - lowest, curves[:, -LAST:].mean(axis=1) - lowest])


def _decided(low: float, high: float, least: float) -> bool | None:
    return True if low > least else False if high < least else None


def _trough(whole: Floats, again: Floats, confidence: float) -> Indices:
    """[3] where the curve [checkpoint] is lowest, and ends of that from curves [resample, checkpoint]."""
    tail = (1 - confidence) / 2
    # Of those that occurred: an index between two of them would be none.
    ends = np.quantile(again.argmin(axis=1), [tail, 1 - tail], method="inverted_cdf")
    at = int(whole.argmin())
    low, high = min(at, int(ends[0])) - 1, max(at, int(ends[1])) + 1
    return np.array([at, max(low, 0), min(high, len(whole) - 1)])


def _turning(places: Floats) -> Row:
    """The turning point from the places [place, 3] of the trough."""
    # Earlier is a higher perplexity: of either place the smaller value is the lower end.
    ends = places[:, 1:].min(axis=1), places[:, 1:].max(axis=1)
    return dict(zip(TURNING, np.column_stack([places[:, 0], *ends]).ravel().tolist(), strict=True))


def _lack(*, checkpoints: int, texts: int) -> str:
    """Why there is no shape; empty where there is one."""
    if not texts:
        return "not judged"
    if checkpoints < FEWEST_CHECKPOINTS:
        return f"{checkpoints} checkpoint{'s' * (checkpoints > 1)}"
    return f"{texts} text{'s' * (texts > 1)}" if texts < FEWEST_TEXTS else ""


def _over(scores: xr.Dataset, name: str) -> Floats:
    """A coordinate over [model, checkpoint], also where all models have the same; NaN where it is absent."""
    values = scores.coords.get(name, xr.DataArray(np.nan)).broadcast_like(
        scores["log_likelihood"].isel(sequence=0)
    )
    found: Floats = values.transpose("model", "checkpoint").values.astype(np.float64)
    return found


def _labelled(rows: list[Row], sets: xr.Coordinates, scores: xr.Dataset) -> xr.Dataset:
    shape = (-1, scores.sizes["model"])
    found = {name: (("set", "model"), np.reshape([row[name] for row in rows], shape)) for name in rows[0]}
    of_models = {name: of.variable for name, of in scores.coords.items() if of.dims == ("model",)}
    shapes = xr.Dataset(found, coords=sets).assign_coords(of_models)
    for name in DEPTHS:
        shapes[name].attrs = {"long_name": f"{name.split('_')[0]} of the log perplexity", "units": "nats"}
    shapes["jitter"].attrs = {"long_name": "jitter of the checkpoints' log perplexity", "units": "nats"}
    for name in TURNING:
        shapes[name].attrs = {"long_name": name.replace("_", " "), "units": PLACES[_place(name)]}
    return shapes


def _place(name: str) -> str:
    return name.removeprefix("turning_").removesuffix("_low").removesuffix("_high")

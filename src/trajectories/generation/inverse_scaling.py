"""Whether larger models find a text more or less likely: the trend of perplexity over sizes (section 4.3)."""

import json

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from trajectories.generation.perplexity import distinct, text_sums
from trajectories.generation.resampling import (
    FEWEST_TEXTS,
    bootstrap,
    interval,
    log_perplexity,
    require_settings,
    text_sets,
)
from trajectories.scoring.gather import final
from trajectories.scoring.labels import EDGE
from trajectories.scoring.sequence_gather import CHANGES

Floats = NDArray[np.float64]

INVERSE, NORMAL, FLAT = "inverse", "normal", "flat"
MIXED, UNCLEAR, UNMEASURED = "mixed", "unclear", "unmeasured"
TRENDS = (INVERSE, NORMAL, FLAT, MIXED, UNCLEAR, UNMEASURED)  # all verdicts
FEWEST_FOR_TREND = 3  # sizes; two give a difference
EARLIER = "earlier_checkpoints"  # attribute, JSON by model as those of CHANGES
MEASURES = ("slope", "slope_low", "slope_high", "kendall_tau", "sizes", "texts")
LONG_NAMES = {
    "slope": "change of log perplexity from a model to one of ten times its parameters",
    "slope_low": "lower end of the slope's interval",
    "slope_high": "upper end of the slope's interval",
    "kendall_tau": "Kendall's tau of perplexity and parameters",
    "sizes": "different sizes",
    "texts": "texts",
}


def size_trends(
    scores: xr.Dataset,
    *,
    least: float = 0.05,
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Trend of log perplexity over sizes, of every set of texts under the final checkpoints of each family.

    The slope is that of least squares of log perplexity (nats per token) against log10 of the parameters, one
    point per model. Its interval is that of `resampling.interval` over sets of texts drawn with replacement,
    the same texts for all models: it tells how far the trend of these models depends on the texts at hand,
    not what other models, seeds or checkpoints would give.

    The verdict is "inverse" where the interval lies above 0, "normal" where it lies below, "flat" where all
    of it is closer to 0 than `least`, else "unclear". With three sizes or more it must hold for the slope
    without any one of them too, or else is "mixed": a size goes against the others. Two sizes give a
    difference rather than a trend.

    Args:
        scores: `log_likelihood` (model, checkpoint, sequence) in nats and `tokens` (model, sequence), with
            the coordinates family and parameters over model, and those of texts over sequence. Texts that one
            of a family's models lacks are left out, and models that have none. The last checkpoint at which
            a model has any counts, also where others of its family were trained further: a fraction of
            training that was skipped says less than the size would if it were left out.
        least: slopes closer to 0 count as flat, nats per token.
        resamples: number of bootstrap samples.
        seed: of the samples.
        confidence: of the interval.

    Returns:
        `slope` with `_low` and `_high`, `kendall_tau`, `sizes`, `texts` and `verdict` over (set, family), set
        with the coordinates of its texts (source, kind, rate, configuration, method, new_tokens, ...); tau is
        NaN below three sizes. Where there are fewer than two sizes or eight texts the numbers are NaN, the
        verdict is "unmeasured", and `reason` says why; it is empty elsewhere. Attributes: `family`, that of
        the first model; `earlier_checkpoints`, JSON of the models whose last checkpoint lies before others'
        of their family, with its fraction of training; `texts_cut` and `texts_dropped` as in the scores.

    Raises:
        ValueError: a dimension is absent, or the settings give no interval.
    """
    require_settings(resamples=resamples, confidence=confidence)
    _, counts = text_sums(scores)
    last = final(scores["log_likelihood"]).transpose("model", "sequence").values.astype(np.float64)
    sets, members = text_sets(scores)
    families, family = distinct(scores["family"])
    parameters = scores["parameters"].values.astype(np.float64)
    rows = []
    for texts in members:
        for index in range(len(families)):
            of_set = np.ix_(family == index, texts)
            sums, tokens, sizes = _complete(last[of_set], counts[of_set], parameters[family == index])
            drawn = bootstrap(max(1, len(sums)), resamples=resamples, seed=seed)
            rows.append(_row(sums, tokens, sizes, drawn=drawn, least=least, confidence=confidence))
    shape = (len(members), len(families))
    found = {
        name: (("set", "family"), np.reshape([row[name] for row in rows], shape))
        for name in (*MEASURES, "verdict", "reason")
    }
    trends = xr.Dataset(found, coords=sets).assign_coords(family=families)
    for name, long_name in LONG_NAMES.items():
        trends[name].attrs = {"long_name": long_name, "units": "nats" if name.startswith("slope") else "1"}
    return trends.assign_attrs(
        {name: scores.attrs[name] for name in CHANGES if name in scores.attrs},
        family=str(families[0]),
        least=least,
        resamples=resamples,
        seed=seed,
        confidence=confidence,
        **{EARLIER: json.dumps(_earlier(scores))},
    )


def _earlier(scores: xr.Dataset) -> dict[str, float]:
    """Fraction of training of the last checkpoint of each model of whose family another got further."""
    if "training_fraction" not in scores.coords:
        return {}
    known = scores["log_likelihood"].notnull().any("sequence")
    last = scores["training_fraction"].where(known).max("checkpoint")  # [model], NaN where nothing is known
    furthest = last.groupby(scores["family"]).max().sel(family=scores["family"])
    behind = last.where(last < furthest - EDGE).dropna("model")
    return dict(zip(map(str, behind["model"].values), behind.values.tolist(), strict=True))


def _complete(last: Floats, counts: Floats, parameters: Floats) -> tuple[Floats, Floats, Floats]:
    """Log-likelihoods and tokens [text, model] of texts that all models have, and the sizes of these models.

    Args:
        last: [model, text], nats.
        counts: [model, text].
        parameters: [model].
    """
    known = np.isfinite(last) & (counts > 0)
    models = known.any(axis=1)
    texts = known[models].all(axis=0)
    return last[models][:, texts].T, counts[models][:, texts].T, parameters[models]


def _row(
    sums: Floats, counts: Floats, parameters: Floats, *, drawn: Floats, least: float, confidence: float
) -> dict[str, float | str]:
    """The numbers of one set under one family, from [text, model] and [model]."""
    texts, sizes = len(sums) if len(parameters) else 0, len(np.unique(parameters))
    reason = _lack(texts, sizes)
    row = dict(zip(MEASURES, [*[float("nan")] * 4, float(sizes), float(texts)], strict=True))
    if reason:
        return {**row, "verdict": UNMEASURED, "reason": reason}
    size = np.log10(parameters)
    whole = log_perplexity(np.ones((1, texts)), sums, counts)
    slopes = _slope(size, log_perplexity(drawn, sums, counts))
    low, high = interval(slopes, texts=texts, confidence=confidence).tolist()
    trend = sizes >= FEWEST_FOR_TREND
    without = _without_each(size, whole) if trend else np.empty(0)
    tau = float(stats.kendalltau(parameters, whole[0]).statistic) if trend else float("nan")
    measured = {
        "slope": _slope(size, whole).item(),
        "slope_low": low,
        "slope_high": high,
        "kendall_tau": tau,
    }
    verdict = _verdict(low, high, without, least)
    return {**row, **measured, "verdict": verdict, "reason": ""}


def _verdict(low: float, high: float, without: Floats, least: float) -> str:
    """What the interval says, if the slopes without each size [size] say so too."""
    if low > 0:
        return INVERSE if (without > 0).all() else MIXED
    if high < 0:
        return NORMAL if (without < 0).all() else MIXED
    if max(-low, high) < least:
        return FLAT if (np.abs(without) < least).all() else MIXED
    return UNCLEAR


def _without_each(size: Floats, curve: Floats) -> Floats:
    """[size] the slopes of curve [1, model] without the models of one size."""
    left = [size != one for one in np.unique(size)]
    return np.concatenate([_slope(size[kept], curve[:, kept]) for kept in left])


def _slope(x: Floats, y: Floats) -> Floats:
    """[row] slope of least squares of y [row, point] against x [point]."""
    centred = x - x.mean()
    slope: Floats = y @ centred / (centred @ centred)
    return slope


def _lack(texts: int, sizes: int) -> str:
    """Why there is no trend; empty where there is one."""
    if not texts:
        return "not judged"
    if sizes < 2:
        return "one size"
    return f"{texts} text{'s' * (texts > 1)}" if texts < FEWEST_TEXTS else ""

"""Measures of section 4 along training: log perplexity of corrupted and of generated texts."""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from trajectories.alignment.measure import Measure, make_measure, over_draws, ratio
from trajectories.generation.perplexity import GENERATED, text_sums
from trajectories.generation.resampling import bootstrap, text_sets

CORRUPTED_TEXTS, GENERATED_TEXTS = "log perplexity of corrupted texts", "log perplexity of generated texts"
DRAWN_KINDS = ("clean", "replace")  # clean texts, and the paper's corruption
TEXTS = 2  # seed of the texts drawn


def text_measures(scores: xr.Dataset, *, resamples: int) -> Iterator[Measure]:
    """Log perplexity, nats per token, of every set of texts under the models of the analysed family.

    Args:
        scores: as in data/scores/sequences.nc.
        resamples: replicates of each measure, on texts drawn with replacement.
    """
    family = scores.isel(model=np.flatnonzero(scores["family"].values == scores.attrs["family"]))
    likelihood, tokens = text_sums(family)
    sets, members = text_sets(family)
    shortest = min((length for length in sets["new_tokens"].values if length > 0), default=0)
    for place, (label, texts) in enumerate(zip(sets["set"].values, members, strict=True)):
        is_generated = sets["source"].values[place] == GENERATED
        nats = np.moveaxis(likelihood[:, :, texts], -1, 0)  # [text, model, checkpoint]
        counts = np.where(np.isfinite(nats), tokens[:, texts].T[:, :, None], np.nan)
        draws = bootstrap(len(texts), resamples=resamples, seed=TEXTS)
        whole = -ratio(nats.sum(axis=0), counts.sum(axis=0))
        drawn = -ratio(over_draws(draws, nats), over_draws(draws, counts))
        values = xr.DataArray(
            whole,
            dims=("model", "checkpoint"),
            coords={name: family[name].values for name in ("model", "checkpoint")},
        )
        kind = GENERATED_TEXTS if is_generated else CORRUPTED_TEXTS
        headline = (
            sets["new_tokens"].values[place] == shortest
            if is_generated
            else sets["kind"].values[place] in DRAWN_KINDS
        )
        yield make_measure(kind, str(label), values, family, replicates=drawn, headline=bool(headline))

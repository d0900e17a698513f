"""Every measure along training that the pipeline makes of a suite."""

from collections.abc import Mapping, Sequence

import xarray as xr

from trajectories.alignment.measure import Measure
from trajectories.alignment.task_measures import task_measures
from trajectories.alignment.text_measures import text_measures
from trajectories.alignment.token_measures import token_measures
from trajectories.trends.subsets import nearest_start


def suite_measures(
    scores: xr.Dataset,
    trends: xr.Dataset,
    *,
    sequences: xr.Dataset,
    options: xr.Dataset,
    accuracy: xr.Dataset,
    groups: Mapping[str, Sequence[str]],
    start: float = 0.1,
    resamples: int = 500,
) -> list[Measure]:
    """Log perplexities of tokens by trend, of texts and of options, shares of trends, and accuracies.

    Args:
        scores: as in data/scores/tokens.nc.
        trends: as in data/trends.nc.
        sequences: as in data/scores/sequences.nc.
        options: as in data/downstream/options.nc.
        accuracy: as in data/downstream/accuracy.nc.
        groups: tasks by the name of their group.
        start: of the trends that select tokens, the nearest that there is.
        resamples: replicates of each measure, on documents, texts or examples drawn with replacement.
    """
    at = nearest_start(trends, start)
    return [
        *token_measures(scores, trends, start=at, resamples=resamples),
        *text_measures(sequences, resamples=resamples),
        *task_measures(options, accuracy, groups, resamples=resamples),
    ]

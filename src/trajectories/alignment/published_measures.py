"""Measures along training of published results, which come without tokens, texts or examples."""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from trajectories.alignment.measure import Measure, make_measure
from trajectories.alignment.task_measures import ACCURACY, ALL
from trajectories.alignment.token_measures import PERPLEXITY, SHARE, TRENDS, at_starts

MEANS = {"all": ALL}  # the names of means over tasks, where they are not those of groups


def published_measures(published: xr.Dataset) -> Iterator[Measure]:
    """Log perplexity of tokens by trend, shares of trends by their start, and accuracies.

    Args:
        published: as `trajectories.publications.published` gives it.
    """
    for subset in published["subset"].values:
        of_subset = published["subset_perplexity"].sel(subset=subset)
        selecting = published["label"].sel(model=of_subset["selected_by"].item()).item()
        name = f"{of_subset['subset_trend'].item()}, selected by {selecting}"
        yield make_measure(PERPLEXITY, name, _log(of_subset), published)
    labels = at_starts(published, published["in_table_2"], published["start"].values)
    for trend in TRENDS:
        share = published["share"].sel(trend=trend).rename(start="checkpoint")
        yield make_measure(SHARE, trend, share, labels)
    for task in map(str, published["task"].values):
        accuracy = published["accuracy"].sel(task=task)
        yield make_measure(ACCURACY, MEANS.get(task, task), accuracy, published)


def _log(perplexity: xr.DataArray) -> xr.DataArray:
    values: xr.DataArray = xr.apply_ufunc(np.log, perplexity)
    return values

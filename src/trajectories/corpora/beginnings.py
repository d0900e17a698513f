"""The beginnings of held-out documents, which are corrupted, and continued by models."""

import logging

import numpy as np
import xarray as xr

from trajectories import arrays
from trajectories.corpora.windows import ANALYSIS

log = logging.getLogger(__name__)


def document_beginnings(windows: xr.Dataset, count: int) -> xr.Dataset:
    """The first analysis window of each of the first `count` documents, in the order of the windows.

    All of them, and a warning, where the documents are fewer.

    Args:
        windows: `split` and `document` over window; the first analysis window of a document is its beginning.
        count: how many documents.

    Raises:
        ValueError: `count` is below 1, or there is no analysis window.
    """
    arrays.require(windows, "window", "position", what="held-out windows")
    if count < 1:
        raise ValueError(f"the number of texts must be at least 1, got {count}; raise it in conf/")
    analysis = windows.isel(window=np.flatnonzero(windows["split"].values == ANALYSIS))
    first = np.sort(np.unique(analysis["document"].values, return_index=True)[1])
    if not len(first):
        raise ValueError("texts need analysis windows, got none; raise suite.windows.analysis")
    if len(first) < count:
        log.warning(
            "%d texts were asked for and the held-out windows begin %d documents, which are all taken; "
            "more suite.windows.analysis begin more",
            count,
            len(first),
        )
    return analysis.isel(window=first[:count])

"""The first analysis window of a document is its beginning."""

import numpy as np
import pytest
import xarray as xr

from trajectories.corpora.beginnings import document_beginnings


def windows() -> xr.Dataset:
    """A validation window, two windows of document a, one each of b and c."""
    return xr.Dataset(
        {"token_id": (("window", "position"), np.arange(10).reshape(5, 2))},
        coords={
            "split": ("window", ["validation", "analysis", "analysis", "analysis", "analysis"]),
            "document": ("window", ["v", "a", "b", "a", "c"]),
        },
    )


def test_each_document_is_there_once_in_the_order_of_the_windows() -> None:
    assert document_beginnings(windows(), 3)["token_id"].values[:, 0].tolist() == [2, 4, 8]
    assert document_beginnings(windows(), 2)["document"].values.tolist() == ["a", "b"]


def test_where_documents_are_fewer_all_are_taken_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    assert document_beginnings(windows(), 7).sizes["window"] == 3
    assert "7 texts were asked for and the held-out windows begin 3 documents" in caplog.text


def test_windows_without_text_to_analyse_are_refused() -> None:
    with pytest.raises(ValueError, match="need analysis windows, got none"):
        document_beginnings(windows().isel(window=[0]), 1)
    with pytest.raises(ValueError, match="must be at least 1, got 0"):
        document_beginnings(windows(), 0)

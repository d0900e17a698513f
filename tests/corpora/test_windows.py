import copy
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from trajectories import arrays
from trajectories.corpora.docstrings import read_docstrings
from trajectories.corpora.documents import Document, Drawing
from trajectories.corpora.tokenizer import encode_documents, train_tokenizer
from trajectories.corpora.windows import cut_windows, describe_vocabulary, prepare_tokens, training_stream

BOUNDARY = 1
CONTEXT = 5  # the boundary token and four of a document
ENCODED = st.lists(st.lists(st.integers(2, 70_000), min_size=2, max_size=9), min_size=1, max_size=6)


def make(lengths: Mapping[str, list[int]]) -> tuple[list[Document], list[NDArray[np.int32]]]:
    """Documents of these numbers of tokens; every token is different, so it tells where it stands."""
    sizes = [(domain, size) for domain, group in lengths.items() for size in group]
    documents = [Document(f"{domain}/{number}", domain, "") for number, (domain, _) in enumerate(sizes)]
    encoded = [np.arange(size, dtype=np.int32) + 100 * (number + 1) for number, (_, size) in enumerate(sizes)]
    return documents, encoded


def cut(
    lengths: Mapping[str, list[int]], *, analysis: int, validation: int = 1, **changes: object
) -> xr.Dataset:
    documents, encoded = make(lengths)
    settings: dict[str, object] = {"context": CONTEXT, "boundary": BOUNDARY, "domains": set(lengths)}
    return cut_windows(
        documents,
        encoded,
        analysis=analysis,
        validation_per_domain=validation,
        **(settings | changes),  # type: ignore[arg-type]
    )


def split(windows: xr.Dataset, name: str) -> xr.Dataset:
    return windows.sel(window=windows["split"] == name)


@given(encoded=ENCODED, vocabulary=st.sampled_from([2**16, 2**16 + 1, 80_000]))
def test_the_stream_can_be_cut_back_into_documents(encoded: list[list[int]], vocabulary: int) -> None:
    tokens = [np.maximum(np.array(document, np.int32) % vocabulary, BOUNDARY + 1) for document in encoded]
    stream = training_stream(tokens, boundary=BOUNDARY, vocabulary=vocabulary)
    assert stream.dtype == (np.uint16 if vocabulary <= 2**16 else np.uint32)
    parts = np.split(stream, np.flatnonzero(stream == BOUNDARY))
    assert [part.size for part in (parts[0], parts[-1])] == [0, 1]
    assert [part[1:].tolist() for part in parts[1:-1]] == [document.tolist() for document in tokens]


def test_analysis_windows_are_the_beginnings_of_documents() -> None:
    windows = split(cut({"a": [9] * 6, "b": [4] * 6}, analysis=8), "analysis")
    documents, encoded = make({"a": [9] * 6, "b": [4] * 6})
    first = {document.name: tokens[:4].tolist() for document, tokens in zip(documents, encoded, strict=True)}
    for name, tokens in zip(windows["document"].values, windows["token_id"].values, strict=True):
        assert tokens.tolist() == [BOUNDARY, *first[name]]
    assert len(set(windows["document"].values)) == 8


def test_no_document_serves_both_analysis_and_validation() -> None:
    windows = cut({"a": [9] * 9, "b": [6] * 7}, analysis=10, validation=2)
    names = [
        {name for joined in split(windows, kind)["document"].values for name in joined.split(" + ")}
        for kind in ("analysis", "validation")
    ]
    assert names[0].isdisjoint(names[1])


def test_domains_share_the_analysis_windows_evenly() -> None:
    counts = Counter(
        split(cut({"a": [9] * 20, "b": [9] * 20, "c": [9] * 4}, analysis=17), "analysis")["domain"].values
    )
    assert counts == {"a": 7, "b": 7, "c": 3}


def test_documents_give_a_second_window_only_when_all_gave_a_first() -> None:
    windows = split(cut({"a": [12] * 4, "b": [12] * 4}, analysis=9), "analysis")
    assert sorted(Counter(windows["document"].values).values()) == [1, 1, 1, 2, 2, 2]
    second = windows["token_id"].values[6:]
    assert (second[:, 1] % 100 == 4).all()


def test_short_documents_serve_validation_but_not_analysis() -> None:
    windows = cut({"a": [2, 3, 9, 9, 3, 9]}, analysis=3, validation=1)
    assert split(windows, "validation")["token_id"].values.tolist() == [[BOUNDARY, 100, 101, BOUNDARY, 200]]
    assert split(windows, "validation")["document"].values.tolist() == ["a/0 + a/1"]
    assert set(split(windows, "analysis")["document"].values) == {"a/2", "a/3", "a/5"}


@given(
    lengths=st.lists(st.integers(2, 15), min_size=9, max_size=24),
    validation=st.integers(1, 3),
)
def test_a_boundary_in_a_validation_window_is_the_end_of_a_document(
    lengths: list[int], validation: int
) -> None:
    ends = {int(tokens[-1]) for tokens in make({"a": lengths})[1]}
    try:
        windows = cut({"a": lengths}, analysis=1, validation=validation)
    except ValueError:  # too little text
        assume(False)
    for window in split(windows, "validation")["token_id"].values:
        assert window[0] == BOUNDARY
        assert window.size == CONTEXT
        for before, token in pairwise(window[1:]):
            # Other than after a boundary, a token stands behind the one before it in its document.
            assert before in ends if token == BOUNDARY else token == before + 1 or before == BOUNDARY


def test_text_cut_at_the_end_of_a_window_is_followed_by_no_boundary() -> None:
    windows = split(cut({"a": [10, 3, 3, 9, 9, 9, 9, 9, 9]}, analysis=1, validation=4), "validation")
    assert windows["token_id"].values[:, 1:].tolist() == [
        [100, 101, 102, 103],
        [200, 201, 202, BOUNDARY],
        [300, 301, 302, BOUNDARY],
        [104, 105, 106, 107],
    ]


def test_every_domain_has_its_validation_windows() -> None:
    windows = split(cut({"a": [30] * 3, "b": [9] * 9}, analysis=1, validation=3), "validation")
    assert Counter(windows["domain"].values) == {"a": 3, "b": 3}
    assert (windows["token_id"][:, 0] == BOUNDARY).all()
    assert windows["token_id"].shape == (6, CONTEXT)


def test_windows_can_begin_with_text_alone() -> None:
    lengths = {"a": [10, 3, 3, 9, 9, 9, 9, 9, 9]}
    windows = cut(lengths, analysis=2, validation=3, starts_at_boundary=False)
    assert windows["token_id"].values.tolist() == [
        [400, 401, 402, 403, 404],
        [500, 501, 502, 503, 504],
        [100, 101, 102, 103, 104],
        [200, 201, 202, BOUNDARY, 300],  # documents are still told apart
        [105, 106, 107, 108, 109],
    ]


def test_too_few_analysis_windows_are_counted() -> None:
    with pytest.raises(
        ValueError,
        match=r"20 analysis windows of 4 tokens of text .* gives 4, from 2 documents .* lower suite",
    ):
        cut({"a": [9, 9, 9, 3]}, analysis=20)


def test_too_little_validation_text_is_counted() -> None:
    message = r"'a' needs 3 validation windows of 4 tokens of text and has text for 2 in 1 of its 3 .*; raise"
    with pytest.raises(ValueError, match=message):
        cut({"a": [8, 8, 8], "b": [30] * 3}, analysis=1, validation=3)


def test_a_training_domain_without_validation_text_is_named() -> None:
    with pytest.raises(
        ValueError, match=r"'c' has training text and no validation text; raise corpus\.held_out"
    ):
        cut({"a": [9] * 3}, analysis=1, domains={"a", "c"})


@pytest.mark.parametrize("context", [1, 0])
def test_a_context_that_predicts_nothing_is_refused(context: int) -> None:
    with pytest.raises(ValueError, match=rf"context of {context} tokens predicts nothing; .* 2 or more"):
        cut({"a": [9] * 3}, analysis=1, context=context)


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    corpus = read_docstrings({"standard_library": ["json"]}, Drawing(1, 200, 20_000))
    return train_tokenizer(corpus, vocabulary=300, context=64)


def test_the_vocabulary_is_counted_in_the_training_stream(tokenizer: PreTrainedTokenizerFast) -> None:
    text = "A fox — and 3 grapes."
    encoded = encode_documents([Document("fox", "fables", text)] * 2, tokenizer)
    stream = training_stream(encoded, boundary=BOUNDARY, vocabulary=300)
    described = describe_vocabulary(stream, tokenizer, vocabulary=310)
    frequency = described["training_frequency"].values
    assert frequency.shape == (310,)
    assert frequency.sum() == stream.size
    assert all(frequency[token] == np.sum(stream == token) for token in set(stream.tolist()))


def test_a_token_that_is_no_text_alone_reads_as_a_replacement_character(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    stream = training_stream([np.array([5, 6], np.int32)], boundary=BOUNDARY, vocabulary=300)
    texts = describe_vocabulary(stream, tokenizer, vocabulary=300)["token_text"].values.tolist()
    # Neither NumPy's nor netCDF's strings can end in the null character, which is a token as every byte is.
    assert texts == [tokenizer.decode([token]).rstrip("\0") for token in range(300)]
    assert "\ufffd" in texts
    assert texts[BOUNDARY] == "</s>"


TEXTS = {name: Document(name, "fables", f"{name}: " + "grapes hang high. " * 9) for name in "abcdef"}


def prepare(
    tokenizer: PreTrainedTokenizerFast, **settings: str
) -> tuple[NDArray[np.unsignedinteger[Any]], xr.Dataset]:
    return prepare_tokens(
        [TEXTS["a"], TEXTS["b"]],
        [TEXTS[name] for name in "cdef"],
        tokenizer,
        vocabulary=300,
        context=8,
        analysis=2,
        validation_per_domain=1,
        **settings,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("choice", "bos", "first", "boundary"),
    [
        ("auto", "<pad>", "bos", 0),
        ("auto", None, "eos", 1),
        ("bos", "<pad>", "bos", 0),
        ("eos", "<pad>", "eos", 1),
        ("none", "<pad>", "none", 1),
    ],
)
def test_what_texts_begin_with_is_chosen_and_recorded(
    tokenizer: PreTrainedTokenizerFast, choice: str, bos: str | None, first: str, boundary: int
) -> None:
    chosen = copy.deepcopy(tokenizer)
    chosen.bos_token = bos
    stream, windows = prepare(chosen, first_token=choice)
    assert windows.attrs["first_token"] == first
    assert windows.attrs.get("first_token_id") == (None if first == "none" else boundary)
    text = encode_documents([TEXTS["d"]], tokenizer)[0].tolist()
    begun = text[:8] if first == "none" else [boundary, *text[:7]]
    assert windows["token_id"].values[0].tolist() == begun
    assert windows["token_id"].shape == (3, 8)
    assert np.flatnonzero(stream == boundary).size == 3  # before each document and after the last


def test_texts_begin_as_they_always_did_where_nothing_is_chosen(tokenizer: PreTrainedTokenizerFast) -> None:
    stream, windows = prepare(tokenizer)
    assert (windows["token_id"][:, 0] == tokenizer.eos_token_id).all()
    assert windows.attrs == {
        "first_position": "token 1, which begins every text; it is context and never scored",
        "first_token": "bos",
        "first_token_id": 1,
    }
    again, same = prepare(tokenizer, first_token="auto")
    assert np.array_equal(stream, again)
    assert windows.identical(same)


def test_the_record_of_the_first_token_can_be_stored(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    windows = prepare(tokenizer)[1]
    arrays.write(windows, tmp_path / "windows.nc")
    with xr.open_dataset(tmp_path / "windows.nc") as stored:
        assert (stored.attrs["first_token"], stored.attrs["first_token_id"]) == ("bos", 1)

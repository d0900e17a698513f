import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given
from hypothesis import strategies as st

from trajectories import arrays
from trajectories.corpora.corruption import OPERATIONS, Corruption, corrupt, corrupted_texts

VOCABULARY, FIRST, UNSEEN, SPECIAL = 60, 1, 0, 2
KINDS = {
    "replace": Corruption("replace", (0.2, 0.6, 1.0)),
    "replace_vocabulary": Corruption("replace", (1.0,), pool="vocabulary"),
    "delete": Corruption("delete", (0.25, 0.5)),
    "repeat_spans": Corruption("repeat", (0.5,), span=3),
}
SETTINGS = {"texts": 4, "limit": 12, "seed": 7}


def make_windows(*, documents: int = 5, length: int = 20, first: int | None = FIRST) -> xr.Dataset:
    """Two windows of each document, the second ones last, then a validation window."""
    count = 2 * documents + 1
    ids = np.random.default_rng(0).integers(10, 40, size=(count, length)).astype(np.int32)
    if first is not None:
        ids[:, 0] = first
    names = [f"document-{number % documents}" for number in range(count - 1)]
    frequency = np.arange(VOCABULARY)  # token 0 does not occur
    return xr.Dataset(
        {"token_id": (("window", "position"), ids), "training_frequency": ("vocabulary", frequency)},
        coords={
            "split": ("window", ["analysis"] * (count - 1) + ["validation"]),
            "document": ("window", [*names, "held-out"]),
            "domain": ("window", ["algebra", "tables"] * (count // 2) + ["tables"]),
        },
        attrs={} if first is None else {"first_token_id": first},
    )


def of(texts: xr.Dataset, source: str) -> list[list[int]]:
    chosen = texts.isel(sequence=np.flatnonzero(texts["source"].values == source))
    rows = zip(chosen["token_id"].values, chosen["tokens"].values, strict=True)
    return [row[:count].tolist() for row, count in rows]


texts_of_tokens = st.lists(st.integers(0, 50), min_size=2, max_size=40).map(
    lambda ids: np.array(ids, np.int32)
)
rates = st.floats(0.01, 0.5)


@given(
    tokens=texts_of_tokens,
    operation=st.sampled_from(OPERATIONS),
    lower=rates,
    higher=rates,
    span=st.integers(1, 6),
    seed=st.integers(0, 9),
)
def test_noise_touches_as_many_tokens_as_asked_and_grows_with_the_rate(
    tokens: np.ndarray, operation: str, lower: float, higher: float, span: int, seed: int
) -> None:
    # Two tokens must be left of a text; another test is about fewer.
    assume(operation != "delete" or len(tokens) * (1 - max(lower, higher)) >= 2)

    def at(rate: float) -> np.ndarray:
        # Positions as tokens, and noise that is told from all of them.
        return corrupt(
            np.arange(len(tokens), dtype=np.int32),
            operation=operation,
            rate=rate,
            pool=np.array([1000], np.int32),
            seed=[seed],
            span=span,
            limit=100,
        )

    def touched(text: np.ndarray) -> set[int]:
        if operation in {"replace", "delete"}:
            return set(range(len(tokens))) - set(text.tolist())
        if operation == "repeat":
            values, counts = np.unique(text, return_counts=True)
            return set(values[counts == 2].tolist())
        return set(range(np.sum(text == 1000)))

    lower, higher = sorted((lower, higher))
    one, other = at(lower), at(higher)
    for rate, text in ((lower, one), (higher, other)):
        count = round(rate * len(tokens))
        assert len(touched(text)) == count
        sizes = {"replace": 0, "delete": -count, "insert": count, "repeat": count}
        assert len(text) == len(tokens) + sizes[operation]
    assert touched(one) <= touched(other)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("replace", [99] * 4),
        ("insert", [99, 99, 5, 6, 99, 99, 7, 8]),
        ("repeat", [5, 6, 5, 6, 7, 8, 7, 8]),
    ],
)
def test_spans_are_touched_together(operation: str, expected: list[int]) -> None:
    found = set()
    for seed in range(8):  # spans begin at the first token, or at the second
        text = corrupt(
            np.array([5, 6, 7, 8], np.int32),
            operation=operation,
            rate=1,
            pool=np.array([99], np.int32),
            seed=[seed],
            span=2,
        )
        found.add(tuple(text.tolist()))
    assert tuple(expected) in found
    assert len(found) <= 2


def test_a_span_that_is_touched_in_part_repeats_that_part_right_away() -> None:
    tokens = np.arange(6, dtype=np.int32)
    settings = {"operation": "repeat", "rate": 0.34, "pool": tokens, "span": 6}
    found = [corrupt(tokens, seed=[seed], **settings).tolist() for seed in range(20)]
    assert [0, 1, 0, 1, 2, 3, 4, 5] in found


def test_random_tokens_are_drawn_evenly_from_the_pool() -> None:
    pool = np.array([3, 3, 8], np.int32)
    drawn = corrupt(np.zeros(9000, np.int32), operation="replace", rate=1, pool=pool, seed=[1], limit=9000)
    assert set(drawn.tolist()) == {3, 8}
    assert np.mean(drawn == 3) == pytest.approx(2 / 3, abs=0.02)


def test_texts_are_the_beginnings_of_documents_without_their_first_token() -> None:
    windows = make_windows()
    texts = corrupted_texts(windows, KINDS, **SETTINGS)
    assert of(texts, "clean") == windows["token_id"].values[:4, 1:13].tolist()
    assert texts.attrs["first_token_id"] == FIRST
    xr.testing.assert_identical(corrupted_texts(windows.transpose(), KINDS, **SETTINGS), texts)
    clean = texts.isel(sequence=slice(4))
    assert clean["document"].values.tolist() == [f"document-{number}" for number in range(4)]
    assert clean["domain"].values.tolist() == ["algebra", "tables"] * 2
    without = corrupted_texts(make_windows(first=None), {}, **SETTINGS)
    assert "first_token_id" not in without.attrs
    assert of(without, "clean") == make_windows(first=None)["token_id"].values[:4, :12].tolist()


def test_sources_name_the_kind_and_the_rate() -> None:
    texts = corrupted_texts(make_windows(), KINDS, **SETTINGS)
    each = texts.isel(sequence=slice(None, None, 4))
    assert each["source"].values.tolist() == [
        "clean",
        "replace-0.2",
        "replace-0.6",
        "replace-1",
        "replace_vocabulary-1",
        "delete-0.25",
        "delete-0.5",
        "repeat_spans-0.5",
    ]
    assert each["kind"].values.tolist()[1:5] == ["replace"] * 3 + ["replace_vocabulary"]
    assert each["rate"].values.tolist() == [0, 0.2, 0.6, 1, 1, 0.25, 0.5, 0.5]


def test_texts_are_capped_and_padded_with_zeros() -> None:
    texts = corrupted_texts(make_windows(), KINDS, **SETTINGS)
    assert texts["token_id"].dtype == np.int32
    assert texts.sizes == {"sequence": 4 * 8, "position": 12}
    beyond = np.arange(12) >= texts["tokens"].values[:, None]
    assert not texts["token_id"].values[beyond].any()
    assert {len(text) for text in of(texts, "delete-0.25")} == {9}
    assert {len(text) for text in of(texts, "repeat_spans-0.5")} == {12}


def test_random_tokens_come_from_the_texts_or_from_the_vocabulary() -> None:
    windows = make_windows(documents=40)
    texts = corrupted_texts(windows, KINDS, texts=40, limit=12, seed=7, special=[SPECIAL])
    clean = {token for text in of(texts, "clean") for token in text}
    assert {token for text in of(texts, "replace-1") for token in text} <= clean
    drawn = {token for text in of(texts, "replace_vocabulary-1") for token in text}
    assert drawn == set(range(VOCABULARY)) - {FIRST, UNSEEN, SPECIAL}


def test_noise_does_not_depend_on_the_other_documents_but_for_the_pool() -> None:
    windows = make_windows()
    kinds = {name: kind for name, kind in KINDS.items() if name not in {"replace"}}
    all_of_them = corrupted_texts(windows, kinds, **SETTINGS)
    fewer = corrupted_texts(windows.isel(window=slice(2, None)), kinds, **{**SETTINGS, "texts": 2})
    for source in np.unique(fewer["source"]):
        assert of(fewer, source) == of(all_of_them, source)[2:]


def test_noise_depends_on_the_seed_the_document_and_the_kind() -> None:
    windows = make_windows()
    windows["token_id"][:] = windows["token_id"][0].values
    kinds = {"one": Corruption("delete", (0.5,)), "other": Corruption("delete", (0.5,))}
    one, again, other = (corrupted_texts(windows, kinds, texts=4, limit=12, seed=seed) for seed in (7, 7, 8))
    xr.testing.assert_identical(one, again)
    deleted = [tuple(text) for texts in (one, other) for kind in kinds for text in of(texts, f"{kind}-0.5")]
    assert len(set(deleted)) == len(deleted)


def test_texts_are_stored_and_read_again(tmp_path: object) -> None:
    texts = corrupted_texts(make_windows(), KINDS, **SETTINGS)
    arrays.write(texts, f"{tmp_path}/corrupted.nc")
    read = arrays.read(f"{tmp_path}/corrupted.nc")
    np.testing.assert_array_equal(read["token_id"], texts["token_id"])
    assert read["token_id"].dtype == np.int32
    assert int(read.attrs["first_token_id"]) == FIRST


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"operation": "swap"}, r"operation must be one of replace, delete, insert, repeat, got 'swap'"),
        ({"rates": (0.0,)}, r"rate of 'replace' must be above 0 and at most 1, got 0"),
        ({"rates": (0.5, 1.5)}, r"rate of 'replace' must be above 0 and at most 1, got 1\.5"),
        ({"rates": (float("nan"),)}, r"must be above 0 and at most 1, got nan"),
        (
            {"operation": "delete", "rates": (1.0,)},
            r"rate of 'delete' must be above 0 and below 1: .*, got 1",
        ),
        ({"rates": (0.2, 0.2)}, r"rates must differ, got 0\.2 more than once"),
        ({"pool": "internet"}, r"pool must be one of sequences, vocabulary, got 'internet'"),
        ({"span": 0}, r"span must be at least 1 token, got 0"),
    ],
)
def test_a_kind_that_makes_no_sense_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Corruption(**{"operation": "replace", "rates": (0.2,), **settings})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"texts": 0}, r"number of texts must be at least 1, got 0"),
        ({"limit": 1}, r"limit must be at least 2 tokens, .* got 1"),
        ({"kinds": {"clean": KINDS["replace"]}}, r"no kind of corruption can be named 'clean'"),
        ({"limit": 3, "kinds": {"cut": Corruption("delete", (0.6,))}}, r"delete at rate 0\.6 leaves 1 of 3"),
        ({"windows": make_windows(length=2)}, r"replace at rate 0\.2 leaves 1 of 1 tokens, and 2 are needed"),
        ({"windows": make_windows().drop_dims("vocabulary")}, r"a pool .* vocabulary .*missing: vocabulary"),
        ({"windows": make_windows().drop_dims("position")}, r"position"),
        ({"special": range(VOCABULARY)}, r"the pool of random tokens is empty"),
    ],
)
def test_what_cannot_be_corrupted_is_refused(changes: dict[str, object], message: str) -> None:
    given_all = {"windows": make_windows(), "kinds": KINDS, **SETTINGS, **changes}
    with pytest.raises(ValueError, match=message):
        corrupted_texts(given_all.pop("windows"), given_all.pop("kinds"), **given_all)

from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trajectories.corpora.documents import (
    Document,
    Drawing,
    column_text,
    in_order,
    read_documents,
    write_documents,
)

UNICODE = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NAMES = st.lists(st.text("abcdef/.", min_size=1, max_size=6), unique=True, min_size=1)


def numbered(texts: list[str], *, domain: str = "fables") -> list[Document]:
    return [Document(f"{number}.txt", domain, text) for number, text in enumerate(texts)]


@given(names=NAMES, seed=st.integers(0, 100), data=st.data())
def test_a_name_that_goes_away_leaves_the_others_in_their_order(
    names: list[str], seed: int, data: st.DataObject
) -> None:
    gone = data.draw(st.sampled_from(names))
    ordered = in_order(names, seed=seed, purpose="read")
    rest = in_order([name for name in reversed(names) if name != gone], seed=seed, purpose="read")
    assert rest == [name for name in ordered if name != gone]


def test_another_seed_or_purpose_draws_another_order() -> None:
    names = [str(number) for number in range(100)]
    orders = [in_order(names, seed=1, purpose="a"), in_order(names, seed=2, purpose="a")]
    assert orders[0] != orders[1] != in_order(names, seed=2, purpose="b")


def test_the_order_is_the_same_in_every_process_and_release() -> None:
    assert in_order(["a", "b", "c", "d", "e"], seed=7, purpose="read") == ["e", "a", "b", "c", "d"]


def test_no_more_documents_are_read_than_needed() -> None:
    endless = (Document(str(number), "fables", f"{number:04d} words") for number in count())
    assert len(list(Drawing(seed=1, minimum=1, characters=95).take(endless))) == 10
    assert next(endless).name == "10"


def test_short_and_repeated_texts_are_left_out() -> None:
    drawing = Drawing(seed=1, minimum=3, characters=None)
    taken = list(drawing.take(numbered(["abc", "ab", "abc", "abd"])))
    assert [document.name for document in taken] == ["0.txt", "3.txt"]


def test_every_domain_has_its_own_limit() -> None:
    texts = [f"text {number:03d}" for number in range(30)]
    documents = [Document(f"{text}-{domain}", domain, text) for text in texts for domain in ("b", "a")]
    taken = Drawing(seed=1, minimum=1, characters=40).of_each_domain(documents)
    assert [document.domain for document in taken] == ["a"] * 5 + ["b"] * 5


@given(texts=st.lists(UNICODE))
def test_documents_survive_their_file_byte_by_byte(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    path = tmp_path_factory.mktemp("documents") / "train.jsonl"
    documents = numbered(texts)
    write_documents(documents, path)
    assert read_documents(path) == documents


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    write_documents(numbered(["a", "b"]), path)
    path.write_text(path.read_text() + '{"name": "c"}\n')
    with pytest.raises(ValueError, match=r"train\.jsonl:3: not a document .*`dvc repro -f corpus`"):
        read_documents(path)


def test_an_absent_file_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"train\.jsonl does not exist; .*`dvc repro corpus`"):
        read_documents(tmp_path / "train.jsonl")


@pytest.mark.parametrize("value", [3, None, ["text"], "half a pair: \ud800"])
def test_what_is_not_unicode_text_is_refused_by_place(value: object) -> None:
    with pytest.raises(ValueError, match=r"rows:7: column 'text' must hold Unicode text, got .*text_column"):
        column_text({"text": value}, "text", setting="text_column", where="rows:7")

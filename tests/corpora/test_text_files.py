import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trajectories.corpora.documents import Document, Drawing
from trajectories.corpora.text_files import read_text_files

DRAWING = Drawing(seed=1, minimum=1, characters=None)


def read(path: Path, *, text_column: str = "text", domain_column: str | None = None) -> set[Document]:
    return set(read_text_files(path, DRAWING, text_column=text_column, domain_column=domain_column))


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    for folder in ("tales", "essays/long"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "tales" / "fox.txt").write_bytes("\ufeffA fox —\r\nand grapes.\n".encode())
    (tmp_path / "essays" / "long" / "of truth.txt").write_text("What is truth?")
    (tmp_path / "notes.jsonl").write_text('{"text": "one\u2028line", "kind": "notes"}\n\n{"text": "two"}\n')
    (tmp_path / "cover.png").write_bytes(b"\x89PNG")
    return tmp_path


def test_a_folder_gives_one_document_a_text_file_and_one_a_json_line(shelf: Path) -> None:
    assert read(shelf) == {
        Document("tales/fox.txt", "tales", "A fox —\nand grapes.\n"),
        Document("essays/long/of truth.txt", "essays", "What is truth?"),
        Document("notes.jsonl:1", "text", "one\u2028line"),
        Document("notes.jsonl:3", "text", "two"),
    }


def test_a_single_file_is_a_corpus(shelf: Path) -> None:
    assert {document.name for document in read(shelf / "notes.jsonl")} == {"notes.jsonl:1", "notes.jsonl:3"}
    assert read(shelf / "tales" / "fox.txt") == {Document("fox.txt", "text", "A fox —\nand grapes.\n")}


@given(texts=st.lists(st.text("ab ", max_size=30), min_size=20, max_size=300), minimum=st.integers(1, 30))
def test_a_document_alone_in_its_domain_is_split_at_blank_lines(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], minimum: int
) -> None:
    text = "\n\n".join(f"{number}. {text}." for number, text in enumerate(texts))
    path = tmp_path_factory.mktemp("shelf") / "book.txt"
    path.write_text(text)
    found = read_text_files(path, Drawing(1, minimum, None), text_column="text", domain_column=None)
    assert 2 <= len(found) <= 100
    assert min(len(document.text) for document in found) >= minimum
    numbered = {int(document.name.removeprefix("book.txt:")): document.text for document in found}
    assert "\n\n".join(numbered[number] for number in sorted(numbered)) == text
    assert sorted(numbered) == list(range(1, len(found) + 1))
    assert {document.domain for document in found} == {"text"}


def test_of_a_long_document_no_more_sections_are_taken_than_needed(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("\n\n".join(f"{number:09d}" for number in range(10_000)))
    found = read_text_files(tmp_path, Drawing(1, 1, 2_000), text_column="text", domain_column=None)
    assert 2_000 <= sum(len(document.text) for document in found) < 2_100
    assert len(found) > 50


def test_a_column_can_name_the_domain(tmp_path: Path) -> None:
    lines = [{"body": "a b", "kind": "x"}, {"body": "c d", "kind": "y"}]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, lines)))
    found = read(tmp_path, text_column="body", domain_column="kind")
    assert {(document.domain, document.text) for document in found} == {("x", "a b"), ("y", "c d")}


def test_the_corpus_is_the_same_wherever_it_lies(
    shelf: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "moved"
    before = read_text_files(shelf, DRAWING, text_column="text", domain_column=None)
    shelf.rename(elsewhere)
    assert read_text_files(elsewhere, DRAWING, text_column="text", domain_column=None) == before


def test_a_file_that_is_not_utf8_is_named_with_the_byte_and_the_remedy(shelf: Path) -> None:
    (shelf / "tales" / "crow.txt").write_bytes(b"a crow, caf\xe9 and cheese")
    with pytest.raises(
        ValueError, match=r"crow\.txt is not UTF-8: byte 0xe9 at offset 11; convert it.*iconv"
    ):
        read(shelf)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"txt": "a"}', r"notes\.jsonl:4: no column 'text', it has 'txt'; .*corpus\.text_column"),
        ("{}", r"notes\.jsonl:4: no column 'text', it has none"),
        ('{"text": 3}', r"notes\.jsonl:4: column 'text' must hold Unicode text, got 3"),
        ('["text"]', r"notes\.jsonl:4: a JSON list; a \.jsonl file holds one JSON object a line"),
        ("text", r"notes\.jsonl:4: not JSON"),
    ],
)
def test_a_bad_line_is_named(shelf: Path, line: str, message: str) -> None:
    with (shelf / "notes.jsonl").open("a") as lines:
        lines.write(line + "\n")
    with pytest.raises(ValueError, match=message):
        read(shelf)


def test_a_missing_domain_column_is_named(shelf: Path) -> None:
    with pytest.raises(ValueError, match=r"notes\.jsonl:3: no column 'kind', .*corpus\.domain_column"):
        read(shelf, domain_column="kind")


def test_a_folder_without_text_is_an_empty_corpus(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"empty corpus: .* holds no \.txt or \.jsonl file; put"):
        read(tmp_path)


def test_an_absent_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"corpus\.path is .*nowhere, which does not exist; name"):
        read(tmp_path / "nowhere")

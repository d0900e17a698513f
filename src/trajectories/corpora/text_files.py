"""Documents from the user's files: plain text, one document a file, and JSON lines, one document a line."""

import json
from collections.abc import Iterator
from pathlib import Path

from trajectories.corpora.documents import BREAK, Document, Drawing, by_domain, column_text

SUFFIXES = (".txt", ".jsonl")
SECTIONS = 100  # of a document that is alone in its domain, where its blank lines allow
DOMAIN = "text"  # of what lies in no sub-folder and names no domain itself


def read_text_files(
    path: Path, drawing: Drawing, *, text_column: str, domain_column: str | None
) -> list[Document]:
    """The documents of a .txt or .jsonl file, or of a folder of them.

    A document's domain is the value of `domain_column` in its JSON line, else the first sub-folder on its
    way. A document that is alone in its domain is split at blank lines into about `SECTIONS` documents, so
    that some can be held out.

    Raises:
        FileNotFoundError: `path` does not exist.
        ValueError: no such files, a file that is not UTF-8, a line without the text.
    """
    taken = drawing.of_each_domain(
        document
        for name, file in _files(path).items()
        for document in _documents(file, name, text_column=text_column, domain_column=domain_column)
    )
    documents: list[Document] = []
    for group in by_domain(taken).values():
        documents += group if len(group) > 1 else drawing.of_each_domain(_sections(group[0], drawing))
    return documents


def _files(path: Path) -> dict[str, Path]:
    if not path.exists():
        raise FileNotFoundError(
            f"corpus.path is {path}, which does not exist; name a file or folder that does"
        )
    found = [path] if path.is_file() else sorted(path.rglob("*"))
    files = [file for file in found if file.suffix in SUFFIXES and file.is_file()]
    if not files:
        raise ValueError(f"empty corpus: {path} holds no {' or '.join(SUFFIXES)} file; put documents there")
    root = path.parent if path.is_file() else path
    return {file.relative_to(root).as_posix(): file for file in files}


def _documents(file: Path, name: str, *, text_column: str, domain_column: str | None) -> Iterator[Document]:
    folder, _, below = name.partition("/")
    domain = folder if below else DOMAIN
    content = _decode(file)
    if file.suffix == ".txt":
        yield Document(name, domain, content)
        return
    for number, line in enumerate(content.split("\n"), start=1):
        if line.strip():
            where = f"{file}:{number}"
            row = _row(line, where=where)
            text = column_text(row, text_column, setting="text_column", where=where)
            if domain_column is not None:
                domain = column_text(row, domain_column, setting="domain_column", where=where)
            yield Document(f"{name}:{number}", domain, text)


def _sections(document: Document, drawing: Drawing) -> list[Document]:
    needed = min(len(document.text), drawing.characters or len(document.text))
    smallest = max(drawing.minimum, needed // SECTIONS, 1)
    sections: list[list[str]] = [[]]
    length = 0
    for paragraph in document.text.split(BREAK):
        if length >= smallest:
            sections.append([])
            length = 0
        sections[-1].append(paragraph)
        length += len(paragraph.strip())
    if length < smallest and len(sections) > 1:
        rest = sections.pop()
        sections[-1] += rest
    if len(sections) == 1:
        return [document]
    return [
        Document(f"{document.name}:{number}", document.domain, BREAK.join(paragraphs))
        for number, paragraphs in enumerate(sections, start=1)
    ]


def _decode(file: Path) -> str:
    content = file.read_bytes()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{file} is not UTF-8: byte 0x{content[error.start]:02x} at offset {error.start}; convert it, "
            f"for example with `iconv -f latin1 -t utf-8`, or take it out of the corpus"
        ) from error
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def _row(line: str, *, where: str) -> dict[str, object]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ValueError(
            f"{where}: not JSON ({error}); a .jsonl file holds one JSON object a line"
        ) from error
    if not isinstance(row, dict):
        raise ValueError(f"{where}: a JSON {type(row).__name__}; a .jsonl file holds one JSON object a line")
    return row

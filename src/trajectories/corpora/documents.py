"""Documents: named texts of a domain, the order they are drawn in, and the files they are kept in."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

BREAK = "\n\n"  # between paragraphs


@dataclass(frozen=True)
class Document:
    """A text with a name that is unique in its corpus and a domain."""

    name: str
    domain: str
    text: str


@dataclass(frozen=True)
class Drawing:
    """Which of a source's documents a corpus takes.

    In each domain documents come in an order drawn by `seed`, those shorter than `minimum` characters and
    repeated texts are left out, and no more are taken once there are `characters`; None: there is no limit.
    """

    seed: int
    minimum: int
    characters: int | None

    def order(self, names: Iterable[str]) -> list[str]:
        """The names in the order drawn."""
        return in_order(names, seed=self.seed, purpose="read")

    def take(self, documents: Iterable[Document]) -> Iterator[Document]:
        """What is taken of one domain's documents, given in order; no more of them are read than needed."""
        seen: set[str] = set()
        total = 0
        for document in documents:
            if len(document.text) < self.minimum or document.text in seen:
                continue
            seen.add(document.text)
            total += len(document.text)
            yield document
            if self.characters is not None and total >= self.characters:
                return

    def of_each_domain(self, documents: Iterable[Document]) -> list[Document]:
        """What is taken of all documents, given in any order."""
        taken: list[Document] = []
        for group in by_domain(documents).values():
            named = {document.name: document for document in group}
            taken += self.take(named[name] for name in self.order(named))
        return taken


def in_order(names: Iterable[str], *, seed: int, purpose: str) -> list[str]:
    """The names in an order drawn by `seed`; a name coming or going does not change that of the others."""

    def lot(name: str) -> bytes:
        return blake2b(f"{seed}/{purpose}/{name}".encode(), digest_size=16).digest()

    return sorted(names, key=lot)


def by_domain(documents: Iterable[Document]) -> dict[str, list[Document]]:
    """The documents of each domain, domains sorted by name."""
    groups: dict[str, list[Document]] = {}
    for document in documents:
        groups.setdefault(document.domain, []).append(document)
    return {domain: groups[domain] for domain in sorted(groups)}


def column_text(row: Mapping[str, Any], column: str, *, setting: str, where: str) -> str:
    """The text in a column of a row; raises ValueError naming the place and the setting of the column."""
    if column not in row:
        present = ", ".join(map(repr, row)) or "none"
        raise ValueError(f"{where}: no column '{column}', it has {present}; correct it or corpus.{setting}")
    value = row[column]
    try:
        value.encode()
    except (AttributeError, UnicodeEncodeError) as error:
        raise ValueError(
            f"{where}: column '{column}' must hold Unicode text, got {value!r:.60}; "
            f"correct it or corpus.{setting}"
        ) from error
    return str(value)


def write_documents(documents: Sequence[Document], path: Path) -> None:
    """One JSON object a line, with the fields of `Document`."""
    with path.open("w", encoding="utf-8", newline="\n") as lines:
        lines.writelines(json.dumps(asdict(document), ensure_ascii=False) + "\n" for document in documents)


def read_documents(path: Path) -> list[Document]:
    """The documents that `write_documents` wrote; raises FileNotFoundError or ValueError naming the line."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; make it with `dvc repro corpus`")
    documents = []
    with path.open(encoding="utf-8", newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                documents.append(Document(**json.loads(line)))
            except (TypeError, ValueError) as error:
                message = (
                    f"{path}:{number}: not a document ({error}); make it again with `dvc repro -f corpus`"
                )
                raise ValueError(message) from error
    return documents

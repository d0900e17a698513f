"""The rows of a tidy table of published values: what each may hold, and what is wrong with it."""

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COLUMNS = (
    "figure",
    "quantity",
    "task",
    "subset",
    "trend",
    "start",
    "model",
    "checkpoint",
    "evaluation",
    "value",
)
LABELS = COLUMNS[2:8]
PERPLEXITY, FRACTION = "perplexity", "fraction"

Names = Mapping[str, Sequence[str]]  # column → what may stand there


@dataclass(frozen=True)
class Quantity:
    """What a value is: the columns that label it, and its kind."""

    labels: tuple[str, ...]
    kind: str


QUANTITIES = {
    "validation_perplexity": Quantity(("model", "checkpoint"), PERPLEXITY),
    "checkpoint_validation_perplexity": Quantity(("model", "checkpoint"), PERPLEXITY),
    "subset_perplexity": Quantity(("subset", "model", "checkpoint"), PERPLEXITY),
    "accuracy": Quantity(("task", "model", "checkpoint"), FRACTION),
    "share": Quantity(("trend", "start", "model"), FRACTION),
}


@dataclass(frozen=True)
class Row:
    """One value.

    Attributes:
        place: File and line, for what may be wrong with it.
        figure: Number of the figure, "" where it is from none.
        quantity: A key of QUANTITIES.
        labels: As many as the quantity has, in their order.
        evaluation: Which of several at the same checkpoint.
        value: Perplexity or fraction.
    """

    place: str
    figure: str
    quantity: str
    labels: tuple[Any, ...]
    evaluation: int
    value: float


def read_comment(path: Path) -> str:
    """The lines before the header that begin with #, without it."""
    return " ".join(line.lstrip("#").strip() for line in _comments(_lines(path)))


def read_rows(path: Path, names: Names) -> Iterator[Row]:
    """The values of a table in their order.

    Args:
        path: A CSV file with the columns COLUMNS, after lines of comment that begin with #.
        names: Models, tasks, subsets and trends that are known.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A column is missing or a cell cannot be used; file, line and column are named.
    """
    lines = _lines(path)
    skipped = len(_comments(lines))
    reader = csv.DictReader(lines[skipped:])
    absent = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if absent:
        raise ValueError(
            f"{path}, line {skipped + 1}: the header lacks {', '.join(absent)}; "
            f"write the columns {','.join(COLUMNS)}"
        )
    known = {"quantity": tuple(QUANTITIES), **names}
    for cells in reader:
        place = f"{path}, line {skipped + reader.line_num}"
        if None in cells or None in cells.values():
            raise ValueError(
                f"{place}: needs {len(reader.fieldnames or ())} cells, as the header; add or remove commas"
            )
        yield _row(cells, place, known)


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise FileNotFoundError(f"there is no table of published values at {path}; correct the path")
    return path.read_text(encoding="utf-8").splitlines(keepends=True)


def _comments(lines: Sequence[str]) -> list[str]:
    count = next((at for at, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return list(lines[:count])


def _row(cells: Mapping[str, str], place: str, names: Names) -> Row:
    name = _known("quantity", cells["quantity"], place, names)
    quantity = QUANTITIES[name]
    for column in LABELS:
        if cells[column] and column not in quantity.labels:
            raise ValueError(
                f"{place}, column '{column}': {name} has none, got '{cells[column]}'; leave it empty"
            )
    return Row(
        place=place,
        figure=cells["figure"],
        quantity=name,
        labels=tuple(READERS[column](column, cells[column], place, names) for column in quantity.labels),
        evaluation=_whole("evaluation", cells["evaluation"] or "1", place, names),
        value=VALUES[quantity.kind]("value", cells["value"], place, names),
    )


def _known(column: str, cell: str, place: str, names: Names) -> str:
    if cell in names[column]:
        return cell
    remedy = "write one of them" + (", or tell of it in `models`" if column == "model" else "")
    raise ValueError(
        f"{place}, column '{column}': there is no {column} '{cell}'; known are {', '.join(names[column])}; "
        f"{remedy}"
    )


def _whole(column: str, cell: str, place: str, names: Names) -> int:
    del names
    if not (cell.isascii() and cell.isdigit()):
        raise ValueError(
            f"{place}, column '{column}': a whole number is needed, got '{cell}'; write it in digits"
        )
    return int(cell)


def _number(column: str, cell: str, place: str, names: Names) -> float:
    del names
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(
            f"{place}, column '{column}': a number is needed, got '{cell}'; "
            "write it with a decimal point, and leave out the row where there is none"
        )
    return number


def _fraction(column: str, cell: str, place: str, names: Names) -> float:
    number = _number(column, cell, place, names)
    if not 0 <= number <= 1:
        raise ValueError(
            f"{place}, column '{column}': a fraction from 0 to 1 is needed, got {cell}; divide percent by 100"
        )
    return number


def _perplexity(column: str, cell: str, place: str, names: Names) -> float:
    number = _number(column, cell, place, names)
    if number <= 0:
        raise ValueError(
            f"{place}, column '{column}': a perplexity is above 0, got {cell}; "
            "leave out the row where there is none"
        )
    return number


READERS: Mapping[str, Callable[[str, str, str, Names], Any]] = {
    "model": _known,
    "task": _known,
    "subset": _known,
    "trend": _known,
    "start": _fraction,
    "checkpoint": _whole,
}
VALUES: Mapping[str, Callable[[str, str, str, Names], float]] = {
    PERPLEXITY: _perplexity,
    FRACTION: _fraction,
}

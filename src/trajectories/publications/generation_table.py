"""The rows of the authors' table `generation_analysis/final_model_results.csv`: sets of generated texts."""

import ast
import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trajectories.files import replacing
from trajectories.publications.facts import Model, by_size
from trajectories.publications.trees import archive_name, perplexities_by_step

NUMBERS = ("topp", "slambda", "llambda", "max_length", "mauve")
COLUMNS = ("task", *NUMBERS)
PATHS = ("data_file", "out_file")  # of the authors' own disk; not read
ALONG = "_ckpts"  # ends the name of a model's column of perplexities by training step


@dataclass(frozen=True)
class Texts:
    """One row: a set of texts.

    Attributes:
        task: The documents that the texts begin like.
        small_weight: Of the small model's probabilities.
        large_weight: Of the large model's.
        top_p: Mass of the nucleus; 0: greedy.
        new_tokens: After the prompt.
        mauve: NaN where it is not known.
        perplexity: By model and training step; that of the final model at the last step.
        place: File and line.
    """

    task: str
    small_weight: float
    large_weight: float
    top_p: float
    new_tokens: int
    mauve: float
    perplexity: Mapping[tuple[str, int], float]
    place: str = ""


def read_texts(path: Path, models: Mapping[str, Model]) -> Iterator[Texts]:
    """The rows of a table in their order; see `trajectories.publications.generations.read_generations`."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no table of generated texts at {path}; correct the path")
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        header = list(reader.fieldnames or ())
        absent = [name for name in COLUMNS if name not in header]
        if absent:
            raise ValueError(f"{path}, line 1: the header lacks {', '.join(absent)}; add these columns")
        columns = _model_columns(header, models, where=f"{path}, line 1")
        for cells in reader:
            yield _read_row(cells, columns, models, place=f"{path}, line {reader.line_num}")


def write_texts(texts: Iterable[Texts], path: Path, models: Mapping[str, Model]) -> None:
    """Write rows as pandas would; models by size, missing values empty."""
    rows = list(texts)
    names = by_size({model for row in rows for model, _ in row.perplexity}, models)
    theirs = [archive_name(name) for name in names]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["", *COLUMNS, *theirs, *(f"{name}{ALONG}" for name in theirs), *PATHS])
    for index, row in enumerate(rows):
        last = [row.perplexity.get((name, models[name].last_step), math.nan) for name in names]
        along = [_along(row, name, models[name].last_step) for name in names]
        numbers = (row.top_p, row.small_weight, row.large_weight, row.new_tokens, row.mauve)
        writer.writerow(
            [index, row.task, *map(_cell, numbers), *map(_cell, last), *along, *("" for _ in PATHS)]
        )
    with replacing(path) as temporary:
        temporary.write_text(buffer.getvalue(), encoding="utf-8")


def _model_columns(header: Sequence[str], models: Mapping[str, Model], *, where: str) -> dict[str, str]:
    """Our name of the model that each column is of."""
    ours = {archive_name(name): name for name in models}
    columns: dict[str, str] = {}
    for name in header[1:]:
        if name in {*COLUMNS, *PATHS}:
            continue
        if name.removesuffix(ALONG) not in ours:
            raise ValueError(
                f"{where}: column '{name}' is of no model that is known ({', '.join(ours)}); tell of it in "
                "`models`, or remove the column"
            )
        columns[name] = ours[name.removesuffix(ALONG)]
    return columns


def _read_row(
    cells: Mapping[str, str], columns: Mapping[str, str], models: Mapping[str, Model], *, place: str
) -> Texts:
    if None in cells or None in cells.values():
        raise ValueError(f"{place}: there are more or fewer cells than columns; repair the line")
    numbers: dict[str, Any] = {name: _number(cells[name], f"{place}, column '{name}'") for name in NUMBERS}
    lacking = [name for name in NUMBERS if name != "mauve" and not math.isfinite(numbers[name])]
    if lacking:
        raise ValueError(f"{place}, column '{lacking[0]}': a number is needed, got none; write it")
    perplexity: dict[tuple[str, int], float] = {}
    for column, model in columns.items():
        steps = _read_steps(column, cells[column], models[model].last_step, place=place)
        perplexity |= {(model, step): value for step, value in steps.items()}
    return Texts(
        task=cells["task"],
        small_weight=numbers["slambda"],
        large_weight=numbers["llambda"],
        top_p=numbers["topp"],
        new_tokens=int(numbers["max_length"]),
        mauve=numbers["mauve"],
        perplexity=perplexity,
        place=place,
    )


def _number(cell: str, where: str) -> float:
    try:
        return float(cell or "nan")
    except ValueError:
        raise ValueError(f"{where}: a number is needed, got '{cell}'; correct or empty the cell") from None


def _read_steps(column: str, cell: str, last_step: int, *, place: str) -> dict[int, float]:
    """Perplexities by training step in one cell; missing ones are left out."""
    where = f"{place}, column '{column}'"
    if not column.endswith(ALONG):
        last = _number(cell, where)
        return {} if math.isnan(last) else perplexities_by_step({last_step: last}, where=where)
    return perplexities_by_step(_literal(cell, where), where=where) if cell not in {"", "nan"} else {}


def _literal(cell: str, where: str) -> dict[Any, Any]:
    """A dictionary that is written in Python; nothing is run."""
    try:
        written = ast.literal_eval(cell)
    except (MemoryError, RecursionError, SyntaxError, TypeError, ValueError):
        written = None
    if not isinstance(written, dict):
        raise ValueError(
            f"{where}: a dictionary of training steps and perplexities is needed, got '{cell[:60]}'; write "
            "it as {2000: 31.5}, with nothing but numbers"
        )
    return written


def _along(row: Texts, model: str, last_step: int) -> str:
    steps = {step: value for (name, step), value in row.perplexity.items() if name == model}
    return repr(dict(sorted((step, value) for step, value in steps.items() if step != last_step)))


def _cell(number: float) -> str:
    return "" if math.isnan(number) else repr(number)

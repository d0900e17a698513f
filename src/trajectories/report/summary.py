"""What `make repro` prints at its end: where the figures are and the few numbers that matter."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trajectories.figures.ticks import hundredths
from trajectories.report.alignment_summary import alignment_lines
from trajectories.report.tabular import ABSENT, shown
from trajectories.report.task_summary import task_lines
from trajectories.report.terminal import aligned, percentage, wrapped
from trajectories.trends import CATEGORIES

Numbers = Mapping[str, Mapping[str, Any]]

DOUBLE_DESCENT = "double_descent"  # the key of trends.json that is no model
VERDICTS = {"double descent": "shown"}


def summary_text(
    validation: Numbers,
    trends: Numbers,
    *,
    texts: Numbers | None = None,
    tasks: Numbers | None = None,
    alignment: Numbers | None = None,
    start: float | None = None,
    figures: Sequence[Path] = (),
) -> str:
    """Figures, a line per model, double descent, trends of texts over sizes, accuracy, and alignment.

    No line is longer than 100 characters.

    Args:
        validation: model → validation_perplexity, parameters, ..., as in reports/metrics/validation.json.
        trends: model → share of each category, and double_descent, as in reports/metrics/trends.json.
        texts: set of texts → slope, verdict, ..., as in reports/metrics/sequences.json; None where section 4
            was not run.
        tasks: models, tasks and rank_correlation, as in reports/metrics/tasks.json; None where section 5 was
            not run.
        alignment: numbers by suite, as in reports/metrics/alignment.json; None where that was not run.
        start: the fraction of training from which those trends are fitted, where it is known.
        figures: the files that were drawn.
    """
    parts = [
        *_places(figures),
        *_models(validation, trends, start),
        *_other_families(validation, trends),
        *_double_descent(trends.get(DOUBLE_DESCENT)),
        *_generated_texts(texts or {}),
        *task_lines(tasks or {}),
        *alignment_lines(alignment or {}),
    ]
    return "\n\n".join(parts) + "\n"


def read_metrics(path: Path) -> dict[str, dict[str, Any]]:
    """The numbers of a metrics file.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is not a JSON object of objects.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; make it with `dvc repro`")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}); make it again with `dvc repro`") from error
    if not isinstance(found, dict) or not all(isinstance(numbers, dict) for numbers in found.values()):
        raise ValueError(f"{path} holds no numbers by model; make it again with `dvc repro`")
    return found


def read_start(path: Path) -> float | None:
    """The earliest start in a table with a column `start`, which the metrics are of; None without a table."""
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        return min((float(row["start"]) for row in csv.DictReader(file)), default=None)


def _places(figures: Sequence[Path]) -> Iterator[str]:
    for folder in dict.fromkeys(path.parent for path in figures):
        names = dict.fromkeys(path.stem for path in figures if path.parent == folder)
        yield wrapped(f"{folder.as_posix()}/ holds {', '.join(names)}")


def _models(validation: Numbers, trends: Numbers, start: float | None) -> Iterator[str]:
    names = sorted(_with_trends(trends), key=lambda name: validation.get(name, {}).get("parameters") or 0)
    header = ["model", "parameters", "perplexity", *CATEGORIES]
    rows = [
        [
            name,
            shown(validation.get(name, {}).get("parameters"), "{:,.0f}"),
            shown(validation.get(name, {}).get("validation_perplexity"), "{:.1f}"),
            *(percentage(trends[name].get(category)) for category in CATEGORIES),
        ]
        for name in names
    ]
    after = "" if start is None else f" after {hundredths(start)} % of training"
    if rows:
        yield f"Final validation perplexity, and shares of tokens by trend{after}:\n{aligned(header, rows)}"


def _other_families(validation: Numbers, trends: Numbers) -> Iterator[str]:
    others = [name for name in validation if name not in _with_trends(trends)]
    values = [f"{name} {shown(validation[name].get('validation_perplexity'), '{:.1f}')}" for name in others]
    if values:
        yield wrapped(f"Of another family, whose tokens and perplexities do not compare: {', '.join(values)}")


def _double_descent(found: Mapping[str, Any] | None) -> Iterator[str]:
    if found is None:
        return
    verdict = str(found.get("verdict", ABSENT))
    share = percentage(found.get("selected_share"))
    yield wrapped(
        f"Double descent in {found.get('model', ABSENT)}: {VERDICTS.get(verdict, verdict)}. There, the log "
        f"perplexity of the tokens that rise in {found.get('selected_by', ABSENT)} ({share} of all) rises by "
        f"{_interval(found, 'rise')} and then falls by {_interval(found, 'fall')}."
    )


def _generated_texts(texts: Numbers) -> Iterator[str]:
    """A row per configuration, a column per method, from sets called "p_s - p_l, greedy, 50"."""
    cells = {tuple(name.split(", ")): numbers for name, numbers in texts.items() if name.count(", ") == 2}
    if not cells:
        return
    configurations, methods, lengths = (list(dict.fromkeys(names)) for names in zip(*cells, strict=True))
    rows = [
        [configuration, *(_trend(cells.get((configuration, method, lengths[0]))) for method in methods)]
        for configuration in configurations
    ]
    yield (
        f"Change of log perplexity, in nats per tenfold size, of texts of {lengths[0]} tokens that a small "
        f"(s) and\na large model (l) generated together:\n"
        f"{aligned(['', *methods], rows)}"
    )


def _trend(numbers: Mapping[str, Any] | None) -> str:
    if numbers is None or numbers.get("slope") is None:
        return ABSENT
    low, high = (shown(numbers.get(f"slope_{end}"), "{:+.2f}") for end in ("low", "high"))
    return f"{numbers['slope']:+.2f} ({low} to {high}) {numbers.get('verdict', ABSENT)}"


def _with_trends(trends: Numbers) -> list[str]:
    return [name for name in trends if name != DOUBLE_DESCENT]


def _interval(found: Mapping[str, Any], name: str) -> str:
    value, low, high = (shown(found.get(key), "{:.2f}") for key in (name, f"{name}_low", f"{name}_high"))
    return f"{value} nats (95 % interval {low} to {high})"

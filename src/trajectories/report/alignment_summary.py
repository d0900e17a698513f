"""What the printed summary says of alignment: how far equal perplexity and equal compute make sizes alike."""

from collections.abc import Iterator, Mapping
from typing import Any

from trajectories.figures.ticks import hundredths
from trajectories.report.tabular import ABSENT, shown
from trajectories.report.terminal import wrapped

SUITES = {"suite": "This suite", "opt": "OPT, as published"}
FROM = "from "  # how keys of starts begin
FORECASTS = {  # as in the metrics
    "at_perplexity": "at its validation perplexity",
    "first_part": "at that foretold from its first part",
    "at_compute": "at equal compute",
    "last_value": "by the last value of the next smaller size",
}


def alignment_lines(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Paragraphs from reports/metrics/alignment.json: a title, then one for each suite, if any."""
    lines = [line for key, title in SUITES.items() if key in found for line in _suite(title, found[key])]
    if lines:
        title = (
            "How well the other sizes predict a size at equal validation perplexity and at equal compute (R²)"
        )
        yield "\n".join([wrapped(title), *lines])


def _suite(title: str, of_suite: Mapping[str, Any]) -> Iterator[str]:
    for key, numbers in of_suite.items():
        if key.startswith(FROM):
            start = float(key.removeprefix(FROM))
            since = f"after {hundredths(start)} % of training" if start > 0 else "all of training"
            yield wrapped(f"{title}, {since}: {_alike(numbers)}", first="  ", then="    ")
    ahead = of_suite.get("forecast", {})
    if ahead.get("at_perplexity") is not None:
        errors = [f"{_points(ahead.get(key))} {way}" for key, way in FORECASTS.items()]
        text = f"Forecast of {ahead.get('target', ABSENT)}: mean accuracy is off by {', '.join(errors)}"
        yield wrapped(text, first="    ", then="    ")


def _alike(numbers: Mapping[str, Any]) -> str:
    if not numbers.get("measures"):
        return "nothing to compare: one size, or its compute or perplexity is not known"
    counts = (
        f"perplexity is significantly better in {numbers.get('better', ABSENT)} of "
        f"{numbers.get('measures', ABSENT)} measures, worse in {numbers.get('worse', ABSENT)}"
    )
    if numbers.get("difference") is None:
        return counts
    perplexity, compute = (shown(numbers.get(name), "{:.2f}") for name in ("perplexity", "compute"))
    apart, low, high = (shown(numbers.get(f"difference{end}"), "{:+.2f}") for end in ("", "_low", "_high"))
    difference = f"difference over shared checkpoints {apart} ({low} to {high})"
    return f"{counts}; mean accuracy {perplexity} and {compute}, {difference}"


def _points(fraction: float | None) -> str:
    return shown(None if fraction is None else 100 * fraction, "{:.1f} points")

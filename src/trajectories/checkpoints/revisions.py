"""What tells the steps of checkpoints: lists and ranges of steps, and names of revisions."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

RANGE = re.compile(r"(\d+)\.\.(\d+)(?:/(\d+))?")  # first..last/every, both ends included
SPREAD = re.compile(r"~(\d+)")  # so many of those there are
UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}  # tokens


@dataclass(frozen=True)
class RevisionPattern:
    """Names of revisions with `{step}` and `{tokens}` in them, such as `step{step}-tokens{tokens}B`.

    A letter K, M, B or T right after `{tokens}` is their unit. Without `{step}` the pattern is one name.

    Raises:
        ValueError: `{step}` or `{tokens}` is there twice.
    """

    text: str

    def __post_init__(self) -> None:
        for part in ("{step}", "{tokens}"):
            if self.text.count(part) > 1:
                raise ValueError(f"{part} needs to be once in a pattern of revisions, got '{self.text}'")

    @property
    def has_step(self) -> bool:
        """Whether the names tell a step."""
        return "{step}" in self.text

    @property
    def unit(self) -> int:
        """The tokens that the last digit of `{tokens}` stands for."""
        match = re.search(r"\{tokens\}([KMBT]?)", self.text)
        return UNITS[match[1] if match else ""]

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        parts = re.split(r"\{(step|tokens)\}", self.text)
        names = [rf"(?P<{part}>\d+)" if index % 2 else re.escape(part) for index, part in enumerate(parts)]
        return re.compile("".join(names))

    def parse(self, name: str) -> tuple[int, int | None] | None:
        """(step, tokens) as a name tells them, tokens None if it does not; None for another form of name."""
        match = self._expression.fullmatch(name)
        if match is None or not self.has_step:
            return None
        told = match.groupdict()
        return int(told["step"]), int(told["tokens"]) * self.unit if "tokens" in told else None


@dataclass(frozen=True)
class Published:
    """A revision and the training tokens that its name tells."""

    revision: str
    tokens: int | None


def published_steps(pattern: RevisionPattern, names: Iterable[str]) -> dict[int, Published]:
    """The revisions that follow a pattern, by step.

    Raises:
        ValueError: Two are of the same step.
    """
    found: dict[int, Published] = {}
    for name in sorted(names):
        told = pattern.parse(name)
        if told is None:
            continue
        step, tokens = told
        if step in found:
            raise ValueError(
                f"revisions {found[step].revision} and {name} are both of step {step}; "
                f"write a pattern that fits one of them, got {pattern.text}"
            )
        found[step] = Published(name, tokens)
    return found


def expand_steps(steps: Sequence[str]) -> list[int]:
    """Steps in rising order.

    Args:
        steps: Each a number, `0`, or a range `1000..143000/1000`: from, to (included), every. Without `/` it
            is every step.

    Raises:
        ValueError: One is of another form, or a step is listed twice.
    """
    expanded = [step for item in steps for step in _expand(item)]
    twice = sorted({step for step in expanded if expanded.count(step) > 1})
    if twice:
        raise ValueError(f"step {twice[0]} is listed twice in `{' '.join(steps)}`; list it once")
    return sorted(expanded)


def choose_steps(steps: Sequence[str], available: Collection[int]) -> list[int]:
    """Expand a list of steps; all that are available where it is empty, `~24` for 24 of them.

    Those are nearest to evenly spaced points of training, the first and the last included, and fewer where
    there are not so many.

    Raises:
        ValueError: See `expand_steps`.
    """
    if not steps:
        return sorted(available)
    spread = _match_spread(steps)
    if spread is None:
        return expand_steps(steps)
    if int(spread[1]) < 2:
        raise ValueError(f"{spread[0]} asks for too few checkpoints; ask for two or more")
    return _spread(sorted(available), int(spread[1]))


def takes_what_there_is(steps: Sequence[str]) -> bool:
    """Whether a list of steps depends on which checkpoints are known."""
    return not steps or _match_spread(steps) is not None


def nearest_steps(step: int, available: Iterable[int], *, count: int = 3) -> list[int]:
    """The available steps nearest to one, in rising order."""
    return sorted(sorted(available, key=lambda other: (abs(other - step), other))[:count])


def _match_spread(steps: Sequence[str]) -> re.Match[str] | None:
    return SPREAD.fullmatch(steps[0]) if len(steps) == 1 else None


def _spread(available: list[int], count: int) -> list[int]:
    if not available:
        return []
    first, last = available[0], available[-1]
    points = [first + (last - first) * index / (count - 1) for index in range(count)]
    return sorted({min(available, key=lambda step: abs(step - point)) for point in points})


def _expand(item: str) -> Iterable[int]:
    if re.fullmatch(r"\d+", item):
        return [int(item)]
    match = RANGE.fullmatch(item)
    first, last, every = (int(number or 1) for number in match.groups()) if match else (0, 0, 0)
    if last < first or every == 0:
        raise ValueError(f"a step is a number or a range like 1000..143000/1000, got '{item}'; correct it")
    return range(first, last + 1, every)

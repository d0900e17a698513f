"""Checkpoints done, speed and time left of scoring: a bar on a terminal, about ten plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

LINES = 10  # lines of a whole trajectory when standard error is no terminal

Report = Callable[[bool], None]  # called after each checkpoint: was it scored, or found in the shard store


@contextmanager
def progress(name: str, *, checkpoints: int, tokens: int) -> Iterator[Report]:
    """A function to call after each of so many checkpoints of so many tokens; it reports on stderr."""
    pace = _Pace(checkpoints, tokens)
    if not sys.stderr.isatty():
        yield _lines(name, pace)
        return
    with tqdm(total=checkpoints, desc=name, unit="checkpoint") as bar:

        def report(scored: bool) -> None:  # noqa: FBT001, the one thing there is to say
            pace.add(scored=scored)
            bar.set_postfix_str(pace.speed(), refresh=False)
            bar.update()

        yield report


def _lines(name: str, pace: "_Pace") -> Report:
    def report(scored: bool) -> None:  # noqa: FBT001, as above
        before = pace.done * LINES // pace.checkpoints
        pace.add(scored=scored)
        if pace.done * LINES // pace.checkpoints > before:
            done = f"{pace.done} of {pace.checkpoints} checkpoints"
            sys.stderr.write(f"{name}: {done}, {pace.speed()}{pace.left()}\n")
            sys.stderr.flush()

    return report


class _Pace:
    """The speed of those checkpoints that had to be scored; the others took no time worth counting."""

    def __init__(self, checkpoints: int, tokens: int) -> None:
        self.checkpoints, self.tokens = checkpoints, tokens
        self.done = self.scored = 0
        self.seconds, self.last = 0.0, time.monotonic()

    def add(self, *, scored: bool) -> None:
        now = time.monotonic()
        self.done += 1
        self.scored += scored
        self.seconds += (now - self.last) * scored
        self.last = now

    def speed(self) -> str:
        if not self.scored:
            return "found in the shard store"
        return f"{self.scored * self.tokens / max(self.seconds, 1e-9):,.0f} tokens/s"

    def left(self) -> str:
        if not self.scored:
            return ""
        return f", {(self.checkpoints - self.done) * self.seconds / self.scored:.0f} s left"

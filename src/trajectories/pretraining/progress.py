"""Loss, speed and remaining time of a run: a bar on a terminal, about ten plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Never

from tqdm import tqdm

LINES = 10  # lines of a whole run when standard error is no terminal

Report = Callable[[int, float], None]  # called with the step that is done and its loss


@contextmanager
def progress(name: str, *, steps: int, tokens_per_step: int) -> Iterator[Report]:
    """A function to call after steps; it shows how far the run is on standard error."""
    if sys.stderr.isatty():
        with tqdm(total=steps * tokens_per_step, desc=name, unit=" tokens", unit_scale=True) as bar:
            yield _bar(bar, tokens_per_step)
    else:
        yield _lines(name, steps, tokens_per_step)


def _bar(bar: "tqdm[Never]", tokens_per_step: int) -> Report:
    def report(step: int, loss: float) -> None:
        bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        bar.update(step * tokens_per_step - bar.n)

    return report


def _lines(name: str, steps: int, tokens_per_step: int) -> Report:
    start, shown = time.monotonic(), 0

    def report(step: int, loss: float) -> None:
        nonlocal shown
        if step * LINES // steps == shown:
            return
        shown = step * LINES // steps
        spent = time.monotonic() - start
        speed, left = step * tokens_per_step / spent, spent * (steps - step) / step
        sys.stderr.write(
            f"{name}: step {step} of {steps}, loss {loss:.3f}, {speed:,.0f} tokens/s, {left:.0f} s left\n"
        )
        sys.stderr.flush()

    return report

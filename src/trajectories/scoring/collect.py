"""Scores of the same text at every checkpoint of a model, from the shard store or computed now."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from trajectories.checkpoints import Trajectory
from trajectories.scoring.engine import Engine
from trajectories.scoring.labels import PRECISION, PRECISION_DIFFERENCE
from trajectories.scoring.plans import new_plan, write_plan
from trajectories.scoring.precision import EXACT, difference, exact_work, resolve, score_exactly
from trajectories.scoring.progress import Report, progress
from trajectories.scoring.sequences import BlockScores
from trajectories.scoring.shards import READ_ONLY, ShardStore
from trajectories.scoring.work import Ids, Settings, Work, hardware, make_work
from trajectories.scoring.workers import count_workers, run_workers

CHOICES = ("error", "skip")
log = logging.getLogger(__name__)


class NonFiniteScoresError(ValueError):
    """A checkpoint gives log-likelihoods that are NaN or infinite."""


@dataclass(frozen=True)
class Text:
    """What is scored.

    Attributes:
        blocks: Token ids, each [row, position].
        texts: From the scores of the blocks those of each text, [position - 1], in an order of their own.
        describe: The token at a position of a text, in words: (text, position) → "token 'a' at position 3".
    """

    blocks: Sequence[Ids]
    texts: Callable[[BlockScores], Sequence[NDArray[np.float32]]]
    describe: Callable[[int, int], str]


@dataclass(frozen=True)
class Collected:
    """Scores by training step.

    Attributes:
        scores: For each block [row, position - 1] in nats; all NaN at a step that was skipped.
        skipped: Steps whose scores were not finite.
        attributes: `precision`, the number format; where it is not float32, `precision_difference` says in
            JSON by how many nats that moves the scores of the last checkpoint's first rows.
    """

    scores: Mapping[int, BlockScores]
    skipped: Sequence[int]
    attributes: Mapping[str, str]


def collect_scores(
    trajectory: Trajectory,
    text: Text,
    *,
    store: Path,
    batch_tokens: int | None,
    precision: str,
    nonfinite: str,
    workers: int | None,
    name: str,
) -> Collected:
    """The scores of a text at every checkpoint; arguments and errors as in `score_trajectory`."""
    if nonfinite not in CHOICES:
        raise ValueError(f"nonfinite must be one of {', '.join(CHOICES)}, got '{nonfinite}'")
    settings = Settings(precision=resolve(precision), batch_tokens=batch_tokens)
    work = make_work(trajectory.checkpoints, text.blocks, store=store, settings=settings)
    exact = exact_work(work)
    kept = _keep_plan(trajectory.model, work, exact=exact, name=name)
    expected = score_exactly(exact) if exact else None  # first: once scored, weights may be gone
    needed = trajectory.parameters * getattr(torch, settings.precision).itemsize
    count = count_workers(workers, needed=needed) if kept else 1
    scores, skipped = _score(work, text, model=trajectory.model, nonfinite=nonfinite, workers=count)
    attributes = {PRECISION: settings.precision}
    if exact:
        moved = difference(scores[work.tasks[-1].step][-1], expected)
        attributes[PRECISION_DIFFERENCE] = json.dumps(moved)
        log.warning("%s", _in_words(trajectory.model, settings.precision, moved))
    return Collected(scores, skipped, attributes)


def _keep_plan(model: str, work: Work, *, exact: Work | None, name: str) -> bool:
    """Write down what is to be scored; whether the store can be written at all."""
    plan = new_plan(
        model,
        tuple((task.step, task.key) for task in work.tasks),
        device=hardware(),
        reference=exact.tasks[0].key if exact else None,
    )
    try:
        write_plan(plan, work.store, name=name)
    except OSError as error:
        if error.errno not in READ_ONLY:
            raise OSError(f"could not write the shard store {work.store}: {error}; free space") from error
        return False
    return True


def _score(
    work: Work, text: Text, *, model: str, nonfinite: str, workers: int
) -> tuple[dict[int, BlockScores], list[int]]:
    """The scores of each block by step, and the steps where they are not finite, which is no error."""
    scores: dict[int, BlockScores] = {}
    skipped: list[int] = []
    tokens = sum(ids.size for ids in work.blocks)
    with progress(model, checkpoints=len(work.tasks), tokens=tokens) as report:
        counted = _score_elsewhere(work, workers, report)
        with Engine(work) as engine:
            for found in engine.run(work.tasks):
                task, values = found.task, found.values
                lost = _first_nonfinite(text.texts(values))
                with engine.store.noting(task.key, step=task.step):
                    if lost is not None and nonfinite == "error":
                        raise NonFiniteScoresError(f"{model}, checkpoint {task.step}: {_say(text, *lost)}")
                scores[task.step] = values
                if lost is not None:
                    scores[task.step] = [np.full_like(each, np.nan) for each in values]
                    skipped.append(task.step)
                if task.key not in counted:
                    report(found.computed)
    return scores, skipped


def _score_elsewhere(work: Work, workers: int, report: Report) -> set[str]:
    """Score in several processes, and report what they store; the keys that were reported."""
    store = ShardStore(work.store)
    counted: set[str] = set()

    def count(*, scored: bool) -> None:
        for task in work.tasks:
            if task.key not in counted and store.has(task.key):
                counted.add(task.key)
                report(scored)

    missing = sum(not store.has(task.key) for task in work.tasks)
    if min(workers, missing) > 1:
        count(scored=False)
        run_workers(min(workers, missing), work, poll=lambda: count(scored=True))
    return counted


def _in_words(model: str, precision: str, moved: Mapping[str, float] | None) -> str:
    if moved is None:
        return f"{model}: how far scores in {precision} are from those in {EXACT} is not known"
    return (
        f"{model}: scores in {precision} are {moved['mean']} nats from those in {EXACT} on average and "
        f"{moved['largest']} at most, in {moved['windows']} windows of the last checkpoint"
    )


def _first_nonfinite(scores: Sequence[NDArray[np.float32]]) -> tuple[int, int, float] | None:
    """Text, position and value of the first score that is not finite."""
    for text, values in enumerate(scores):
        lost = np.flatnonzero(~np.isfinite(values))
        if lost.size:
            return text, int(lost[0]) + 1, float(values[lost[0]])
    return None


def _say(text: Text, index: int, position: int, value: float) -> str:
    return (
        f"the log-likelihood of {text.describe(index, position)} is {value}; train that checkpoint again, or "
        "leave it out (`python -m trajectories.compose scoring.nonfinite=skip`)"
    )

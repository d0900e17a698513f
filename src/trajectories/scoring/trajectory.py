"""The scores of one model at every checkpoint: its trajectory on held-out text."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from trajectories import arrays
from trajectories.checkpoints import Trajectory
from trajectories.scoring.engine import Engine
from trajectories.scoring.labels import PRECISION, PRECISION_DIFFERENCE, label_scores
from trajectories.scoring.plans import new_plan, write_plan
from trajectories.scoring.precision import EXACT, difference, exact_work, resolve, score_exactly
from trajectories.scoring.progress import Report, progress
from trajectories.scoring.shards import READ_ONLY, ShardStore
from trajectories.scoring.work import Settings, Work, hardware, make_work
from trajectories.scoring.workers import count_workers, run_workers

CHOICES = ("error", "skip")
log = logging.getLogger(__name__)


class NonFiniteScoresError(ValueError):
    """A checkpoint gives log-likelihoods that are NaN or infinite."""


def score_trajectory(  # noqa: PLR0913, settings of one stage, all named
    trajectory: Trajectory,
    held_out: xr.Dataset,
    *,
    store: Path,
    batch_tokens: int | None = None,
    precision: str = "auto",
    nonfinite: str = "error",
    flops: str = "chowdhery",
    workers: int | None = None,
    name: str | None = None,
) -> xr.Dataset:
    """Log-likelihoods of the tokens of held-out windows at every checkpoint of a model.

    What is finished is kept in `store`: a run that was killed continues there, and gives the same result.

    Args:
        trajectory: The model's checkpoints.
        held_out: `token_id` (window, position) with `split`, `document` and `domain` over window; over
            vocabulary `token_text` and `training_frequency`.
        store: Folder of the shard store.
        batch_tokens: Tokens of one forward pass, None: as many as memory takes.
        precision: Number format of the forward pass: float32, bfloat16, float16, or `auto`, which is float32
            on the processor and one of the others on CUDA.
        nonfinite: What scores that are not finite do: `error`, or `skip`, which leaves their checkpoint NaN.
        flops: How compute is counted: `chowdhery` or `plain`, see trajectories.checkpoints.compute.
        workers: Processes that score, None: one per CUDA device where there are several, else one.
        name: Under which `python -m trajectories.scoring status` finds the run, None: the model's.

    Returns:
        See `trajectories.scoring.labels.label_scores`. The attribute `precision` names the number format;
        where it is not float32, `precision_difference` says in JSON by how many nats that moves the scores
        of the last checkpoint's first windows.

    Raises:
        ValueError: The windows do not fit the model, or a setting is none of those above.
        NonFiniteScoresError: A score is not finite, and `nonfinite` is `error`.
        OSError: A checkpoint cannot be read, or the store not be written because the disk is full.
    """
    if nonfinite not in CHOICES:
        raise ValueError(f"nonfinite must be one of {', '.join(CHOICES)}, got '{nonfinite}'")
    arrays.require(held_out, "window", "position", "vocabulary", what="held-out windows")
    settings = Settings(precision=resolve(precision), batch_tokens=batch_tokens)
    ids = held_out["token_id"].values
    work = make_work(trajectory.checkpoints, ids, store=store, settings=settings)
    exact = exact_work(work)
    kept = _keep_plan(trajectory.model, work, exact=exact, name=name or trajectory.model)
    expected = score_exactly(exact) if exact else None  # first: once scored, weights may be gone
    needed = trajectory.parameters * getattr(torch, settings.precision).itemsize
    count = count_workers(workers, needed=needed) if kept else 1
    scores = _score(work, held_out, model=trajectory.model, nonfinite=nonfinite, workers=count)
    skipped = [step for step, values in scores.items() if np.isnan(values).any()]
    labelled = label_scores(scores, held_out, trajectory=trajectory, skipped=skipped, flops=flops)
    attributes = {PRECISION: settings.precision}
    if exact:
        moved = difference(scores[work.tasks[-1].step], expected)
        attributes[PRECISION_DIFFERENCE] = json.dumps(moved)
        log.warning("%s", _in_words(trajectory.model, settings.precision, moved))
    return labelled.assign_attrs(attributes)


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
    work: Work, held_out: xr.Dataset, *, model: str, nonfinite: str, workers: int
) -> dict[int, NDArray[np.float32]]:
    """[window, position - 1] by step; all NaN where a score is not finite and that is no error."""
    scores: dict[int, NDArray[np.float32]] = {}
    with progress(model, checkpoints=len(work.tasks), tokens=work.ids.size) as report:
        counted = _score_elsewhere(work, workers, report)
        with Engine(work) as engine:
            for found in engine.run(work.tasks):
                task, values = found.task, found.values
                finite = bool(np.isfinite(values).all())
                with engine.store.noting(task.key, step=task.step):
                    if not finite and nonfinite == "error":
                        raise NonFiniteScoresError(_first_nonfinite(model, task.step, values, held_out))
                scores[task.step] = values if finite else np.full_like(values, np.nan)
                if task.key not in counted:
                    report(found.computed)
    return scores


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


def _first_nonfinite(model: str, step: int, scores: NDArray[np.float32], held_out: xr.Dataset) -> str:
    window, before = np.argwhere(~np.isfinite(scores))[0]
    position = before + 1
    token = int(held_out["token_id"][window, position])
    text, document = str(held_out["token_text"].values[token]), str(held_out["document"].values[window])
    return (
        f"{model}, checkpoint {step}: the log-likelihood of token {text!r} at position {position} of "
        f"document {document!r} is {scores[window, before]}; train that checkpoint again, or leave it out "
        "(`python -m trajectories.compose scoring.nonfinite=skip`)"
    )

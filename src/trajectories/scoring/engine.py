"""Scores what the store lacks, one checkpoint after the other, so that the device has no reason to wait.

While one checkpoint is scored, the next one's weights are read, and the scores of the one before are stored.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace, TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel

from trajectories.checkpoints.memory import InsufficientMemoryError, is_out_of_memory
from trajectories.scoring.loading import Loader
from trajectories.scoring.shards import Claim, ShardStore
from trajectories.scoring.windows import score_windows
from trajectories.scoring.work import Task, Work

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scores:
    """Of one task, by block [window, position - 1] in nats; computed just now, or found in the store."""

    task: Task
    values: Sequence[NDArray[np.float32]]
    computed: bool


@dataclass(frozen=True)
class _Job:
    """A task whose shard nobody else computes."""

    task: Task
    claim: Claim


class Engine:
    """Loads a model once, and then only weights; a context manager that lets go of everything at its end.

    Args:
        work: The checkpoints, and how they are scored.
        release: Tell a checkpoint's source when its weights are not needed any more.
    """

    def __init__(self, work: Work, *, release: bool = True) -> None:
        self.store, self._release = ShardStore(work.store), release
        self._blocks, self._batch_tokens = work.blocks, work.settings.batch_tokens
        self._loader = Loader(device=work.settings.device, precision=work.settings.precision)
        self._writer = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None
        self._claims: list[Claim] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loader.close()
        self._writer.shutdown()
        unsaid = self._writing.exception() if self._writing is not None else None
        if unsaid is not None and unsaid is not error:
            log.error("%s", unsaid)
        for claim in self._claims:
            claim.release()

    def run(self, tasks: Iterable[Task], *, wait: bool = True) -> Iterator[Scores]:
        """The scores of checkpoints in their order; those that another process computes come last.

        Args:
            tasks: The checkpoints.
            wait: Wait for those of other processes; else they are left out.

        Raises:
            OSError: A checkpoint cannot be read, or scores not be written because the disk is full.
            ValueError: The windows do not fit the model.
        """
        elsewhere: list[Task] = []
        parts = self._look(tasks, elsewhere)
        found, job = _until_job(parts)
        yield from found
        while job is not None:
            model = self._load(job)
            found, following = _until_job(parts)  # whose weights are read from now on
            scores = self._score(job, model)
            del model  # there may be no room for another beside it
            yield scores
            yield from found
            job = following
        for task in elsewhere if wait else ():
            yield self._wait_for(task)
        self._finish_writing()

    def _look(self, tasks: Iterable[Task], elsewhere: list[Task]) -> Iterator[Scores | _Job]:
        """What the store has, and the right to compute what it lacks, whose weights are then being read."""
        for task in tasks:
            found = self.store.find(task.key, wait=False)
            if found is None:
                elsewhere.append(task)
            else:
                yield self._begin(task, found)

    def _wait_for(self, task: Task) -> Scores:
        self._finish_writing()  # checkpoints with the same weights share a shard, whose lock may be our own
        found = self.store.find(task.key, wait=True)
        assert found is not None, "only without waiting there is neither scores nor a claim"
        begun = self._begin(task, found)
        if isinstance(begun, Scores):
            return begun
        return self._score(begun, self._load(begun))

    def _begin(self, task: Task, found: NDArray[np.float32] | Claim) -> Scores | _Job:
        if not isinstance(found, Claim):
            self._let_go(task)  # which a run that was killed just after it stored the scores did not
            return Scores(task, self._split(found), computed=False)
        self._claims.append(found)
        self._loader.prepare(task.source)
        return _Job(task, found)

    def _load(self, job: _Job) -> PreTrainedModel:
        with self._doing(job):
            return self._loader.load()

    def _score(self, job: _Job, model: PreTrainedModel) -> Scores:
        with self._doing(job):
            checkpoint: Any = SimpleNamespace(model=model)  # ids are scored without a tokenizer
            values = [score_windows(checkpoint, ids, batch_tokens=self._batch_tokens) for ids in self._blocks]
        self._finish_writing()
        self._writing = self._writer.submit(self._write, job, _joined(values))
        return Scores(job.task, values, computed=True)

    @contextmanager
    def _doing(self, job: _Job) -> Iterator[None]:
        """Notes why a checkpoint failed; lack of memory becomes an error that names the checkpoint."""
        with self.store.noting(job.task.key, step=job.task.step):
            try:
                yield
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                raise InsufficientMemoryError(
                    f"there is no memory for the model in {job.task.source.name}; free some, score in "
                    "bfloat16 (scoring.precision), or use a device with more"
                ) from error

    def _write(self, job: _Job, values: NDArray[np.float32]) -> None:
        try:
            job.claim.keep(values)
        except OSError:
            with self.store.noting(job.task.key, step=job.task.step):
                raise
        self._let_go(job.task)
        job.claim.release()

    def _split(self, shard: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """The opposite of `_joined`."""
        shapes = [(rows, length - 1) for rows, length in (ids.shape for ids in self._blocks)]
        ends = np.cumsum([rows * scored for rows, scored in shapes])
        parts = np.split(shard.ravel(), ends[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]

    def _let_go(self, task: Task) -> None:
        if self._release:
            task.source.release()

    def _finish_writing(self) -> None:
        if self._writing is not None:
            self._writing.result()


def _joined(values: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """One array for one shard: that of a single block as it is, those of several one after the other."""
    return values[0] if len(values) == 1 else np.concatenate([each.ravel() for each in values])


def _until_job(parts: Iterator[Scores | _Job]) -> tuple[list[Scores], _Job | None]:
    """What is found before the next checkpoint that has to be scored, and that one."""
    found: list[Scores] = []
    for part in parts:
        if isinstance(part, _Job):
            return found, part
        found.append(part)
    return found, None

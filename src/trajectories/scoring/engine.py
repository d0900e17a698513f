"""Scores what the store lacks, one checkpoint after the other, so that the device has no reason to wait.

While one checkpoint is scored, the next one's weights are read, and the scores of the one before are stored.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import SimpleNamespace, TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel

from trajectories.checkpoints.memory import InsufficientMemoryError, is_out_of_memory
from trajectories.scoring.loading import Loader
from trajectories.scoring.shards import Claim, ShardStore
from trajectories.scoring.work import Task, Work

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scores:
    """Of one task, by part [value] in nats; whether any was computed just now, or all found in the store."""

    task: Task
    values: Sequence[NDArray[np.float32]]
    computed: bool


@dataclass(frozen=True)
class _Job:
    """A task of whose shards some are there, by key, and nobody else computes the others."""

    task: Task
    found: Mapping[str, NDArray[np.float32] | Claim]

    def claims(self) -> dict[str, Claim]:
        """What there is to compute, in the order of the parts."""
        found = ((key, self.found[key]) for key in self.task.keys)
        return {key: each for key, each in found if isinstance(each, Claim)}


class Engine:
    """Loads a model once, and then only weights; a context manager that lets go of everything at its end.

    Args:
        work: The checkpoints, and how they are scored.
        release: Tell a checkpoint's source when its weights are not needed any more.
    """

    def __init__(self, work: Work, *, release: bool = True) -> None:
        self.store, self._release = ShardStore(work.store), release
        self._parts, self._batch_tokens = work.parts, work.settings.batch_tokens
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
            ValueError: A part does not fit the model.
        """
        elsewhere: list[Task] = []
        looked = self._look(tasks, elsewhere)
        found, job = _until_job(looked)
        yield from found
        while job is not None:
            model = self._load(job)
            found, following = _until_job(looked)  # whose weights are read from now on
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
            found = self._find(task)
            if found is None:
                elsewhere.append(task)
            else:
                yield self._begin(task, found)

    def _find(self, task: Task) -> dict[str, NDArray[np.float32] | Claim] | None:
        """By key the scores or the right to compute them; None while another process has one of these."""
        found: dict[str, NDArray[np.float32] | Claim] = {}
        with ExitStack() as held:
            for key in sorted(task.keys):  # of two runs the one that has the first has the others too
                each = found[key] if key in found else self.store.find(key, wait=False)
                if each is None:
                    return None
                if isinstance(each, Claim) and key not in found:
                    held.callback(each.release)
                found[key] = each
            held.pop_all()  # all are there or ours: nothing is to be released
        return found

    def _wait_for(self, task: Task) -> Scores:
        self._finish_writing()  # checkpoints with the same weights share a shard, whose lock may be our own
        while (found := self._find(task)) is None:
            for key in task.keys:  # with nothing held: two that wait for each other would wait for ever
                computed = self.store.find(key, wait=True)
                if isinstance(computed, Claim):
                    computed.release()
        begun = self._begin(task, found)
        if isinstance(begun, Scores):
            return begun
        return self._score(begun, self._load(begun))

    def _begin(self, task: Task, found: Mapping[str, NDArray[np.float32] | Claim]) -> Scores | _Job:
        job = _Job(task, found)
        claims = job.claims()
        if not claims:
            self._let_go(task)  # which a run that was killed just after it stored the scores did not
            return _scores(task, found, computed=False)
        self._claims += claims.values()
        self._loader.prepare(task.source)
        return job

    def _load(self, job: _Job) -> PreTrainedModel:
        with self._doing(job.task, *job.claims()):
            return self._loader.load()

    def _score(self, job: _Job, model: PreTrainedModel) -> Scores:
        """Part by part, each stored while the next is scored: what is finished survives what is not."""
        checkpoint: Any = SimpleNamespace(model=model)  # ids are scored without a tokenizer
        values = dict(job.found)
        parts = dict(zip(job.task.keys, self._parts, strict=True))
        claims = job.claims()
        for key, claim in claims.items():
            with self._doing(job.task, key):
                values[key] = computed = parts[key].score(checkpoint, batch_tokens=self._batch_tokens)
            self._finish_writing()
            is_last = key == next(reversed(claims))
            self._writing = self._writer.submit(self._write, job.task, key, claim, computed, is_last=is_last)
        return _scores(job.task, values, computed=True)

    @contextmanager
    def _doing(self, task: Task, *keys: str) -> Iterator[None]:
        """Notes why a checkpoint failed; lack of memory becomes an error that names the checkpoint."""
        with self.store.noting(*keys, step=task.step):
            try:
                yield
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                raise InsufficientMemoryError(
                    f"there is no memory for the model in {task.source.name}; free some, score in "
                    "bfloat16 (scoring.precision), or use a device with more"
                ) from error

    def _write(
        self, task: Task, key: str, claim: Claim, values: NDArray[np.float32], *, is_last: bool
    ) -> None:
        try:
            claim.keep(values)
        except OSError:
            with self.store.noting(key, step=task.step):
                raise
        if is_last:
            self._let_go(task)
        claim.release()

    def _let_go(self, task: Task) -> None:
        if self._release:
            task.source.release()

    def _finish_writing(self) -> None:
        if self._writing is not None:
            self._writing.result()


def _scores(task: Task, values: Mapping[str, NDArray[np.float32] | Claim], *, computed: bool) -> Scores:
    """In the order of the parts, of which those of the same text share their scores."""
    known = [each for each in map(values.__getitem__, task.keys) if not isinstance(each, Claim)]
    return Scores(task, known, computed)


def _until_job(looked: Iterator[Scores | _Job]) -> tuple[list[Scores], _Job | None]:
    """What is found before the next checkpoint that has to be scored, and that one."""
    found: list[Scores] = []
    for each in looked:
        if isinstance(each, _Job):
            return found, each
        found.append(each)
    return found, None

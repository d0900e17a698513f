"""Continuing many prompts in many configurations at once, all rows of one length, with a cache per model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trajectories.generation.caches import RowCache
from trajectories.generation.interpolation import Rule
from trajectories.generation.sampling import NONE, Choice
from trajectories.scoring.batch import tokens_that_fit
from trajectories.scoring.windows import input_device


@dataclass(frozen=True)
class Plan:
    """What is to be decoded, and how.

    Attributes:
        models: causal language models.
        names: what an error calls them.
        prompts: token ids, all different.
        numbers: what an error calls them.
        uniform: the numbers that tokens are drawn by, float64 [prompts, most new tokens].
        rule: how the models' distributions become one, in how many configurations.
        choice: how a token is chosen.
        limits: how many new tokens each prompt may have.
        end: the token that ends a text, and is its last; None: there is none.
    """

    models: Sequence[Any]
    names: Sequence[str]
    prompts: Sequence[tuple[int, ...]]
    numbers: Sequence[int]
    uniform: NDArray[np.float64]
    rule: Rule
    choice: Choice
    limits: Sequence[int]
    end: int | None


class Batch:
    """Rows, each a prompt in a configuration, that are continued together.

    Nothing is padded: a row joins when the others have come to the length of its prompt. So every model with
    a cache continues it as it would alone, whatever its convention of positions.

    Attributes:
        texts: new tokens of each row, configuration x prompts + prompt; int64 [rows, new tokens].
        made: how many of them there are so far, [rows].
    """

    def __init__(self, plan: Plan, members: Sequence[int], *, threads: int) -> None:
        """Of the plan's prompts take `members`, while `threads` batches are run at once."""
        self.plan, self.members, self.threads = plan, np.array(members), threads
        rows = len(plan.rule.labels) * len(members)
        self.limits = np.tile(np.array(plan.limits)[self.members], len(plan.rule.labels))  # of each row
        self.texts = np.zeros((rows, self.limits.max()), np.int64)
        self.made = np.zeros(rows, np.int64)
        self.last = np.zeros(rows, np.int64)  # token of each row, which its models have not seen yet
        self.length = 0  # of the live rows, the last token included
        self.live = np.empty(0, np.int64)
        self.orders = [self.live for _ in plan.models]  # live rows that need a model, as its cache has them
        self.caches: list[RowCache] = []

    def run(self) -> None:
        """Continue all rows to their end."""
        waiting: dict[int, list[int]] = {}
        for place, member in enumerate(self.members):
            waiting.setdefault(len(self.plan.prompts[member]), []).append(place)
        self.caches = self._caches(
            max(len(self.plan.prompts[member]) + self.plan.limits[member] for member in self.members)
        )
        with torch.inference_mode():  # which a thread does not inherit
            while waiting or len(self.live):
                if not len(self.live):
                    self.length = min(waiting)
                if self.length in waiting:
                    self._join(waiting.pop(self.length))
                self._leave(self._step())

    def continuations(self) -> list[list[list[int]]]:
        """The new tokens of each prompt, per configuration."""
        texts = [row[:made].tolist() for row, made in zip(self.texts, self.made, strict=True)]
        count = len(self.members)
        return [texts[first : first + count] for first in range(0, len(texts), count)]

    def _caches(self, positions: int) -> list[RowCache]:
        needed = np.sum(self.plan.rule.runs, axis=0) * len(self.members)
        return [
            RowCache(model, rows=int(rows), positions=positions)
            for model, rows in zip(self.plan.models, needed, strict=True)
        ]

    def _join(self, places: Sequence[int]) -> None:
        """Let the models see the prompts, all of one length, but for their last token."""
        ids = np.array([self.plan.prompts[self.members[place]] for place in places])
        count = len(self.members)
        rows = np.arange(len(self.plan.rule.labels))[:, None] * count + places
        self.last[rows], self.live = ids[:, -1], np.append(self.live, rows)
        for number, (model, cache) in enumerate(zip(self.plan.models, self.caches, strict=True)):
            needing = rows[[runs[number] for runs in self.plan.rule.runs]]
            for part in self._parts(model, ids.shape) if len(needing) else []:
                copies = np.tile(np.arange(len(ids[part])), len(needing))
                cache.add(torch.from_numpy(ids[part, :-1]), torch.from_numpy(copies))
                self.orders[number] = np.append(self.orders[number], needing[:, part])

    def _parts(self, model: Any, shape: tuple[int, ...]) -> list[slice]:
        count, length = shape
        tokens = tokens_that_fit(model, length, device=input_device(model), threads=self.threads)
        step = max(1, tokens // length)
        return [slice(first, first + step) for first in range(0, count, step)]

    def _step(self) -> NDArray[np.bool_]:
        """Give each live row its next token; which of them end with it."""
        live, count = self.live, len(self.members)
        place = np.zeros(len(self.made), np.int64)
        place[live] = np.arange(len(live))
        places = [torch.from_numpy(place[order]) for order in self.orders]
        logits = [
            cache.step(torch.from_numpy(self.last[order])) if len(order) else None
            for cache, order in zip(self.caches, self.orders, strict=True)
        ]
        home = next(each.device for each in logits if each is not None)
        mass = self.plan.rule.mass(
            logits, [each.to(home) for each in places], torch.from_numpy(live // count).to(home)
        )
        uniform = self.plan.uniform[self.members[live % count], self.made[live]]
        token = self.plan.choice(mass, torch.from_numpy(uniform).to(home)).cpu().numpy()
        if (token == NONE).any():
            raise ValueError(self._failure(live[token == NONE], logits))
        self.texts[live, self.made[live]] = token
        self.made[live] += 1
        self.last[live] = token
        self.length += 1
        ended: NDArray[np.bool_] = (token == self.plan.end) | (self.made[live] == self.limits[live])
        return ended

    def _leave(self, ended: NDArray[np.bool_]) -> None:
        if not ended.any():
            return
        gone = self.live[ended]
        self.live = self.live[~ended]
        for number, (cache, rows) in enumerate(zip(self.caches, self.orders, strict=True)):
            order = closed_up(~np.isin(rows, gone))
            cache.keep(torch.from_numpy(order))
            self.orders[number] = rows[order]

    def _failure(self, rows: NDArray[np.int64], logits: Sequence[Tensor | None]) -> str:
        """Why these rows have no next token, of the first prompt."""
        numbers = np.array(self.plan.numbers)[self.members]
        row = min(rows.tolist(), key=lambda each: (numbers[each % len(numbers)], each))
        configuration, place = divmod(row, len(numbers))
        where = f"for prompt {numbers[place]} at position {self.length}"
        for name, given, order in zip(self.plan.names, logits, self.orders, strict=True):
            if given is not None and row in order[_not_finite(given)]:
                return (
                    f"the {name} gives probabilities that are not finite {where}; choose a checkpoint that "
                    "did not diverge, or load it in float32"
                )
        return (
            f"{self.plan.rule.labels[configuration]} leave no token with a positive probability {where}: the "
            "models agree there; choose models that differ, or weights of which more is positive"
        )


def _not_finite(logits: Tensor) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = torch.softmax(logits, -1, dtype=torch.float32).isnan().any(-1).cpu().numpy()
    return found


def closed_up(stays: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Which of the rows each place gets, so that those that stay fill the front and few are moved."""
    order = np.arange(stays.sum())
    order[~stays[: len(order)]] = np.flatnonzero(stays[len(order) :]) + len(order)
    return order

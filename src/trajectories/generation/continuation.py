"""Continuing prompts by several models at once, in batches that the memory takes."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from threading import Event
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike

from trajectories.checkpoints.memory import InsufficientMemoryError, free_memory, is_out_of_memory
from trajectories.generation.arguments import Settings, require_limits, require_prompts, require_room
from trajectories.generation.batches import Batch, Plan
from trajectories.generation.caches import devices, row_bytes
from trajectories.generation.interpolation import Rule
from trajectories.generation.sampling import choice, uniform_numbers
from trajectories.scoring.batch import thread_pool
from trajectories.scoring.linear import packed_linears

if TYPE_CHECKING:
    from trajectories.checkpoints import Checkpoint

SHARE = 0.5  # of the free memory that batches may take
VOCABULARY_BYTES = 48  # that choosing a token needs, per row and token of the vocabulary
# Of a thread's batch: with fewer a step is mostly calls, which threads of Python make in turn.
FEWEST_ROWS = 32

Texts = list[list[int]]  # the new tokens of each prompt


def continue_prompts(
    checkpoints: Sequence["Checkpoint"],
    prompts: Sequence[ArrayLike],
    *,
    names: Sequence[str],
    rule: Rule,
    settings: Settings,
) -> list[Texts]:
    """The new tokens of each prompt, in each configuration of the rule.

    Args:
        checkpoints: models of one tokenizer.
        prompts: token ids of each.
        names: what errors call the models.
        rule: how their distributions become one.
        settings: how tokens are chosen, and how many.

    Raises:
        ValueError: numbers of new tokens are not one for all prompts or one for each; a prompt is empty, has
            unknown ids or leaves no room for the new tokens; a model takes no cache; probabilities are not
            finite, or none is positive; the memory does not take a single prompt.
    """
    models = [checkpoint.model for checkpoint in checkpoints]
    given = require_prompts(prompts, vocabulary=rule.vocabulary)
    limits = require_limits(settings.max_new_tokens, prompts=len(given))
    require_room(given, models, names=names, limits=limits)
    if not given:
        return [[] for _ in rule.labels]
    # The same prompt twice has the same draws, hence texts of which one begins like the other: it is decoded
    # once, as far as the farther one goes.
    chosen: dict[tuple[int, ...], int] = {}
    for number in sorted(range(len(given)), key=lambda each: -len(given[each]) - limits[each]):
        chosen.setdefault(given[number], number)
    farthest = [limits[number] for number in chosen.values()]
    plan = Plan(
        models=models,
        names=names,
        prompts=list(chosen),
        numbers=list(chosen.values()),
        limits=farthest,
        uniform=uniform_numbers(list(chosen), max(farthest), seed=settings.seed),
        rule=rule,
        choice=choice(settings.method, top_p=settings.top_p, temperature=settings.temperature),
        end=checkpoints[0].tokenizer.eos_token_id,
    )
    places = {prompt: place for place, prompt in enumerate(plan.prompts)}
    return [
        [texts[places[prompt]][:limit] for prompt, limit in zip(given, limits, strict=True)]
        for texts in _decoded(plan)
    ]


def _decoded(plan: Plan) -> list[Texts]:
    """Per configuration and prompt of the plan; in smaller batches once memory has run out."""
    done: dict[int, tuple[list[int], ...]] = {}  # of each prompt, its text in every configuration
    with _readied(plan) as most, torch.inference_mode():
        threads, left = most, _portions(plan, most)
        while left:
            results = list(zip(left, _attempt(plan, left, threads), strict=True))
            for members, result in results:
                done |= zip(members, zip(*result, strict=True), strict=True) if result else {}
            left = [members for members, result in results if result is None]
            if left:
                left, threads = _smaller(plan, left, threads)
    return [list(texts) for texts in zip(*(done[member] for member in sorted(done)), strict=True)]


def _attempt(plan: Plan, portions: Sequence[Sequence[int]], threads: int) -> list[list[Texts] | None]:
    """Per portion of the prompts and configuration, None from where memory ran out."""
    full = Event()

    def run(members: Sequence[int]) -> list[Texts] | None:
        if full.is_set():
            return None
        try:
            batch = Batch(plan, members, threads=threads)
            batch.run()
            return batch.continuations()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            full.set()
            return None

    with thread_pool(threads) as pool:
        return list(pool.map(run, portions))


def _portions(plan: Plan, threads: int) -> list[Sequence[int]]:
    """Which prompts share a batch: as many as the memory takes, in as many batches as there are threads."""
    every = range(len(plan.prompts))  # from the one that becomes longest
    share = -(-len(every) // threads)
    if _prompts_that_fit(plan, 0, threads) >= share:
        return [every[first::threads] for first in range(min(threads, len(every)))]
    # Those that become longest go together: all rows of a batch have room for its longest.
    portions: list[Sequence[int]] = []
    first = 0
    while first < len(every):
        size = min(share, _prompts_that_fit(plan, first, threads))
        portions.append(every[first : first + size])
        first += size
    return portions


def _smaller(plan: Plan, left: Sequence[Sequence[int]], threads: int) -> tuple[list[Sequence[int]], int]:
    """Half the prompts at a time, then one after the other; raises InsufficientMemoryError after that."""
    most = max(map(len, left))
    if most == threads == 1:
        raise InsufficientMemoryError(_too_large(plan, left[0][0]))
    logging.getLogger(__name__).warning(
        "memory ran out on %d prompts at a time; going on with fewer", most * threads
    )
    if most == 1:
        return list(left), 1
    halves = [(members[: -(-len(members) // 2)], members[-(-len(members) // 2) :]) for members in left]
    return [half for both in halves for half in both if len(half)], threads


def _too_large(plan: Plan, member: int) -> str:
    places = ", ".join(sorted(map(str, devices(plan.models))))
    full = any(model.dtype == torch.float32 for model in plan.models)
    return (
        f"prompt {plan.numbers[member]} of {len(plan.prompts[member])} tokens, with {plan.limits[member]} "
        f"new ones in {len(plan.rule.labels)} configurations, does not fit the free memory of {places}; "
        f"decode fewer configurations at once or fewer new tokens, {'load the models in bfloat16, ' * full}"
        "or use a device with more"
    )


def _prompts_that_fit(plan: Plan, first: int, threads: int) -> int:
    """How many prompts one batch takes from the plan's `first` on, at least one."""
    positions = len(plan.prompts[first]) + plan.limits[first]
    needed = np.sum(plan.rule.runs, axis=0)
    caches = sum(
        int(rows) * row_bytes(model, plan.prompts[0][0], positions=positions)
        for model, rows in zip(plan.models, needed, strict=True)
        if rows
    )
    vocabulary = len(plan.rule.labels) * VOCABULARY_BYTES * plan.rule.vocabulary
    room = SHARE * min(map(free_memory, devices(plan.models))) / threads
    return max(1, int(room // (caches + vocabulary)))


@contextmanager
def _readied(plan: Plan) -> Iterator[int]:
    """Inside the block the models run fast; the value is how many batches to run at once.

    On the CPU threads have batches of their own as long as these are not small. Weights on an accelerator, or
    that move while a model runs, take one batch at a time.
    """
    before = torch.get_num_threads()
    alone = any(weight.device.type != "cpu" for model in plan.models for weight in model.parameters())
    rows = len(plan.prompts) * len(plan.rule.labels)
    threads = 1 if alone else max(1, min(before, rows // FEWEST_ROWS))
    with ExitStack() as stack:
        for model in plan.models:
            model.eval()
            stack.enter_context(packed_linears(model))
        # With threads of torch's own the last digits, and now and then a draw, depend on how many they are.
        torch.set_num_threads(before if threads == 1 else 1)
        try:
            yield threads
        finally:
            torch.set_num_threads(before)

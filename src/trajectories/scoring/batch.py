"""How much is scored at a time: what the memory takes, and less once it has run out."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from threading import Event
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from trajectories.checkpoints.memory import InsufficientMemoryError, free_memory, is_out_of_memory
from trajectories.scoring.linear import packable
from trajectories.scoring.logits import slice_logits

TOKENS = {"cpu": 2048, "cuda": 65_536}  # of a batch at most: beyond them larger ones are not faster
SHARE = 0.7  # of the free memory that batches may take
STATES, INNER = 10, 3  # tensors as wide as a layer, and as wide as its widest product, alive at once

Score = Callable[[Tensor], Tensor]  # token ids [n, length] → [n, ...]
Split = Callable[[range, int], list[range]]  # items in batches of so many tokens, or of one item

# A model is scored at every checkpoint: what once did not fit is not tried again. Tokens of a batch, threads.
_fitting: WeakKeyDictionary[Any, tuple[int, int]] = WeakKeyDictionary()


class WindowTooLongError(InsufficientMemoryError):
    """The memory does not take a single window."""


class ItemTooLargeError(InsufficientMemoryError):
    """The memory does not take a single item, the one that its argument is the index of."""


@dataclass(frozen=True)
class Room:
    """What a model is given at a time.

    Attributes:
        model: The model that is run.
        device: Where it takes its inputs.
        tokens: Of a batch.
        threads: Batches at a time.
    """

    model: Any
    device: torch.device
    tokens: int
    threads: int


def make_room(
    model: Any, length: int, *, device: torch.device, threads: int, batch_tokens: int | None
) -> Room:
    """Room for batches of items of at most `length` tokens; `batch_tokens` None: what the memory takes."""
    tokens = batch_tokens or tokens_that_fit(model, length, device=device, threads=threads)
    tokens, threads = map(min, (tokens, threads), _fitting.get(model, (tokens, threads)))
    return Room(model, device, tokens, threads)


def run_batches(
    score: Score, ids: Tensor, *, model: Any, device: torch.device, threads: int, batch_tokens: int | None
) -> Tensor:
    """`score` of all rows of `ids` [n, length], several threads at once, one batch each.

    Args:
        score: What to do with a batch.
        ids: Token ids.
        model: The model that is run.
        device: Where it takes its inputs.
        threads: Batches at a time.
        batch_tokens: Tokens of a batch, None: what the memory takes.

    Raises:
        WindowTooLongError: One row alone does not fit; says how long one may be.
    """
    length = ids.shape[1]
    room = make_room(model, length, device=device, threads=threads, batch_tokens=batch_tokens)
    rows = min(max(1, room.tokens // length), -(-len(ids) // room.threads))

    def split(span: range, tokens: int) -> list[range]:
        step = max(1, tokens // length)
        return [span[first : first + step] for first in range(0, len(span), step)]

    try:
        parts = run_items(
            lambda span: score(ids[span.start : span.stop]),
            range(len(ids)),
            split=split,
            room=replace(room, tokens=rows * length),
            what=f"windows of {length} tokens",
        )
    except ItemTooLargeError as error:
        raise WindowTooLongError(_too_long(score, ids[:1], model=model, device=device)) from error
    return torch.cat(parts)


def run_items(
    score: Callable[[range], Tensor], items: range, *, split: Split, room: Room, what: str
) -> list[Tensor]:
    """`score` of all items in batches, several threads at once, one batch each.

    Where memory runs out, what is scored is kept and the rest goes on in batches of half the size; when even
    single items do not fit beside each other, one after the other.

    Args:
        score: What to do with a batch of items.
        items: Their indices.
        split: How they make batches.
        room: How large ones and how many, and what is run.
        what: What items are called in a warning.

    Returns:
        The results of batches, in the order of the items.

    Raises:
        ItemTooLargeError: One item alone does not fit.
    """
    tokens, threads = room.tokens, room.threads
    done: dict[int, Tensor] = {}
    left = [items]
    while left:
        batches = [batch for each in left for batch in split(each, tokens)]
        results = _attempt(score, batches, threads)
        pairs = list(zip(batches, results, strict=True))
        done |= {batch.start: result for batch, result in pairs if result is not None}
        left = [batch for batch, result in pairs if result is None]
        if not left:
            break
        most = max(map(len, left))
        if most == threads == 1:
            raise ItemTooLargeError(left[0].start)
        if room.model not in _fitting:
            message = "%s ran out of memory on %d %s at a time; going on with fewer"
            logging.getLogger(__name__).warning(message, room.device, most * threads, what)
        tokens, threads = (tokens // 2, threads) if most > 1 else (tokens, 1)
        _fitting[room.model] = tokens, threads
    return [done[first] for first in sorted(done)]


def thread_pool(threads: int) -> ThreadPoolExecutor:
    """Threads of Python that give torch as many of its own as this one does, which new ones do not have."""
    return ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(torch.get_num_threads(),))


def tokens_that_fit(model: Any, length: int, *, device: torch.device, threads: int) -> int:
    """Tokens of one batch of windows of `length`, by the free memory and the model's shape."""
    vocabulary = model.get_input_embeddings().num_embeddings
    # Logits, their copy in float32, and the log-likelihoods of the whole vocabulary.
    head = slice_logits(device, vocabulary) * (model.dtype.itemsize + 2 * torch.float32.itemsize)
    room = SHARE * free_memory(device) / threads - head
    most = TOKENS["cuda" if device.type == "cuda" else "cpu"]
    return int(min(most, max(1, room // bytes_per_token(model, length))))


def bytes_per_token(model: Any, length: int) -> int:
    """Estimate of what a forward pass holds of activations, per token of windows of `length`."""
    config, head = model.config.get_text_config(), model.get_output_embeddings()
    layers = [layer for layer in model.modules() if packable(layer) and layer is not head]
    widest = max((max(layer.weight.shape) for layer in layers), default=config.hidden_size)
    values = STATES * config.hidden_size + INNER * widest
    values += 4 * widest * getattr(config, "state_size", 0)  # a state-space layer keeps all of its states
    # Attention without a fused kernel has scores, their mask and the weights of all pairs, in float32.
    heads = getattr(config, "num_attention_heads", 0)
    pairs = 3 * heads * length if config._attn_implementation == "eager" else 0
    return int(values * model.dtype.itemsize + pairs * torch.float32.itemsize)


def _attempt(score: Callable[[range], Tensor], batches: list[range], threads: int) -> list[Tensor | None]:
    """The results, None from where memory ran out."""
    full = Event()

    def one(batch: range) -> Tensor | None:
        result = None if full.is_set() else _scored(partial(score, batch))
        if result is None:
            full.set()
        return result

    with thread_pool(threads) as pool:
        return list(pool.map(one, batches))


def _scored(score: Callable[[], Tensor]) -> Tensor | None:
    """The result, None where memory ran out."""
    try:
        return score()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return None


def _too_long(score: Score, row: Tensor, *, model: Any, device: torch.device) -> str:
    length = row.shape[1]
    halves = [length >> power for power in range(1, length.bit_length() - 1)]
    fitting = next((half for half in halves if _scored(partial(score, row[:, :half])) is not None), None)
    shorter = f"{fitting} tokens do: cut windows so (suite.context)" if fitting else "no shorter one does"
    short = ", score in bfloat16 (scoring.precision)" if model.dtype == torch.float32 else ""
    return (
        f"one window of {length} tokens does not fit the free memory of {device}; {shorter}{short}, or use a "
        "device with more"
    )

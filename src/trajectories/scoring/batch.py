"""How many windows are scored at a time: what the memory takes, and fewer once it has run out."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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

# A model is scored at every checkpoint: what once did not fit is not tried again. Tokens of a batch, threads.
_fitting: WeakKeyDictionary[Any, tuple[int, int]] = WeakKeyDictionary()


class WindowTooLongError(InsufficientMemoryError):
    """The memory does not take a single window."""


def run_batches(
    score: Score, ids: Tensor, *, model: Any, device: torch.device, threads: int, batch_tokens: int | None
) -> Tensor:
    """`score` of all rows of `ids` [n, length], several threads at once, one batch each.

    Where memory runs out, what is scored is kept and the rest goes on in batches of half the size; when even
    single rows do not fit beside each other, one after the other.

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
    tokens = batch_tokens or tokens_that_fit(model, length, device=device, threads=threads)
    tokens, threads = map(min, (tokens, threads), _fitting.get(model, (tokens, threads)))
    rows = min(max(1, tokens // length), -(-len(ids) // threads))
    done: dict[int, Tensor] = {}
    left = [range(len(ids))]
    while left:
        batches = [each[first : first + rows] for each in left for first in range(0, len(each), rows)]
        results = _attempt(score, [ids[batch.start : batch.stop] for batch in batches], threads)
        pairs = list(zip(batches, results, strict=True))
        done |= {batch.start: result for batch, result in pairs if result is not None}
        left = [batch for batch, result in pairs if result is None]
        if not left:
            break
        if rows == threads == 1:
            raise WindowTooLongError(_too_long(score, ids[:1], model=model, device=device))
        if model not in _fitting:
            logging.getLogger(__name__).warning(
                "%s ran out of memory on %d windows of %d tokens at a time; going on with fewer",
                device,
                rows * threads,
                length,
            )
        rows, threads = (rows // 2, threads) if rows > 1 else (1, 1)
        _fitting[model] = rows * length, threads
    return torch.cat([done[first] for first in sorted(done)])


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


def _attempt(score: Score, batches: list[Tensor], threads: int) -> list[Tensor | None]:
    """The results, None from where memory ran out."""
    full = Event()

    def one(batch: Tensor) -> Tensor | None:
        return None if full.is_set() else _scored(score, batch, full=full)

    each = torch.get_num_threads()  # a new thread of Python does not have it from its parent
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(each,)) as pool:
        return list(pool.map(one, batches))


def _scored(score: Score, batch: Tensor, *, full: Event) -> Tensor | None:
    try:
        return score(batch)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        full.set()
        return None


def _too_long(score: Score, row: Tensor, *, model: Any, device: torch.device) -> str:
    length = row.shape[1]
    halves = [length >> power for power in range(1, length.bit_length() - 1)]
    fitting = next((half for half in halves if _scored(score, row[:, :half], full=Event()) is not None), None)
    shorter = f"{fitting} tokens do: cut windows so (suite.context)" if fitting else "no shorter one does"
    short = ", score in bfloat16 (scoring.precision)" if model.dtype == torch.float32 else ""
    return (
        f"one window of {length} tokens does not fit the free memory of {device}; {shorter}{short}, or use a "
        "device with more"
    )

"""Log-likelihood of every token of windows of text under one checkpoint."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from trajectories.scoring.attention import causal_blocks
from trajectories.scoring.linear import packed_linears
from trajectories.scoring.logits import has_plain_head, log_likelihood

if TYPE_CHECKING:
    from trajectories.checkpoints import Checkpoint

PROBE = 8  # tokens on which the model's own logits are compared with those of its parts


def score_windows(
    checkpoint: "Checkpoint", windows: ArrayLike, *, batch_tokens: int = 2048
) -> NDArray[np.float32]:
    """Log-likelihood log p(token t | tokens before t in its window), in nats.

    The same bytes from run to run. On the CPU each of torch's threads scores windows of its own, so that
    the result does not depend on the number of cores either; nor did it depend, wherever that was measured,
    on which windows share a batch. On a GPU the last digits may.

    Args:
        checkpoint: a model and its tokenizer.
        windows: token ids, integers [n, T]; T at least 2 and at most the model's positions.
        batch_tokens: tokens of one forward pass, at least one window.

    Returns:
        float32 [n, T-1]; the first token of a window is context only. Not finite where the model is not.

    Raises:
        ValueError: windows that are no integer matrix, are too long or too short, or hold unknown ids.
    """
    model: Any = checkpoint.model
    model.eval()
    ids = torch.from_numpy(_checked(windows, model))
    if not len(ids):
        return np.empty((0, ids.shape[1] - 1), np.float32)
    with packed_linears(model), causal_blocks(model), _one_thread_each(model) as threads:
        rows = min(max(1, batch_tokens // ids.shape[1]), -(-len(ids) // threads))
        with torch.inference_mode():
            plain = has_plain_head(model, ids[:1, :PROBE].to(model.device))

        def score(batch: Tensor) -> NDArray[np.float32]:
            with torch.inference_mode():
                scores = log_likelihood(model, batch.to(model.device), plain_head=plain)
            return np.asarray(scores.cpu().numpy(), np.float32)

        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return np.concatenate(list(pool.map(score, torch.split(ids, rows))))


@contextmanager
def _one_thread_each(model: Any) -> Iterator[int]:
    """How many batches to score at once; inside the block torch gives each of them one thread."""
    before = torch.get_num_threads()
    if model.device.type != "cpu":
        yield 1
        return
    torch.set_num_threads(1)
    try:
        yield before
    finally:
        torch.set_num_threads(before)


def _checked(windows: ArrayLike, model: Any) -> NDArray[np.int64]:
    given = np.asarray(windows)
    if given.ndim != 2 or given.shape[1] < 2 or given.dtype.kind not in "iu":
        raise ValueError(
            f"windows must be integers [n, T] with T >= 2, got {given.dtype} of shape {given.shape}; "
            "give one row of token ids per window, all of one length"
        )
    positions = getattr(model.config, "max_position_embeddings", None)
    if positions is not None and given.shape[1] > positions:
        raise ValueError(
            f"windows of {given.shape[1]} tokens do not fit the model's {positions} positions; "
            f"cut windows of at most {positions} tokens (suite.context) or use a model with a longer context"
        )
    vocabulary = model.get_input_embeddings().num_embeddings
    unknown = given[(given < 0) | (given >= vocabulary)]
    if unknown.size:
        raise ValueError(
            f"token id {unknown[0]} is outside the model's vocabulary of {vocabulary}; "
            "make the windows with the tokenizer of this model"
        )
    return given.astype(np.int64)

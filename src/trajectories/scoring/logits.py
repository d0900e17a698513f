"""Log-likelihoods of tokens under a causal language model, a slice of vocabulary logits at a time."""

from typing import Any

import torch
from torch import Tensor

POSITIONS = 512  # scored at a time
LOGITS = 2**23  # held at a time, 32 MiB in float32: with a large vocabulary fewer positions


def has_plain_head(model: Any, ids: Tensor) -> bool:
    """Whether the logits on `ids` are the output embedding of the body's last hidden states, bit for bit.

    Some architectures scale, cap or mask the logits after the embedding, or hide the embedding in a module of
    their own; those have to be called whole.
    """
    head, body = model.get_output_embeddings(), model.base_model
    if head is None or body is model:
        return False
    try:
        logits = head(_hidden_states(model, ids))
    except (AttributeError, RuntimeError):
        return False
    return torch.equal(logits, model(input_ids=ids, use_cache=False).logits)


def log_likelihood(model: Any, ids: Tensor, *, plain_head: bool) -> Tensor:
    """Log-likelihood in nats, float32 [n, length - 1], of ids [n, length] given the ids before them.

    With a plain head (see `has_plain_head`) at most LOGITS logits are held at once, else those of one row.
    """
    targets = ids[:, 1:]
    if not plain_head:
        rows = (model(input_ids=row[None, :-1], use_cache=False).logits[0] for row in ids)
        return torch.stack([_pick(logits, row) for logits, row in zip(rows, targets, strict=True)])
    head = model.get_output_embeddings()
    hidden = _hidden_states(model, ids[:, :-1]).flatten(0, 1)
    size = max(1, min(POSITIONS, LOGITS // head.weight.shape[0]))
    parts = zip(torch.split(hidden, size), torch.split(targets.flatten(), size), strict=True)
    return torch.cat([_pick(head(part), wanted) for part, wanted in parts]).view_as(targets)


def _hidden_states(model: Any, ids: Tensor) -> Tensor:
    states: Tensor = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
    return states


def _pick(logits: Tensor, targets: Tensor) -> Tensor:
    """[n] from logits [n, vocabulary]; float32 whatever the model's number format."""
    return torch.log_softmax(logits.float(), -1).gather(-1, targets[:, None]).squeeze(-1)

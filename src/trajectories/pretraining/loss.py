"""Cross-entropy of a linear head without the logits of all positions in memory at once."""

from typing import Any, cast

import torch
from torch import Tensor

# A probability that underflows would make an infinite loss of a finite one: such a token counts 87.3 nats.
SMALLEST_PROBABILITY = torch.finfo(torch.float32).tiny


def linear_cross_entropy(
    hidden: Tensor, weight: Tensor, targets: Tensor, *, precision: torch.dtype, positions_at_once: int
) -> Tensor:
    """Mean cross-entropy, in nats, of the targets under softmax(hidden @ weight.T).

    The gradient is that of `torch.nn.functional.cross_entropy(hidden @ weight.T, targets)`. It is computed
    with the loss, chunk by chunk, so that a chunk of logits is used while it is still in the cache.

    Args:
        hidden: [positions, width].
        weight: [vocabulary, width]; may also be the input embedding, whose gradients then add up.
        targets: [positions], token ids.
        precision: Number format of the products and of the probabilities.
        positions_at_once: Positions per chunk.
    """
    loss = cast("Any", _LinearCrossEntropy).apply(hidden, weight, targets, precision, positions_at_once)
    return cast("Tensor", loss)


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0917, autograd passes by position
        context: Any, hidden: Tensor, weight: Tensor, targets: Tensor, precision: torch.dtype, chunk: int
    ) -> Tensor:
        count = len(targets)
        inputs, table = hidden.to(precision), weight.to(precision)
        of_hidden, of_weight = torch.empty_like(hidden), torch.zeros_like(weight)
        total = hidden.new_zeros((), dtype=torch.promote_types(precision, torch.float32))
        for start in range(0, count, chunk):
            part = slice(start, start + chunk)
            probabilities = torch.softmax(inputs[part] @ table.T, dim=-1)
            of_target = probabilities.gather(1, targets[part, None]).to(total.dtype)
            total -= of_target.clamp_min(SMALLEST_PROBABILITY).log().sum()
            of_hidden[part] = probabilities @ table
            of_weight += probabilities.T @ inputs[part]
        # The gradient by the logits is probabilities minus one-hot targets; the one-hot part is a look-up.
        of_hidden -= table[targets]
        of_weight.index_add_(0, targets, inputs.to(weight.dtype), alpha=-1)
        context.save_for_backward(of_hidden.div_(count), of_weight.div_(count))
        return total / count

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        of_hidden, of_weight = context.saved_tensors
        return of_hidden * gradient, of_weight * gradient, None, None, None

"""Float32 matrix products through oneDNN, about twice as fast as torch's own on some processors.

The operators are internal to torch: they are tried once, and where they are absent or wrong torch's own run.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

TOLERANCE = 1e-5  # largest difference, relative to values of about 1, that rounding alone can make


def product(inputs: Tensor, *, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`inputs` [..., k] times the transpose of `weight` [n, k], plain or packed, plus `bias` [n]: [..., n].

    Both must be contiguous, or the transpose of `weight`: other layouts fall to an implementation a hundred
    times slower.
    """
    result: Tensor = torch.ops.mkldnn._linear_pointwise(inputs, weight, bias, "none", [], "")
    return result


def _pack(weight: Tensor) -> Tensor:
    packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), None)
    return packed


@cache
def available() -> bool:
    """Whether this build of torch has the operators and they give on this machine what torch's own give."""
    inputs = torch.linspace(-1, 1, 24 * 32).view(24, 32)
    weight = torch.linspace(-1, 1, 48 * 32).cos().view(48, 32)
    bias = torch.linspace(-1, 1, 48)
    expected = nn.functional.linear(inputs, weight, bias)
    try:
        with torch.inference_mode():
            results = [product(inputs, weight=each, bias=bias) for each in (weight, _pack(weight))]
    except (AttributeError, NotImplementedError, RuntimeError):
        return False
    return all(torch.allclose(result, expected, rtol=TOLERANCE, atol=TOLERANCE) for result in results)


def packable(layer: nn.Module) -> bool:
    """Whether the layer is a product with its weight and nothing else; GPT-2 stores the weight transposed."""
    return type(layer) in {nn.Linear, Conv1D}


def serves(model: nn.Module) -> bool:
    """Whether the model's weights can go through here: all float32, on the CPU."""
    return available() and all(
        weight.dtype == torch.float32 and weight.device.type == "cpu" for weight in model.parameters()
    )


@contextmanager
def packed_linears(model: nn.Module) -> Iterator[None]:
    """Inside the block the model's linear layers multiply packed copies of their present weights."""
    layers: list[Any] = [
        layer for layer in model.modules() if packable(layer) and "forward" not in vars(layer)
    ]
    try:
        for layer in layers if serves(model) else []:
            weight = layer.weight.T.contiguous() if isinstance(layer, Conv1D) else layer.weight
            # The instance's own `forward` goes before that of its class; the weights stay where they are.
            vars(layer)["forward"] = partial(product, weight=_pack(weight), bias=layer.bias)
        yield
    finally:
        for layer in layers:
            vars(layer).pop("forward", None)

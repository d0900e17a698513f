from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.pytorch_utils import Conv1D

from tiny_models import opt
from trajectories.scoring import attention, linear


@pytest.fixture
def tried_again() -> Iterator[None]:
    linear.available.cache_clear()
    yield
    linear.available.cache_clear()


needs_products = pytest.mark.skipif(not linear.available(), reason="this torch has no oneDNN products")


@needs_products
@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.booleans())
def test_packed_layers_multiply_as_torch_does(rows: int, inner: int, outer: int, bias: bool) -> None:
    torch.manual_seed(rows * 1600 + inner * 40 + outer)
    layer, inputs = nn.Linear(inner, outer, bias=bias), torch.randn(2, rows, inner)
    with torch.inference_mode():
        expected = layer(inputs)
        with linear.packed_linears(layer):
            torch.testing.assert_close(layer(inputs), expected, rtol=1e-5, atol=1e-5)


@needs_products
def test_layers_that_store_their_weights_transposed_are_packed_too() -> None:
    torch.manual_seed(1)
    layer, inputs = Conv1D(5, 3), torch.randn(2, 4, 3)
    with torch.inference_mode():
        expected = layer(inputs)
        with linear.packed_linears(layer):
            assert "forward" in vars(layer)
            torch.testing.assert_close(layer(inputs), expected, rtol=1e-5, atol=1e-5)


@needs_products
def test_packed_layers_have_the_weights_of_the_moment() -> None:
    layer, inputs = nn.Linear(3, 2), torch.randn(4, 3)
    with torch.inference_mode():
        for _ in range(2):
            layer.weight.copy_(torch.randn(2, 3))
            with linear.packed_linears(layer):
                torch.testing.assert_close(layer(inputs), inputs @ layer.weight.T + layer.bias)


def test_layers_of_other_number_formats_stay_torchs_own() -> None:
    layer = nn.Linear(3, 2).bfloat16()
    with linear.packed_linears(layer):
        assert "forward" not in vars(layer)


@pytest.mark.usefixtures("tried_again")
def test_operators_that_are_absent_are_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_weight: torch.Tensor) -> torch.Tensor:
        raise AttributeError("no such operator")

    monkeypatch.setattr(linear, "_pack", absent)
    assert not linear.available()
    model = opt()
    with linear.packed_linears(model), attention.causal_blocks(model):
        assert model.config._attn_implementation == "sdpa"
        assert not [layer for layer in model.modules() if "forward" in vars(layer)]


@pytest.mark.usefixtures("tried_again")
def test_operators_that_are_wrong_are_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    right = linear.product
    monkeypatch.setattr(linear, "product", lambda *args, **settings: right(*args, **settings) + 1e-3)
    assert not linear.available()


class Layer(nn.Module):
    def __init__(self, groups: int = 1, *, is_causal: bool = True) -> None:
        super().__init__()
        self.num_key_value_groups, self.is_causal = groups, is_causal


def inputs(length: int, *, heads: int = 4, key_heads: int = 4) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(length)
    return tuple(torch.randn(2, count, length, 8) for count in (heads, key_heads, key_heads))


@needs_products
@pytest.mark.parametrize("length", [1, 7, 255, 256, 257, 600])
@pytest.mark.parametrize("key_heads", [1, 2, 4])
@pytest.mark.parametrize("scaling", [None, 1.0, 0.1])
def test_blocks_attend_as_the_whole_does(length: int, key_heads: int, scaling: float | None) -> None:
    layer, tensors = Layer(4 // key_heads), inputs(length, key_heads=key_heads)
    with torch.inference_mode():
        found, _ = attention.attend(layer, *tensors, None, scaling=scaling)
        expected, _ = sdpa_attention_forward(layer, *tensors, None, scaling=scaling)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("masked", [True, False])
def test_attention_that_is_not_simply_causal_is_left_to_transformers(masked: bool) -> None:
    mask = torch.rand(2, 1, 9, 9) > 0.3 if masked else None
    layer, tensors = Layer(is_causal=masked), inputs(9)
    found, _ = attention.attend(layer, *tensors, mask)
    expected, _ = sdpa_attention_forward(layer, *tensors, mask)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)

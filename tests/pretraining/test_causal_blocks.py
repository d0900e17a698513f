"""torch's own attention is the oracle."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import scaled_dot_product_attention

from tiny_suite import NoTokens, make_size
from trajectories.pretraining.architectures import build_model
from trajectories.pretraining.attention import CAUSAL_BLOCKS, QUERIES_PER_BLOCK, causal_attention


def draw(positions: int, *, batch: int = 2, heads: int = 3, size: int = 4) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(positions)
    shape = (batch, heads, positions, size)
    return [torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(3)]


@given(positions=st.integers(1, 2 * QUERIES_PER_BLOCK + 3), scale=st.floats(0.01, 2))
def test_values_and_gradients_are_those_of_causal_attention(positions: int, scale: float) -> None:
    drawn = draw(positions)
    ours = causal_attention(*drawn, scale=scale)
    theirs = scaled_dot_product_attention(*drawn, is_causal=True, scale=scale)
    torch.testing.assert_close(ours, theirs)
    towards = torch.cos(theirs).detach()
    torch.testing.assert_close(
        torch.autograd.grad(ours, drawn, towards), torch.autograd.grad(theirs, drawn, towards)
    )


@pytest.mark.parametrize("changed", [1, QUERIES_PER_BLOCK - 1, QUERIES_PER_BLOCK, QUERIES_PER_BLOCK + 1])
def test_no_position_sees_a_later_one(changed: int) -> None:
    query, key, value = draw(2 * QUERIES_PER_BLOCK)
    before = causal_attention(query, key, value, scale=0.5)
    with torch.no_grad():
        key[:, :, changed:] += 1
        value[:, :, changed:] -= 1
    after = causal_attention(query, key, value, scale=0.5)
    assert torch.equal(before[:, :, :changed], after[:, :, :changed])
    assert not torch.equal(before[:, :, changed:], after[:, :, changed:])


def test_queries_and_keys_may_be_of_another_type_than_values() -> None:
    query, key, value = draw(10)
    mixed = causal_attention(query.float(), key.float(), value.bfloat16(), scale=0.5)
    assert mixed.dtype == torch.bfloat16
    assert (mixed - causal_attention(query, key, value, scale=0.5)).abs().max() < 0.05


@pytest.mark.parametrize("architecture", ["opt", "gpt_neox"])
def test_a_model_computes_the_same_with_it(architecture: str) -> None:
    torch.manual_seed(3)
    size = make_size(architecture, context=QUERIES_PER_BLOCK + 20)
    model = build_model(size, tokenizer=NoTokens(), attention=CAUSAL_BLOCKS)  # type: ignore[arg-type]
    tokens = torch.randint(size.vocabulary, (2, size.context))
    with torch.no_grad():
        ours = model(tokens).logits
        model.set_attn_implementation("eager")
        torch.testing.assert_close(ours, model(tokens).logits)

"""Plain cross-entropy over all logits at once is the oracle."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from tiny_suite import NoTokens, make_size
from trajectories.pretraining.architectures import build_model
from trajectories.pretraining.loss import linear_cross_entropy


def draw(positions: int, width: int, vocabulary: int, *, seed: int, dtype: torch.dtype) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(positions, width, generator=generator, dtype=dtype).requires_grad_()
    weight = torch.randn(vocabulary, width, generator=generator, dtype=dtype).requires_grad_()
    return [hidden, weight, torch.randint(vocabulary, (positions,), generator=generator)]


def plain(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(hidden @ weight.T, targets)


@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 8), st.integers(2, 30)),
    chunk=st.integers(1, 50),
    factor=st.floats(-3, 3),
)
def test_value_and_gradients_are_those_of_plain_cross_entropy(
    shape: tuple[int, int, int], chunk: int, factor: float
) -> None:
    positions, width, vocabulary = shape
    drawn = draw(positions, width, vocabulary, seed=positions, dtype=torch.float64)
    loss = linear_cross_entropy(*drawn, precision=torch.float64, positions_at_once=chunk)
    expected = plain(*drawn)
    torch.testing.assert_close(loss, expected)
    ours = torch.autograd.grad(loss * factor, drawn[:2])
    theirs = torch.autograd.grad(expected * factor, drawn[:2])
    torch.testing.assert_close(ours, theirs)


def test_float32_agrees_to_rounding() -> None:
    drawn = draw(200, 32, 500, seed=1, dtype=torch.float32)
    loss = linear_cross_entropy(*drawn, precision=torch.float32, positions_at_once=64)
    torch.testing.assert_close(loss, plain(*drawn))
    ours = torch.autograd.grad(loss, drawn[:2])
    torch.testing.assert_close(ours, torch.autograd.grad(plain(*drawn), drawn[:2]))


def test_bfloat16_products_leave_float32_gradients_near_the_exact_ones() -> None:
    drawn = draw(200, 32, 500, seed=1, dtype=torch.float32)
    loss = linear_cross_entropy(*drawn, precision=torch.bfloat16, positions_at_once=64)
    assert loss.item() == pytest.approx(plain(*drawn).item(), rel=2e-3)
    exact = torch.autograd.grad(plain(*drawn), drawn[:2])
    for ours, theirs in zip(torch.autograd.grad(loss, drawn[:2]), exact, strict=True):
        assert ours.dtype == torch.float32
        assert (ours - theirs).norm() < 0.02 * theirs.norm()


def test_a_target_of_vanishing_probability_has_a_finite_loss_and_the_right_gradient() -> None:
    hidden, weight = torch.tensor([[200.0]], requires_grad=True), torch.tensor([[1.0], [-1.0]])
    loss = linear_cross_entropy(
        hidden, weight, torch.tensor([1]), precision=torch.float32, positions_at_once=1
    )
    assert 80 < loss.item() < 400
    (gradient,) = torch.autograd.grad(loss, hidden)
    assert gradient.item() == pytest.approx(2.0)  # the expected weight, 1, minus the target's, -1


@pytest.mark.parametrize("architecture", ["opt", "gpt_neox"])
def test_a_whole_model_gets_the_gradients_of_its_own_loss(architecture: str) -> None:
    torch.manual_seed(3)
    size = make_size(architecture, layers=2)
    model = build_model(size, tokenizer=NoTokens(), attention="sdpa")  # type: ignore[arg-type]
    assert (model.get_output_embeddings().weight is model.get_input_embeddings().weight) == (
        architecture == "opt"
    )
    tokens = torch.randint(size.vocabulary, (3, size.context + 1))
    inputs, targets = tokens[:, :-1], tokens[:, 1:]
    functional.cross_entropy(model(inputs).logits.flatten(0, 1), targets.flatten()).backward()
    expected = {name: weight.grad.clone() for name, weight in model.named_parameters()}
    model.zero_grad()
    hidden = model.base_model(inputs).last_hidden_state.flatten(0, 1)
    linear_cross_entropy(
        hidden,
        model.get_output_embeddings().weight,
        targets.flatten(),
        precision=torch.float32,
        positions_at_once=16,
    ).backward()
    torch.testing.assert_close({name: weight.grad for name, weight in model.named_parameters()}, expected)

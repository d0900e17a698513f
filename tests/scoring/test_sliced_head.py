from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from transformers import LlamaForCausalLM, PreTrainedModel

from tiny_models import POSITIONS, VOCABULARY, gemma2, modern, opt, reference
from trajectories.scoring import logits, score_windows
from trajectories.scoring.logits import sliced_head

IDS = torch.arange(8)[None]


@pytest.fixture
def capped() -> SimpleNamespace:
    torch.manual_seed(7)
    return SimpleNamespace(model=gemma2().eval())


def head_of(model: PreTrainedModel) -> Any:
    with torch.inference_mode(), sliced_head(model, IDS) as head:
        return head


def test_only_a_slice_of_the_logits_exists_at_a_time(
    checkpoint: SimpleNamespace, windows: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = score_windows(checkpoint, windows)
    monkeypatch.setitem(logits.LOGITS, "cpu", 20 * VOCABULARY)
    seen: list[int] = []
    head = checkpoint.model.get_output_embeddings()
    head.register_forward_hook(lambda _module, _inputs, output: seen.append(output.numel()))
    np.testing.assert_allclose(score_windows(checkpoint, windows), whole, atol=1e-5, rtol=0)
    assert len(seen) > windows.size / 20
    assert max(seen) <= 20 * VOCABULARY


def test_a_plain_head_is_the_output_embedding() -> None:
    model = opt().eval()
    assert head_of(model) is model.get_output_embeddings()


@pytest.mark.parametrize("make", [opt, gemma2])
def test_a_diverged_checkpoint_is_scored_in_slices_too(make: Callable[[], PreTrainedModel]) -> None:
    model = make().eval()
    with torch.no_grad():
        model.get_input_embeddings().weight.fill_(torch.nan)
    assert head_of(model) is not None


@pytest.mark.parametrize("make", [gemma2, lambda: modern("cohere", logit_scale=0.25)])
def test_logits_that_are_changed_after_the_embedding_are_changed_in_slices_too(
    make: Callable[[], PreTrainedModel],
) -> None:
    model = make().eval()
    assert head_of(model) not in {None, model.get_output_embeddings()}


def test_an_embedding_that_the_model_hides_is_reached_through_the_model(
    windows: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = modern("llama").eval()
    monkeypatch.setattr(model, "get_output_embeddings", lambda: None)
    assert head_of(model) is not None
    scores = score_windows(SimpleNamespace(model=model), windows)
    np.testing.assert_allclose(scores, reference(model, windows), atol=1e-4, rtol=0)


class Repelled(LlamaForCausalLM):
    """Makes the present token unlikely to come next: its logits need more than the hidden states."""

    def forward(self, input_ids: torch.Tensor, **settings: Any) -> Any:
        output = super().forward(input_ids=input_ids, **settings)
        output.logits = output.logits - 3 * nn.functional.one_hot(input_ids, VOCABULARY)
        return output


def test_a_model_whose_head_needs_more_than_the_hidden_states_is_called_whole(windows: np.ndarray) -> None:
    model = Repelled(modern("llama").config).eval()
    assert head_of(model) is None
    scores = score_windows(SimpleNamespace(model=model), windows)
    np.testing.assert_allclose(scores, reference(model, windows), atol=1e-4, rtol=0)


def test_the_body_runs_once_for_all_slices(
    capped: SimpleNamespace, windows: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(logits.LOGITS, "cpu", 20 * VOCABULARY)
    runs: list[int] = []
    layer = capped.model.base_model.layers[0]
    layer.register_forward_hook(lambda _module, inputs, _output: runs.append(inputs[0].shape[1]))
    score_windows(capped, windows, batch_tokens=1)
    assert [length for length in runs if length > IDS.shape[1]] == [POSITIONS - 1] * len(windows)


def test_threads_that_score_at_once_keep_their_hidden_states_apart(
    capped: SimpleNamespace, windows: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(logits.LOGITS, "cpu", 20 * VOCABULARY)
    many, before, scores = np.concatenate([windows, windows[::-1]]), torch.get_num_threads(), []
    try:
        for threads in (1, 4):
            torch.set_num_threads(threads)
            scores.append(score_windows(capped, many, batch_tokens=1))
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(scores[0], scores[1])


def test_the_body_gets_its_forward_back(capped: SimpleNamespace, windows: np.ndarray) -> None:
    body = capped.model.base_model
    score_windows(capped, windows)
    assert "forward" not in vars(body)
    wrapped = body.forward  # what accelerate leaves there: a forward of the instance's own
    body.forward = wrapped
    capped.model.register_forward_hook(lambda *_: (_ for _ in ()).throw(KeyError("broken")))
    with pytest.raises(KeyError, match="broken"):
        score_windows(capped, windows)
    assert vars(body)["forward"] is wrapped

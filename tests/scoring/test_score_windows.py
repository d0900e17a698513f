from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tiny_models import POSITIONS, VOCABULARY, mamba, reference
from trajectories.scoring import linear, score_windows


def test_scores_are_the_log_softmax_of_the_whole_model(
    checkpoint: SimpleNamespace, windows: np.ndarray
) -> None:
    scores = score_windows(checkpoint, windows)
    assert scores.dtype == np.float32
    assert scores.shape == (5, POSITIONS - 1)
    np.testing.assert_allclose(scores, reference(checkpoint.model, windows), atol=1e-4, rtol=0)


def test_scores_without_the_fast_products_agree(
    checkpoint: SimpleNamespace, windows: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linear, "available", lambda: False)
    scores = score_windows(checkpoint, windows[:2])
    np.testing.assert_allclose(scores, reference(checkpoint.model, windows[:2]), atol=1e-4, rtol=0)


def test_a_window_scores_the_same_bytes_in_any_company(
    opt_checkpoint: SimpleNamespace, windows: np.ndarray
) -> None:
    together = score_windows(opt_checkpoint, windows)
    for batch_tokens in (1, 2 * POSITIONS, 10**6):
        np.testing.assert_array_equal(
            score_windows(opt_checkpoint, windows, batch_tokens=batch_tokens), together
        )
    np.testing.assert_array_equal(score_windows(opt_checkpoint, windows[::-1])[::-1], together)
    np.testing.assert_array_equal(score_windows(opt_checkpoint, windows[3:4])[0], together[3])


def test_the_number_of_threads_changes_nothing(opt_checkpoint: SimpleNamespace, windows: np.ndarray) -> None:
    before = torch.get_num_threads()
    scores = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            scores.append(score_windows(opt_checkpoint, windows))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_array_equal(scores[0], scores[2])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_what_follows_a_token_does_not_change_its_score(
    opt_checkpoint: SimpleNamespace, data: st.DataObject
) -> None:
    length = data.draw(st.integers(2, 40))
    ids = st.lists(st.integers(0, VOCABULARY - 1), min_size=length, max_size=length)
    one, other = np.array(data.draw(ids)), np.array(data.draw(ids))
    cut = data.draw(st.integers(1, length))
    mixed = np.concatenate([one[:cut], other[cut:]])
    before, after = score_windows(opt_checkpoint, np.stack([one, mixed]))
    np.testing.assert_array_equal(before[: cut - 1], after[: cut - 1])


def test_the_probabilities_of_all_continuations_sum_to_one(opt_checkpoint: SimpleNamespace) -> None:
    context = np.tile([5, 11, 2], (VOCABULARY, 1))
    windows = np.column_stack([context, np.arange(VOCABULARY)])
    assert np.exp(score_windows(opt_checkpoint, windows)[:, -1].astype(float)).sum() == pytest.approx(
        1, abs=1e-5
    )


def test_the_model_is_left_as_it_was(opt_checkpoint: SimpleNamespace, windows: np.ndarray) -> None:
    model = opt_checkpoint.model
    attention = model.config._attn_implementation
    score_windows(opt_checkpoint, windows)
    model.register_forward_hook(lambda *_: (_ for _ in ()).throw(RuntimeError("broken")))
    with pytest.raises(RuntimeError, match="broken"):
        score_windows(opt_checkpoint, windows)
    assert model.config._attn_implementation == attention
    assert not [layer for layer in model.modules() if "forward" in vars(layer)]


def test_bfloat16_models_score_in_float32(opt_checkpoint: SimpleNamespace, windows: np.ndarray) -> None:
    exact = reference(opt_checkpoint.model, windows)
    opt_checkpoint.model.bfloat16()
    scores = score_windows(opt_checkpoint, windows)
    assert scores.dtype == np.float32
    assert np.abs(scores - exact).mean() < 0.1


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_device_changes_only_rounding(checkpoint: SimpleNamespace, windows: np.ndarray) -> None:
    exact = reference(checkpoint.model, windows)
    checkpoint.model.cuda()
    np.testing.assert_allclose(score_windows(checkpoint, windows), exact, atol=1e-3, rtol=0)


def test_no_windows_give_no_scores(opt_checkpoint: SimpleNamespace) -> None:
    assert score_windows(opt_checkpoint, np.empty((0, 9), int)).shape == (0, 8)


def test_more_tokens_than_positions_are_refused_with_both_numbers(opt_checkpoint: SimpleNamespace) -> None:
    with pytest.raises(ValueError, match=r"windows of 321 tokens .* the model's 320 positions; cut windows"):
        score_windows(opt_checkpoint, np.zeros((1, POSITIONS + 1), int))


def test_a_model_without_positions_takes_windows_of_any_length() -> None:
    torch.manual_seed(7)
    model, windows = mamba().eval(), np.random.default_rng(3).integers(0, VOCABULARY, size=(1, 700))
    scores = score_windows(SimpleNamespace(model=model), windows)
    np.testing.assert_allclose(scores, reference(model, windows), atol=1e-4, rtol=0)


@pytest.mark.parametrize("unknown", [-1, VOCABULARY])
def test_ids_outside_the_vocabulary_are_refused(opt_checkpoint: SimpleNamespace, unknown: int) -> None:
    with pytest.raises(
        ValueError, match=f"token id {unknown} is outside the model's vocabulary of {VOCABULARY}"
    ):
        score_windows(opt_checkpoint, np.array([[0, 1, unknown]]))


@pytest.mark.parametrize(
    ("windows", "came"),
    [
        (np.zeros((3, 4)), r"got float64 of shape \(3, 4\)"),
        (np.zeros(4, int), r"got int64 of shape \(4,\)"),
        (np.zeros((3, 1), int), r"got int64 of shape \(3, 1\)"),
        (np.zeros((1, 2, 3), int), r"got int64 of shape \(1, 2, 3\)"),
    ],
)
def test_windows_of_another_shape_or_type_are_refused(
    opt_checkpoint: SimpleNamespace, windows: np.ndarray, came: str
) -> None:
    with pytest.raises(ValueError, match=rf"windows must be integers \[n, T\] with T >= 2, {came}"):
        score_windows(opt_checkpoint, windows)

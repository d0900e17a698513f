from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tiny_models import POSITIONS, VOCABULARY, opt
from trajectories.scoring import score_windows, sequences
from trajectories.scoring.sequences import BLOCK_TOKENS, pack, score_sequences

TOKENS = st.lists(st.integers(0, 3), min_size=2, max_size=12)  # few different ones: many begin others


def random_sequences(*lengths: int) -> list[np.ndarray]:
    return [np.random.default_rng(length).integers(0, VOCABULARY, size=length) for length in lengths]


def positions(blocks: list[np.ndarray]) -> list[np.ndarray]:
    """Scores that tell where they stand: the token that is scored, and all before it."""
    return [np.cumsum(block, axis=1)[:, 1:].astype(np.float32) for block in blocks]


def test_a_sequence_has_the_scores_that_it_has_alone(checkpoint: SimpleNamespace) -> None:
    long, *others = random_sequences(60, 2, 31, 59, 17)
    given_sequences = [long, *others, long[:20], long[:2]]
    scores = score_sequences(checkpoint, given_sequences)
    assert [len(each) for each in scores] == [len(each) - 1 for each in given_sequences]
    for sequence, found in zip(given_sequences, scores, strict=True):
        (alone,) = score_windows(checkpoint, sequence[None])
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, alone, atol=2e-5)


@settings(max_examples=200)
@given(st.lists(TOKENS, min_size=1, max_size=30))
def test_packing_loses_nothing_and_runs_no_sequence_that_begins_another(
    given_sequences: list[list[int]],
) -> None:
    packing = pack(given_sequences)
    unpacked = packing.unpack(positions(packing.blocks))
    for sequence, found in zip(given_sequences, unpacked, strict=True):
        assert found.tolist() == np.cumsum(sequence)[1:].tolist()
    whole = {tuple(each) for each in given_sequences}
    longest = {
        each for each in whole if not any(each != other and each == other[: len(each)] for other in whole)
    }
    assert sum(len(block) for block in packing.blocks) == len(longest)
    assert set(packing.places) == {
        (block, row) for block, rows in enumerate(packing.blocks) for row in range(len(rows))
    }


def cost_of_best_cuts(lengths: list[int]) -> int:
    """By trying all."""
    costs = [0]
    for end in range(1, len(lengths) + 1):
        costs.append(
            min(costs[start] + (end - start) * lengths[end - 1] + BLOCK_TOKENS for start in range(end))
        )
    return costs[-1]


@given(st.lists(st.integers(2, 900), min_size=1, max_size=25))
def test_blocks_and_padding_cost_as_little_as_they_can(lengths: list[int]) -> None:
    packing = pack([[number, *range(1, length)] for number, length in enumerate(lengths)])
    cost = sum(block.size + BLOCK_TOKENS for block in packing.blocks)
    assert cost == cost_of_best_cuts(sorted(lengths))


def test_packing_is_the_same_each_time() -> None:
    given_sequences = random_sequences(*range(2, 50), 400)
    one, other = pack(given_sequences), pack([each.tolist() for each in given_sequences])
    assert one.places == other.places
    for block, again in zip(one.blocks, other.blocks, strict=True):
        np.testing.assert_array_equal(block, again)


def test_padding_brings_no_token_that_is_not_there() -> None:
    model = opt(tie_word_embeddings=False).eval()
    with torch.no_grad():
        model.get_input_embeddings().weight[:5] = torch.nan
    for scores in score_sequences(SimpleNamespace(model=model), [[5, 6, 7], [8, 9, 10, 11, 12]]):
        assert np.isfinite(scores).all()


def test_no_sequences_have_no_scores(opt_checkpoint: SimpleNamespace) -> None:
    assert score_sequences(opt_checkpoint, []) == []


def test_windows_of_one_length_are_one_block() -> None:
    ids = np.random.default_rng(0).integers(0, VOCABULARY, size=(5, 9))
    (block,) = pack(list(ids)).blocks
    np.testing.assert_array_equal(block, ids)


def test_the_packing_is_run_in_batches_of_the_size_asked_for(
    opt_checkpoint: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def score(checkpoint: object, block: np.ndarray, *, batch_tokens: int | None) -> np.ndarray:
        asked.append(batch_tokens)
        return score_windows(checkpoint, block, batch_tokens=batch_tokens)

    monkeypatch.setattr(sequences, "score_windows", score)
    score_sequences(opt_checkpoint, random_sequences(5, 9), batch_tokens=16)
    assert asked == [16]


@pytest.mark.parametrize(
    ("sequence", "message"),
    [
        ([4], r"sequence 1 must be integers \[length\] with at least two tokens, .* of shape \(1,\)"),
        ([], r"sequence 1 must be integers .* of shape \(0,\)"),
        ([[1, 2], [3, 4]], r"sequence 1 must be integers .* of shape \(2, 2\)"),
        ([0.5, 1.5], r"sequence 1 must be integers .* got float64"),
        (range(POSITIONS + 1), rf"sequence 1 has {POSITIONS + 1} tokens, and the model takes {POSITIONS}"),
        ([3, VOCABULARY], rf"token id {VOCABULARY} is outside the model's vocabulary of {VOCABULARY}"),
        ([3, -1], r"token id -1 is outside"),
        ([3, 2**40], rf"token id {2**40} is outside"),
    ],
)
def test_a_sequence_that_cannot_be_scored_is_refused(
    opt_checkpoint: SimpleNamespace, sequence: object, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        score_sequences(opt_checkpoint, [[1, 2, 3], np.asarray(sequence)])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_sequences_on_a_gpu_score_as_on_the_processor() -> None:
    torch.manual_seed(7)
    model = opt().eval()
    given_sequences = random_sequences(60, 2, 31, 59, 17)
    expected = score_sequences(SimpleNamespace(model=model), given_sequences)
    found = score_sequences(SimpleNamespace(model=model.cuda()), given_sequences)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from decoders import UNEQUAL, greedy_text, make_pair, misfit, probabilities

from trajectories.checkpoints import Checkpoint
from trajectories.generation.contrastive import contrastive_decode
from trajectories.generation.decoding import joint_decode

Pair = tuple[Checkpoint, Checkpoint]


@pytest.fixture(scope="module")
def pair() -> Pair:
    """Decode with it, do not change it."""
    return make_pair()


def scores(pair: Pair, ids: Sequence[int], plausibility: float) -> torch.Tensor:
    """Log-ratio of plausible tokens, -inf elsewhere."""
    small, large = (probabilities(checkpoint, ids) for checkpoint in pair)
    ratio = large.log() - small.log()
    return torch.where(large >= plausibility * large.max(), ratio, -torch.inf)


@pytest.mark.parametrize("plausibility", [0.01, 0.1, 0.5])
def test_greedy_texts_take_the_highest_log_ratio_among_plausible_tokens(
    pair: Pair, plausibility: float
) -> None:
    found = contrastive_decode(*pair, UNEQUAL, plausibility=plausibility, max_new_tokens=8)
    expected = [greedy_text(lambda ids: scores(pair, ids, plausibility), prompt, 8) for prompt in UNEQUAL]
    assert found == expected


def test_with_full_plausibility_the_large_model_decides(pair: Pair) -> None:
    found = contrastive_decode(*pair, UNEQUAL, plausibility=1, max_new_tokens=8)
    assert found == joint_decode(*pair, UNEQUAL, weights=[(0, 1)], max_new_tokens=8)[0, 1]


def test_sampling_draws_from_the_softmax_of_the_scores(pair: Pair) -> None:
    prompt = [4, 5]
    expected = scores(pair, prompt, 0.05).double().softmax(-1).numpy()
    texts = [
        contrastive_decode(*pair, [prompt], plausibility=0.05, method="sample", max_new_tokens=1, seed=seed)
        for seed in range(150)
    ]
    counts = np.bincount([text[0][0] for text in texts], minlength=len(expected))
    assert not counts[expected == 0].any()
    assert (expected > 0).sum() > 4
    assert misfit(counts, expected) < 0.99


@pytest.mark.parametrize("method", ["greedy", "nucleus", "sample"])
def test_a_text_depends_on_no_other_prompt(pair: Pair, method: str) -> None:
    together = contrastive_decode(*pair, UNEQUAL, method=method, max_new_tokens=8)
    alone = [contrastive_decode(*pair, [prompt], method=method, max_new_tokens=8)[0] for prompt in UNEQUAL]
    assert together == alone


def test_each_prompt_may_have_a_limit_of_its_own(pair: Pair) -> None:
    limits = [3, 8, 1, 5, 2, 7]
    whole = contrastive_decode(*pair, UNEQUAL, max_new_tokens=8)
    cut = [text[:limit] for text, limit in zip(whole, limits, strict=True)]
    assert contrastive_decode(*pair, UNEQUAL, max_new_tokens=limits) == cut


def test_a_token_that_the_small_model_rules_out_is_preferred() -> None:
    pair = make_pair()
    ruled_out = 17

    def rule_out(_module: object, _inputs: object, output: torch.Tensor) -> torch.Tensor:
        return output.index_fill(-1, torch.tensor([ruled_out]), -torch.inf)

    pair[0].model.lm_head.register_forward_hook(rule_out)
    for method in ("greedy", "sample"):
        found = contrastive_decode(*pair, UNEQUAL, plausibility=1e-9, method=method, max_new_tokens=4)
        assert found == [[ruled_out] * 4] * len(UNEQUAL)


@pytest.mark.parametrize("plausibility", [0, -0.1, 1.5, float("nan")])
def test_plausibility_outside_its_range_is_refused(pair: Pair, plausibility: float) -> None:
    with pytest.raises(ValueError, match=f"plausibility must be above 0 and at most 1, got {plausibility}"):
        contrastive_decode(*pair, UNEQUAL, plausibility=plausibility)

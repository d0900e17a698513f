from functools import partial
from typing import Any

import pytest
import torch
from decoders import make_pair, make_tokenizer

from tiny_models import POSITIONS, VOCABULARY, mamba, opt
from trajectories.checkpoints import Checkpoint
from trajectories.generation.contrastive import contrastive_decode
from trajectories.generation.decoding import interpolated_decode, joint_decode
from trajectories.scoring import linear

Pair = tuple[Checkpoint, Checkpoint]
PROMPTS = [[1, 2], [3, 4, 5]]
NAN = float("nan")


@pytest.fixture(scope="module")
def pair() -> Pair:
    """Decode with it, do not change it."""
    return make_pair()


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([], r"weights are empty; give at least one tuple of 2 numbers"),
        ([(1, -1.5)], r"weights must lie in \[-1, 1\], got \(1, -1.5\)"),
        ([(NAN, 1)], r"weights must lie in \[-1, 1\], got \(nan, 1\)"),
        ([(0, 1), (0, 0)], r"weights must not all be zero, got \(0, 0\)"),
        ([(1,)], r"weights must be tuples of 2 numbers, one per model, got \(1,\)"),
        ([(1, 0, -1)], r"weights must be tuples of 2 numbers, one per model, got \(1, 0, -1\)"),
        ((1, -1), r"weights must be tuples of 2 numbers, one per model, got 1"),
        ([(1, -1), (1.0, -1.0)], r"weights \(1.0, -1.0\) are given twice"),
    ],
)
def test_weights_that_are_none_are_refused(pair: Pair, weights: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        joint_decode(*pair, PROMPTS, weights=weights)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"method": "beam"}, "method must be one of greedy, nucleus, sample, got 'beam'"),
        ({"top_p": 0}, "top_p must be above 0 and at most 1, got 0"),
        ({"top_p": 1.1}, "top_p must be above 0 and at most 1, got 1.1"),
        ({"top_p": NAN}, "top_p must be above 0 and at most 1, got nan"),
        ({"temperature": 0}, "temperature must be above 0 and finite, got 0"),
        ({"temperature": -1}, "temperature must be above 0 and finite, got -1"),
        ({"temperature": float("inf")}, "temperature must be above 0 and finite, got inf"),
        ({"max_new_tokens": 0}, "max_new_tokens must be at least 1, got 0"),
        ({"max_new_tokens": [4, -1]}, "max_new_tokens must be at least 1, got -1"),
        ({"max_new_tokens": 3.5}, "max_new_tokens must be a whole number, or one per prompt, got 3.5"),
        ({"max_new_tokens": "many"}, "max_new_tokens must be a whole number, or one per prompt, got many"),
        ({"max_new_tokens": [[4, 4]]}, r"must be a whole number, or one per prompt, got \[\[4, 4\]\]"),
        ({"max_new_tokens": [4]}, "max_new_tokens are 1 numbers for 2 prompts; give one per prompt, or one"),
    ],
)
def test_settings_outside_their_range_are_refused(pair: Pair, settings: dict[str, Any], said: str) -> None:
    for decode in (joint_decode, contrastive_decode):
        with pytest.raises(ValueError, match=said):
            decode(*pair, PROMPTS, **settings)


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ([], "prompt 1 is empty; give at least one token"),
        (
            [1, VOCABULARY],
            f"prompt 1 has the token id {VOCABULARY}, outside the models' vocabulary of {VOCABULARY}",
        ),
        ([-1], "prompt 1 has the token id -1, outside"),
        ([0.5], r"prompt 1 must be a list of token ids, got float64 of shape \(1,\)"),
        ([[1, 2]], r"prompt 1 must be a list of token ids, got int64 of shape \(1, 2\)"),
        ("text", r"prompt 1 must be a list of token ids, got <U4 of shape \(\)"),
    ],
)
def test_prompts_that_are_no_ids_are_refused_by_their_number(pair: Pair, prompt: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        joint_decode(*pair, [[1, 2], prompt])


@pytest.mark.parametrize("length", [POSITIONS, POSITIONS + 1])
def test_a_prompt_as_long_as_the_context_is_refused(pair: Pair, length: int) -> None:
    with pytest.raises(
        ValueError, match=f"prompt 1 has {length} tokens, which leave no room in the {POSITIONS} positions"
    ):
        joint_decode(*pair, [[1, 2], [5] * length])


def test_more_new_tokens_than_positions_left_are_refused_with_the_number_that_fits(pair: Pair) -> None:
    small = Checkpoint(opt(max_position_embeddings=20).eval(), make_tokenizer(), "")
    said = "max_new_tokens of 18 do not fit: prompt 1 has 3 tokens and the small model 20 positions"
    with pytest.raises(ValueError, match=f"{said}; ask for at most 17"):
        joint_decode(small, pair[1], PROMPTS, max_new_tokens=18)
    joint_decode(small, pair[1], PROMPTS, max_new_tokens=17)


def test_a_prompt_whose_own_limit_does_not_fit_is_named(pair: Pair) -> None:
    small = Checkpoint(opt(max_position_embeddings=20).eval(), make_tokenizer(), "")
    said = "max_new_tokens of 19 do not fit: prompt 0 has 2 tokens and the small model 20 positions"
    with pytest.raises(ValueError, match=f"{said}; ask for at most 18"):
        joint_decode(small, pair[1], PROMPTS, max_new_tokens=[19, 4])


def test_a_model_without_positions_takes_texts_of_any_length() -> None:
    pair = make_pair(mamba, end=None)
    texts = joint_decode(*pair, [[1] * 2, [1] * (POSITIONS + 5)], max_new_tokens=2)
    assert [len(text) for text in texts[1, -1]] == [2, 2]


def test_other_vocabularies_are_refused_with_what_differs(pair: Pair) -> None:
    other = Checkpoint(pair[1].model, make_tokenizer(VOCABULARY - 5, first="unknown"), "")
    with pytest.raises(ValueError, match="do not share a vocabulary") as caught:
        joint_decode(pair[0], other, PROMPTS)
    assert str(caught.value) == (
        "the small model and the large model do not share a vocabulary: 97 tokens and 92; only the first has "
        "'w0', 'w92', 'w93' and 3 more; only the second has 'unknown'; decode with models of one tokenizer"
    )


def test_tokens_in_another_order_are_refused_too(pair: Pair) -> None:
    other = make_tokenizer()
    words = {token: (VOCABULARY - 1 - number) for token, number in other.get_vocab().items()}
    other.get_vocab = lambda: words
    with pytest.raises(ValueError, match="token 0 is 'w0' and token 0 'w96'; decode with models of one"):
        interpolated_decode([pair[0], Checkpoint(pair[1].model, other, "")], PROMPTS, weights=[(1, 1)])


def test_no_models_are_refused() -> None:
    with pytest.raises(ValueError, match="decoding needs at least one model, got none"):
        interpolated_decode([], PROMPTS, weights=[()])


def test_a_model_without_a_cache_is_refused(pair: Pair) -> None:
    class Uncached(torch.nn.Module):
        dtype = torch.float32

        def forward(self, input_ids: torch.Tensor) -> None:
            raise AssertionError(input_ids)

    model = Uncached()
    model.config, model.get_input_embeddings = pair[0].model.config, pair[0].model.get_input_embeddings  # type: ignore[assignment]
    with pytest.raises(
        ValueError, match=r"decoding needs a model that takes a cache .*, Uncached takes none"
    ):
        interpolated_decode([Checkpoint(model, pair[0].tokenizer, "")], PROMPTS, weights=[(1,)])  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["greedy", "nucleus", "sample"])
def test_opposite_weights_of_equal_models_leave_nothing(pair: Pair, method: str) -> None:
    small, _ = pair
    twin = Checkpoint(small.model, make_tokenizer(), "")
    said = r"weights \(1, -1\) leave no token with a positive probability for prompt 0 at position 2"
    with pytest.raises(ValueError, match=said):
        joint_decode(small, twin, PROMPTS, weights=[(0.5, 1), (1, -1)], method=method)


@pytest.mark.parametrize("method", ["greedy", "nucleus", "sample"])
def test_what_rounding_leaves_of_equal_models_is_nothing(
    pair: Pair, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of the large model's batch one row is needed less often: its products are rounded otherwise.
    monkeypatch.setattr(linear, "available", lambda: False)
    twin = Checkpoint(pair[0].model, make_tokenizer(), "")
    weights = [(1, -1), *((0, 1 - number / 10) for number in range(7))]
    for prompt in range(4, 20):
        with pytest.raises(ValueError, match=r"weights \(1, -1\) leave no token with a positive probability"):
            joint_decode(pair[0], twin, [[prompt, 7]], weights=weights, method=method)


def test_models_that_agree_later_are_reported_where_they_do() -> None:
    (small, _), (large, _) = make_pair(end=None), make_pair(end=None)  # the same weights
    calls = 0

    def differ_at_first(_module: object, _inputs: object, logits: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return logits.roll(1, -1) if calls <= 4 else logits

    large.model.lm_head.register_forward_hook(differ_at_first)
    with pytest.raises(ValueError, match="for prompt 0 at position 7: the models agree there"):
        joint_decode(small, large, [[7, 9, 8]])


@pytest.mark.parametrize("method", ["greedy", "nucleus", "sample"])
@pytest.mark.parametrize("decode", [joint_decode, contrastive_decode])
def test_probabilities_that_are_not_finite_are_reported_with_model_and_place(
    decode: Any, method: str
) -> None:
    small, large = make_pair(end=None)

    def overflow(_module: object, _inputs: object, logits: torch.Tensor) -> torch.Tensor:
        rows = logits.argmax(-1) == logits.argmax(-1)[-1]
        return logits.masked_fill(rows[..., None], torch.inf)

    large.model.lm_head.register_forward_hook(overflow)
    with pytest.raises(
        ValueError,
        match=r"the large model gives probabilities that are not finite for prompt [01] at position [23]",
    ):
        decode(small, large, PROMPTS, method=method)


def test_the_one_prompt_that_overflows_is_named() -> None:
    small, large = make_pair(partial(opt, tie_word_embeddings=False))
    with torch.no_grad():
        small.model.model.decoder.embed_tokens.weight[42] = torch.nan
    prompts = [[1, 2, 3], [4, 5, 6], [42, 5, 6], [7, 8, 9]]
    said = "the small model gives probabilities that are not finite for prompt 2 at position 3; choose a"
    with pytest.raises(ValueError, match=said):
        joint_decode(small, large, prompts, weights=[(1, -1), (1, 1)], max_new_tokens=[2, 9, 4, 9])
    joint_decode(small, large, prompts, weights=[(0, 1)], max_new_tokens=3)

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from decoders import END, UNEQUAL, WEIGHTS, greedy_text, joint_distribution, make_pair, make_tokenizer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import PreTrainedModel

from tiny_models import MODELS, SHARED_KEYS, VOCABULARY, gemma2, mamba, modern, opt
from trajectories.checkpoints import Checkpoint
from trajectories.generation.decoding import interpolated_decode, joint_decode
from trajectories.scoring import linear

Pair = tuple[Checkpoint, Checkpoint]
METHODS = ["greedy", "nucleus", "sample"]


@pytest.fixture(scope="module")
def pair() -> Pair:
    """Decode with it, do not change it."""
    return make_pair()


def by_definition(
    pair: Pair, prompts: list[list[int]], new_tokens: int
) -> dict[tuple[float, float], list[list[int]]]:
    return {
        weights: [
            greedy_text(partial(joint_distribution, pair, weights=weights), prompt, new_tokens)
            for prompt in prompts
        ]
        for weights in WEIGHTS
    }


@pytest.mark.parametrize("architecture", MODELS)
def test_greedy_texts_are_those_of_both_models_run_over_the_whole_text(architecture: str) -> None:
    pair = make_pair(MODELS[architecture])
    found = joint_decode(*pair, UNEQUAL, weights=WEIGHTS, max_new_tokens=8)
    assert found == by_definition(pair, UNEQUAL, 8)


@pytest.mark.parametrize(
    "make",
    [partial(gemma2, sliding_window=6), partial(modern, "mistral", sliding_window=6, **SHARED_KEYS)],
    ids=["gemma 2", "mistral"],
)
def test_windows_that_slide_past_the_prompt_change_nothing(make: Callable[[], PreTrainedModel]) -> None:
    pair = make_pair(make)
    found = joint_decode(*pair, UNEQUAL, weights=WEIGHTS, max_new_tokens=10)
    assert found == by_definition(pair, UNEQUAL, 10)


def test_two_architectures_decode_together() -> None:
    torch.manual_seed(4)
    pair = Checkpoint(mamba().eval(), make_tokenizer(), ""), Checkpoint(opt().eval(), make_tokenizer(), "")
    assert joint_decode(*pair, UNEQUAL, weights=WEIGHTS, max_new_tokens=8) == by_definition(pair, UNEQUAL, 8)


def test_texts_without_the_fast_products_are_the_same(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "available", lambda: False)
    found = joint_decode(*pair, UNEQUAL, weights=WEIGHTS, max_new_tokens=8)
    assert found == by_definition(pair, UNEQUAL, 8)


def test_a_text_ends_with_the_end_of_text_token(pair: Pair) -> None:
    prompts = [[number, number + 1] for number in range(4, 60)]
    texts = joint_decode(*pair, prompts, weights=[(1, 1)], method="sample", max_new_tokens=40)[1, 1]
    ended = [text for text in texts if END in text]
    assert 2 < len(ended) < len(texts)
    assert all(text.index(END) == len(text) - 1 for text in ended)
    assert all(len(text) == 40 for text in texts if END not in text)


def test_without_an_end_of_text_token_all_texts_are_whole() -> None:
    prompts = [[number, number + 1] for number in range(4, 60)]
    settings = {"weights": [(1, 1)], "method": "sample", "max_new_tokens": 40}
    texts = joint_decode(*make_pair(end=None), prompts, **settings)[1, 1]
    assert {len(text) for text in texts} == {40}
    assert any(END in text for text in texts)


def test_a_prompt_may_be_any_row_of_integers(pair: Pair) -> None:
    expected = joint_decode(*pair, UNEQUAL, max_new_tokens=4)
    for kind in (tuple, np.array, torch.tensor):
        assert joint_decode(*pair, [kind(prompt) for prompt in UNEQUAL], max_new_tokens=4) == expected


def test_no_prompts_give_no_texts(pair: Pair) -> None:
    assert joint_decode(*pair, []) == {(1, -1): []}


def test_one_checkpoint_may_be_given_twice(pair: Pair) -> None:
    small, _ = pair
    both = joint_decode(small, small, UNEQUAL, weights=[(1, 1), (1, 0)], max_new_tokens=6)
    assert both[1, 1] == both[1, 0]


@pytest.mark.parametrize("method", METHODS)
def test_weights_of_zero_and_one_are_that_model_alone(pair: Pair, method: str) -> None:
    small, large = pair
    found = joint_decode(*pair, UNEQUAL, weights=[(0, 1), (1, 0)], method=method, max_new_tokens=6)
    for key, checkpoint in (((0, 1), large), ((1, 0), small)):
        alone = interpolated_decode([checkpoint], UNEQUAL, weights=[(1,)], method=method, max_new_tokens=6)
        assert found[key] == alone[1,]


def test_a_model_whose_weight_is_zero_is_not_run(pair: Pair) -> None:
    class Untouched:
        config, parameters, modules = pair[0].model.config, pair[0].model.parameters, pair[0].model.modules
        eval, get_input_embeddings = pair[0].model.eval, pair[0].model.get_input_embeddings
        dtype = pair[0].model.dtype

    idle = Checkpoint(Untouched(), pair[0].tokenizer, "")  # type: ignore[arg-type]
    found = joint_decode(idle, pair[1], UNEQUAL, weights=[(0, 1)], max_new_tokens=6)
    assert found == joint_decode(*pair, UNEQUAL, weights=[(0, 1)], max_new_tokens=6)


def test_a_model_split_into_several_decodes_as_before(pair: Pair) -> None:
    small, large = pair
    together = interpolated_decode(
        [small, large, small], UNEQUAL, weights=[(0.25, -0.5, 0.25)], max_new_tokens=6
    )
    assert together[0.25, -0.5, 0.25] == joint_decode(*pair, UNEQUAL, max_new_tokens=6)[1, -1]


@pytest.mark.parametrize("method", METHODS)
def test_scaling_all_weights_changes_nothing(pair: Pair, method: str) -> None:
    found = joint_decode(*pair, UNEQUAL, weights=[(1, -1), (0.125, -0.125)], method=method, max_new_tokens=8)
    assert found[1, -1] == found[0.125, -0.125]


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_text_depends_on_nothing_else_in_the_batch(pair: Pair, data: st.DataObject) -> None:
    method = data.draw(st.sampled_from(METHODS))
    ids = st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=7)
    prompts = data.draw(st.lists(ids, min_size=1, max_size=6))
    weights = data.draw(st.lists(st.sampled_from(WEIGHTS), min_size=1, max_size=4, unique=True))
    new_tokens = data.draw(st.integers(1, 9))
    found = joint_decode(*pair, prompts, weights=weights, method=method, max_new_tokens=new_tokens)
    assert list(found) == weights
    for pair_of_weights in weights:
        for number, prompt in enumerate(prompts):
            alone = joint_decode(*pair, [prompt], weights=[pair_of_weights], method=method, max_new_tokens=9)
            assert found[pair_of_weights][number] == alone[pair_of_weights][0][:new_tokens]


@pytest.mark.parametrize("method", METHODS)
def test_each_prompt_may_have_a_limit_of_its_own(pair: Pair, method: str) -> None:
    prompts, limits = [*UNEQUAL, UNEQUAL[2], UNEQUAL[0]], [4, 1, 12, 7, 9, 2, 3, 8]
    settings = {"weights": WEIGHTS, "method": method}
    found = joint_decode(*pair, prompts, max_new_tokens=limits, **settings)
    for number, (prompt, limit) in enumerate(zip(prompts, limits, strict=True)):
        alone = joint_decode(*pair, [prompt], max_new_tokens=limit, **settings)
        assert {weights: texts[number] for weights, texts in found.items()} == {
            weights: text for weights, (text,) in alone.items()
        }


def test_weights_may_come_one_by_one(pair: Pair) -> None:
    found = joint_decode(*pair, UNEQUAL, weights=(each for each in WEIGHTS), max_new_tokens=3)
    assert found == joint_decode(*pair, UNEQUAL, weights=WEIGHTS, max_new_tokens=3)


def test_the_models_are_left_as_they_were() -> None:
    small, large = make_pair()
    joint_decode(small, large, UNEQUAL, max_new_tokens=3)
    large.model.register_forward_hook(lambda *_: (_ for _ in ()).throw(RuntimeError("broken")))
    with pytest.raises(RuntimeError, match="broken"):
        joint_decode(small, large, UNEQUAL, max_new_tokens=3)
    for checkpoint in (small, large):
        assert not [layer for layer in checkpoint.model.modules() if "forward" in vars(layer)]


def test_rows_of_a_table_that_are_no_token_of_both_are_never_chosen() -> None:
    torch.manual_seed(2)
    small = Checkpoint(opt(vocab_size=VOCABULARY + 31).eval(), make_tokenizer(60, end=None), "")
    large = Checkpoint(opt(vocab_size=VOCABULARY).eval(), make_tokenizer(60, end=None), "")
    prompts = [[number] for number in range(30)]
    found = joint_decode(small, large, prompts, weights=[(1, -1), (1, 1)], max_new_tokens=6)

    def distribution(ids: list[int], weights: tuple[int, int]) -> torch.Tensor:
        return sum(
            weight * checkpoint.model(torch.tensor([ids])).logits[0, -1].softmax(-1)[:60]
            for checkpoint, weight in zip((small, large), weights, strict=True)
        )

    for weights, texts in found.items():
        assert texts == [greedy_text(partial(distribution, weights=weights), prompt, 6) for prompt in prompts]


def test_bfloat16_models_decode() -> None:
    pair = make_pair()
    for checkpoint in pair:
        checkpoint.model.bfloat16()
    texts = joint_decode(*pair, UNEQUAL, weights=WEIGHTS, max_new_tokens=6)
    assert set(texts) == set(WEIGHTS)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("method", METHODS)
def test_the_device_changes_no_text(method: str) -> None:
    pair = make_pair()
    expected = joint_decode(*pair, UNEQUAL, weights=WEIGHTS, method=method, max_new_tokens=8)
    for checkpoint in pair:
        checkpoint.model.cuda()
    assert joint_decode(*pair, UNEQUAL, weights=WEIGHTS, method=method, max_new_tokens=8) == expected

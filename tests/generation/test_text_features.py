from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from trajectories.generation.features import make_features, text_features

VOCABULARY, POSITIONS = 61, 40
SHAPES: dict[str, dict[str, Any]] = {
    "opt": {"hidden_size": 24, "ffn_dim": 48, "num_hidden_layers": 2, "num_attention_heads": 2},
    "gpt2": {"n_embd": 24, "n_layer": 2, "n_head": 2, "n_positions": POSITIONS},
    "gpt_neox": {
        "hidden_size": 24,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    },
    "mamba": {"hidden_size": 16, "num_hidden_layers": 2, "state_size": 4},
}
PROJECTED = {"opt": {"word_embed_proj_dim": 16}}


def make_tokenizer(tokens: int, *, reverse: bool = False) -> PreTrainedTokenizerFast:
    """Words w0, w1, ... by their numbers, or the other way round."""
    numbers = range(tokens - 1, -1, -1) if reverse else range(tokens)
    words = {f"w{word}": number for word, number in enumerate(numbers)}
    engine = Tokenizer(models.WordLevel(words, unk_token="w0"))
    engine.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=engine)


@pytest.fixture(params=SHAPES)
def checkpoint(request: pytest.FixtureRequest) -> Any:
    torch.manual_seed(3)
    kind = request.param
    context = {} if kind in {"gpt2", "mamba"} else {"max_position_embeddings": POSITIONS}
    config = AutoConfig.for_model(
        kind, vocab_size=VOCABULARY, **SHAPES[kind], **PROJECTED.get(kind, {}), **context
    )
    return SimpleNamespace(model=AutoModelForCausalLM.from_config(config).eval())


@pytest.fixture
def opt() -> Any:
    config = AutoConfig.for_model(
        "opt",
        vocab_size=VOCABULARY,
        max_position_embeddings=POSITIONS,
        word_embed_proj_dim=24,
        **SHAPES["opt"],
    )
    return SimpleNamespace(model=AutoModelForCausalLM.from_config(config).eval())


@pytest.fixture
def texts() -> list[np.ndarray]:
    """Of many lengths; the third begins the first, the fifth is the first once more."""
    rng = np.random.default_rng(0)
    texts = [rng.integers(0, VOCABULARY, length) for length in (30, 2, 12, 17, 30, 40, 17)]
    texts[2], texts[4] = texts[0][:12], texts[0].copy()
    return texts


def test_features_are_the_last_hidden_states_of_each_text_alone(
    checkpoint: Any, texts: list[np.ndarray]
) -> None:
    found = text_features(checkpoint, texts)
    assert found.dtype == np.float32
    with torch.no_grad():
        expected = [
            checkpoint.model(torch.from_numpy(text)[None], output_hidden_states=True).hidden_states[-1]
            if checkpoint.model.config.model_type != "opt"
            else checkpoint.model.model(torch.from_numpy(text)[None]).last_hidden_state
            for text in texts
        ]
    np.testing.assert_allclose(found, [states[0, -1].numpy() for states in expected], atol=2e-5)


@pytest.mark.parametrize("batch_tokens", [1, 35, 80])
def test_features_do_not_depend_on_the_batches(opt: Any, texts: list[np.ndarray], batch_tokens: int) -> None:
    whole = text_features(opt, texts)
    np.testing.assert_allclose(text_features(opt, texts, batch_tokens=batch_tokens), whole, atol=1e-6)
    alone = np.concatenate([text_features(opt, [text]) for text in texts])
    np.testing.assert_allclose(alone, whole, atol=1e-6)


def test_features_follow_the_order_of_the_texts(opt: Any, texts: list[np.ndarray]) -> None:
    order = np.random.default_rng(1).permutation(len(texts))
    found = text_features(opt, [texts[index] for index in order])
    np.testing.assert_allclose(found, text_features(opt, texts)[order], atol=1e-6)


def test_texts_that_the_model_does_not_take_are_refused(opt: Any) -> None:
    with pytest.raises(ValueError, match="at least one text, got none"):
        text_features(opt, [])
    with pytest.raises(ValueError, match="at least two tokens"):
        text_features(opt, [[3]])
    with pytest.raises(ValueError, match="text 1 has 41 tokens, and the model takes 40"):
        text_features(opt, [[1, 2], np.ones(41, int)])
    for unknown in (VOCABULARY, -1):
        with pytest.raises(ValueError, match=f"token id {unknown} is outside the model's vocabulary of 61"):
            text_features(opt, [[1, 2], [1, unknown]])


def test_a_model_with_another_tokenizer_reads_the_text(opt: Any) -> None:
    own, other = make_tokenizer(VOCABULARY), make_tokenizer(VOCABULARY, reverse=True)
    checkpoint: Any = SimpleNamespace(model=opt.model, tokenizer=own)
    texts = [[5, 6, 7, 8], [9, 10, 11]]
    features = make_features(checkpoint, source=own)(texts)
    np.testing.assert_array_equal(features, text_features(checkpoint, texts))
    moved = make_features(checkpoint, source=other)(
        [[VOCABULARY - 1 - each for each in ids] for ids in texts]
    )
    np.testing.assert_array_equal(moved, features)


def test_what_a_model_has_no_positions_for_is_cut(opt: Any) -> None:
    own, other = make_tokenizer(VOCABULARY), make_tokenizer(VOCABULARY, reverse=True)
    checkpoint: Any = SimpleNamespace(model=opt.model, tokenizer=own)
    long = [1 + number % 50 for number in range(POSITIONS + 7)]
    moved = make_features(checkpoint, source=other)([[VOCABULARY - 1 - each for each in long]])
    np.testing.assert_array_equal(moved, text_features(checkpoint, [long[:POSITIONS]]))

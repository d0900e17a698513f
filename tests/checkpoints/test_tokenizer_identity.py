"""When tokenizers are the same, and what differs when they are not."""

from pathlib import Path

import pytest
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from trajectories.checkpoints.tokenizers import (
    read_tokenizer,
    read_tokenizer_hash,
    require_vocabulary,
    tokenizer_difference,
    tokenizer_hash,
)

BYTES = sorted(pre_tokenizers.ByteLevel.alphabet())
MERGES = [("t", "h"), ("h", "e"), ("th", "e")]


def make(
    *, merges: list[tuple[str, str]] = MERGES, extra: str = "the", prefix: bool = False
) -> PreTrainedTokenizerFast:
    """Byte-level pairs; `extra` is its last token."""
    tokens = ["</s>", *BYTES, "th", "he", "the"]
    tokens += [extra] if extra not in tokens else []
    vocabulary = {token: number for number, token in enumerate(tokens)}
    engine = Tokenizer(models.BPE(vocabulary, merges))
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    return PreTrainedTokenizerFast(tokenizer_object=engine, eos_token="</s>")


def test_a_tokenizer_is_the_same_wherever_it_is_stored(tmp_path: Path) -> None:
    tokenizer = make()
    tokenizer.model_max_length = 8
    tokenizer.save_pretrained(tmp_path / "one")
    tokenizer.model_max_length = 64
    tokenizer.save_pretrained(tmp_path / "other")
    prints = {read_tokenizer_hash(tmp_path / name) for name in ("one", "other")}
    assert prints == {tokenizer_hash(make())}
    assert tokenizer_difference(read_tokenizer(tmp_path / "one"), make()) is None


def test_a_folder_without_a_tokenizer_has_no_hash(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    assert read_tokenizer_hash(tmp_path) is None


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (make(extra="fox"), "260 tokens and 261"),
        (make(merges=[("h", "e"), ("t", "h"), ("th", "e")]), "the text 'Whether the weather is f' is split"),
        (make(prefix=True), "the text 'The quick brown fox does' is split differently"),
    ],
)
def test_the_first_difference_is_named(other: PreTrainedTokenizerFast, difference: str) -> None:
    found = tokenizer_difference(make(), other)
    assert found is not None
    assert found.startswith(difference)
    assert tokenizer_hash(make()) != tokenizer_hash(other)


def test_tokens_with_other_numbers_are_named() -> None:
    one, other = make(extra="fox"), make(extra="dog")
    assert tokenizer_difference(one, other) == "token 260 is 'fox' and token 260 'dog'"
    assert tokenizer_hash(one) != tokenizer_hash(other)


def test_what_is_added_around_texts_makes_no_difference() -> None:
    other = make()
    other.add_bos_token = True
    assert tokenizer_hash(other) == tokenizer_hash(make())


class Published:
    """As much of a tokenizer as the check needs: so many tokens, the last `special` of them special ones."""

    def __init__(self, tokens: int, special: int = 0) -> None:
        self.tokens = tokens
        ordinary = range(tokens - special)
        self.added_tokens_decoder = {
            number: AddedToken(str(number), special=number not in ordinary)
            for number in range(tokens - 2, tokens)
        }

    def __len__(self) -> int:
        return self.tokens

    def get_vocab(self) -> dict[str, int]:
        return {str(number): number for number in range(self.tokens)}


@pytest.mark.parametrize(
    ("rows", "tokens", "special"),
    [
        (50_304, 50_277, 0),  # Pythia up to 1.4B
        (50_432, 50_277, 0),  # Pythia 6.9B
        (50_688, 50_277, 0),  # Pythia 12B
        (50_272, 50_265, 0),  # OPT
        (50_257, 50_257, 0),  # GPT-2, GPT-Neo
        (50_304, 50_280, 0),  # OLMo
        (100_352, 100_278, 0),  # OLMo 2
        (151_936, 151_665, 0),  # Qwen 2.5 up to 3B
        (152_064, 151_665, 0),  # Qwen 2.5 from 7B
        (50_280, 50_277, 0),  # Mamba
        (51_200, 50_295, 0),  # Phi 2
        (262_144, 262_145, 1),  # Gemma 3 1B: with the token for images of its larger siblings
        (384, 257, 0),  # bytes and one more
    ],
)
def test_the_vocabularies_of_published_models_fit(rows: int, tokens: int, special: int) -> None:
    require_vocabulary(rows, Published(tokens, special), folder=Path("model"))


@pytest.mark.parametrize(
    ("rows", "tokens"),
    [(50_257, 50_277), (51_300, 50_277), (50_304, 32_000), (385, 257), (256, 257), (0, 257)],
)
def test_the_tokenizer_of_another_model_does_not_fit(rows: int, tokens: int) -> None:
    message = f"the model in model has a vocabulary of {rows}, its tokenizer one of {tokens}"
    with pytest.raises(ValueError, match=message):
        require_vocabulary(rows, Published(tokens), folder=Path("model"))

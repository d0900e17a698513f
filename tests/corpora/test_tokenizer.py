from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, GPTNeoXConfig, OPTConfig, PretrainedConfig, PreTrainedTokenizerFast

from trajectories.corpora.docstrings import read_docstrings
from trajectories.corpora.documents import Document, Drawing
from trajectories.corpora.tokenizer import boundary_token, encode_documents, load_tokenizer, train_tokenizer

VOCABULARY = 400
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=2, max_size=60)
LOOKS_SPECIAL = "a </s> b<pad>\n\n    </s></s> naïve 🦊"


@cache
def corpus() -> list[Document]:
    return read_docstrings({"standard_library": ["json", "email"]}, Drawing(1, 200, 60_000))


@cache
def trained() -> PreTrainedTokenizerFast:
    return train_tokenizer(corpus(), vocabulary=VOCABULARY, context=64)


def encode(text: str) -> list[int]:
    return encode_documents([Document("fox.txt", "fables", text)], trained())[0].tolist()


@given(text=TEXT)
def test_every_text_survives_encoding(text: str) -> None:
    assert trained().decode(encode(text)) == text


@given(text=TEXT)
def test_no_text_encodes_to_a_special_token(text: str) -> None:
    for spelt in (text, f"{text}</s>", f"<pad>{text}", LOOKS_SPECIAL):
        assert set(encode(spelt)).isdisjoint(trained().all_special_ids)


def test_the_vocabulary_has_exactly_the_size_asked_for() -> None:
    assert sorted(trained().get_vocab().values()) == list(range(VOCABULARY))


def test_texts_begin_with_the_token_that_ends_them_as_in_opt() -> None:
    tokenizer = trained()
    assert tokenizer.bos_token == tokenizer.eos_token == "</s>"
    assert boundary_token(tokenizer) == tokenizer.eos_token_id != tokenizer.pad_token_id
    assert tokenizer.pad_token == "<pad>"


@pytest.mark.parametrize("config", [None, OPTConfig(), GPTNeoXConfig()], ids=["alone", "opt", "gpt_neox"])
def test_auto_tokenizer_loads_it_alone_and_beside_a_model(
    config: PretrainedConfig | None, tmp_path: Path
) -> None:
    trained().save_pretrained(tmp_path)
    if config is not None:
        config.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded(LOOKS_SPECIAL)["input_ids"] == encode(LOOKS_SPECIAL)
    assert loaded.decode(encode(LOOKS_SPECIAL)) == LOOKS_SPECIAL
    assert (loaded.eos_token_id, len(loaded), loaded.model_max_length) == (
        boundary_token(trained()),
        VOCABULARY,
        64,
    )


def test_a_suite_can_bring_its_own(tmp_path: Path) -> None:
    trained().save_pretrained(tmp_path)
    loaded = load_tokenizer(str(tmp_path), vocabulary=VOCABULARY)
    assert encode_documents(corpus(), loaded)[0].tolist() == encode(corpus()[0].text)


@pytest.mark.parametrize("vocabulary", [VOCABULARY - 1, VOCABULARY + 12])
def test_a_brought_tokenizer_must_fit_the_models(tmp_path: Path, vocabulary: int) -> None:
    trained().save_pretrained(tmp_path)
    message = rf"has 400 tokens and the family's vocabulary is {vocabulary}; set it to 400 in conf/suite"
    with pytest.raises(ValueError, match=message):
        load_tokenizer(str(tmp_path), vocabulary=vocabulary)


def test_a_brought_tokenizer_must_end_texts(tmp_path: Path) -> None:
    PreTrainedTokenizerFast(tokenizer_object=trained().backend_tokenizer).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"has no end-of-text token .* set its eos_token"):
        load_tokenizer(str(tmp_path), vocabulary=VOCABULARY)


def test_a_vocabulary_without_room_for_the_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a vocabulary of 257 tokens .* alone take 258; raise"):
        train_tokenizer(corpus(), vocabulary=257, context=64)


def test_a_vocabulary_that_the_text_cannot_fill_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"a vocabulary of 300 tokens .* fills only 26[0-9]; lower .* give more text"
    ):
        train_tokenizer([Document("fox.txt", "fables", "fox fox fox")], vocabulary=300, context=64)


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1)])
def test_a_document_shorter_than_two_tokens_is_named(text: str, tokens: int) -> None:
    short = [*corpus(), Document("fables/stub.txt", "fables", text)]
    with pytest.raises(
        ValueError, match=rf"'fables/stub\.txt' is too short: {tokens} tokens.*minimum_characters"
    ):
        encode_documents(short, trained())

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    AutoTokenizer,
    GPTNeoXConfig,
    LlamaConfig,
    OPTConfig,
    PretrainedConfig,
    PreTrainedTokenizerFast,
)

from trajectories.corpora.docstrings import read_docstrings
from trajectories.corpora.documents import Document, Drawing
from trajectories.corpora.tokenizer import (
    boundary_token,
    encode_documents,
    load_tokenizer,
    text_beginning,
    train_tokenizer,
)

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


def test_a_brought_tokenizer_may_have_any_size_where_none_is_asked_for(tmp_path: Path) -> None:
    trained().save_pretrained(tmp_path)
    assert len(load_tokenizer(str(tmp_path), vocabulary=None)) == VOCABULARY


def test_a_revision_of_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is a local folder and has no revision 'main'; leave it out"):
        load_tokenizer(str(tmp_path), vocabulary=None, revision="main")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A repository of the Hub in its local cache, without a network; the revision `v1` is its commit."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    cached = tmp_path / "hub" / "models--someone--tiny"
    trained().save_pretrained(cached / "snapshots" / commit)
    OPTConfig().save_pretrained(cached / "snapshots" / commit)
    (cached / "refs").mkdir()
    (cached / "refs" / "v1").write_text(commit, encoding="utf-8")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return "someone/tiny"


def test_a_revision_of_a_repository_is_the_one_that_loads(hub: str) -> None:
    loaded = load_tokenizer(hub, vocabulary=VOCABULARY, revision="v1")
    assert encode_documents(corpus(), loaded)[0].tolist() == encode(corpus()[0].text)


@pytest.mark.parametrize(
    ("name", "revision", "message"),
    [
        ("someone/tiny", "v2", r"tokenizer someone/tiny, revision v2, cannot be had: .*HF_HUB_OFFLINE=0"),
        ("someone/else", None, r"tokenizer someone/else cannot be had: .*give a folder with tokenizer\.json"),
        ("/no/such/folder", None, r"tokenizer /no/such/folder cannot be had"),
    ],
)
def test_a_tokenizer_that_cannot_be_had_is_named(
    hub: str, name: str, revision: str | None, message: str
) -> None:
    assert hub == "someone/tiny"
    with pytest.raises(OSError, match=message) as raised:
        load_tokenizer(name, vocabulary=None, revision=revision)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("config", [OPTConfig(), GPTNeoXConfig(), LlamaConfig()])
def test_a_folder_without_a_tokenizer_is_named(config: PretrainedConfig, tmp_path: Path) -> None:
    config.save_pretrained(tmp_path)
    with pytest.raises(OSError, match=rf"tokenizer {tmp_path} (has no files|cannot be had)"):
        load_tokenizer(str(tmp_path), vocabulary=None)


def test_a_broken_tokenizer_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{", encoding="utf-8")
    with pytest.raises(OSError, match=rf"tokenizer {tmp_path} cannot be had: Expecting property"):
        load_tokenizer(str(tmp_path), vocabulary=None)


def with_bos(token: str | None) -> PreTrainedTokenizerFast:
    engine = trained().backend_tokenizer
    return PreTrainedTokenizerFast(tokenizer_object=engine, bos_token=token, eos_token="</s>")


@pytest.mark.parametrize(
    ("choice", "bos", "beginning", "between"),
    [
        ("auto", "<pad>", "bos", "<pad>"),
        ("auto", None, "eos", "</s>"),
        ("bos", "<pad>", "bos", "<pad>"),
        ("eos", "<pad>", "eos", "</s>"),
        ("none", "<pad>", "none", "</s>"),
        ("none", None, "none", "</s>"),
    ],
)
def test_what_texts_begin_with_also_stands_between_them_unless_it_is_nothing(
    choice: str, bos: str | None, beginning: str, between: str
) -> None:
    assert text_beginning(with_bos(bos), choice) == beginning
    assert boundary_token(with_bos(bos), choice) == trained().convert_tokens_to_ids(between)


def test_a_beginning_that_the_tokenizer_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="the tokenizer has none; set the family's first_token to eos"):
        text_beginning(with_bos(None), "bos")
    with pytest.raises(ValueError, match="first_token must be one of auto, bos, eos, none, got 'cls'"):
        text_beginning(trained(), "cls")


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

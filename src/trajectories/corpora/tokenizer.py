"""Tokenizers, a byte-level BPE trained on the corpus or one that a suite brings; documents as token ids."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from trajectories.corpora.documents import Document

PADDING = "<pad>"
END_OF_TEXT = "</s>"  # begins and ends every text, as in OPT
SPECIAL = [PADDING, END_OF_TEXT]
SMALLEST = len(SPECIAL) + len(pre_tokenizers.ByteLevel.alphabet())
DOCUMENTS_AT_ONCE = 256  # bounds the memory of encoding
PROBE = "a"  # every tokenizer makes something of it
FIRST_TOKENS = ("auto", "bos", "eos", "none")  # what texts begin with


def train_tokenizer(
    documents: Sequence[Document], *, vocabulary: int, context: int
) -> PreTrainedTokenizerFast:
    """A byte-level BPE of exactly `vocabulary` tokens, special tokens and the 256 bytes included.

    `context` is recorded as the length that models with this tokenizer take. The same documents in the same
    order give the same tokenizer.

    Raises:
        ValueError: `vocabulary` is below 258, or the documents are too few to fill it.
    """
    if vocabulary < SMALLEST:
        raise ValueError(
            f"a vocabulary of {vocabulary} tokens was asked for, and the bytes and the special tokens alone "
            f"take {SMALLEST}; raise the family's vocabulary in conf/suite"
        )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=SPECIAL,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator((document.text for document in documents), trainer)
    if tokenizer.get_vocab_size() < vocabulary:
        raise ValueError(
            f"a vocabulary of {vocabulary} tokens was asked for, and the training text fills only "
            f"{tokenizer.get_vocab_size()}; lower the family's vocabulary in conf/suite or give more text"
        )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        bos_token=END_OF_TEXT,
        eos_token=END_OF_TEXT,
        pad_token=PADDING,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
        split_special_tokens=True,  # "</s>" in a text is text
    )


def load_tokenizer(
    name: str, *, vocabulary: int | None, revision: str | None = None
) -> PreTrainedTokenizerFast:
    """The tokenizer in a folder or a repository of the Hugging Face Hub; no code that comes with it is run.

    Args:
        name: the folder, or owner/name of the repository.
        vocabulary: number of tokens that it must have; None: as many as it has.
        revision: branch, tag or commit of the repository.

    Raises:
        OSError: there is none, or the Hub cannot be reached.
        ValueError: it has no fast implementation, no end-of-text token, or another number of tokens; or a
            revision of a folder was asked for.
    """
    if revision is not None and Path(name).is_dir():
        raise ValueError(f"tokenizer {name} is a local folder and has no revision '{revision}'; leave it out")
    tokenizer = _read(name, revision)
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise ValueError(f"tokenizer {name} has no fast implementation (tokenizer.json); choose one that has")
    if tokenizer.eos_token_id is None:
        raise ValueError(
            f"tokenizer {name} has no end-of-text token to join documents with; set its eos_token"
        )
    if vocabulary is not None and len(tokenizer) != vocabulary:
        raise ValueError(
            f"tokenizer {name} has {len(tokenizer)} tokens and the family's vocabulary is {vocabulary}; "
            f"set it to {len(tokenizer)} in conf/suite"
        )
    return tokenizer


def text_beginning(tokenizer: PreTrainedTokenizerFast, choice: str = "auto") -> str:
    """What texts begin with: `bos`, `eos` or `none`.

    Args:
        tokenizer: a tokenizer with an end-of-text token.
        choice: one of these, as the models were trained; or `auto`: the beginning-of-text token where there
            is one (for many models it is the end-of-text token), else the end-of-text token.

    Raises:
        ValueError: there is no such choice, or the tokenizer has no such token.
    """
    if choice not in FIRST_TOKENS:
        raise ValueError(f"first_token must be one of {', '.join(FIRST_TOKENS)}, got '{choice}'")
    if choice == "auto":
        return "eos" if tokenizer.bos_token_id is None else "bos"
    if choice == "bos" and tokenizer.bos_token_id is None:
        raise ValueError(
            "texts were to begin with the beginning-of-text token, and the tokenizer has none; "
            "set the family's first_token to eos, none or auto"
        )
    return choice


def boundary_token(tokenizer: PreTrainedTokenizerFast, choice: str = "auto") -> int:
    """The token between documents: what they begin with, or the end-of-text token where that is nothing."""
    begins_with_bos = text_beginning(tokenizer, choice) == "bos"
    return int(tokenizer.bos_token_id if begins_with_bos else tokenizer.eos_token_id)


def encode_documents(
    documents: Sequence[Document], tokenizer: PreTrainedTokenizerFast
) -> list[NDArray[np.int32]]:
    """Token ids of each document, without special tokens: what looks like one in a text is text.

    Raises:
        ValueError: a document has fewer than two tokens.
    """
    engine = tokenizer.backend_tokenizer
    engine.encode_special_tokens = True
    encoded: list[NDArray[np.int32]] = []
    for start in range(0, len(documents), DOCUMENTS_AT_ONCE):
        texts = [document.text for document in documents[start : start + DOCUMENTS_AT_ONCE]]
        encodings = engine.encode_batch_fast(texts, add_special_tokens=False)
        encoded += [np.array(encoding.ids, np.int32) for encoding in encodings]
    for document, tokens in zip(documents, encoded, strict=True):
        if tokens.size < 2:
            raise ValueError(
                f"document '{document.name}' is too short: {tokens.size} tokens, at least two are needed; "
                f"take it out of the corpus or raise corpus.minimum_characters"
            )
    return encoded


def _read(name: str, revision: str | None) -> PreTrainedTokenizerBase:
    # It brings torch along, which a trained tokenizer does not need.
    from transformers import AutoTokenizer  # noqa: PLC0415

    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            name, revision=revision, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().partition("\n")[0].rstrip(". ")
        at = "" if revision is None else f", revision {revision},"
        raise OSError(
            f"tokenizer {name}{at} cannot be had: {reason}; give a folder with tokenizer.json, or owner/name "
            "of a repository of the Hugging Face Hub, in its cache or within reach (HF_HUB_OFFLINE=0)"
        ) from error
    # Of a folder without its files transformers makes up one that knows no text.
    if not tokenizer.encode(PROBE, add_special_tokens=False):
        raise OSError(f"tokenizer {name} has no files of a tokenizer; put tokenizer.json there")
    return tokenizer

"""Tokenizers of checkpoints: reading one, whether it fits its model, and whether two are the same."""

import hashlib
import json
from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from trajectories.checkpoints.pinned import is_tokenizer

# Published models have more rows than tokens, for speed: up to a multiple of 128 (Pythia, OLMo, OPT, most
# models of a lab's own), or a number that suits all sizes of a family (Qwen 0.3 %, Phi 1.8 % more).
ROUNDED_TO = 128
PADDING_SHARE = 0.02
# Scripts, spaces, numbers and code: two tokenizers with the same vocabulary that merge, normalise or
# split differently differ in one of these.
PROBES = (
    "The quick brown fox doesn't jump over 13 lazy dogs, it's 1,234.5 m away!",
    "Whether the weather is fine or not, others would rather gather there than here together, of course.",
    "Unquestionably, internationalization of thermodynamics requires heterogeneous interpretations.",
    "  two  spaces,\ttabs\n\nand\r\nends of lines  ",
    "ALL CAPS, camelCase, snake_case and naïve façades, déjà vu: Ångström, e\u0301",
    "def f(x):\n    return {'a': [x ** 2, -1e-3]}  # 0x1F",
    "Ελληνικά, русский текст, українська",
    "中文沒有空格,日本語のテキスト、한국어 문장입니다",
    "עברית, نص عربي ١٢٣, हिन्दी पाठ, ไทยไม่เว้นวรรค",
    "👩\u200d🚀 🏳️\u200d🌈 … “quotes” — ﬁ ½ ① Ⅳ \u00a0\ufeff",
)
SHOWN = 24  # characters of a text in a message


def has_tokenizer(folder: Path) -> bool:
    """Whether a Hugging Face folder holds files of a tokenizer."""
    return any(is_tokenizer(path.name) for path in folder.glob("*"))


def read_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer in a Hugging Face folder; no code that comes with it is run.

    Raises:
        FileNotFoundError: There is none.
        OSError: It cannot be read.
    """
    # Without its files transformers makes up an empty tokenizer.
    if not has_tokenizer(folder):
        raise FileNotFoundError(f"{folder} has no tokenizer; put tokenizer.json or its like there")
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise OSError(f"{folder} has no tokenizer that can be read: {reason}") from error
    return tokenizer


def require_vocabulary(rows: int, tokenizer: PreTrainedTokenizerBase, *, folder: Path) -> None:
    """Raise ValueError unless a model's vocabulary of `rows` can be that of the tokenizer.

    Every token has a row, special ones aside: some tokenizers have those of other models of their family,
    which occur in no text. And there are no more rows than rounding up explains: fewer than 128 more than
    tokens, or up to 2 % more.
    """
    special = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    needed = 1 + max(set(tokenizer.get_vocab().values()) - special, default=-1)
    tokens = len(tokenizer)
    if not needed <= rows <= max(tokens + ROUNDED_TO - 1, tokens * (1 + PADDING_SHARE)):
        raise ValueError(
            f"the model in {folder} has a vocabulary of {rows}, its tokenizer one of {tokens}; "
            "give the model the tokenizer that it was trained with"
        )


def tokenizer_hash(tokenizer: PreTrainedTokenizerBase) -> str:
    """SHA-256 over the vocabulary and the ids of a text in many scripts.

    So it depends on how text becomes tokens alone, not on how the tokenizer is stored nor on what it adds.
    """
    content = [_by_number(tokenizer), [_split(tokenizer, text) for text in PROBES]]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def read_tokenizer_hash(folder: Path) -> str | None:
    """The hash of the tokenizer in a Hugging Face folder, None where it has none; raises OSError."""
    return tokenizer_hash(read_tokenizer(folder)) if has_tokenizer(folder) else None


def tokenizer_difference(one: PreTrainedTokenizerBase, other: PreTrainedTokenizerBase) -> str | None:
    """The first difference between two tokenizers as a phrase, None where their hashes are the same."""
    ours, theirs = _by_number(one), _by_number(other)
    if len(ours) != len(theirs):
        return f"{len(ours)} tokens and {len(theirs)}"
    for (number, token), (other_number, other_token) in zip(ours, theirs, strict=True):
        if (number, token) != (other_number, other_token):
            return f"token {number} is {token!r} and token {other_number} {other_token!r}"
    for text in PROBES:
        pieces, others = _split(one, text), _split(other, text)
        if pieces != others:
            return f"the text {text[:SHOWN]!r} is split differently"
    return None


def _by_number(tokenizer: PreTrainedTokenizerBase) -> list[tuple[int, str]]:
    return sorted((number, token) for token, number in tokenizer.get_vocab().items())


def _split(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False, verbose=False))

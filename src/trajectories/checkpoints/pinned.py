"""The files that make a checkpoint, each pinned by its size and hash."""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

CONFIGURATION = "config.json"
# In the order of preference: safetensors cannot run code and are read without copying.
WEIGHTS = (
    r"model\.safetensors",
    r"model-\d+-of-\d+\.safetensors|model\.safetensors\.index\.json",
    r"pytorch_model\.bin",
    r"pytorch_model-\d+-of-\d+\.bin|pytorch_model\.bin\.index\.json",
)
TOKENIZER = r"(tokenizer|vocab)[\w.-]*\.(json|txt|model)|[\w.-]+\.model"
BESIDE_TOKENIZER = r"merges\.txt|(special_tokens_map|added_tokens)\.json"  # of use only with one of those
ALGORITHMS = ("sha256", "git_sha1")  # of large files and of the others, as the Hub has them
LARGE_SUFFIXES = (".safetensors", ".bin", ".model")


@dataclass(frozen=True)
class PinnedFile:
    """Size in bytes, and the hash that tells the content from all others.

    Attributes:
        size: Bytes.
        algorithm: `sha256` of the content, or `git_sha1`, that of git's object with the content.
        digest: In hexadecimal digits.
    """

    size: int
    algorithm: str
    digest: str


Files = Mapping[str, PinnedFile]  # by name within the checkpoint's folder


def choose_files(names: Iterable[str]) -> list[str]:
    """Of a folder's or repository's files those of a checkpoint, in alphabetical order.

    These are the configuration, the weights in one format, and what the tokenizer may need.
    """
    found = sorted(names)
    described = re.compile(f"{re.escape(CONFIGURATION)}|{TOKENIZER}|{BESIDE_TOKENIZER}")
    chosen = {name for name in found if described.fullmatch(name)}
    for pattern in WEIGHTS:
        weights = {name for name in found if re.fullmatch(pattern, name)}
        if weights:
            chosen |= weights
            break
    return sorted(chosen)


def is_weights(name: str) -> bool:
    """Whether a file holds weights, or says which of several files does."""
    return any(re.fullmatch(pattern, name) for pattern in WEIGHTS)


def is_tokenizer(name: str) -> bool:
    """Whether a file makes a tokenizer, alone or with others."""
    return re.fullmatch(TOKENIZER, name) is not None


def require_checkpoint(names: Collection[str], *, place: str) -> None:
    """Raise FileNotFoundError unless configuration and weights are among the files of `place`."""
    if CONFIGURATION not in names:
        raise FileNotFoundError(f"{place} has no {CONFIGURATION}; a checkpoint needs its configuration")
    if not any(is_weights(name) for name in names):
        raise FileNotFoundError(
            f"{place} has no weights; model.safetensors or pytorch_model.bin, whole or in parts, is needed"
        )


def pin(path: Path, algorithm: str | None = None) -> PinnedFile:
    """Size and hash of a file; without an algorithm the one that the Hub would use."""
    chosen = algorithm or ALGORITHMS[0 if path.suffix in LARGE_SUFFIXES else 1]
    size = path.stat().st_size
    digest = hashlib.sha256() if chosen == "sha256" else hashlib.sha1(usedforsecurity=False)
    if chosen == "git_sha1":
        digest.update(f"blob {size}\0".encode())
    with path.open("rb") as file:
        hashlib.file_digest(file, lambda: digest)
    return PinnedFile(size=size, algorithm=chosen, digest=digest.hexdigest())


def damage(path: Path, pinned: PinnedFile) -> str | None:
    """What is wrong with a file, in one phrase; None where it is the pinned one."""
    if not path.is_file():
        return "is missing"
    if path.stat().st_size != pinned.size:
        return f"has {path.stat().st_size} bytes instead of {pinned.size}"
    if pin(path, pinned.algorithm) != pinned:
        return f"has another {pinned.algorithm} than {pinned.digest}"
    return None


def pinning_anew(model: str, manifest: Path | None = None) -> str:
    """How to take the checkpoints of a model as they are now, for messages."""
    return f"delete {manifest or f'the manifest.json of {model}'} and run `dvc repro fetch@{model}`"


def content_hash(files: Files) -> str:
    """SHA-256 over the names and hashes of weights and configuration: what scores depend on."""
    deciding = {
        name: file.digest for name, file in files.items() if name == CONFIGURATION or is_weights(name)
    }
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()

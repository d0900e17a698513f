"""What conf/corpus chooses: where documents come from and how they are held out."""

from dataclasses import dataclass, field
from enum import Enum

from omegaconf import MISSING


class Source(Enum):
    """Where documents come from; the names are those of conf/corpus."""

    docstrings = "docstrings"
    text = "text"
    huggingface = "huggingface"


@dataclass
class NearDuplicates:
    """Two texts are near-duplicates when they share this share of their runs of `words` words."""

    words: int = MISSING
    share: float = MISSING


@dataclass
class CorpusSettings:
    """One corpus; a field that belongs to another source is left as it is here.

    `path` is what DVC watches: the file or folder of text, or environment.json, the record of the interpreter
    and the packages that docstrings are read from. Null limits are no limits.
    """

    choice: str = MISSING
    source: Source = MISSING
    path: str = MISSING
    domains: dict[str, list[str]] = field(default_factory=dict)
    dataset: str = ""
    configuration: str | None = None
    revision: str | None = None
    split: str = "train"
    text_column: str = "text"
    domain_column: str | None = None
    maximum_documents: int | None = None
    characters_per_domain: int | None = None
    minimum_characters: int = MISSING
    held_out: float = MISSING
    near_duplicates: NearDuplicates = field(default_factory=NearDuplicates)
    seed: int = MISSING

"""What conf/corpus chooses: where documents come from and how they are held out."""

from dataclasses import dataclass, field
from enum import Enum

from omegaconf import MISSING


class Source(Enum):
    """Where documents come from; the names are those of conf/corpus."""

    docstrings = "docstrings"
    text = "text"
    huggingface = "huggingface"


@dataclass(frozen=True)
class NearDuplicates:
    """Two texts are near-duplicates when they share this share of their runs of `words` words."""

    words: int = MISSING
    share: float = MISSING


@dataclass(frozen=True)
class CorpusSettings:
    """One corpus; the fields that belong to another source stay null."""

    choice: str = MISSING
    source: Source = MISSING
    domains: dict[str, list[str]] = field(default_factory=dict)
    path: str | None = None
    dataset: str | None = None
    configuration: str | None = None
    split: str | None = None
    text_column: str | None = None
    domain_column: str | None = None
    maximum_documents: int | None = None
    characters_per_domain: int | None = None
    minimum_characters: int = MISSING
    held_out: float = MISSING
    near_duplicates: NearDuplicates = field(default_factory=NearDuplicates)
    seed: int = MISSING

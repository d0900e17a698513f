"""What the checkpoints of one model have to share: architecture, and with their family the tokenizer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from trajectories.checkpoints.dimensions import architectural_difference, read_configuration
from trajectories.checkpoints.download import download
from trajectories.checkpoints.manifest import PinnedCheckpoint
from trajectories.checkpoints.pinned import is_weights
from trajectories.checkpoints.tokenizers import (
    has_tokenizer,
    read_tokenizer,
    require_vocabulary,
    tokenizer_difference,
)


@dataclass(frozen=True)
class Described:
    """A checkpoint, and a folder with its configuration and tokenizer or with the same ones."""

    checkpoint: PinnedCheckpoint
    folder: Path

    def __str__(self) -> str:
        pinned = self.checkpoint
        return f"step {pinned.step} ({pinned.published or pinned.folder})"


def describe(checkpoints: Iterable[PinnedCheckpoint]) -> list[Described]:
    """Find the configuration and tokenizer of each; what is the same is downloaded once.

    Raises:
        HubError: They cannot be had.
    """
    known: dict[tuple[tuple[str, str], ...], Path] = {}
    described = []
    for checkpoint in checkpoints:
        files = {name: file for name, file in checkpoint.files.items() if not is_weights(name)}
        key = tuple((name, file.digest) for name, file in files.items())
        if key not in known:
            published = replace(checkpoint, files=files).published
            known[key] = Path(str(checkpoint.folder)) if published is None else download(published)
        described.append(Described(checkpoint, known[key]))
    return described


def require_one_architecture(described: Sequence[Described]) -> None:
    """Raise ValueError, naming the first difference, unless all have the same architecture.

    Also where a configuration cannot be used: see `read_configuration`.
    """
    configurations = {folder: read_configuration(folder) for folder in {each.folder for each in described}}
    for before, after in pairwise(described):
        difference = architectural_difference(configurations[before.folder], configurations[after.folder])
        if difference is not None:
            name, ours, theirs = difference
            raise ValueError(
                f"{after} has {name} {theirs}, {before} {ours}; the checkpoints of a model need the same "
                "architecture, leave one of them out"
            )


def one_tokenizer(described: Sequence[Described], family: Path | None) -> PreTrainedTokenizerBase | None:
    """The tokenizer; None where neither the family nor a checkpoint has one.

    Args:
        described: The checkpoints.
        family: A folder with the tokenizer that the tokens to be scored were made with.

    Raises:
        ValueError: Two of them have different ones, and the first difference is named; or it cannot be that
            of the last checkpoint.
        OSError: One cannot be read.
    """
    firsts: dict[Path, Described | str] = {} if family is None else {family: f"the family ({family})"}
    for each in described:
        if has_tokenizer(each.folder):
            firsts.setdefault(each.folder, each)
    tokenizers = {folder: read_tokenizer(folder) for folder in firsts}
    for one, other in pairwise(tokenizers):
        difference = tokenizer_difference(tokenizers[one], tokenizers[other])
        if difference is not None:
            raise ValueError(
                f"the tokenizers of {firsts[one]} and {firsts[other]} differ: {difference}; models are "
                "compared token by token, so leave one out, or put it in a family with its own tokenizer"
            )
    tokenizer = next(iter(tokenizers.values()), None)
    if tokenizer is not None:
        last = described[-1].folder
        require_vocabulary(read_configuration(last).get_text_config().vocab_size, tokenizer, folder=last)
    return tokenizer

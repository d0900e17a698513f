"""What decoding accepts: models of one vocabulary, weights for each, prompts that leave room, settings."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from trajectories.checkpoints.tokenizers import tokenizer_difference
from trajectories.generation.sampling import METHODS

if TYPE_CHECKING:
    from trajectories.checkpoints import Checkpoint

SHOWN = 3  # tokens that differ, in a message


@dataclass(frozen=True)
class Settings:
    """How tokens are chosen and how many, as `decoding.interpolated_decode` says; raises ValueError."""

    method: str
    max_new_tokens: int | Sequence[int]
    top_p: float
    temperature: float
    seed: int

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, got '{self.method}'")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be above 0 and at most 1, got {self.top_p}; 1 keeps all tokens")
        if not 0 < self.temperature < math.inf:
            raise ValueError(
                f"temperature must be above 0 and finite, got {self.temperature}; 1 changes nothing"
            )


def require_limits(max_new_tokens: int | Sequence[int], *, prompts: int) -> list[int]:
    """New tokens of each prompt at most; raises ValueError unless they are whole numbers of at least 1."""
    given = np.asarray(max_new_tokens)
    if given.ndim > 1 or (given.size and given.dtype.kind not in "iu"):
        raise ValueError(f"max_new_tokens must be a whole number, or one per prompt, got {max_new_tokens}")
    if given.ndim and len(given) != prompts:
        raise ValueError(
            f"max_new_tokens are {len(given)} numbers for {prompts} prompts; give one per prompt, or "
            "one for all"
        )
    if (given < 1).any():
        raise ValueError(f"max_new_tokens must be at least 1, got {given.min()}")
    limits: list[int] = np.broadcast_to(given, prompts).tolist()
    return limits


def require_weights(weights: Iterable[Sequence[float]], *, models: int) -> list[tuple[float, ...]]:
    """The weights, a tuple per configuration; raises ValueError where they are not what equation 2 takes."""
    kept: list[tuple[float, ...]] = []
    for given in weights:
        if np.ndim(given) != 1 or len(given) != models:
            raise ValueError(f"weights must be tuples of {models} numbers, one per model, got {given}")
        numbers = tuple(given)
        if not all(-1 <= each <= 1 for each in numbers):  # neither is NaN
            raise ValueError(f"weights must lie in [-1, 1], got {numbers}")
        if not any(numbers):
            raise ValueError(f"weights must not all be zero, got {numbers}; give one model another weight")
        if numbers in kept:
            raise ValueError(f"weights {numbers} are given twice; give each configuration once")
        kept.append(numbers)
    if not kept:
        raise ValueError(f"weights are empty; give at least one tuple of {models} numbers")
    return kept


def require_shared_vocabulary(checkpoints: Sequence["Checkpoint"], *, names: Sequence[str]) -> int:
    """How many ids are tokens in all models; raises ValueError unless they share their tokenizer.

    A model may have more rows than tokens, and each model other ones: rows that are no tokens do not count.
    """
    if not checkpoints:
        raise ValueError("decoding needs at least one model, got none")
    tokenizer = checkpoints[0].tokenizer
    for name, checkpoint in zip(names[1:], checkpoints[1:], strict=True):
        other = checkpoint.tokenizer
        difference = None if other is tokenizer else tokenizer_difference(tokenizer, other)
        if difference is not None:
            raise ValueError(
                f"the {names[0]} and the {name} do not share a vocabulary: {difference}"
                f"{_differing(tokenizer, other)}; decode with models of one tokenizer"
            )
    tables: list[Any] = [checkpoint.model.get_input_embeddings() for checkpoint in checkpoints]
    rows: int = min(table.num_embeddings for table in tables)
    return min(rows, 1 + max(tokenizer.get_vocab().values()))


def require_prompts(prompts: Sequence[ArrayLike], *, vocabulary: int) -> list[tuple[int, ...]]:
    """The prompts as tuples of ids; raises ValueError where one is empty or is not made of known ids."""
    kept = []
    for number, prompt in enumerate(prompts):
        ids = np.asarray(prompt)
        if ids.size == 0:
            raise ValueError(f"prompt {number} is empty; give at least one token, such as the first of texts")
        if ids.ndim != 1 or ids.dtype.kind not in "iu":
            raise ValueError(
                f"prompt {number} must be a list of token ids, got {ids.dtype} of shape {ids.shape}; encode "
                "texts by the models' tokenizer"
            )
        unknown = ids[(ids < 0) | (ids >= vocabulary)]
        if unknown.size:
            raise ValueError(
                f"prompt {number} has the token id {unknown[0]}, outside the models' vocabulary of "
                f"{vocabulary}; encode prompts by their tokenizer"
            )
        kept.append(tuple(ids.tolist()))
    return kept


def require_room(
    prompts: Sequence[Sequence[int]], models: Sequence[Any], *, names: Sequence[str], limits: Sequence[int]
) -> None:
    """Raise ValueError unless every prompt and its new tokens fit the positions of every model."""
    rooms = {name: _positions(model) for name, model in zip(names, models, strict=True)}
    known = {name: positions for name, positions in rooms.items() if positions is not None}
    if not known or not prompts:
        return
    name, positions = min(known.items(), key=lambda each: each[1])
    number, longest = max(enumerate(map(len, prompts)), key=lambda each: each[1])
    if longest >= positions:
        raise ValueError(
            f"prompt {number} has {longest} tokens, which leave no room in the {positions} positions of the "
            f"{name}; cut prompts to fewer than {positions} tokens"
        )
    for number, (prompt, limit) in enumerate(zip(prompts, limits, strict=True)):
        if len(prompt) + limit > positions:
            raise ValueError(
                f"max_new_tokens of {limit} do not fit: prompt {number} has {len(prompt)} tokens and the "
                f"{name} {positions} positions; ask for at most {positions - len(prompt)}"
            )


def _positions(model: Any) -> int | None:
    positions: int | None = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return positions


def _differing(one: Any, other: Any) -> str:
    """The first tokens that only one of two tokenizers has, as the end of a phrase."""
    ours, theirs = one.get_vocab(), other.get_vocab()
    phrases = []
    for which, mine, yours in (("first", ours, theirs), ("second", theirs, ours)):
        alone = sorted(mine.keys() - yours.keys(), key=mine.__getitem__)
        if alone:
            shown = ", ".join(repr(token) for token in alone[:SHOWN])
            phrases.append(
                f"; only the {which} has {shown}{f' and {len(alone) - SHOWN} more' * (len(alone) > SHOWN)}"
            )
    return "".join(phrases)

"""Choosing the next token: the most probable one, or one drawn from the distribution or its nucleus."""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

METHODS = ("greedy", "nucleus", "sample")
NONE = -1  # in place of a token where there is none to choose

Choice = Callable[[Tensor, Tensor], Tensor]  # mass [n, vocabulary], uniform numbers [n] → token ids [n]


def choice(method: str, *, top_p: float, temperature: float) -> Choice:
    """How tokens are chosen; -1 stands where no token has positive mass, or some have none that is finite."""
    if method == "greedy":
        return lambda mass, _: most_probable(mass)
    share = top_p if method == "nucleus" else 1.0
    return lambda mass, uniform: drawn(tempered(mass, temperature), uniform, top_p=share)


def most_probable(mass: Tensor) -> Tensor:
    """The token of the largest mass, the lowest id among equals: [n] of `mass` [n, vocabulary]."""
    largest, token = mass.max(-1)
    return torch.where(largest > 0, token, NONE)


def tempered(mass: Tensor, temperature: float) -> Tensor:
    """Mass to the power 1 / temperature, negative ones counting as zero; up to a factor per row."""
    kept = mass.clamp_min(0)
    if temperature == 1:
        return kept
    return (kept / kept.amax(-1, keepdim=True)).pow_(1 / temperature)


def drawn(mass: Tensor, uniform: Tensor, *, top_p: float) -> Tensor:
    """One token per row by the inverse of the cumulative distribution, the most probable tokens first.

    Nucleus sampling (Holtzman et al. 2019) keeps the smallest set of most probable tokens whose probability
    reaches `top_p`; among equals the lower id comes first.

    Args:
        mass: probabilities up to a factor per row, none negative, float32 [n, vocabulary].
        uniform: numbers in [0, 1), float64 [n].
        top_p: in (0, 1]; 1 keeps all.
    """
    possible = mass.sum(-1) > 0  # not where it is NaN
    if not possible.all():
        token = torch.full_like(uniform, NONE, dtype=torch.long)
        token[possible] = drawn(mass[possible], uniform[possible], top_p=top_p)
        return token
    # Values alone: they sort several times faster than with their ids, which the value then finds.
    ranked = _ascending(-mass)
    up_to = ranked.cumsum(-1, dtype=torch.float64).neg_()
    last = torch.searchsorted(ranked, torch.zeros_like(ranked[:, :1])) - 1
    if top_p < 1:
        last = torch.minimum(torch.searchsorted(up_to, top_p * up_to.gather(-1, last)), last)
    target = uniform[:, None] * up_to.gather(-1, last)
    rank = torch.minimum(torch.searchsorted(up_to, target, right=True), last)
    value = ranked.gather(-1, rank)
    among_equals = rank - torch.searchsorted(ranked, value)
    return _nth(mass == -value, among_equals.squeeze(-1))


def uniform_numbers(prompts: Sequence[Sequence[int]], count: int, *, seed: int) -> NDArray[np.float64]:
    """Numbers in [0, 1), [prompts, count], which depend on the seed, the prompt's ids and the place alone."""
    return np.stack([_generator(prompt, seed).random(count) for prompt in prompts])


def _generator(prompt: Sequence[int], seed: int) -> np.random.Generator:
    text = f"{seed}:{','.join(map(str, prompt))}"
    key = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))


def _ascending(values: Tensor) -> Tensor:
    if values.device.type != "cpu":
        return values.sort(-1).values
    # NumPy sorts by vector instructions, about 30 times as fast as torch does.
    return torch.from_numpy(np.sort(values.numpy(), axis=-1))


def _nth(matches: Tensor, number: Tensor) -> Tensor:
    """The id of match `number` [n], counted from 0, in each row of `matches` [n, vocabulary]."""
    first = matches.view(torch.uint8).argmax(-1)
    tied = number > 0
    if tied.any():
        first[tied] = (matches[tied].cumsum(-1) > number[tied, None]).view(torch.uint8).argmax(-1)
    return first

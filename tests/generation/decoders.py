"""Pairs of tiny models that decode together, and what they decode by definition."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy import stats
from tokenizers import Tokenizer, models
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from tiny_models import VOCABULARY, opt
from trajectories.checkpoints import Checkpoint

WEIGHTS = [(1, -1), (1, 0), (0.5, 1), (0, 1), (-1, 1)]
END = 3  # its id
UNEQUAL = [[1, 2, 4, 5, 6], [7], [9, 8, 7], [11, 12, 13, 14, 15], list(range(20, 60)), [5, 6, 7]]


def make_tokenizer(
    tokens: int = VOCABULARY, *, end: int | None = END, first: str = "w0"
) -> PreTrainedTokenizerFast:
    """Words w0, w1, ...; `first` in place of w0."""
    words = {first: 0} | {f"w{number}": number for number in range(1, tokens)}
    engine = Tokenizer(models.WordLevel(words, unk_token=first))
    ends = {} if end is None else {"eos_token": f"w{end}"}
    return PreTrainedTokenizerFast(tokenizer_object=engine, **ends)


def make_pair(
    make: Callable[[], PreTrainedModel] = opt, *, end: int | None = END, tokens: int = VOCABULARY
) -> tuple[Checkpoint, Checkpoint]:
    """Two models of random weights and one vocabulary."""
    torch.manual_seed(1)
    tokenizers = [make_tokenizer(tokens, end=end) for _ in range(2)]
    small, large = (Checkpoint(make().eval(), tokenizer, "") for tokenizer in tokenizers)
    return small, large


def probabilities(checkpoint: Checkpoint, ids: Sequence[int]) -> torch.Tensor:
    """Of the next token, by a run over the whole text."""
    with torch.no_grad():
        return checkpoint.model(torch.tensor([list(ids)]), use_cache=False).logits[0, -1].float().softmax(-1)


def joint_distribution(
    checkpoints: Sequence[Checkpoint], ids: Sequence[int], weights: Sequence[float]
) -> torch.Tensor:
    """Equations 2 and 3, float64."""
    terms = zip(checkpoints, weights, strict=True)
    total = sum(weight * probabilities(checkpoint, ids) for checkpoint, weight in terms)
    kept = torch.where(total > 0, total, 0).double()
    return kept / kept.sum()


def greedy_text(
    distribution: Callable[[Sequence[int]], torch.Tensor], prompt: Sequence[int], new_tokens: int
) -> list[int]:
    """The most probable token at each place until the end."""
    text = list(prompt)
    while len(text) < len(prompt) + new_tokens:
        text.append(int(distribution(text).argmax()))
        if text[-1] == END:
            break
    return text[len(prompt) :]


def misfit(counts: np.ndarray, probabilities: np.ndarray) -> float:
    """The chi-square distribution at the statistic of these counts, rare outcomes taken together."""
    expected = probabilities * counts.sum()
    rare = expected < 5
    observed = np.append(counts[~rare], counts[rare].sum())
    likely = np.append(expected[~rare], expected[rare].sum())
    used = likely > 0
    statistic = ((observed - likely)[used] ** 2 / likely[used]).sum()
    return float(stats.chi2.cdf(statistic, used.sum() - 1))

"""Contrastive decoding (Li et al. 2022), with which the paper's appendix C.2 compares its own."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from trajectories.generation.arguments import Settings, require_shared_vocabulary
from trajectories.generation.continuation import Texts, continue_prompts

if TYPE_CHECKING:
    from trajectories.checkpoints import Checkpoint


@dataclass(frozen=True)
class Contrast:
    """The ratio of the large model's probability to the small one's, where the large one's is plausible.

    Attributes:
        plausibility: of the large model's most probable token, the share that a token must have.
        vocabulary: ids from here on have no token, or not in both models, and are left out.
    """

    plausibility: float
    vocabulary: int

    @property
    def labels(self) -> Sequence[str]:
        """One configuration."""
        return ["contrastive decoding"]

    @property
    def runs(self) -> Sequence[Sequence[bool]]:
        """Both models."""
        return [[True, True]]

    def mass(
        self, logits: Sequence[Tensor | None], places: Sequence[Tensor], configuration: Tensor
    ) -> Tensor:
        """exp(log p_l - log p_s) up to a factor, zero where not plausible; see `interpolation.Rule.mass`."""
        small, large = (
            self._log_probabilities(given, rows, configuration.device)
            for given, rows in zip(logits, places, strict=True)
            if given is not None
        )
        # A probability of zero in the small model alone makes a token preferred, not the whole undefined.
        score = large - small.clamp_min_(torch.finfo(torch.float32).min)
        threshold = large.amax(-1, keepdim=True) + math.log(self.plausibility)
        score.masked_fill_(large < threshold, -math.inf)
        return torch.softmax(score, -1)

    def _log_probabilities(self, logits: Tensor, rows: Tensor, home: torch.device) -> Tensor:
        found = torch.log_softmax(logits, -1, dtype=torch.float32)[:, : self.vocabulary].to(home)
        return torch.empty_like(found).index_copy_(0, rows, found)


def contrastive_decode(  # noqa: PLR0913, what one may set
    small: "Checkpoint",
    large: "Checkpoint",
    prompts: Sequence[ArrayLike],
    *,
    plausibility: float = 0.1,
    method: str = "greedy",
    max_new_tokens: int | Sequence[int] = 50,
    top_p: float = 0.9,
    temperature: float = 1.0,
    seed: int = 0,
) -> Texts:
    """Continue prompts by the tokens that a large model prefers most over a small one.

    The score of a token is log p_l - log p_s among those with p_l >= plausibility x max p_l (Li et al. 2022);
    `greedy` takes the highest, the other methods draw from the softmax of the scores.

    Args:
        small: a checkpoint, the amateur.
        large: another of the same tokenizer, the expert.
        prompts: token ids of each, not empty, of any lengths.
        plausibility: in (0, 1].
        method: as in `decoding.interpolated_decode`, like all that follows.
        max_new_tokens: likewise.
        top_p: likewise.
        temperature: likewise.
        seed: likewise.

    Returns:
        The new tokens of each prompt.

    Raises:
        ValueError: plausibility is outside (0, 1]; else as `decoding.interpolated_decode` does.
    """
    if not 0 < plausibility <= 1:
        raise ValueError(
            f"plausibility must be above 0 and at most 1, got {plausibility}; 1 is the large model's choice"
        )
    settings = Settings(method, max_new_tokens, top_p=top_p, temperature=temperature, seed=seed)
    names = ("small model", "large model")
    rule = Contrast(plausibility, require_shared_vocabulary([small, large], names=names))
    (texts,) = continue_prompts([small, large], prompts, names=names, rule=rule, settings=settings)
    return texts

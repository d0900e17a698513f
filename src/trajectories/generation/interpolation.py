"""Interpolated distributions of several models: equations 2 and 3 of section 4.2."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

# Of what two runs of one model add up to, the share that their difference can reach by rounding: 6e-6 was
# measured in float32; of the half formats one or two steps between logits of 16 to 32, e.g. 1/8 in bfloat16.
ROUNDING = {torch.bfloat16: 2**-3, torch.float16: 2**-6}
ROUNDING_IN_FULL = 2**-16


def rounding_of(number_format: torch.dtype) -> float:
    """The share for models of this format."""
    return ROUNDING.get(number_format, ROUNDING_IN_FULL)


class Rule(Protocol):
    """How the distributions of several models become one, in one or several configurations."""

    @property
    def vocabulary(self) -> int:
        """Ids from here on have no token, or not in all models, and are left out."""

    @property
    def labels(self) -> Sequence[str]:
        """What an error calls each configuration."""

    @property
    def runs(self) -> Sequence[Sequence[bool]]:
        """Whether a configuration needs a model, [configuration][model]."""

    def mass(
        self, logits: Sequence[Tensor | None], places: Sequence[Tensor], configuration: Tensor
    ) -> Tensor:
        """Probabilities up to a factor, float32 [rows, vocabulary]; what is not positive counts as zero.

        Args:
            logits: of each model for the rows that need it, [some rows, vocabulary]; None: no row does.
            places: of each model, which rows these are.
            configuration: of each row.
        """


@dataclass(frozen=True)
class Interpolation:
    """A weighted sum of probabilities, of which equation 3 keeps what is positive.

    Attributes:
        weights: in [-1, 1], one per model, for each configuration.
        vocabulary: ids from here on have no token, or not in all models, and are left out.
        rounding: a row has nothing positive where no weighted sum is more than this share of its terms'
            absolute values: equal models never cancel exactly, since products of batches of different sizes
            are rounded differently.
    """

    weights: Sequence[tuple[float, ...]]
    vocabulary: int
    rounding: float = ROUNDING_IN_FULL

    @property
    def labels(self) -> Sequence[str]:
        """The weights as they were given."""
        return [f"weights ({', '.join(f'{each:g}' for each in weights)})" for weights in self.weights]

    @property
    def runs(self) -> Sequence[Sequence[bool]]:
        """A model of weight 0 need not run."""
        return [[weight != 0 for weight in weights] for weights in self.weights]

    def mass(
        self, logits: Sequence[Tensor | None], places: Sequence[Tensor], configuration: Tensor
    ) -> Tensor:
        """Equation 2: the weighted sum; see `Rule.mass`."""
        factors = torch.tensor(self.weights, dtype=torch.float32, device=configuration.device)[configuration]
        total = self._weighted(factors, logits, places)
        # Probabilities are at most 1, so that only such rows can be without anything positive.
        faint = total.amax(-1) <= self.rounding * factors.abs().sum(-1)
        if faint.any():
            terms = self._weighted(factors.abs(), logits, places)
            least = terms.mul_(self.rounding).clamp_min_(torch.finfo(torch.float32).tiny)
            total[~(total > least).any(-1)] = 0
        return total

    def _weighted(self, factors: Tensor, logits: Sequence[Tensor | None], places: Sequence[Tensor]) -> Tensor:
        """Sum of the probabilities by `factors` [rows, models]."""
        home = factors.device
        total = torch.zeros(len(factors), self.vocabulary, device=home)
        for model, (given, rows) in enumerate(zip(logits, places, strict=True)):
            if given is not None:
                factor = factors[rows, model].to(given.device)
                terms = torch.softmax(given, -1, dtype=torch.float32).mul_(factor[:, None])
                total.index_add_(0, rows, terms[:, : self.vocabulary].to(home))
        return total

"""When the learning rate rises and falls, and after which steps a checkpoint is kept."""

from collections.abc import Sequence
from dataclasses import dataclass

FINAL_RATE_SHARE = 0.1  # of the peak, as OPT was trained (Zhang et al., 2022)


@dataclass(frozen=True)
class Recipe:
    """How one model is trained.

    Attributes:
        steps: Updates, each on `batch` windows.
        batch: Windows per update.
        learning_rate: Its peak.
        embedding_learning_rate: The peak of embedding tables and of vectors (norms, biases), whose best rate
            does not depend on the width, where that of the other matrices falls with it (Yang et al., 2022,
            Table 3); None: `learning_rate`.
        warmup: Fraction of the steps in which the learning rate rises.
        weight_decay: Of AdamW, on matrices and embedding tables only.
        gradient_norm: Longer gradients are scaled down to this length.
        checkpoints: Steps after which a checkpoint is kept, as `checkpoint_steps` gives them.
        precision: `auto`, `float32` or `bfloat16`, of the matrix products.
        seed: Of the initial weights and of the order of the windows.
    """

    steps: int
    batch: int
    learning_rate: float
    embedding_learning_rate: float | None
    warmup: float
    weight_decay: float
    gradient_norm: float
    checkpoints: tuple[int, ...]
    precision: str
    seed: int

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1:
            raise ValueError(
                f"training needs at least one step of one window, got {self.steps} of {self.batch}"
            )
        if self.steps not in self.checkpoints:
            raise ValueError(f"the last step, {self.steps}, must be a checkpoint, got {self.checkpoints}")


def checkpoint_steps(
    steps: int, *, every: int, early: Sequence[int] = (), kept: str = "all"
) -> tuple[int, ...]:
    """Steps after which a checkpoint is kept, rising: early ones, then every so many, and the last.

    Args:
        steps: Number of the last step.
        every: Distance of the regular checkpoints.
        early: Further steps; those after the last step are left out.
        kept: `all`, or `final` for the last step only.
    """
    if kept not in {"all", "final"}:
        raise ValueError(f"checkpoints must be 'all' or 'final', got '{kept}'")
    if every < 1 or any(step < 1 for step in early):
        raise ValueError(f"checkpoints come after step 1 or later, got every {every} and early {list(early)}")
    regular = range(every, steps + 1, every) if kept == "all" else ()
    denser = [step for step in early if step <= steps] if kept == "all" else ()
    return tuple(sorted({*regular, *denser, steps}))


def rate_share(step: int, *, recipe: Recipe) -> float:
    """Learning rate of a step (the first is 1) as a share of its peak: a linear rise, then a linear fall."""
    rising = max(1, round(recipe.warmup * recipe.steps))
    if step <= rising:
        return step / rising
    fallen = (step - rising) / (recipe.steps - rising)
    return 1 - (1 - FINAL_RATE_SHARE) * fallen

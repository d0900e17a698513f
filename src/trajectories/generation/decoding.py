"""Decoding from the interpolated distribution of several models (section 4.2)."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from trajectories.generation.arguments import Settings, require_shared_vocabulary, require_weights
from trajectories.generation.continuation import Texts, continue_prompts
from trajectories.generation.interpolation import Interpolation, rounding_of

if TYPE_CHECKING:
    from trajectories.checkpoints import Checkpoint


def joint_decode(  # noqa: PLR0913, what one may set
    small: "Checkpoint",
    large: "Checkpoint",
    prompts: Sequence[ArrayLike],
    *,
    weights: Iterable[tuple[float, float]] = ((1, -1),),
    method: str = "greedy",
    max_new_tokens: int | Sequence[int] = 50,
    top_p: float = 0.9,
    temperature: float = 1.0,
    seed: int = 0,
) -> dict[tuple[float, float], Texts]:
    """Continue prompts by two models jointly, in several configurations at once.

    The next token has the probability w_s p_s + w_l p_l where that is positive, renormalised (equations 2
    and 3): (1, -1) favours what the small model prefers, (0, 1) is the large one alone.

    Args:
        small: a checkpoint.
        large: another of the same tokenizer; both may be of one model.
        prompts: token ids of each, not empty, of any lengths.
        weights: pairs (w_s, w_l) in [-1, 1].
        method: as in `interpolated_decode`, like all that follows.
        max_new_tokens: likewise.
        top_p: likewise.
        temperature: likewise.
        seed: likewise.

    Returns:
        Weights as they were given → new tokens of each prompt.

    Raises:
        ValueError: as `interpolated_decode` does.
    """
    settings = Settings(method, max_new_tokens, top_p=top_p, temperature=temperature, seed=seed)
    found = _decode(
        [small, large], prompts, names=("small model", "large model"), weights=weights, settings=settings
    )
    return {(first, second): texts for (first, second), texts in found.items()}


def interpolated_decode(
    models: Sequence["Checkpoint"],
    prompts: Sequence[ArrayLike],
    *,
    weights: Iterable[tuple[float, ...]],
    method: str = "greedy",
    max_new_tokens: int | Sequence[int] = 50,
    top_p: float = 0.9,
    temperature: float = 1.0,
    seed: int = 0,
) -> dict[tuple[float, ...], Texts]:
    """Continue prompts by any number of models jointly, in several configurations at once.

    The next token has the probability sum_i w_i p_i where that is positive, renormalised (equations 2 and 3
    for more models). What is drawn depends on the seed, the prompt's ids and the place in the text alone: all
    weights share these random numbers, so that their texts differ by their distributions and not by luck, and
    the same prompt twice gives the same text twice; other texts of it take another seed.

    A prompt's text depends neither on the other prompts and weights nor on the number of threads and the
    memory wherever a row's products do not depend on the rows beside it. That held wherever it was measured
    for float32 models on a CPU whose products go through `trajectories.scoring.linear`. On GPUs, CPUs without
    these, and in other number formats the last digits do depend on them: tokens that are almost equally
    probable, or a draw that falls between two, may then be decided otherwise, and the text with them.

    Args:
        models: checkpoints of one tokenizer. Their tables may have more rows than there are tokens, and
            different numbers of them (Pythia): ids that are no token of all are never chosen.
        prompts: token ids of each, not empty, of any lengths.
        weights: one number in [-1, 1] per model, for each configuration. A model of weight 0 is not run.
        method: `greedy`, the most probable token, the lowest id among equals; `nucleus`, drawn from the
            smallest set of most probable tokens whose probability reaches `top_p` (Holtzman et al. 2019);
            `sample`, drawn from all.
        max_new_tokens: at most so many, of all prompts or one number for each. A text ends before where the
            tokenizer's end-of-text token is chosen, which then is its last token.
        top_p: in (0, 1], for `nucleus`.
        temperature: when drawing, probabilities p of the joint distribution become p^(1/temperature),
            renormalised, before the nucleus is cut.
        seed: of what is drawn.

    Returns:
        Weights as they were given → new tokens of each prompt.

    Raises:
        ValueError: the models have different tokenizers or no cache; weights lie outside [-1, 1], are all
            zero, given twice or not one per model; a prompt is empty, has unknown ids or, with its new
            tokens, more than a model's positions; a setting is out of range; probabilities are not finite, or
            none is positive by more than rounding, at a prompt and position that are named; the memory does
            not take one prompt in all configurations.
    """
    settings = Settings(method, max_new_tokens, top_p=top_p, temperature=temperature, seed=seed)
    names = [f"model {number}" for number in range(len(models))]
    return _decode(models, prompts, names=names, weights=weights, settings=settings)


def _decode(
    checkpoints: Sequence["Checkpoint"],
    prompts: Sequence[ArrayLike],
    *,
    names: Sequence[str],
    weights: Iterable[tuple[float, ...]],
    settings: Settings,
) -> dict[tuple[float, ...], Texts]:
    vocabulary = require_shared_vocabulary(checkpoints, names=names)
    kept = require_weights(weights, models=len(checkpoints))
    rounding = max(rounding_of(checkpoint.model.dtype) for checkpoint in checkpoints)
    rule = Interpolation(kept, vocabulary, rounding)
    texts = continue_prompts(checkpoints, prompts, names=names, rule=rule, settings=settings)
    return dict(zip(kept, texts, strict=True))

"""Training compute of a token, by the two ways of counting that the literature uses."""

from collections.abc import Callable, Mapping

from trajectories.checkpoints.dimensions import Dimensions


def flops_per_token(dimensions: Dimensions, *, context: int) -> int:
    """6 N + 12 layers · heads · head size · context (Chowdhery et al., 2022, appendix B).

    N counts the parameters that multiply and add, once forward and twice backward: all but the tables of
    tokens and positions, the output head included. The second term is the products of attention, over windows
    of `context` tokens; it is 0 without attention, and counts layers with a
    shorter reach as if they had none.
    """
    attention = 12 * dimensions.layers * dimensions.heads * dimensions.head_size * context
    return 6 * dimensions.multiplied_parameters + attention


def plain_flops_per_token(dimensions: Dimensions, *, context: int) -> int:
    """6 N with N all parameters, embeddings included: the rule of thumb behind published OPT figures."""
    del context  # the rule leaves attention out
    return 6 * dimensions.parameters


# By the name of the convention.
CONVENTIONS: Mapping[str, Callable[..., int]] = {
    "chowdhery": flops_per_token,
    "plain": plain_flops_per_token,
}

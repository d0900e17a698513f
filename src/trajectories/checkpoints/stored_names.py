"""Which stored tensors a model's weights come from: found by name, and proven before it is trusted."""

from collections.abc import Mapping
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from transformers import PreTrainedModel

from trajectories.checkpoints.weights import Stored

# Of each weight the stored tensors that hold it: one, or several with the same values where weights are tied.
Sources = Mapping[str, tuple[str, ...]]
Layout = frozenset[tuple[str, tuple[int, ...]]]  # names and shapes of all tensors of a folder

_proven: WeakKeyDictionary[PreTrainedModel, dict[Layout, Sources]] = WeakKeyDictionary()


def weights_of(model: PreTrainedModel) -> dict[str, Tensor]:
    """The model's own parameters and stored buffers; one that has several names, under its first."""
    weights = model.state_dict(keep_vars=True)
    return {names[0]: weights[names[0]] for names in names_of(model)}


def names_of(model: PreTrainedModel) -> list[list[str]]:
    """All names of each parameter and stored buffer: several where weights are tied."""
    names: dict[int, list[str]] = {}
    for name, weight in model.state_dict(keep_vars=True).items():
        names.setdefault(id(weight), []).append(name)
    return list(names.values())


def prove_sources(
    model: PreTrainedModel, stored: Mapping[str, Stored], expected: Mapping[str, Tensor]
) -> None:
    """Remember where the model's weights are stored in folders like this one, if that proves right.

    Args:
        model: The model that the weights are for.
        stored: The tensors of a folder.
        expected: What transformers loads from that folder, in the model's number format.
    """
    found = _find(model, stored)
    if found is None:
        return
    for name, weight in weights_of(model).items():
        for source in found[name]:
            if not same_bits(stored[source].read().to(weight.dtype), expected[name]):
                return
    _proven.setdefault(model, {})[_layout(stored)] = found


def proven_sources(model: PreTrainedModel, stored: Mapping[str, Stored]) -> Sources | None:
    """Where the model's weights are stored in a folder with these tensors; None where that is not proven."""
    return _proven.get(model, {}).get(_layout(stored))


def same_bits(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors of one number format hold the same; NaN is the same as itself."""
    left, right = (tensor.contiguous().reshape(-1).view(torch.uint8) for tensor in (one, other))
    return torch.equal(left, right.to(left.device))


def _layout(stored: Mapping[str, Stored]) -> Layout:
    return frozenset((name, tensor.shape) for name, tensor in stored.items())


def _find(model: PreTrainedModel, stored: Mapping[str, Stored]) -> Sources | None:
    """By name, with or without the prefix of the model's body; one that is left over, by its shape."""
    weights = weights_of(model)
    found = {
        names[0]: tuple(source for name in names for source in _spellings(name, model) if source in stored)
        for names in names_of(model)
    }
    used = {source for sources in found.values() for source in sources}
    for name, weight in weights.items():
        if found[name]:
            continue
        # Such as the head of GPT-NeoX, which older versions of transformers call otherwise.
        alike = [other for other in stored if other not in used and stored[other].shape == weight.shape]
        if len(alike) != 1:
            return None
        found[name] = (alike[0],)
        used.add(alike[0])
    return found


def _spellings(name: str, model: PreTrainedModel) -> tuple[str, ...]:
    prefix = f"{model.base_model_prefix}."
    return name, name.removeprefix(prefix) if name.startswith(prefix) else prefix + name

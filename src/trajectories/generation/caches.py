"""Key and value caches of rows that are all of one length: rows join and leave, tokens are added in place."""

from collections.abc import Iterable, Iterator
from inspect import signature
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from trajectories.scoring.windows import input_device

NAMES = ("past_key_values", "cache_params")  # what architectures call the cache that they are given


class ReservedLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """Keys and values in memory for the final length: a new token is written, nothing before it is copied."""

    def __init__(self, *, rows: int, positions: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rows, self.positions, self.length = rows, positions, 0
        self.reserved: list[Tensor] = []

    def update(
        self, key_states: Tensor, value_states: Tensor, *_args: Any, **_kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Write the next positions of the first rows; give all positions of these rows so far."""
        rows, start = len(key_states), self.length
        self.write(key_states, value_states, row=0)
        self.length = start + key_states.shape[-2]
        self.keys, self.values = (room[:rows, :, : self.length] for room in self.reserved)
        return self.keys, self.values

    def write(self, keys: Tensor, values: Tensor, *, row: int, start: int | None = None) -> None:
        """Write [rows, heads, n, depth] from a row and a position on; None: behind what is there."""
        start = self.length if start is None else start
        if not self.reserved:
            self.reserved = [self._reserve(keys), self._reserve(values)]
            self.is_initialized = True
        for room, states in zip(self.reserved, (keys, values), strict=True):
            room[row : row + len(states), :, start : start + states.shape[-2]] = states

    def get_seq_length(self) -> int:
        """Tokens that every row has."""
        return self.length

    def keep(self, order: Tensor) -> None:
        """Row i becomes what row order[i] was; those that stay in place are not copied."""
        moved = torch.nonzero(order != torch.arange(len(order), device=order.device)).flatten()
        for room in self.reserved:
            there, filled = moved.to(room.device), room[:, :, : self.length]
            filled[there] = filled[order[moved].to(room.device)]

    def _reserve(self, states: Tensor) -> Tensor:
        _, heads, _, depth = states.shape
        return states.new_empty(self.rows, heads, self.positions, depth)


class RowCache:
    """The cache of one model for rows that come and go.

    Layers that keep anything but all keys and values (sliding windows, states of Mamba) stay those of
    transformers, and are copied where rows change.

    Args:
        model: any causal language model that takes a cache of transformers.
        rows: as many as there will be at once.
        positions: as many as a row will have.
    """

    def __init__(self, model: Any, *, rows: int, positions: int) -> None:
        self.model, self.rows = model, 0
        self.cache = DynamicCache(config=model.config)
        self.layers: list[Any] = [
            ReservedLayer(rows=rows, positions=positions) if type(layer) is DynamicLayer else layer
            for layer in self.cache.layers
        ]
        self.cache.layers = self.layers

    def add(self, ids: Tensor, copies: Tensor) -> None:
        """Add rows as long as those there: row i has the text ids[copies[i]], of ids [n, length]."""
        if ids.shape[1]:
            layers: list[Any] = seen(self.model, ids).layers
            for number, (layer, new) in enumerate(zip(self.layers, layers, strict=True)):
                if isinstance(layer, ReservedLayer):
                    places = copies.to(new.keys.device)
                    layer.write(new.keys[places], new.values[places], row=self.rows, start=0)
                    layer.length = ids.shape[1]
                else:
                    self.layers[number] = _joined(layer if self.rows else None, new, copies)
        self.rows += len(copies)

    def step(self, tokens: Tensor) -> Tensor:
        """Logits [rows, vocabulary] after one more token of each row, [rows]."""
        output = self.model(
            input_ids=tokens[:, None].to(input_device(self.model)),
            use_cache=True,
            **{cache_name(self.model): self.cache},
        )
        logits: Tensor = output.logits[:, -1]
        return logits

    def keep(self, order: Tensor) -> None:
        """Row i becomes what row order[i] was; there are as many as `order` has."""
        self.rows = len(order)
        for layer in self.layers:
            if isinstance(layer, ReservedLayer):
                layer.keep(order)
            else:
                for states, name in _states(layer):
                    states[name] = states[name][order.to(states[name].device)]


def seen(model: Any, ids: Tensor) -> DynamicCache:
    """A cache of its own that has seen `ids` [n, length]; no logits are computed."""
    name, cache = cache_name(model), DynamicCache(config=model.config)
    model.base_model(input_ids=ids.to(input_device(model)), use_cache=True, **{name: cache})
    return cache


def row_bytes(model: Any, token: int, *, positions: int) -> int:
    """Memory that the cache of one row of so many positions takes; the model is run on one token."""
    total = 0
    for layer in seen(model, torch.tensor([[token]])).layers:
        kept = min(positions, getattr(layer, "sliding_window", positions))
        for states, name in _states(layer):
            total += states[name].nbytes * (kept if name in {"keys", "values"} else 1)
    return total


def devices(models: Iterable[Any]) -> set[torch.device]:
    """Where the models have their weights."""
    return {_loaded(weight.device) for model in models for weight in model.parameters()}


def cache_name(model: Any) -> str:
    """The keyword under which a model takes its cache.

    Raises:
        ValueError: It takes none of transformers' caches.
    """
    known = signature(model.forward).parameters
    for name in NAMES:
        if name in known:
            return name
    raise ValueError(
        f"decoding needs a model that takes a cache of transformers ({' or '.join(NAMES)}), "
        f"{type(model).__name__} takes none; choose another architecture"
    )


def _joined(layer: Any, new: Any, copies: Tensor) -> Any:
    """A layer with the rows of `layer`, None: no rows, and behind them those of `new` that `copies` names."""
    for states, name in _states(new):
        states[name] = states[name][copies.to(states[name].device)]
    if layer is not None:
        for (states, name), (others, other) in zip(_states(new), _states(layer), strict=True):
            states[name] = torch.cat([others[other], states[name]])
    return new


def _states(layer: Any) -> Iterator[tuple[dict[Any, Any], Any]]:
    """Where a layer of a cache holds tensors whose first dimension is the rows."""
    own = vars(layer)
    for holder in (own, *(value for value in own.values() if isinstance(value, dict))):
        for name, value in list(holder.items()):
            if isinstance(value, Tensor) and value.ndim > 1:
                yield holder, name


def _loaded(device: torch.device) -> torch.device:
    # A weight that waits elsewhere is `meta`; accelerate fetches it and moves what the model is given.
    return torch.device("cpu") if device.type == "meta" else device

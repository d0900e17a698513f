from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedModel

from tiny_models import MODELS, VOCABULARY, opt
from trajectories.generation.batches import closed_up
from trajectories.generation.caches import RowCache, row_bytes

LENGTH = 9  # longer than what Mamba's convolution and the tiny window of GPT-Neo keep


def texts(rows: int, length: int = LENGTH) -> torch.Tensor:
    return torch.randint(VOCABULARY, (rows, length), generator=torch.Generator().manual_seed(rows))


@pytest.fixture(params=["opt", "gpt-neox", "gpt-neo, global and local layers", "gpt-2", "llama", "mamba"])
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    torch.manual_seed(5)
    make: Callable[[], PreTrainedModel] = MODELS[request.param]
    return make().eval()


def by_definition(model: PreTrainedModel, ids: torch.Tensor) -> torch.Tensor:
    """Logits [rows, vocabulary] after the last token."""
    return model(ids, use_cache=False).logits[:, -1]


@torch.inference_mode()
def test_rows_that_joined_and_left_continue_as_alone(model: PreTrainedModel) -> None:
    early, late = texts(4), texts(3, LENGTH + 1)
    cache = RowCache(model, rows=12, positions=LENGTH + 3)
    copies = torch.tensor([0, 1, 1, 2, 3])
    cache.add(early[:, :-1], copies)
    rows = early[copies]
    for step in range(3):
        logits = cache.step(rows[:, -1])
        torch.testing.assert_close(logits, by_definition(model, rows), rtol=1e-3, atol=1e-3)
        rows = torch.cat([rows, logits.argmax(-1, keepdim=True)], dim=1)
        if step == 0:
            copies = torch.tensor([2, 0])
            cache.add(late[:, :-1], copies)
            rows = torch.cat([rows, late[copies]])
        if step == 1:
            order = torch.tensor([6, 1, 5, 3])
            cache.keep(order)
            rows = rows[order]


@torch.inference_mode()
def test_rows_of_one_token_have_seen_nothing_before(model: PreTrainedModel) -> None:
    ids = texts(3, 1)
    cache = RowCache(model, rows=3, positions=2)
    cache.add(ids[:, :-1], torch.arange(3))
    torch.testing.assert_close(cache.step(ids[:, 0]), by_definition(model, ids), rtol=1e-3, atol=1e-3)


@torch.inference_mode()
def test_an_emptied_cache_takes_longer_rows(model: PreTrainedModel) -> None:
    cache = RowCache(model, rows=2, positions=2 * LENGTH)
    for length in (3, LENGTH):
        ids = texts(2, length)
        cache.add(ids[:, :-1], torch.arange(2))
        torch.testing.assert_close(cache.step(ids[:, -1]), by_definition(model, ids), rtol=1e-3, atol=1e-3)
        cache.keep(torch.arange(0))


@torch.inference_mode()
def test_a_step_copies_nothing_of_what_is_there() -> None:
    cache = RowCache(opt().eval(), rows=3, positions=8)
    cache.add(texts(3, 4), torch.arange(3))
    places = [room.data_ptr() for layer in cache.layers for room in layer.reserved]
    for _ in range(4):
        cache.step(torch.zeros(3, dtype=torch.long))
    assert [room.data_ptr() for layer in cache.layers for room in layer.reserved] == places


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_rows_that_stay_in_front_are_not_moved(stays: list[bool]) -> None:
    order = closed_up(np.array(stays))
    assert sorted(order) == list(np.flatnonzero(stays))
    assert all(order[place] == place for place in range(len(order)) if stays[place])


@torch.inference_mode()
def test_memory_of_a_row_is_keys_and_values_of_all_positions() -> None:
    assert row_bytes(opt().eval(), 1, positions=50) == 2 * 2 * 24 * 50 * 4  # layers, both, width, float32


@torch.inference_mode()
def test_the_state_of_mamba_does_not_grow() -> None:
    model = MODELS["mamba"]().eval()
    assert row_bytes(model, 1, positions=50) == row_bytes(model, 1, positions=500) > 0

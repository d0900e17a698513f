"""Which prompts share a batch, by threads and memory, and what becomes of texts once memory runs out."""

import logging
import time
from functools import partial
from threading import Lock
from typing import Any

import pytest
import torch
from decoders import UNEQUAL, WEIGHTS, make_pair

from tiny_models import VOCABULARY, opt
from trajectories.checkpoints import Checkpoint
from trajectories.checkpoints.memory import InsufficientMemoryError
from trajectories.generation import continuation
from trajectories.generation.caches import devices, input_device
from trajectories.generation.contrastive import contrastive_decode
from trajectories.generation.decoding import joint_decode

Pair = tuple[Checkpoint, Checkpoint]
METHODS = ["greedy", "nucleus", "sample"]
CPU = torch.device("cpu")
# Keys and values of two layers of 24, float32, under two models, and the vocabulary of a row.
POSITION_BYTES, ROW_BYTES = 2 * (2 * 2 * 24 * 4), continuation.VOCABULARY_BYTES * VOCABULARY


@pytest.fixture(scope="module")
def pair() -> Pair:
    """Decode with it, do not change it."""
    return make_pair()


@pytest.fixture
def threads() -> Any:
    """Sets how many torch has, and resets it."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """How far the rows of each batch go that is decoded."""
    found = []

    class Noted(continuation.Batch):
        def __init__(self, plan: continuation.Plan, members: list[int], *, threads: int) -> None:
            found.append([len(plan.prompts[each]) + plan.limits[each] for each in members])
            super().__init__(plan, members, threads=threads)

    monkeypatch.setattr(continuation, "Batch", Noted)
    return found


def limit_prompts(model: Any, most: int) -> None:
    """Let a model run out of memory where it reads more prompts together."""

    def check(_module: Any, _inputs: Any, settings: dict[str, Any]) -> None:
        if len(settings["input_ids"]) > most:
            raise torch.OutOfMemoryError("the device is out of memory")

    model.base_model.register_forward_pre_hook(check, with_kwargs=True)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("prompts_at_once", [1, 2, 5])
def test_less_memory_gives_the_same_texts(
    pair: Pair, method: str, prompts_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = partial(joint_decode, *pair, UNEQUAL, weights=WEIGHTS, method=method, max_new_tokens=12)
    expected = decode()
    monkeypatch.setattr(continuation, "_prompts_that_fit", lambda *_: prompts_at_once)
    assert decode() == expected


def test_what_fits_goes_by_the_free_memory(
    pair: Pair, batches: list[list[int]], threads: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads(1)
    room = 10 * (8 * POSITION_BYTES + ROW_BYTES) / continuation.SHARE
    monkeypatch.setattr(continuation, "free_memory", lambda _: room)
    joint_decode(*pair, [[number] for number in range(40)], max_new_tokens=7)
    assert list(map(len, batches)) == [10] * 4


def test_the_device_with_the_least_memory_counts(
    pair: Pair, batches: list[list[int]], threads: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads(1)
    room = {"cpu": 10**12, "cuda": 5 * (8 * POSITION_BYTES + ROW_BYTES) / continuation.SHARE}
    monkeypatch.setattr(continuation, "devices", lambda _: {CPU, torch.device("cuda", 1)})
    monkeypatch.setattr(continuation, "free_memory", lambda device: room[device.type])
    joint_decode(*pair, [[number] for number in range(40)], max_new_tokens=7)
    assert list(map(len, batches)) == [5] * 8


def test_rows_that_go_far_are_kept_together_where_memory_is_short(
    pair: Pair, batches: list[list[int]], threads: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads(1)
    limits = [19, 1, 1, 19, 1, 1, 1, 19]
    room = 3 * (20 * POSITION_BYTES + ROW_BYTES) / continuation.SHARE
    monkeypatch.setattr(continuation, "free_memory", lambda _: room)
    joint_decode(*pair, [[number] for number in range(8)], max_new_tokens=limits)
    assert batches == [[20] * 3, [2] * 5]


@pytest.mark.parametrize(("prompts", "expected"), [(48, 6), (8, 1), (3, 1)])
def test_threads_share_a_batch_that_would_be_small(
    pair: Pair,
    batches: list[list[int]],
    threads: Any,
    monkeypatch: pytest.MonkeyPatch,
    prompts: int,
    expected: int,
) -> None:
    threads(16)
    monkeypatch.setattr(continuation, "FEWEST_ROWS", 40)
    joint_decode(*pair, [[number] for number in range(prompts)], weights=WEIGHTS, max_new_tokens=2)
    assert len(batches) == expected
    assert torch.get_num_threads() == 16


@pytest.mark.parametrize("fewest_rows", [1, continuation.FEWEST_ROWS])
@pytest.mark.parametrize("method", METHODS)
def test_the_number_of_threads_changes_nothing(
    pair: Pair, method: str, fewest_rows: int, threads: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(continuation, "FEWEST_ROWS", fewest_rows)
    found = []
    for count in (1, 2, 3):
        threads(count)
        found.append(joint_decode(*pair, UNEQUAL, weights=WEIGHTS, method=method, max_new_tokens=8))
        assert torch.get_num_threads() == count
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("method", METHODS)
def test_texts_are_the_same_after_memory_ran_out(method: str, caplog: pytest.LogCaptureFixture) -> None:
    settings: dict[str, Any] = {"weights": WEIGHTS, "method": method, "max_new_tokens": [9, 3, 8, 2, 9, 9]}
    pair, prompts = make_pair(), [[number, number + 1] for number in range(6)]
    expected = joint_decode(*pair, prompts, **settings)
    limit_prompts(pair[1].model, 2)
    with caplog.at_level(logging.WARNING):
        assert joint_decode(*pair, prompts, **settings) == expected
    assert caplog.messages == [
        f"memory ran out on {count} prompts at a time; going on with fewer" for count in (6, 3)
    ]


def test_batches_that_do_not_fit_side_by_side_are_decoded_one_after_the_other(
    threads: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(continuation, "FEWEST_ROWS", 1)
    pair, occupied = make_pair(), Lock()
    expected = joint_decode(*pair, UNEQUAL, weights=WEIGHTS, max_new_tokens=8)
    failures, run = [], continuation.Batch.run

    def alone(batch: continuation.Batch) -> None:
        if not occupied.acquire(blocking=False):
            failures.append(batch)
            raise torch.OutOfMemoryError("another thread has the memory")
        try:
            time.sleep(0.02)
            run(batch)
        finally:
            occupied.release()

    monkeypatch.setattr(continuation.Batch, "run", alone)
    threads(3)
    assert joint_decode(*pair, UNEQUAL, weights=WEIGHTS, max_new_tokens=8) == expected
    assert failures


@pytest.mark.parametrize("decode", [partial(joint_decode, weights=WEIGHTS), contrastive_decode])
def test_a_prompt_that_does_not_fit_is_refused_with_what_to_do(
    pair: Pair, decode: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        continuation.Batch, "run", lambda _: (_ for _ in ()).throw(MemoryError("no memory at all"))
    )
    count = 1 if decode is contrastive_decode else 5
    with pytest.raises(InsufficientMemoryError) as refusal:  # a ValueError, which stages end with one line
        decode(*pair, [[1, 2], [3, 4, 5]], max_new_tokens=6)
    assert str(refusal.value) == (
        f"prompt 1 of 3 tokens, with 6 new ones in {count} configurations, does not fit the free memory of "
        "cpu; decode fewer configurations at once or fewer new tokens, load the models in bfloat16, or use a "
        "device with more"
    )


def test_other_errors_are_no_lack_of_memory() -> None:
    pair = make_pair()
    pair[1].model.lm_head.register_forward_hook(lambda *_: (_ for _ in ()).throw(RuntimeError("broken")))
    with pytest.raises(RuntimeError, match="broken"):
        joint_decode(*pair, UNEQUAL, max_new_tokens=2)


def test_weights_that_wait_elsewhere_take_their_inputs_from_the_cpu() -> None:
    waiting = opt().to("meta")
    assert input_device(waiting) == CPU
    assert devices([waiting, opt()]) == {CPU}

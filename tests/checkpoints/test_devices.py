"""Where models go, on made-up machines; and accelerate's way on this one."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from architectures import save

from trajectories.checkpoints.devices import choose_device
from trajectories.checkpoints.load import _copy_for, can_replace_weights, load_model

GIGABYTE = 10**9


def needed(gigabytes: float = 1) -> int:
    return int(gigabytes * GIGABYTE)


@pytest.fixture
def no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)


@pytest.fixture
def two_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two CUDA devices with 10 and 40 GB free."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    free = {None: 10, 0: 10, 1: 40}
    monkeypatch.setattr(
        torch.cuda, "mem_get_info", lambda place: (free[place.index] * GIGABYTE, 80 * GIGABYTE)
    )


@pytest.fixture
def no_accelerate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "accelerate", None)


@pytest.mark.usefixtures("no_cuda")
def test_without_cuda_models_go_to_the_processor() -> None:
    assert choose_device("auto", needed=needed) == "cpu"
    assert choose_device("cpu", needed=needed) == "cpu"


@pytest.mark.usefixtures("two_devices")
@pytest.mark.parametrize(
    ("asked", "gigabytes", "expected"),
    [
        ("auto", 7.9, "cuda"),
        ("auto", 8.1, "map"),
        ("cuda", 7.9, "cuda"),
        ("cuda:1", 31, "cuda:1"),
        ("cpu", 500, "cpu"),
        ("map", 1, "map"),
    ],
)
def test_a_model_goes_to_one_device_if_it_fits(asked: str, gigabytes: float, expected: str) -> None:
    pytest.importorskip("accelerate")
    assert choose_device(asked, needed=lambda: needed(gigabytes)) == expected


@pytest.mark.usefixtures("two_devices")
def test_a_model_too_large_for_the_device_that_was_named_is_refused() -> None:
    message = r"weights of 33\.0 GB do not fit cuda:1, where 40\.0 GB are free; choose device=auto"
    with pytest.raises(ValueError, match=message):
        choose_device("cuda:1", needed=lambda: needed(33))


@pytest.mark.usefixtures("two_devices", "no_accelerate")
@pytest.mark.parametrize(
    ("asked", "reason"),
    [("auto", "do not fit cuda, where 10"), ("map", "device=map was asked for")],
)
def test_spreading_a_model_needs_accelerate(asked: str, reason: str) -> None:
    with pytest.raises(ValueError, match=rf"{reason}.* install it with `pip install 'trajectories\[acc"):
        choose_device(asked, needed=lambda: needed(9))


@pytest.mark.usefixtures("no_cuda")
@pytest.mark.parametrize(
    ("asked", "message"),
    [("cuda:1", "device cuda:1 was asked for, and there are 0 CUDA devices"), ("gpu", "got 'gpu'")],
)
def test_a_device_that_does_not_exist_is_named(asked: str, message: str, tmp_path: Path) -> None:
    folder = save("opt", tmp_path)
    with pytest.raises(ValueError, match=message):
        load_model(folder, device=asked)


LACKS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
    MemoryError(),
]


def failing(error: Exception) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize("error", LACKS)
@pytest.mark.parametrize("where", ["trajectories.checkpoints.load.read_pretrained", "torch.nn.Module.to"])
def test_weights_that_find_no_memory_are_named_with_what_would_do(
    where: str, error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save("opt", tmp_path)
    monkeypatch.setattr(where, failing(error))
    message = (
        rf"cpu has no memory for the weights in {folder}, 0\.0 GB; choose dtype bfloat16, .*device='map'"
    )
    with pytest.raises(ValueError, match=message):
        load_model(folder, device="cpu")


def test_another_error_of_torch_stays_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save("opt", tmp_path)
    monkeypatch.setattr("torch.nn.Module.to", failing(RuntimeError("a device-side assertion")))
    with pytest.raises(RuntimeError, match="a device-side assertion"):
        load_model(folder, device="cpu")


def test_without_pinned_memory_weights_are_read_into_ordinary_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, empty = [], torch.empty

    def limited(*shape: object, pin_memory: bool = False, **settings: Any) -> torch.Tensor:
        asked.append(pin_memory)
        if pin_memory:
            raise RuntimeError("CUDA error: out of memory")
        return empty(*shape, **settings)

    monkeypatch.setattr(torch, "empty", limited)
    on_device: Any = SimpleNamespace(shape=(3, 2), dtype=torch.bfloat16, is_cuda=True)
    copy = _copy_for(on_device, torch.ones(3, 2))
    assert asked == [True, False]
    assert torch.equal(copy, torch.ones(3, 2, dtype=torch.bfloat16))


def test_a_spread_model_computes_the_same(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    folder = save("opt", tmp_path)
    spread, whole = load_model(folder, device="map"), load_model(folder, device="cpu")
    tokens = torch.arange(20)[None]
    assert can_replace_weights(spread)
    assert torch.allclose(spread(tokens).logits.cpu(), whole(tokens).logits, atol=1e-4)

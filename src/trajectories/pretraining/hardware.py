"""What a run is computed on: device, number format, and the settings that make it repeatable and fast."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from trajectories.pretraining.attention import CAUSAL_BLOCKS

# Names of processor features, in torch.cpu.get_capabilities, with which bfloat16 products are fast.
BFLOAT16_FEATURES = ("avx512_bf16", "amx_bf16")
LOGITS_AT_ONCE = {"cpu": 2**21, "cuda": 2**26}  # on a processor a chunk of logits should stay in the cache
ATTENTION = {"cpu": CAUSAL_BLOCKS, "cuda": "sdpa"}
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
MALLOPT_TRIM_THRESHOLD, MALLOPT_MMAP_MAX = -1, -4  # parameter numbers in glibc's malloc.h
LARGEST_INT = 2**31 - 1


@dataclass(frozen=True)
class Hardware:
    """A device, the number format of matrix products on it, and what suits it."""

    device: str
    precision: torch.dtype
    attention: str
    logits_at_once: int


def choose_hardware(precision: str) -> Hardware:
    """The accelerator when there is one, else the processor.

    Args:
        precision: `float32`, `bfloat16`, or `auto`: bfloat16 where the device multiplies it fast.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if precision not in {"auto", *PRECISIONS}:
        raise ValueError(f"precision must be auto, {', '.join(PRECISIONS)}, got '{precision}'")
    fast = "bfloat16" if device == "cuda" or _fast_bfloat16() else "float32"
    return Hardware(
        device=device,
        precision=PRECISIONS[fast if precision == "auto" else precision],
        attention=ATTENTION[device],
        logits_at_once=LOGITS_AT_ONCE[device],
    )


@contextmanager
def deterministic() -> Iterator[None]:
    """Inside, torch computes the same bytes from the same inputs, and refuses what it cannot repeat.

    Only so does attention on a GPU take its repeatable form: asked to warn, torch keeps the faster one.
    """
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    filling = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    # cuBLAS reads it when it is first used; products of matrices are not repeatable without it.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(mode=True, warn_only=False)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(mode=before[0], warn_only=before[1])
        torch.utils.deterministic.fill_uninitialized_memory = filling  # type: ignore[attr-defined]


def keep_freed_memory() -> None:
    """Let the C library keep freed blocks of any size for the next step, where it is glibc.

    By default it hands large blocks back to the system and touches fresh pages at every step, which costs
    up to a third of a small model's training time. Nothing but the time changes.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None:
        mallopt(MALLOPT_MMAP_MAX, 0)
        mallopt(MALLOPT_TRIM_THRESHOLD, LARGEST_INT)


def _fast_bfloat16() -> bool:
    capabilities: dict[str, object] = getattr(
        torch.cpu, "get_capabilities", dict
    )()  # older versions of torch cannot tell
    return any(capabilities.get(feature) for feature in BFLOAT16_FEATURES)

import logging
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from threading import Lock
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tiny_models import POSITIONS, VOCABULARY, gpt_neo, mamba, modern, opt
from trajectories.scoring import batch, score_windows
from trajectories.scoring.batch import WindowTooLongError, bytes_per_token, tokens_that_fit

CPU = torch.device("cpu")
INPUTS = POSITIONS - 1  # tokens of a window that the model reads


@pytest.fixture
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def limit(model: Any, tokens: Callable[[], int]) -> list[tuple[int, bool]]:
    """Lets the body run out of memory above some tokens; lists its runs: tokens, and whether they fitted."""
    runs: list[tuple[int, bool]] = []

    def check(_module: Any, _inputs: Any, settings: dict[str, Any]) -> None:
        count, room = settings["input_ids"].numel(), tokens()
        runs.append((count, count <= room))
        if not runs[-1][1]:
            raise torch.OutOfMemoryError("the device is out of memory")

    model.base_model.register_forward_pre_hook(check, with_kwargs=True)
    return runs


def test_scores_are_the_same_after_memory_ran_out(
    opt_checkpoint: SimpleNamespace, windows: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    scores = score_windows(opt_checkpoint, windows)
    limit(opt_checkpoint.model, lambda: INPUTS)
    with caplog.at_level(logging.WARNING):
        again = score_windows(opt_checkpoint, windows, batch_tokens=8 * POSITIONS)
    np.testing.assert_array_equal(again, scores)
    (record,) = caplog.records
    assert "ran out of memory on" in record.message
    assert f"windows of {POSITIONS} tokens" in record.message


@pytest.mark.usefixtures("one_thread")
def test_what_was_scored_before_memory_ran_out_is_kept(
    opt_checkpoint: SimpleNamespace, windows: np.ndarray
) -> None:
    runs: list[tuple[int, bool]] = []
    runs = limit(opt_checkpoint.model, lambda: INPUTS if (2 * INPUTS, True) in runs else 2 * INPUTS)
    score_windows(opt_checkpoint, windows, batch_tokens=2 * POSITIONS)
    # Two windows, two that do not fit any more, and those that are left one by one.
    scored = [(count // INPUTS, ran) for count, ran in runs if count >= INPUTS]
    assert scored == [(2, True), (2, False), (1, True), (1, True), (1, True)]


@pytest.mark.usefixtures("one_thread")
def test_what_once_did_not_fit_is_not_tried_at_the_next_checkpoint(
    opt_checkpoint: SimpleNamespace, windows: np.ndarray
) -> None:
    runs = limit(opt_checkpoint.model, lambda: 2 * INPUTS)
    for _ in range(2):
        score_windows(opt_checkpoint, windows, batch_tokens=4 * POSITIONS)
    assert [ran for _, ran in runs].count(False) == 1


def test_windows_that_do_not_fit_side_by_side_are_scored_one_after_the_other(
    opt_checkpoint: SimpleNamespace, windows: np.ndarray
) -> None:
    scores, occupied, failures = score_windows(opt_checkpoint, windows), Lock(), []

    def enter(*_: Any) -> None:
        if not occupied.acquire(blocking=False):
            failures.append(1)
            raise torch.OutOfMemoryError("another thread has the memory")
        time.sleep(0.02)

    opt_checkpoint.model.base_model.register_forward_pre_hook(enter)
    opt_checkpoint.model.base_model.register_forward_hook(lambda *_: occupied.release())
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        again = score_windows(opt_checkpoint, windows, batch_tokens=1)
        known = len(failures)
        score_windows(opt_checkpoint, windows, batch_tokens=1)
    finally:
        torch.set_num_threads(before)
    assert known == len(failures) > 0  # the next checkpoint is scored one by one at once
    np.testing.assert_array_equal(again, scores)


@pytest.mark.parametrize(
    ("tokens", "says"),
    [(100, "80 tokens do: cut windows so (suite.context)"), (8, "5 tokens do"), (0, "no shorter one does")],
)
def test_a_window_that_does_not_fit_is_refused_with_the_length_that_does(
    opt_checkpoint: SimpleNamespace, windows: np.ndarray, tokens: int, says: str
) -> None:
    probed: list[tuple[int, bool]] = []
    probed = limit(opt_checkpoint.model, lambda: tokens if probed else POSITIONS)
    with pytest.raises(
        WindowTooLongError, match=r"score in bfloat16 .*, or use a device with more"
    ) as refusal:
        score_windows(opt_checkpoint, windows)
    message = f"one window of {POSITIONS} tokens does not fit the free memory of cpu; {says}"
    assert str(refusal.value).startswith(message)
    assert isinstance(refusal.value, ValueError)  # which stages end with one line


def test_memory_that_really_runs_out_costs_no_scores() -> None:
    # A window takes 512 MiB; there are 900 for four of them, then 400 for one.
    program = """
    import resource
    from pathlib import Path
    from types import SimpleNamespace
    import numpy as np
    import torch
    from transformers import OPTConfig, OPTForCausalLM
    from trajectories.scoring import score_windows

    torch.set_num_threads(1)
    torch.manual_seed(0)
    sizes = dict(vocab_size=97, hidden_size=64, word_embed_proj_dim=64, ffn_dim=32768, num_hidden_layers=1)
    model = OPTForCausalLM(OPTConfig(**sizes, num_attention_heads=2, max_position_embeddings=2048)).eval()
    checkpoint = SimpleNamespace(model=model)
    ids = np.random.default_rng(0).integers(0, 97, size=(4, 2048))
    expected = score_windows(checkpoint, ids[:2], batch_tokens=2048)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 900 * 2**20, -1))
    scores = score_windows(checkpoint, ids, batch_tokens=4 * 2048)
    print("same bytes", np.array_equal(scores[:2], expected), np.isfinite(scores).all())
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 400 * 2**20, -1))
    try:
        score_windows(checkpoint, ids)
    except ValueError as error:
        print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "same bytes True True"
    assert second.startswith("one window of 2048 tokens does not fit the free memory of cpu; ")
    assert "tokens do: cut windows so" in second
    assert "cpu ran out of memory on 4 windows of 2048 tokens" in done.stderr


def test_batches_are_as_large_as_memory_takes_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    model = opt()
    sizes = []
    for free in (0, 10**6, 10**7, 10**12):
        monkeypatch.setattr(batch, "free_memory", lambda _, free=free: free)
        sizes.append([tokens_that_fit(model, POSITIONS, device=CPU, threads=count) for count in (1, 2)])
    assert sizes[0] == [1, 1]
    assert sizes[-1] == [batch.TOKENS["cpu"]] * 2
    assert all(two <= one for one, two in sizes)
    assert sizes == sorted(sizes)


def test_free_memory_is_less_than_all_there_is() -> None:
    assert 0 < batch.free_memory(CPU) < 2**50


def test_attention_without_a_fused_kernel_needs_more_memory_for_longer_windows() -> None:
    eager, fused = gpt_neo(), modern("llama")
    assert bytes_per_token(eager, 2048) > 4 * bytes_per_token(eager, 128)
    assert bytes_per_token(fused, 2048) == bytes_per_token(fused, 128)


def test_half_the_number_format_needs_half_the_memory() -> None:
    whole, half = modern("llama"), modern("llama").bfloat16()
    assert bytes_per_token(whole, 64) == 2 * bytes_per_token(half, 64)


def test_wide_layers_and_states_count_but_not_the_vocabulary() -> None:
    assert bytes_per_token(modern("llama", intermediate_size=480), 64) > bytes_per_token(modern("llama"), 64)
    assert bytes_per_token(mamba(state_size=16), 64) > bytes_per_token(mamba(state_size=4), 64)
    assert bytes_per_token(opt(vocab_size=10 * VOCABULARY), 64) == bytes_per_token(opt(), 64)

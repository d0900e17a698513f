from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trajectories.pretraining.windows import read_stream, training_batches, window_order


@given(st.integers(1, 30), st.integers(1, 100), st.integers(0, 5))
def test_each_epoch_takes_every_window_once(windows: int, needed: int, seed: int) -> None:
    order = window_order(windows, needed=needed, seed=seed)
    assert len(order) == needed
    for start in range(0, needed, windows):
        epoch = order[start : start + windows]
        assert len(set(epoch)) == len(epoch)
        assert set(epoch) <= set(range(windows))


def test_epochs_and_seeds_differ_in_order_and_runs_do_not() -> None:
    order = window_order(50, needed=100, seed=1)
    assert np.array_equal(order, window_order(50, needed=100, seed=1))
    assert not np.array_equal(order[:50], order[50:])
    assert not np.array_equal(order, window_order(50, needed=100, seed=2))


def test_a_shorter_run_sees_the_beginning_of_a_longer_one() -> None:
    stream = np.arange(1000, dtype=np.uint16)
    long = list(training_batches(stream, context=10, batch=4, steps=30, seed=1))
    short = list(training_batches(stream, context=10, batch=4, steps=7, seed=1))
    assert np.array_equal(short, long[:7])


def test_one_epoch_predicts_every_token_but_the_first_and_the_rest_of_the_cut() -> None:
    stream = np.arange(1, 205, dtype=np.uint16)  # 20 windows of 10 tokens and 3 tokens over
    batches = np.concatenate(list(training_batches(stream, context=10, batch=4, steps=5, seed=1)))
    assert batches.shape == (20, 11)
    assert np.array_equal(batches[:, 1:] - batches[:, :-1], np.ones((20, 10)))
    assert sorted(batches[:, 1:].flatten()) == list(range(2, 202))


def test_fewer_tokens_than_a_batch_are_named() -> None:
    with pytest.raises(ValueError, match="4 windows needs 41 training tokens, got 40"):
        training_batches(np.zeros(40, np.uint16), context=10, batch=4, steps=1, seed=1)


def test_an_empty_stream_is_named() -> None:
    with pytest.raises(ValueError, match="got 0"):
        training_batches(np.zeros(0, np.uint16), context=10, batch=1, steps=1, seed=1)


def test_a_stream_that_is_missing_or_no_stream_is_named(tmp_path: Path) -> None:
    path = tmp_path / "train.npy"
    with pytest.raises(FileNotFoundError, match=r"train\.npy does not exist"):
        read_stream(path)
    np.save(path, np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"float64 of shape \(2, 3\)"):
        read_stream(path)

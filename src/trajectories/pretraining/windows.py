"""Training windows: the token stream cut to pieces, in one seeded order for all models that share it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

Tokens = npt.NDArray[np.integer]


def read_stream(path: Path) -> Tokens:
    """The 1-D stream of token ids in an .npy file, mapped, not loaded."""
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist; make it with `dvc repro` or fetch it with `dvc pull`"
        )
    stream: Tokens = np.load(path, mmap_mode="r", allow_pickle=False)
    if stream.ndim != 1 or stream.dtype.kind not in "ui":
        raise ValueError(f"{path} needs a 1-D array of token ids, got {stream.dtype} of shape {stream.shape}")
    return stream


def window_order(windows: int, *, needed: int, seed: int) -> npt.NDArray[np.int64]:
    """Numbers of the `needed` windows in the order they are trained on.

    Each epoch is a new permutation of all windows, drawn from the seed and the number of the epoch.
    """
    epochs = -(-needed // windows)
    orders = [np.random.default_rng([seed, epoch]).permutation(windows) for epoch in range(epochs)]
    return np.concatenate(orders)[:needed]


def training_batches(
    stream: Tokens, *, context: int, batch: int, steps: int, seed: int
) -> Iterator[npt.NDArray[np.int64]]:
    """Batches [batch, context + 1]: inputs and, one to the right, their targets.

    Windows overlap by one token, so that every token but the first of the stream is a target once an epoch.

    Raises:
        ValueError: The stream is shorter than one batch.
    """
    windows = (len(stream) - 1) // context
    if windows < batch:
        raise ValueError(
            f"one batch of {batch} windows needs {batch * context + 1} training tokens, got {len(stream)}; "
            "use more text, a smaller batch or a shorter context"
        )
    order = window_order(windows, needed=steps * batch, seed=seed)
    return (_gather(stream, numbers, context) for numbers in order.reshape(steps, batch))


def _gather(stream: Tokens, numbers: npt.NDArray[np.int64], context: int) -> npt.NDArray[np.int64]:
    starts = numbers[:, None] * context
    cut: npt.NDArray[np.int64] = stream[starts + np.arange(context + 1)].astype(np.int64)
    return cut

"""MAUVE: how far the distribution of generated texts is from that of the documents themselves."""

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FEWEST_TEXTS = 20  # on each side: MAUVE takes a cluster for every ten texts, and two at least


def mauve_scores(
    generated: ArrayLike, references: ArrayLike, *, seeds: Sequence[int] = (0,)
) -> NDArray[np.float64]:
    """MAUVE (Pillutla et al., 2021) between two sets of texts, once per seed of its clustering.

    Scores of sets of a few hundred texts are noisy and rise with fewer texts: compare sets of one size only.

    Args:
        generated: features [text, width], see `features.text_features`.
        references: features [text, width] of the documents.
        seeds: of the k-means clustering.

    Returns:
        [seed], fractions from 0 to 1; 1: no difference is seen.

    Raises:
        ModuleNotFoundError: the package mauve-text is not installed; says how to get it.
        ValueError: fewer than 20 texts on a side, features of two widths, not finite, or all the same.
    """
    p, q = (np.asarray(side, dtype=np.float32) for side in (references, generated))
    _require_comparable(p, q)
    compute = _package().compute_mauve
    with _quiet():
        scores = [compute(p_features=p, q_features=q, seed=seed, verbose=False).mauve for seed in seeds]
    clipped: NDArray[np.float64] = np.clip(scores, 0.0, 1.0)  # rounding leads beyond 1
    return clipped


def _package() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of modules that SWIG made, on some versions of Python
            import mauve  # noqa: PLC0415, an extra that only this needs, and slow to import
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"MAUVE needs the package mauve-text ({error}); get it with `pip install 'trajectories[mauve]'`"
        ) from error
    return mauve


@contextmanager
def _quiet() -> Iterator[None]:
    """Inside the block nothing that compiled code writes to the error stream is seen.

    faiss warns there of every clustering with fewer than 39 points to a cluster; MAUVE always has 20.
    """
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _require_comparable(p: NDArray[np.float32], q: NDArray[np.float32]) -> None:
    if p.ndim != 2 or q.ndim != 2 or p.shape[1] != q.shape[1]:
        raise ValueError(
            f"MAUVE needs features [text, width] of one width, got {q.shape} and {p.shape}; "
            "take both from the same model"
        )
    fewest = min(len(p), len(q))
    if fewest < FEWEST_TEXTS:
        raise ValueError(
            f"MAUVE needs at least {FEWEST_TEXTS} texts on each side to cluster, got {len(q)} generated and "
            f"{len(p)} of documents; generate from more prompts"
        )
    for name, side in (("generated texts", q), ("documents", p)):
        if not np.isfinite(side).all():
            raise ValueError(
                f"features of the {name} are not finite; take them from a model that did not diverge"
            )
    if (np.concatenate([p, q]) == p[0]).all():
        raise ValueError(
            "all texts have the same features, which cannot be clustered; take features from a trained model"
        )

"""How likely texts of any lengths, corrupted or generated, are under one model at every checkpoint."""

import json
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from trajectories import arrays
from trajectories.checkpoints import Trajectory
from trajectories.scoring.collect import Text, collect_scores
from trajectories.scoring.labels import SKIPPED, checkpoint_labels, model_labels
from trajectories.scoring.plans import TEXTS
from trajectories.scoring.sequences import BlockScores, Packing, pack, require_fitting

LABELS = ("source", "configuration", "method", "document")  # that name a text in errors


def judge_sequences(  # noqa: PLR0913, settings of one stage, all named
    trajectory: Trajectory,
    texts: xr.Dataset,
    *,
    store: Path,
    batch_tokens: int | None = None,
    precision: str = "auto",
    nonfinite: str = "error",
    flops: str = "chowdhery",
    workers: int | None = None,
    name: str | None = None,
) -> xr.Dataset:
    """Log-likelihood of each text, without the tokens that are given, at every checkpoint of a model.

    Texts that begin other texts are not run again. What is finished is kept in `store`.

    Args:
        trajectory: The model's checkpoints.
        texts: `token_id` (sequence, position), ids of the model's tokenizer; over sequence `tokens`, how many
            of them are text, `given`, how many of these are context and not scored, and `bytes`, the length
            of what is scored. Coordinates over sequence are kept.
        store: Folder of the shard store.
        batch_tokens: See `trajectories.scoring.trajectory.score_trajectory`, as for what follows.
        precision: Number format of the forward pass.
        nonfinite: What scores that are not finite do: `error`, or `skip`.
        flops: How compute is counted.
        workers: Processes that score.
        name: Under which `python -m trajectories.scoring status` finds the run, None: the model's, `.texts`
            after it.

    Returns:
        `log_likelihood` (checkpoint, sequence), float32, the sum over scored tokens in nats, NaN at a
        checkpoint that was skipped; `scored_tokens` and `bytes` (sequence). Coordinates and attributes of the
        texts, and those of checkpoints and of the model as in `trajectories.scoring.labels.label_scores`.

    Raises:
        ValueError: There is no text, or one with nothing given, with nothing scored, or that the model does
            not take; or a setting is none of those above.
        NonFiniteScoresError: A score is not finite, and `nonfinite` is `error`.
        OSError: A checkpoint cannot be read, or the store not be written because the disk is full.
    """
    ids = _checked(texts, trajectory)
    packing = pack(ids)

    def describe(index: int, position: int) -> str:
        token = ids[index][position]
        return f"token {token} at position {position} of {_name(texts, index)}"

    collected = collect_scores(
        trajectory,
        Text(packing.blocks, texts=packing.unpack, describe=describe),
        store=store,
        batch_tokens=batch_tokens,
        precision=precision,
        nonfinite=nonfinite,
        workers=workers,
        name=name or f"{trajectory.model}{TEXTS}",
    )
    steps = sorted(collected.scores)
    given = texts["given"].values
    summed = np.stack([_sums(collected.scores[step], packing=packing, given=given) for step in steps])
    return xr.Dataset(
        {
            "log_likelihood": (("checkpoint", "sequence"), summed),
            "scored_tokens": ("sequence", texts["tokens"].values - given),
            "bytes": ("sequence", texts["bytes"].values),
        },
        coords={
            **{name: texts[name].variable for name in texts.coords},
            **checkpoint_labels(steps, trajectory, flops=flops),
            **model_labels(trajectory),
        },
        attrs={**texts.attrs, **collected.attributes, SKIPPED: json.dumps(sorted(collected.skipped))},
    )


def _sums(scores: BlockScores, *, packing: Packing, given: NDArray[np.int64]) -> NDArray[np.float32]:
    """Of each text, [sequence]."""
    texts = zip(packing.unpack(scores), given, strict=True)
    return np.array([values[count - 1 :].sum(dtype=np.float64) for values, count in texts], np.float32)


def _checked(texts: xr.Dataset, trajectory: Trajectory) -> list[NDArray[np.int32]]:
    """The token ids of each text."""
    arrays.require(texts, "sequence", "position", what="texts to judge")
    given, counts = texts["given"].values, texts["tokens"].values
    if not counts.size:
        raise ValueError(f"there is no text for {trajectory.model} to judge; generate or corrupt some first")
    _require(given >= 1, texts, "has no token that is given; give at least one before what is scored")
    _require(counts > given, texts, "has no token to score after those given; leave it out")
    names = [_name(texts, index) for index in range(len(counts))]
    require_fitting(counts.tolist(), context=trajectory.dimensions.context, names=names)
    rows = texts["token_id"].transpose("sequence", "position").values
    return [row[:count] for row, count in zip(rows, counts, strict=True)]


def _require(holds: NDArray[np.bool_], texts: xr.Dataset, otherwise: str) -> None:
    if not holds.all():
        raise ValueError(f"{_name(texts, int(holds.argmin()))} {otherwise}")


def _name(texts: xr.Dataset, index: int) -> str:
    """A text as errors call it: its number and its labels, `text 12 (replace-0.2, numpy/__init__.py)`."""
    labels = [str(texts[label].values[index]) for label in LABELS if label in texts.coords]
    return f"text {index} ({', '.join(label for label in labels if label)})"

"""The scores of one model at every checkpoint: its trajectory on held-out text."""

from pathlib import Path

import xarray as xr

from trajectories import arrays
from trajectories.checkpoints import Trajectory
from trajectories.scoring.collect import Text, collect_scores
from trajectories.scoring.labels import label_scores


def score_trajectory(  # noqa: PLR0913, settings of one stage, all named
    trajectory: Trajectory,
    held_out: xr.Dataset,
    *,
    store: Path,
    batch_tokens: int | None = None,
    precision: str = "auto",
    nonfinite: str = "error",
    flops: str = "chowdhery",
    workers: int | None = None,
    name: str | None = None,
) -> xr.Dataset:
    """Log-likelihoods of the tokens of held-out windows at every checkpoint of a model.

    What is finished is kept in `store`: a run that was killed continues there, and gives the same result.

    Args:
        trajectory: The model's checkpoints.
        held_out: `token_id` (window, position) with `split`, `document` and `domain` over window; over
            vocabulary `token_text` and `training_frequency`.
        store: Folder of the shard store.
        batch_tokens: Tokens of one forward pass, None: as many as memory takes.
        precision: Number format of the forward pass: float32, bfloat16, float16, or `auto`, which is float32
            on the processor and one of the others on CUDA.
        nonfinite: What scores that are not finite do: `error`, or `skip`, which leaves their checkpoint NaN.
        flops: How compute is counted: `chowdhery` or `plain`, see trajectories.checkpoints.compute.
        workers: Processes that score, None: one per CUDA device where there are several, else one.
        name: Under which `python -m trajectories.scoring status` finds the run, None: the model's.

    Returns:
        See `trajectories.scoring.labels.label_scores`. The attribute `precision` names the number format;
        where it is not float32, `precision_difference` says in JSON by how many nats that moves the scores
        of the last checkpoint's first windows.

    Raises:
        ValueError: The windows do not fit the model, or a setting is none of those above.
        NonFiniteScoresError: A score is not finite, and `nonfinite` is `error`.
        OSError: A checkpoint cannot be read, or the store not be written because the disk is full.
    """
    arrays.require(held_out, "window", "position", "vocabulary", what="held-out windows")

    def describe(window: int, position: int) -> str:
        token = int(held_out["token_id"][window, position])
        text, document = held_out["token_text"].values[token], held_out["document"].values[window]
        return f"token {str(text)!r} at position {position} of document {str(document)!r}"

    windows = Text([held_out["token_id"].values], texts=lambda scores: list(scores[0]), describe=describe)
    collected = collect_scores(
        trajectory,
        windows,
        store=store,
        batch_tokens=batch_tokens,
        precision=precision,
        nonfinite=nonfinite,
        workers=workers,
        name=name or trajectory.model,
    )
    labelled = label_scores(
        {step: values[0] for step, values in collected.scores.items()},
        held_out,
        trajectory=trajectory,
        skipped=collected.skipped,
        flops=flops,
    )
    return labelled.assign_attrs(collected.attributes)

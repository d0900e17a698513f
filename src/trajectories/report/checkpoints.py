"""Table 2: which checkpoints of each model are scored, and what went into them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from trajectories.figures.ticks import plain
from trajectories.report.tabular import csv_text, markdown_escaped, markdown_table, number, power

COLUMNS = (
    "model",
    "label",
    "seed",
    "parameters",
    "learning_rate",
    "tokens_per_step",
    "steps",
    "checkpoints",
    "checkpoint_steps",
    "tokens_seen",
    "flops",
    "validation_perplexity",
)
SHORTEST_RUN = 4  # steps that are evenly spaced are written as a run from this many on


@dataclass(frozen=True)
class CheckpointRow:
    """One model; tokens, FLOPs and perplexity are those of its last checkpoint."""

    model: str
    label: str
    seed: float
    parameters: int
    learning_rate: float
    tokens_per_step: float
    steps: float
    checkpoint_steps: Sequence[int]
    tokens_seen: float
    flops: float
    validation_perplexity: float


def checkpoint_rows(
    scores: xr.Dataset, *, learning_rates: Mapping[str, float] | None = None
) -> list[CheckpointRow]:
    """A row per model (Table 2), lost checkpoints left out; an unknown learning rate is NaN."""
    rates = learning_rates or {}
    return [_row(scores.sel(model=name), rates.get(str(name), np.nan)) for name in scores["model"].values]


def checkpoints_csv(rows: Sequence[CheckpointRow]) -> str:
    """All numbers as they are; steps separated by spaces."""
    return csv_text(COLUMNS, [_plain_cells(row) for row in rows])


def checkpoints_markdown(rows: Sequence[CheckpointRow]) -> str:
    """For reading: rounded, and evenly spaced steps as runs."""
    header = [
        "Model",
        "Seed",
        "Parameters",
        "Learning rate",
        "Tokens per step",
        "Steps",
        "Checkpoints",
        "Checkpoint steps",
    ]
    header += ["Tokens", "Compute (FLOP)", "Validation perplexity"]
    cells = [_readable_cells(row) for row in rows]
    known = [i for i in range(len(header)) if any(row[i] != "" for row in cells)]
    kept = [[row[i] for i in known] for row in cells]
    right = [k for k, i in enumerate(known) if header[i] not in {"Model", "Checkpoint steps"}]
    return markdown_table([header[i] for i in known], kept, right=right)


def runs(steps: Sequence[int]) -> str:
    """Steps in words: '2, 4, 8, 32 to 704 every 32'."""
    parts, i = [], 0
    while i < len(steps):
        end = _run_end(steps, i)
        if end - i + 1 >= SHORTEST_RUN:
            parts.append(f"{steps[i]} to {steps[end]} every {steps[i + 1] - steps[i]}")
            i = end + 1
        else:
            parts.append(str(steps[i]))
            i += 1
    return ", ".join(parts)


def _run_end(steps: Sequence[int], begin: int) -> int:
    end = begin
    while end + 1 < len(steps) and steps[end + 1] - steps[end] == steps[begin + 1] - steps[begin]:
        end += 1
    return end


def _row(scores: xr.Dataset, learning_rate: float) -> CheckpointRow:
    present = scores["log_likelihood"].notnull().any("token").values
    if not present.any():
        raise ValueError(f"model {scores['model'].item()} has no scored checkpoint; score it or leave it out")
    scored = scores.isel(checkpoint=np.flatnonzero(present)).sortby("checkpoint")
    last = scored.isel(checkpoint=-1)
    step = int(last["checkpoint"])
    return CheckpointRow(
        model=str(last["model"].item()),
        label=str(last["label"].item()),
        seed=float(last["seed"]) if "seed" in last.coords and np.isfinite(last["seed"]) else np.nan,
        parameters=int(last["parameters"]),
        learning_rate=float(learning_rate),
        tokens_per_step=float(last["tokens_seen"]) / step if step else float("nan"),
        steps=round(step / float(last["training_fraction"])) if step else float("nan"),
        checkpoint_steps=[int(value) for value in scored["checkpoint"].values],
        tokens_seen=float(last["tokens_seen"]),
        flops=float(last["flops"]),
        validation_perplexity=float(last["validation_perplexity"]),
    )


def _plain_cells(row: CheckpointRow) -> list[str]:
    return [
        row.model,
        row.label,
        number(row.seed),
        str(row.parameters),
        number(row.learning_rate),
        number(row.tokens_per_step),
        number(row.steps),
        str(len(row.checkpoint_steps)),
        " ".join(str(step) for step in row.checkpoint_steps),
        number(row.tokens_seen),
        number(row.flops),
        number(row.validation_perplexity),
    ]


def _readable_cells(row: CheckpointRow) -> list[str]:
    return [
        markdown_escaped(row.label),
        _known(row.seed, "{:.0f}"),
        f"{row.parameters:,}",
        power(row.learning_rate),
        _known(row.tokens_per_step, "{:,.0f}"),
        _known(row.steps, "{:,.0f}"),
        str(len(row.checkpoint_steps)),
        runs(row.checkpoint_steps),
        _known(row.tokens_seen, "{:,.0f}"),
        power(row.flops),
        plain(float(f"{row.validation_perplexity:.4g}")),
    ]


def _known(value: float, form: str) -> str:
    return "" if np.isnan(value) else form.format(value)

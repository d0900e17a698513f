"""What a trained model leaves on disk: a folder per checkpoint, its losses, facts about the run."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from transformers import PreTrainedModel
from transformers.utils import logging as transformers_logging

STEP_FOLDER = "step-{:06d}"


def save_checkpoint(model: PreTrainedModel, tokenizer: Path, folder: Path, *, name: str, step: int) -> None:
    """Write an ordinary Hugging Face folder: weights, configuration, and the tokenizer's files as they are.

    Args:
        model: What is saved.
        tokenizer: Folder whose files are copied.
        folder: Where the checkpoint's own folder is made.
        name: Of the model, for messages.
        step: Training steps so far.

    Raises:
        OSError: The folder cannot be written, because the disk is full, say.
    """
    target = folder / STEP_FOLDER.format(step)
    with _no_bars():
        try:
            target.mkdir()
            for path in tokenizer.iterdir():
                shutil.copyfile(path, target / path.name)
            model.save_pretrained(target)
        except (OSError, SafetensorError) as error:
            raise OSError(f"could not write step {step} of {name}: {error}; is the disk full?") from error


def write_losses(losses: Sequence[float], path: Path, *, tokens_per_step: int) -> None:
    """A CSV file: step, training tokens seen after it, its loss in nats per token."""
    rows = [f"{step},{step * tokens_per_step},{loss:.6f}" for step, loss in enumerate(losses, start=1)]
    path.write_text("\n".join(["step,tokens,loss", *rows]) + "\n", encoding="utf-8")


def write_facts(facts: dict[str, Any], path: Path) -> None:
    """A JSON file."""
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


@contextmanager
def _no_bars() -> Iterator[None]:
    """Without transformers' own progress bars, which would tear ours."""
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]

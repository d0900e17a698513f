"""The trajectory of one model: which checkpoints its folder holds, and how far each has been trained."""

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trajectories.checkpoints.compute import CONVENTIONS
from trajectories.checkpoints.dimensions import Dimensions, read_dimensions

STEP_FOLDER = re.compile(r"step-(\d+)")
FACTS = "trajectory.json"
SCALES = (("B", 1e9), ("M", 1e6), ("K", 1e3))


@dataclass(frozen=True)
class Trajectory:
    """One model along its training.

    Attributes:
        model: Its name, that of the folder.
        family: Models with the same architecture and tokenizer.
        label: Number of parameters as written in figures.
        parameters: Number of parameters, embeddings included.
        context: Tokens per training window.
        tokens_per_step: Training tokens per step, None where nothing tells.
        steps: The step at which training ends.
        checkpoints: (step, folder), by rising step.
        dimensions: What the compute of a token depends on.
    """

    model: str
    family: str
    label: str
    parameters: int
    context: int
    tokens_per_step: int | None
    steps: int
    checkpoints: tuple[tuple[int, Path], ...]
    dimensions: Dimensions

    def tokens_seen(self, step: int) -> float:
        """Training tokens up to this step; NaN where the tokens per step are not known."""
        return math.nan if self.tokens_per_step is None else float(step * self.tokens_per_step)

    def training_fraction(self, step: int) -> float:
        """How much of the training is done at this step, 0 to 1."""
        return step / self.steps

    def flops(self, step: int, *, convention: str = "chowdhery") -> float:
        """Training compute up to this step in FLOP; NaN where the tokens per step are not known.

        Args:
            step: A training step.
            convention: `chowdhery` or `plain`, see trajectories.checkpoints.compute.
        """
        if convention not in CONVENTIONS:
            raise ValueError(f"convention must be one of {', '.join(CONVENTIONS)}, got '{convention}'")
        return self.tokens_seen(step) * CONVENTIONS[convention](self.dimensions, context=self.context)


def read_trajectory(folder: Path) -> Trajectory:
    """The trajectory in a model's folder.

    `trajectory.json` there tells what training knew. Without it the last step is that of the last checkpoint,
    the tokens per step stay unknown, and the rest comes from the configuration of that checkpoint.

    Args:
        folder: Holds a Hugging Face folder `step-<number>` per checkpoint.

    Raises:
        FileNotFoundError: The folder, its checkpoints or their configuration do not exist.
        ValueError: A folder's name has no step, two have the same, or trajectory.json cannot be used.
    """
    checkpoints = find_checkpoints(folder)
    last_step, last_folder = checkpoints[-1]
    dimensions = read_dimensions(last_folder)
    facts = _read_facts(folder / FACTS)
    steps = facts.get("steps", last_step)
    if last_step > steps:
        raise ValueError(
            f"{folder} holds a checkpoint of step {last_step}, but {FACTS} ends at {steps}; correct one"
        )
    return Trajectory(
        model=facts.get("model", folder.name),
        family=facts.get("family", folder.name),
        label=facts.get("label", size_label(dimensions.parameters)),
        parameters=dimensions.parameters,
        context=facts.get("context", dimensions.context),
        tokens_per_step=facts.get("tokens_per_step"),
        steps=steps,
        checkpoints=checkpoints,
        dimensions=dimensions,
    )


def find_checkpoints(folder: Path) -> tuple[tuple[int, Path], ...]:
    """The checkpoints in a model's folder as (step, folder), by rising step."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} does not exist; train the model with `dvc repro` or `dvc pull` it")
    found: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        if not path.is_dir() or path.name.startswith("."):
            continue
        step = _step(path)
        if step in found:
            raise ValueError(f"{found[step]} and {path} are both of step {step}; remove one")
        found[step] = path
    if not found:
        raise FileNotFoundError(
            f"{folder} holds no checkpoint; a folder named step-<number> is needed for each"
        )
    return tuple(sorted(found.items()))


def size_label(parameters: int) -> str:
    """A number of parameters in two digits: 1.4M, 350K."""
    suffix, scale = next(((suffix, scale) for suffix, scale in SCALES if parameters >= scale), ("", 1.0))
    digits = 1 if parameters < 10 * scale and suffix else 0
    return f"{parameters / scale:.{digits}f}{suffix}"


def _step(folder: Path) -> int:
    match = STEP_FOLDER.fullmatch(folder.name)
    if match is None:
        raise ValueError(f"{folder} needs a name like step-000032, which tells its step; rename or move it")
    return int(match[1])


def _read_facts(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not valid JSON ({error}); correct or remove it") from error
    if not isinstance(facts, dict):
        raise ValueError(f"{path} needs a JSON object, got {type(facts).__name__}; correct or remove it")
    return facts

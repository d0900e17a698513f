"""The trajectory of one model: which checkpoints its folder holds, and how far each has been trained."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trajectories.checkpoints.compute import CONVENTIONS
from trajectories.checkpoints.dimensions import Dimensions, read_dimensions
from trajectories.checkpoints.manifest import MANIFEST, Manifest, PinnedCheckpoint, read_manifest
from trajectories.checkpoints.sources import PinnedFolder, PinnedRevision, Source, TrainedFolder
from trajectories.checkpoints.tokenizers import read_tokenizer_hash

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
        checkpoints: (step, where its weights come from), by rising step.
        dimensions: Architecture, and what the compute of a token depends on.
        tokenizer: Hash that tells its tokenizer from all others, None where it has none.
        seed: Of the training run, None where it is not known.
        tokens: Training tokens by step, where they are known better than as a multiple of the step.
    """

    model: str
    family: str
    label: str
    parameters: int
    context: int
    tokens_per_step: int | None
    steps: int
    checkpoints: tuple[tuple[int, Source], ...]
    dimensions: Dimensions
    tokenizer: str | None
    seed: int | None
    tokens: Mapping[int, int]

    @property
    def architecture(self) -> str:
        """The `model_type` of its configuration."""
        return self.dimensions.architecture

    def tokens_seen(self, step: int) -> float:
        """Training tokens up to this step; NaN where nothing tells."""
        if step in self.tokens:
            return float(self.tokens[step])
        return math.nan if self.tokens_per_step is None else float(step * self.tokens_per_step)

    def training_fraction(self, step: int) -> float:
        """How much of the training is done at this step, 0 to 1."""
        return step / self.steps

    def flops(self, step: int, *, convention: str = "chowdhery") -> float:
        """Training compute up to this step in FLOP; NaN where the tokens are not known.

        Args:
            step: A training step.
            convention: `chowdhery` or `plain`, see trajectories.checkpoints.compute.
        """
        if convention not in CONVENTIONS:
            raise ValueError(f"convention must be one of {', '.join(CONVENTIONS)}, got '{convention}'")
        return self.tokens_seen(step) * CONVENTIONS[convention](self.dimensions, context=self.context)


def read_trajectory(folder: Path, *, keep_weights: bool = True) -> Trajectory:
    """The trajectory in a model's folder, without reading weights.

    A fetched model has a manifest there. A trained one has a Hugging Face folder `step-<number>` per
    checkpoint, and `trajectory.json` tells what training knew; without it the last step is that of the last
    checkpoint, the tokens per step stay unknown, and the rest comes from that checkpoint's configuration.

    Args:
        folder: The model's.
        keep_weights: Leave downloaded weights in the Hub's cache once they are not needed any more.

    Raises:
        FileNotFoundError: The folder, its checkpoints or their configuration do not exist.
        ValueError: A folder's name has no step, two have the same, trajectory.json cannot be used, or the
            manifest was edited.
    """
    if (folder / MANIFEST).is_file():
        return _fetched(read_manifest(folder / MANIFEST), keep_weights=keep_weights)
    return _trained(folder)


def find_checkpoints(folder: Path) -> tuple[tuple[int, Path], ...]:
    """The checkpoints in a model's folder as (step, folder), by rising step."""
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder} does not exist; train the model with `dvc repro`, `dvc pull` it, or correct the path"
        )
    found = _by_step(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not found:
        raise FileNotFoundError(
            f"{folder} holds no checkpoint; a folder named step-<number> is needed for each"
        )
    return tuple(sorted(found.items()))


def step_folders(folder: Path) -> dict[int, Path]:
    """The folders `step-<number>` in a folder of the user's, by step; what else it holds is the user's own.

    None where there is no such folder.

    Raises:
        ValueError: Two have the same step.
    """
    return _by_step(path for path in folder.glob("*") if path.is_dir() and STEP_FOLDER.fullmatch(path.name))


def size_label(parameters: int) -> str:
    """A number of parameters in two digits: 1.4M, 350K."""
    suffix, scale = next(((suffix, scale) for suffix, scale in SCALES if parameters >= scale), ("", 1.0))
    digits = 1 if parameters < 10 * scale and suffix else 0
    return f"{parameters / scale:.{digits}f}{suffix}"


def _fetched(manifest: Manifest, *, keep_weights: bool) -> Trajectory:
    return Trajectory(
        model=manifest.model,
        family=manifest.family,
        label=manifest.label,
        parameters=manifest.dimensions.parameters,
        context=manifest.context,
        tokens_per_step=manifest.tokens_per_step,
        steps=manifest.steps,
        checkpoints=tuple(
            (pinned.step, _source(pinned, model=manifest.model, keep_weights=keep_weights))
            for pinned in manifest.checkpoints
        ),
        dimensions=manifest.dimensions,
        tokenizer=manifest.tokenizer,
        seed=manifest.seed,
        tokens={pinned.step: pinned.tokens for pinned in manifest.checkpoints if pinned.tokens is not None},
    )


def _source(pinned: PinnedCheckpoint, *, model: str, keep_weights: bool) -> Source:
    published = pinned.published
    if published is None:
        return PinnedFolder(Path(str(pinned.folder)), pinned.files, model=model)
    return PinnedRevision(
        published.repository,
        published.name,
        published.commit,
        files=published.files,
        model=model,
        keep_weights=keep_weights,
    )


def _trained(folder: Path) -> Trajectory:
    checkpoints = find_checkpoints(folder)
    last_step, last_folder = checkpoints[-1]
    dimensions = read_dimensions(last_folder)
    facts = _read_facts(folder / FACTS)
    steps = facts.get("steps", last_step)
    if last_step > steps:
        raise ValueError(
            f"{folder} holds a checkpoint of step {last_step}, but {FACTS} ends at {steps}; correct one"
        )
    context = facts.get("context", dimensions.context)
    if context is None:
        raise ValueError(
            f"nothing tells how many tokens a training window of {folder} has; put them into {FACTS} there, "
            'as {"context": 1024}'
        )
    return Trajectory(
        model=facts.get("model", folder.name),
        family=facts.get("family", folder.name),
        label=facts.get("label", size_label(dimensions.parameters)),
        parameters=dimensions.parameters,
        context=context,
        tokens_per_step=facts.get("tokens_per_step"),
        steps=steps,
        checkpoints=tuple((step, TrainedFolder(path)) for step, path in checkpoints),
        dimensions=dimensions,
        tokenizer=read_tokenizer_hash(last_folder),
        seed=facts.get("seed"),
        tokens={},
    )


def _by_step(folders: Iterable[Path]) -> dict[int, Path]:
    found: dict[int, Path] = {}
    for path in sorted(folders):
        step = _step(path)
        if step in found:
            raise ValueError(f"{found[step]} and {path} are both of step {step}; remove one")
        found[step] = path
    return found


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

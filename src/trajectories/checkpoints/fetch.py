"""Pinning the checkpoints of a model: finding those that are asked for, in folders and on the Hub."""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from trajectories.checkpoints import hub
from trajectories.checkpoints.agreement import describe, one_tokenizer, require_one_architecture
from trajectories.checkpoints.dimensions import read_dimensions
from trajectories.checkpoints.manifest import Manifest, PinnedCheckpoint
from trajectories.checkpoints.pins import Pins
from trajectories.checkpoints.revisions import (
    Published,
    RevisionPattern,
    choose_steps,
    nearest_steps,
    published_steps,
    takes_what_there_is,
)
from trajectories.checkpoints.tokenizers import tokenizer_hash
from trajectories.checkpoints.trajectory import size_label, step_folders

LOG = logging.getLogger(__name__)
AT_ONCE = 4  # checkpoints that are asked for, or whose files are hashed


@dataclass(frozen=True)
class _Places:
    """Where the checkpoints of a model are, by step: folders, and revisions of a repository."""

    model: str
    repository: str | None
    pattern: RevisionPattern
    folders: Mapping[int, Path]
    revisions: Mapping[int, Published]


def make_manifest(  # noqa: PLR0913  # the entry of a suite file, each value by its name
    model: str,
    *,
    family: str,
    label: str | None,
    repository: str | None,
    folder: Path | None,
    revision: str,
    steps: Sequence[str],
    last_step: int | None,
    tokens_per_step: int | None,
    context: int,
    seed: int | None,
    tokenizer: Path | None = None,
    before: Manifest | None = None,
) -> Manifest:
    """Find the checkpoints of a model and pin their files; weights are not downloaded.

    Args:
        model: Its key in the suite.
        family: Models with the same architecture and tokenizer.
        label: Number of parameters as written in figures, None to count them.
        repository: owner/name on the Hub.
        folder: Holds a Hugging Face folder `step-<number>` per checkpoint; what is not there comes from the
            repository.
        revision: The repository's revisions: a pattern, see `RevisionPattern`, or the name of the one that
            holds the last checkpoint.
        steps: Which checkpoints, see `choose_steps`; empty for all.
        last_step: At which training ends, None for the last that is found.
        tokens_per_step: Training tokens per step, None where they are not known.
        context: Tokens per training window.
        seed: Of the training run.
        tokenizer: A folder with the tokenizer of the family, None to compare the checkpoints' alone.
        before: The manifest that there is. What it pins stays pinned.

    Raises:
        FileNotFoundError: A folder, a step, a configuration or weights do not exist.
        HubError: The repository or a revision cannot be had, or a revision that was pinned has moved.
        OSError: A folder that was pinned has changed.
        ValueError: A step is listed twice, checkpoints differ in architecture or tokenizer, or need code; or
            the tokenizer cannot be theirs.
    """
    places = _find(model, repository, folder, revision=revision, last_step=last_step)
    if takes_what_there_is(steps):
        _say_what_is_known(places)
    chosen = choose_steps(steps, places.folders.keys() | places.revisions.keys())
    _require_found(chosen, places, last_step=last_step)
    pins = Pins(model, before=() if before is None else before.checkpoints)
    checkpoints = _pin_all(chosen, places, pins=pins, tokens_per_step=tokens_per_step)
    described = describe(checkpoints)
    require_one_architecture(described)
    dimensions = read_dimensions(described[-1].folder)
    shared = one_tokenizer(described, tokenizer)
    return Manifest(
        model=model,
        family=family,
        label=label or size_label(dimensions.parameters),
        seed=seed,
        context=context,
        tokens_per_step=tokens_per_step,
        steps=chosen[-1] if last_step is None else last_step,
        dimensions=dimensions,
        tokenizer=None if shared is None else tokenizer_hash(shared),
        checkpoints=tuple(checkpoints),
    )


def _find(
    model: str, repository: str | None, folder: Path | None, *, revision: str, last_step: int | None
) -> _Places:
    if repository is None and folder is None:
        raise ValueError(f"{model} needs a repository or a folder that its checkpoints come from; give one")
    pattern = RevisionPattern(revision)
    revisions: dict[int, Published] = {}
    if repository is not None and pattern.has_step:
        revisions = published_steps(pattern, hub.list_revisions(repository))
    elif repository is not None and last_step is not None:
        revisions = {last_step: Published(revision, tokens=None)}
    folders = {} if folder is None else step_folders(folder)
    if repository is None and not folders:
        raise FileNotFoundError(
            f"{folder} {_lack(folder)}; it needs a Hugging Face folder step-<number> for each checkpoint of "
            f"{model}, or give a repository that has them"
        )
    if folder is not None and not folders:
        LOG.warning("%s %s: all checkpoints of %s come from %s", folder, _lack(folder), model, repository)
    return _Places(model, repository, pattern, folders=folders, revisions=revisions)


def _lack(folder: Path | None) -> str:
    return "holds no checkpoint" if folder is not None and folder.is_dir() else "does not exist"


def _say_what_is_known(places: _Places) -> None:
    if places.repository is not None and places.pattern.has_step and hub.is_offline():
        LOG.warning(
            "HF_HUB_OFFLINE is set: of %s only the %d revisions in the cache are known, and %s takes its "
            "steps from these; unset it to see all",
            places.repository,
            len(places.revisions),
            places.model,
        )


def _require_found(chosen: Sequence[int], places: _Places, *, last_step: int | None) -> None:
    available = places.folders.keys() | places.revisions.keys()
    missing = [step for step in chosen if step not in available]
    if missing or not chosen:
        wanted = f"checkpoint of step {missing[0]}" if missing else "checkpoint"
        near = ", ".join(map(str, nearest_steps(missing[0] if missing else 0, available)))
        raise FileNotFoundError(
            f"{places.model} has no {wanted} in {_written(places)}; "
            + (f"the nearest are {near}" if near else "none was found there; correct the place")
        )
    if last_step is not None and chosen[-1] > last_step:
        raise ValueError(
            f"{places.model} has a checkpoint of step {chosen[-1]}, but its training ends at {last_step}; "
            "correct last_step"
        )
    if not (last_step or chosen[-1]):
        raise ValueError(f"nothing tells at which step the training of {places.model} ends; give last_step")


def _written(places: _Places) -> str:
    written = [str(path.parent) for path in list(places.folders.values())[:1]]
    if places.repository is not None:
        written.append(f"{places.repository} (revisions {places.pattern.text})")
        if not places.pattern.has_step and not places.revisions:
            written[-1] += ", whose step last_step has to tell"
    return " or ".join(written)


def _pin_all(
    steps: Sequence[int], places: _Places, *, pins: Pins, tokens_per_step: int | None
) -> list[PinnedCheckpoint]:
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        return list(
            pool.map(lambda step: _pin(step, places, pins=pins, tokens_per_step=tokens_per_step), steps)
        )
    finally:
        pool.shutdown(cancel_futures=True)


def _pin(step: int, places: _Places, *, pins: Pins, tokens_per_step: int | None) -> PinnedCheckpoint:
    exact = None if tokens_per_step is None else step * tokens_per_step
    if step in places.folders:
        folder = places.folders[step]
        return PinnedCheckpoint(step, tokens=exact, files=pins.folder(folder), folder=str(folder))
    published = places.revisions[step]
    found = pins.revision(str(places.repository), published.revision)
    return PinnedCheckpoint(
        step,
        tokens=_tokens(exact, published.tokens, unit=places.pattern.unit),
        files=found.files,
        repository=found.repository,
        revision=found.name,
        commit=found.commit,
    )


def _tokens(exact: int | None, told: int | None, *, unit: int) -> int | None:
    """Names round: what is computed is better, unless the name contradicts it (another batch, say)."""
    if exact is None or told is None:
        return exact if told is None else told
    return exact if abs(exact - told) <= unit else told

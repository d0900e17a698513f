"""Stage fetch: pins the checkpoints of one model; their weights stay where they are until they are scored."""

from pathlib import Path

from trajectories import config, files
from trajectories.checkpoints.fetch import make_manifest
from trajectories.checkpoints.manifest import MANIFEST, read_manifest, write_manifest
from trajectories.config.suite import FetchedSettings, StepList
from trajectories.stages.run import run


def main(key: str) -> None:
    """Find a model's checkpoints; write which files they are, at which commits, and what they share.

    What the manifest that is there pins stays pinned.
    """
    settings = config.read(FetchedSettings, f"suite.fetched.{key}")
    steps = settings.all if config.values("suite.fetch.steps") == StepList.all.value else settings.short
    suite = config.values("suite.choice")
    there = Path("data/checkpoints", suite, key, MANIFEST)
    manifest = make_manifest(
        key,
        family=settings.family,
        label=settings.label,
        repository=settings.repository,
        folder=_folder(key, settings.folder),
        revision=settings.revision,
        steps=steps.split(),
        last_step=settings.last_step,
        tokens_per_step=settings.tokens_per_step,
        context=config.values("suite.context"),
        seed=settings.seed,
        tokenizer=Path("data/tokens", suite, settings.family, "tokenizer"),
        before=read_manifest(there) if there.is_file() else None,
    )
    with files.replacing_folder(there.parent) as folder:
        write_manifest(manifest, folder / MANIFEST)


def _folder(key: str, own: str | None) -> Path | None:
    shared = config.values("suite.fetch.folder")
    if own is not None:
        return Path(own)
    return None if shared is None else Path(shared, key)


if __name__ == "__main__":
    run(main)

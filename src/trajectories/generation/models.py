"""The models of a family that take part in decoding: their sizes, and their final checkpoints."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from trajectories.checkpoints import Checkpoint, Trajectory, load_checkpoint, read_trajectory
from trajectories.scoring.precision import resolve


def read_sizes(
    folder: Path, names: Iterable[str], *, family: str, keep_weights: bool = True
) -> dict[str, Trajectory]:
    """The trajectories of a family's models by name, from few parameters to many.

    Args:
        folder: Holds a folder for each model.
        names: Of models, of this family and of others.
        family: Its name.
        keep_weights: Leave downloaded weights in the Hub's cache once they are not needed any more.

    Raises:
        OSError: A model's folder or its configuration cannot be read.
        ValueError: A folder holds no trajectory, or none is of this family.
    """
    found = {name: read_trajectory(folder / name, keep_weights=keep_weights) for name in names}
    sizes = {name: trajectory for name, trajectory in found.items() if trajectory.family == family}
    if not sizes:
        raise ValueError(
            f"no model in {folder} is of the family '{family}'; set suite.family to one of "
            f"{', '.join(sorted({trajectory.family for trajectory in found.values()})) or 'those there'}"
        )
    return dict(sorted(sizes.items(), key=lambda each: each[1].parameters))


def one_of_each_size(models: Mapping[str, Trajectory]) -> list[str]:
    """The names of models of different numbers of parameters; of several seeds of a size the lowest."""
    chosen: dict[int, str] = {}
    for name, trajectory in sorted(models.items(), key=lambda each: (each[1].parameters, each[1].seed or 0)):
        chosen.setdefault(trajectory.parameters, name)
    return list(chosen.values())


def load_final(models: Mapping[str, Trajectory], name: str, *, precision: str) -> Checkpoint:
    """The last checkpoint of a model.

    Args:
        models: Trajectories by name.
        name: One of these.
        precision: Number format, or `auto`, see `trajectories.scoring.precision.resolve`.

    Raises:
        OSError: The checkpoint cannot be read.
        ValueError: There is no model of that name.
    """
    if name not in models:
        raise ValueError(
            f"the model '{name}' is not of the analysed family, which has {', '.join(models)}; "
            "choose among these in conf/"
        )
    return load_checkpoint(models[name].checkpoints[-1][1].folder(), dtype=resolve(precision))


def release_final(models: Mapping[str, Trajectory], names: Iterable[str]) -> None:
    """Let go of the weights of these models' last checkpoints, where they need not be kept."""
    for name in names:
        models[name].checkpoints[-1][1].release()

"""`python -m trajectories.archive`: read the archive of the paper's authors, or write one of our results."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from trajectories import arrays
from trajectories.generation.perplexity import generated_perplexity
from trajectories.publications.archive import SEQUENCES, read_archive, write_archive
from trajectories.publications.facts import Model, models_of

QUALITY = "quality.nc"
TASK = "held_out"  # what the authors' table calls the documents that texts begin like


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 1 with a line that names what is wrong."""
    given = _parser().parse_args(arguments)
    try:
        if given.command == "read":
            _read(given.archive, given.out, _models(given.models))
        else:
            _write(given.data, given.out)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def _read(archive: Path, out: Path, models: dict[str, Model]) -> None:
    for name, dataset in read_archive(archive, models=models):
        arrays.write(dataset, out / name)
        sizes = ", ".join(f"{size} {dimension}" for dimension, size in dataset.sizes.items())
        sys.stdout.write(f"{out / name}: {', '.join(map(str, dataset.data_vars))}; {sizes}\n")
        sys.stdout.flush()


def _write(data: Path, out: Path) -> None:
    generated = {TASK: _generations(data)} if (data / SEQUENCES).is_file() else {}
    sys.stdout.writelines(f"{path}\n" for path in write_archive(data, out, generated=generated))


def _generations(data: Path) -> xr.Dataset:
    """Perplexity of generated texts under the analysed family, and their MAUVE where that was measured."""
    scores = arrays.read(data / SEQUENCES)
    own = scores.isel(model=np.flatnonzero(scores["family"].values == scores.attrs["family"]))
    found = xr.Dataset({"perplexity": generated_perplexity(own)})
    if (data / QUALITY).is_file():
        found["mauve"] = arrays.read(data / QUALITY)["mauve"].mean("seed")
    return found


def _models(files: Sequence[Path]) -> dict[str, Model]:
    """What our datasets tell of models that Table 2 does not have."""
    return {name: model for file in files for name, model in models_of(arrays.read(file)).items()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trajectories.archive", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    theirs = commands.add_parser("read", help="write what an archive has as netCDF")
    theirs.add_argument("archive", type=Path, help="the folder that it was unpacked to")
    theirs.add_argument("out", type=Path, help="the folder to write to, as data/")
    theirs.add_argument(
        "--models", type=Path, nargs="*", default=[], help="datasets of ours that tell of further models"
    )
    ours = commands.add_parser("write", help="write our results in the archive's formats")
    ours.add_argument("data", type=Path, help="the folder of our results, as data/")
    ours.add_argument("out", type=Path, help="the folder to write to")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())

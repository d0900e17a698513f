"""The stamp: hashes of the inputs, the parameters, hashes of the code and versions of the packages."""

import json
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

import trajectories
from trajectories.provenance.hashes import md5

Stamp = dict[str, Any]

# Where the package lies in the repository, wherever it is imported from.
CODE = PurePosixPath("src/trajectories")
# Those that results pass through; what is loaded of them is stamped.
PACKAGES = (
    "matplotlib",
    "netCDF4",
    "numpy",
    "pandas",
    "scipy",
    "tokenizers",
    "torch",
    "transformers",
    "xarray",
)


def stamp(*, inputs: Sequence[Path | str], parameters: Mapping[str, Any]) -> Stamp:
    """What a result was made from, as JSON: inputs, parameters, code, packages.

    Args:
        inputs: files and folders that were read, inside the working directory.
        parameters: dotted keys of params.yaml and their plain values, as `config.values` gives them.

    Returns:
        `inputs` and `code`: path from the repository's root to md5 (as in dvc.lock); code is every module of
        this package that is loaded now. `parameters` as given. `packages`: versions of Python and packages.

    Raises:
        FileNotFoundError: an input does not exist.
        ValueError: an input lies outside the working directory, or a parameter is not plain JSON.
    """
    return {
        "inputs": {_relative(path): md5(path) for path in sorted(map(str, inputs))},
        "parameters": _plain(parameters),
        "code": dict(sorted(_code())),
        "packages": {name: version(name) for name in ("python", *filter(sys.modules.__contains__, PACKAGES))},
    }


def version(name: str) -> str | None:
    """The version of a package, or of `python`; None when it is not installed."""
    try:
        return platform.python_version() if name == "python" else metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def written(stamp: Stamp) -> str:
    """The stamp as JSON in ASCII, the same text for the same stamp."""
    return json.dumps(stamp, sort_keys=True)


def _relative(path: str) -> str:
    here = Path.cwd()
    given = here / path
    if not given.is_relative_to(here) or ".." in given.parts:
        raise ValueError(
            f"the input {path} lies outside {here}, so no other clone would have it; copy it inside"
        )
    return given.relative_to(here).as_posix()


def _plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in parameters.items():
        try:
            json.dumps(value)
        except TypeError as error:
            raise ValueError(
                f"parameter {key} is no plain value ({error}); stamp what `config.values` gives for it"
            ) from error
    return dict(json.loads(json.dumps(dict(parameters))))


def _code() -> Iterator[tuple[str, str]]:
    package = Path(trajectories.__file__).parent
    for name, module in [*sys.modules.items()]:
        # A running stage is loaded as __main__, and belongs to the package by its file only.
        if name == "__main__" or name.split(".")[0] == "trajectories":
            file = getattr(module, "__file__", None)
            if file and Path(file).is_relative_to(package):
                yield str(CODE / Path(file).relative_to(package).as_posix()), md5(file)

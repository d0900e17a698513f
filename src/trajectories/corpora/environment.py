"""environment.json: the interpreter and the packages that the docstrings are read from, for DVC to watch."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from omegaconf import OmegaConf

from trajectories.corpora.docstrings import is_standard
from trajectories.provenance.environment import (
    ENVIRONMENT,
    REMEDY,
    installed_version,
    other_versions,
    read_environment,
)

CHOICES = Path("conf/corpus")
TOKENIZERS = "tokenizers"  # its version decides what a trained tokenizer is


def configured_packages(choices: Path = CHOICES) -> list[str]:
    """The packages whose docstrings some choice of conf/corpus reads, sorted."""
    settings = [OmegaConf.load(path) for path in sorted(choices.glob("*.yaml"))]
    domains = [OmegaConf.select(choice, "domains", default={}) for choice in settings]
    return packages_of(name for choice in domains for names in choice.values() for name in names)


def packages_of(names: Iterable[str]) -> list[str]:
    """Those of the names that are no part of the standard library, sorted."""
    return sorted({name for name in names if not is_standard(name)})


def installed(packages: Iterable[str]) -> dict[str, object]:
    """The running interpreter's version and those of the packages, as environment.json holds them.

    Raises:
        ValueError: a package is not installed.
    """
    return {
        "python": installed_version("python"),
        "packages": {package: _required_version(package) for package in sorted(packages)},
    }


def check_environment(packages: Iterable[str], path: Path = ENVIRONMENT) -> dict[str, object]:
    """What is installed, after making sure that the file says the same of interpreter and packages.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it says otherwise, so DVC would not see that the docstrings changed.
    """
    recorded, found = read_environment(path), installed(packages := sorted(packages))
    differences = other_versions(recorded, packages)
    if differences:
        raise ValueError(f"{path} is not of this environment: {', '.join(differences)}; {REMEDY}")
    return found


def main() -> None:
    """Write environment.json when it is not what is installed."""
    content = json.dumps(installed([*configured_packages(), TOKENIZERS]), indent=2) + "\n"
    if not ENVIRONMENT.is_file() or ENVIRONMENT.read_text(encoding="utf-8") != content:
        ENVIRONMENT.write_text(content, encoding="utf-8")
        sys.stdout.write(
            f"{ENVIRONMENT} is now of this environment; `dvc status` names what must be made again\n"
        )


def _required_version(package: str) -> str:
    found = installed_version(package)
    if found is None:
        raise ValueError(
            f"conf/corpus names the package '{package}', which is not installed; install it or take it out"
        )
    return found


if __name__ == "__main__":
    main()

"""environment.json: the interpreter and packages that docstrings are read from, as recorded and as here."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from trajectories.provenance.stamps import version

ENVIRONMENT = Path("environment.json")
MANIFEST = Path("data/corpus/manifest.json")
REMEDY = "run `make environment`"


def read_environment(path: Path) -> dict[str, str]:
    """Versions by name, that of `python` first.

    Raises:
        FileNotFoundError: there is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist, and DVC watches the installed packages through it; {REMEDY}"
        )
    recorded = json.loads(path.read_text(encoding="utf-8"))
    return {"python": recorded.get("python", "absent"), **recorded.get("packages", {})}


def other_versions(recorded: Mapping[str, str], names: Iterable[str]) -> list[str]:
    """What differs between the record and here, of the interpreter and the named packages, in words."""
    return [
        f"{name} is {installed_version(name) or 'absent'} here and {recorded.get(name, 'absent')} there"
        for name in ("python", *names)
        if recorded.get(name) != installed_version(name)
    ]


def installed_version(name: str) -> str | None:
    """The version of a package, or of `python`, without the build; None when it is not installed."""
    found = version(name)
    return found and found.partition("+")[0]  # torch's +cpu and +cu130 builds hold the same docstrings


def changed_environment(root: Path) -> list[str]:
    """How what runs here differs from environment.json, where the corpus on this disk was read from it.

    Nothing without a corpus on this disk, or with one of another kind than docstrings.
    """
    manifest, recorded = root / MANIFEST, root / ENVIRONMENT
    if not manifest.is_file() or not recorded.is_file():
        return []
    if json.loads(manifest.read_text(encoding="utf-8"))["source"]["kind"] != "docstrings":
        return []
    versions = read_environment(recorded)
    return other_versions(versions, [name for name in versions if name != "python"])

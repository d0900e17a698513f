"""Writes params.yaml from conf/: `python -m trajectories.compose suite=smoke trends.start=[0.1,0.5]`."""

import argparse
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trajectories.config import ConfigurationError
from trajectories.config.composition import check, compose
from trajectories.config.overrides import differences, written
from trajectories.config.read import PARAMETERS, load
from trajectories.files import replacing


def write(overrides: Sequence[str], path: Path = PARAMETERS) -> str:
    """Write `path` whole or not at all; return what changed in it, one key a line."""
    text = compose(overrides)
    old = _present(path)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    if not old:
        return f"{path} is written"
    changed = [f"  {key}: {_brief(a)} → {_brief(b)}" for key, a, b in differences(old, load(path))]
    return "\n".join([f"{path} is written; changed:" if changed else f"{path} is up to date", *changed])


def main(arguments: Sequence[str] | None = None) -> None:
    """Compose, or with --check only compare; exit 1 with a message when the configuration is no good."""
    parser = argparse.ArgumentParser(prog="python -m trajectories.compose", description=__doc__)
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="as in Hydra: suite=smoke trends.start=[0.1]"
    )
    parser.add_argument(
        "--check", action="store_true", help="only see whether params.yaml is what conf/ composes"
    )
    given = parser.parse_args(arguments)
    try:
        if given.check:
            check()
        else:
            sys.stdout.write(write(given.overrides) + "\n")
    except (ConfigurationError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(1) from error


def _present(path: Path) -> dict[str, Any]:
    try:
        return load(path)
    except ConfigurationError:  # absent or broken: composing is the remedy
        return {}


def _brief(value: Any) -> str:
    return textwrap.shorten(written(value), 60, placeholder=" …")


if __name__ == "__main__":
    main()

"""Runs a stage from the command line; bad input ends in one line that names it, not in a traceback."""

import sys
from collections.abc import Callable
from pathlib import Path

from trajectories.config import ConfigurationError


def run(main: Callable[..., None]) -> None:
    """Call a stage with the command's arguments; exit 1 with a one-line error on bad input."""
    try:
        main(*sys.argv[1:])
    except (ConfigurationError, ValueError, OSError) as error:
        sys.stderr.write(f"error in stage {Path(sys.argv[0]).stem}: {error}\n")
        raise SystemExit(1) from error

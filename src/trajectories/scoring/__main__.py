"""`python -m trajectories.scoring`: how far the scoring of each model is, and removal of unneeded scores."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from trajectories import config
from trajectories.scoring.plans import TEXTS, plan_names
from trajectories.scoring.shards import default_store
from trajectories.scoring.status import prune, status_text


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 1 with a line that names what is wrong."""
    given = _parser().parse_args(arguments)
    try:
        if given.command == "status":
            sys.stdout.write(status_text(given.store, _plan_names(given.store)))
        else:
            files, size = prune(given.store)
            sys.stdout.write(f"deleted {files} files of {size:,} bytes from {given.store}\n")
    except (config.ConfigurationError, ValueError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trajectories.scoring", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("status", help="per model of params.yaml: checkpoints done, running, failed, missing")
    commands.add_parser(
        "prune", help="delete scores that no plan names (plans of models that are gone: delete them first)"
    )
    for command in commands.choices.values():
        command.add_argument("--store", type=Path, default=default_store(), help="the shard store")
    return parser


def _plan_names(store: Path) -> dict[str, str]:
    """Of every model in params.yaml, the name under which its scoring stage runs; then those of its texts."""
    suite = config.values("suite")
    models = [*suite["models"], *suite["fetched"]]
    names = {model: f"{suite['choice']}/{model}" for model in models}
    judging = {f"{model}{TEXTS}": f"{name}{TEXTS}" for model, name in names.items()}
    begun = set(plan_names(store))
    return names | {shown: name for shown, name in judging.items() if name in begun}


if __name__ == "__main__":
    raise SystemExit(main())

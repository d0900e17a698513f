"""`python -m trajectories.provenance`: show a stamp, verify every result, or pull data from the remote."""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trajectories.config import ConfigurationError
from trajectories.config.overrides import written
from trajectories.provenance.carriers import read_stamp
from trajectories.provenance.pull import pull
from trajectories.provenance.stamps import Stamp
from trajectories.provenance.verify import Report, State, verify

REASONS = 4  # shown of one result


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 when what was asked for is there and current, 1 when not."""
    given = _parser().parse_args(arguments)
    try:
        if given.command == "show":
            sys.stdout.write(describe(given.file, read_stamp(given.file)))
        elif given.command == "pull":
            pull(given.targets)
        else:
            report = verify(given.root)
            sys.stdout.write(table(report))
            return 0 if report.is_current else 1
    except (ConfigurationError, ValueError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trajectories.provenance", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    shown = commands.add_parser("show", help="print the stamp of a figure, table or dataset")
    shown.add_argument("file", type=Path)
    judged = commands.add_parser("verify", help="say of each result whether it is current, stale or altered")
    judged.add_argument("--root", type=Path, default=Path(), help="the repository (default: here)")
    fetched = commands.add_parser("pull", help="`dvc pull` that names what is corrupted in the remote")
    fetched.add_argument("targets", nargs="*", help="files or stages (default: all)")
    return parser


def describe(path: Path, stamp: Stamp) -> str:
    """A stamp as text: one line per input, parameter, module and package."""
    lines = [str(path)]
    for part in filter(stamp.__contains__, ("inputs", "parameters", "code", "packages")):
        leaves = dict(_leaves(stamp[part]))
        width = max(map(len, leaves), default=0)
        lines += [part, *(f"  {key:{width}}  {value}" for key, value in leaves.items())]
    return "\n".join(lines) + "\n"


def table(report: Report) -> str:
    """One line per result, and what the comparison could not see."""
    width = max((len(verdict.path) for verdict in report.verdicts), default=0)
    lines = []
    for verdict in report.verdicts:
        shown = "; ".join(verdict.reasons[:REASONS])
        more = len(verdict.reasons) - REASONS
        tail = f"; and {more} more" if more > 0 else ""
        lines.append(f"{verdict.state.value:8} {verdict.path:{width}}  {shown}{tail}".rstrip())
    current = sum(verdict.state is State.current for verdict in report.verdicts)
    lines.append(f"{current} of {len(report.verdicts)} results are current")
    if report.not_here:
        count = len(report.not_here)
        lines.append(f"{count} inputs are not on this disk (`dvc pull`): compared with dvc.lock only")
    if report.packages:
        lines.append(f"made with other versions than here: {', '.join(sorted(report.packages))}")
    return "\n".join(lines) + "\n"


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value if isinstance(value, str) else written(value)


if __name__ == "__main__":
    raise SystemExit(main())

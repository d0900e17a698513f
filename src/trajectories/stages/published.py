"""Stage published: the published numbers of OPT, as a dataset like our own."""

from pathlib import Path

from trajectories import arrays, provenance
from trajectories.publications import published
from trajectories.stages.run import run

OPT = Path("data/published/opt.nc")


def main() -> None:
    """Read the table that comes with this package; write data/published."""
    stamp = provenance.stamp(inputs=[], parameters={})
    arrays.write(provenance.annotate(published("opt"), stamp), OPT)


if __name__ == "__main__":
    run(main)

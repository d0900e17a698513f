"""Refuses a params.yaml that is not what conf/ composes; everything else depends on this stage."""

from pathlib import Path

from trajectories.config.composition import check
from trajectories.files import replacing
from trajectories.stages.run import run


def main() -> None:
    """Compare, then write the same words every time: a change of parameters reruns only who reads them."""
    check()
    with replacing(Path("data/composition.txt")) as temporary:
        temporary.write_text("params.yaml is what conf/ composes.\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)

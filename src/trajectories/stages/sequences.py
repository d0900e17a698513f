"""Stage sequences: how all models judge the corrupted and the generated texts, side by side."""

from pathlib import Path

from trajectories import arrays, config, provenance
from trajectories.scoring.gather import refuse_strangers
from trajectories.scoring.sequence_gather import gather_sequences
from trajectories.stages.run import run

SEQUENCES = Path("data/scores/sequences.nc")


def main() -> None:
    """Read every model's judgements and its validation scores; write them as one dataset."""
    suite = config.values("suite.choice")
    judged, scores = Path("data/judged", suite), Path("data/scores", suite)
    parameters = {
        "suite.family": config.values("suite.family"),
        "suite.models": config.values("suite.models"),
        "suite.fetched": config.values("suite.fetched"),
    }
    models = parameters["suite.models"] | parameters["suite.fetched"]
    refuse_strangers(judged, models)
    gathered = gather_sequences(
        {name: arrays.read(judged / f"{name}.nc") for name in models},
        {name: arrays.read(scores / f"{name}.nc") for name in models},
        family=parameters["suite.family"],
    )
    stamp = provenance.stamp(inputs=[judged, scores], parameters=parameters)
    arrays.write(provenance.annotate(gathered, stamp), SEQUENCES)


if __name__ == "__main__":
    run(main)

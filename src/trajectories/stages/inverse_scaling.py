"""Stage inverse_scaling: what gets worse with size and along training, as numbers with intervals."""

import json
from pathlib import Path

from trajectories import arrays, files, provenance
from trajectories.generation.inverse_scaling import size_trends
from trajectories.generation.trajectory_shapes import trajectory_shapes
from trajectories.report.sequence_metrics import sequence_metrics
from trajectories.stages.run import run

SEQUENCES = Path("data/scores/sequences.nc")
TRENDS = Path("data/size_trends.nc")
SHAPES = Path("data/trajectory_shapes.nc")
METRICS = Path("reports/metrics/sequences.json")


def main() -> None:
    """Read the judgements; write the trends over sizes, the shapes of trajectories, and a summary."""
    scores = arrays.read(SEQUENCES)
    trends, shapes = size_trends(scores), trajectory_shapes(scores)
    stamp = provenance.stamp(inputs=[SEQUENCES], parameters={})
    arrays.write(provenance.annotate(trends, stamp), TRENDS)
    arrays.write(provenance.annotate(shapes, stamp), SHAPES)
    with files.replacing(METRICS) as path:
        path.write_text(json.dumps(sequence_metrics(trends, shapes), indent=2) + "\n")


if __name__ == "__main__":
    run(main)

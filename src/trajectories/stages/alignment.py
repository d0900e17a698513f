"""Stage alignment: how well sizes predict each other and a larger one, in this suite and in OPT."""

import json
from pathlib import Path

from trajectories import arrays, config, files, provenance
from trajectories.alignment.forecasts import forecast_largest
from trajectories.alignment.published_measures import published_measures
from trajectories.alignment.suite_measures import suite_measures
from trajectories.alignment.summary import alignment_metrics
from trajectories.alignment.table import align_measures
from trajectories.config.alignment import AlignmentSettings
from trajectories.downstream.groups import tasks_by_group
from trajectories.stages.run import run

SCORES = Path("data/scores/tokens.nc")
TRENDS = Path("data/trends.nc")
SEQUENCES = Path("data/scores/sequences.nc")
OPTIONS = Path("data/downstream/options.nc")
ACCURACY = Path("data/downstream/accuracy.nc")
OPT = Path("data/published/opt.nc")
METRICS = Path("reports/metrics/alignment.json")


def main() -> None:
    """Align and forecast every measure of both suites; write data/ and data/published, and a summary."""
    settings = config.read(AlignmentSettings, "alignment")
    scores, accuracy, opt = arrays.read(SCORES), arrays.read(ACCURACY), arrays.read(OPT)
    ours = suite_measures(
        scores,
        arrays.read(TRENDS),
        sequences=arrays.read(SEQUENCES),
        options=arrays.read(OPTIONS),
        accuracy=accuracy,
        groups=tasks_by_group(accuracy),
        start=settings.trend_start,
        resamples=settings.resamples,
    )
    inputs = [SCORES, TRENDS, SEQUENCES, OPTIONS, ACCURACY]
    sampling = {name: getattr(settings, name) for name in ("resamples", "confidence", "seed")}
    metrics = {}
    for name, folder, labels, measures, read in (
        ("suite", "data", scores, ours, inputs),
        ("opt", "data/published", opt, list(published_measures(opt)), [OPT]),
    ):
        stamp = provenance.stamp(inputs=read, parameters={"alignment": config.values("alignment")})
        table = align_measures(measures, starts=settings.starts, span=settings.span, **sampling)
        forecasts = forecast_largest(
            measures,
            labels,
            observed=settings.observed,
            law_start=settings.law_start,
            span=settings.forecast_span,
            **sampling,
        )
        arrays.write(provenance.annotate(table, stamp), Path(folder, "alignment.nc"))
        arrays.write(provenance.annotate(forecasts, stamp), Path(folder, "forecast.nc"))
        metrics[name] = alignment_metrics(table, forecasts)
    with files.replacing(METRICS) as path:
        path.write_text(json.dumps(metrics, indent=2) + "\n")


if __name__ == "__main__":
    run(main)

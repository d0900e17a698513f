"""Stage `tables`: the paper's tables 2 and 3, and the trends by token properties."""

from pathlib import Path

import xarray as xr

from trajectories import arrays, config, provenance
from trajectories.config.figures import FigureSettings
from trajectories.report.checkpoints import checkpoint_rows, checkpoints_csv, checkpoints_markdown
from trajectories.report.passage import passage_html
from trajectories.report.properties import properties_csv, properties_markdown
from trajectories.stages.run import run
from trajectories.trends import property_table
from trajectories.trends.subsets import nearest_start

SCORES = Path("data/scores/tokens.nc")
TRENDS = Path("data/trends.nc")
TABLES = Path("reports/tables")


def main() -> None:
    """Tabulate the scores and their trends; write reports/tables."""
    settings = config.read(FigureSettings, "figures")
    models = {
        "suite.models": config.values("suite.models"),
        "suite.fetched": config.values("suite.fetched"),
    }
    trends = arrays.read(TRENDS)
    start = nearest_start(trends, settings.start)
    rates = {
        key: model["learning_rate"]
        for part in models.values()
        for key, model in part.items()
        if model["learning_rate"] is not None
    }
    checkpoints = checkpoint_rows(arrays.read(SCORES), learning_rates=rates)
    properties = property_table(trends, start=start)
    of_scores = provenance.stamp(inputs=[SCORES], parameters=models)
    of_trends = provenance.stamp(inputs=[TRENDS], parameters={"figures": config.values("figures")})
    for name, text, stamp in (
        ("table-02.csv", checkpoints_csv(checkpoints), of_scores),
        ("table-02.md", checkpoints_markdown(checkpoints), of_scores),
        ("table-03.html", _passage(trends, settings, start), of_trends),
        ("token-properties.csv", properties_csv(properties), of_trends),
        ("token-properties.md", properties_markdown(properties), of_trends),
    ):
        provenance.save_table(text, TABLES / name, stamp)


def _passage(trends: xr.Dataset, settings: FigureSettings, start: float) -> str:
    names = [str(name) for name in trends["model"].values]
    return passage_html(
        trends,
        models=[settings.small or names[0], settings.large or names[-1]],
        start=start,
        document=settings.passage_document,
        tokens=settings.passage_tokens,
    )


if __name__ == "__main__":
    run(main)

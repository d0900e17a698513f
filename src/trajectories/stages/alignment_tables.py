"""Stage alignment_tables: how well sizes predict each other and a larger one, and power laws of loss."""

from pathlib import Path

from trajectories import arrays, provenance
from trajectories.figures.published import OURS, THEIRS
from trajectories.report.alignment_table import alignment_csv, alignment_markdown
from trajectories.report.forecast_table import forecast_csv, forecast_markdown
from trajectories.report.power_law_table import power_laws_csv, power_laws_markdown
from trajectories.stages.run import run

SUITES = {OURS: Path("data"), THEIRS: Path("data/published")}
TABLES = Path("reports/tables")


def main() -> None:
    """Tabulate both suites side by side; write reports/tables."""
    tables, forecasts, fits = (
        {suite: arrays.read(folder / name) for suite, folder in SUITES.items()}
        for name in ("alignment.nc", "forecast.nc", "scaling.nc")
    )
    sizes = {suite: len(set(fit["parameters"].values.tolist())) for suite, fit in fits.items()}
    for name, text, datasets in (
        ("alignment.csv", alignment_csv(tables), ["alignment.nc"]),
        ("alignment.md", alignment_markdown(tables, sizes=sizes), ["alignment.nc", "scaling.nc"]),
        ("forecast.csv", forecast_csv(forecasts), ["forecast.nc"]),
        ("forecast.md", forecast_markdown(forecasts), ["forecast.nc"]),
        ("power-laws.csv", power_laws_csv(fits), ["scaling.nc"]),
        ("power-laws.md", power_laws_markdown(fits), ["scaling.nc"]),
    ):
        inputs = [folder / dataset for folder in SUITES.values() for dataset in datasets]
        provenance.save_table(text, TABLES / name, provenance.stamp(inputs=inputs, parameters={}))


if __name__ == "__main__":
    run(main)

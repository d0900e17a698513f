"""Stage alignment_figures: how well sizes predict each other and a larger one, and power laws of loss."""

from pathlib import Path

import xarray as xr
from matplotlib.figure import Figure

from trajectories import arrays, figures, provenance
from trajectories.figures.published import OURS, THEIRS
from trajectories.stages.run import run

SUITES = {OURS: Path("data"), THEIRS: Path("data/published")}
SCORES = {
    OURS: Path("data/scores/tokens.nc"),
    THEIRS: Path("data/published/opt.nc"),
}
DRAWN = ("accuracy: all tasks", "accuracy: linearity", "accuracy: breakthroughness")
FIGURES = Path("reports/figures")


def main() -> None:
    """Draw both suites side by side; write reports/figures."""
    tables, forecasts, fits = (
        {suite: arrays.read(folder / name) for suite, folder in SUITES.items()}
        for name in ("alignment.nc", "forecast.nc", "scaling.nc")
    )
    scores = {suite: arrays.read(path) for suite, path in SCORES.items()}
    starts = next(iter(tables.values()))["start"].values.tolist()
    drawn = {
        "alignment": figures.alignment_dumbbells(tables, start=starts[0]),
        "alignment-late": figures.alignment_dumbbells(tables, start=starts[-1]),
        "forecast": figures.beside(
            {suite: _forecast(forecast, scores[suite]) for suite, forecast in forecasts.items()}
        ),
        "scaling": figures.beside(
            {suite: figures.scaling_laws(scores[suite], fit) for suite, fit in fits.items()}
        ),
    }
    for name, figure in drawn.items():
        stamp = provenance.stamp(inputs=_inputs(name), parameters={})
        provenance.save_figure(figure, FIGURES / name, stamp)


def _forecast(forecast: xr.Dataset, scores: xr.Dataset) -> Figure:
    label = str(scores["label"].sel(model=forecast.attrs["target"]).item())
    return figures.forecast_panels(forecast, DRAWN, label=label)


def _inputs(name: str) -> list[Path]:
    dataset = f"{name.removesuffix('-late')}.nc"
    return [
        *(folder / dataset for folder in SUITES.values()),
        *(SCORES.values() if name == "scaling" else ()),
    ]


if __name__ == "__main__":
    run(main)

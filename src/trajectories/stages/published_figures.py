"""Stage published_figures: the figures that published numbers of OPT allow, alone and beside our own."""

from pathlib import Path

from trajectories import arrays, config, figures, provenance
from trajectories.config.figures import FigureSettings
from trajectories.stages.run import run
from trajectories.trends.subsets import nearest_start

OPT = Path("data/published/opt.nc")
SCORES = Path("data/scores/tokens.nc")
TRENDS = Path("data/trends.nc")
ACCURACY = Path("data/downstream/accuracy.nc")
ALONE, BESIDE = Path("reports/figures/opt"), Path("reports/figures/beside")


def main() -> None:
    """Draw figures 1, 2, 3 and 4 (the middle), 8, 9 (accuracy), 17 and 18; write reports/figures."""
    settings = config.read(FigureSettings, "figures")
    opt, trends = arrays.read(OPT), arrays.read(TRENDS)
    ours = figures.suite_aggregates(
        arrays.read(SCORES),
        trends,
        arrays.read(ACCURACY),
        start=nearest_start(trends, settings.start),
        small=settings.small,
    )
    of_opt = provenance.stamp(inputs=[OPT], parameters={})
    published = figures.published_figures(opt)
    for number, figure in published.items():
        provenance.save_figure(figure, ALONE / f"figure-{number}", of_opt)
    of_both = provenance.stamp(
        inputs=[SCORES, TRENDS, ACCURACY, OPT], parameters={"figures": config.values("figures")}
    )
    for number, figure in figures.beside_figures(ours, published).items():
        provenance.save_figure(figure, BESIDE / f"figure-{number}", of_both)


if __name__ == "__main__":
    run(main)

"""Stage task_figures: the paper's figures 5 (options), 8, 9, 17 and 18, each stamped with what it shows."""

from pathlib import Path

from matplotlib.figure import Figure

from trajectories import arrays, config, figures, provenance
from trajectories.config.figures import FigureSettings
from trajectories.downstream.groups import BREAKTHROUGHNESS, LINEARITY
from trajectories.stages.run import run

ACCURACY = Path("data/downstream/accuracy.nc")
FIGURES = Path("reports/figures")


def main() -> None:
    """Draw accuracies and option perplexities; write reports/figures."""
    axis = config.read(FigureSettings, "figures").axis.value
    accuracy = arrays.read(ACCURACY)
    groups, tasks = figures.tasks_by_group(accuracy), figures.analysed(accuracy)
    means = figures.task_means(tasks)
    drawn: dict[str, Figure] = {
        "05-options": figures.option_perplexity(means),
        "08": figures.mean_accuracy(means, axis=axis),
        "09": figures.group_trajectories(figures.group_means(tasks, groups)),
        "17": figures.task_panels(tasks, groups.get(LINEARITY, [])),
        "18": figures.task_panels(tasks, groups.get(BREAKTHROUGHNESS, [])),
        "18-others": figures.task_panels(tasks, figures.other_tasks(accuracy)),
    }
    stamp = provenance.stamp(inputs=[ACCURACY], parameters={"figures": config.values("figures")})
    for number, figure in drawn.items():
        provenance.save_figure(figure, FIGURES / f"figure-{number}", stamp)


if __name__ == "__main__":
    run(main)

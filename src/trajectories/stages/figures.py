"""Stage `figures`: the paper's figures 1 to 4 and 10 to 12, each stamped with what it was drawn from."""

from pathlib import Path
from typing import Any

from trajectories import arrays, config, figures, provenance
from trajectories.config.figures import FigureSettings
from trajectories.stages.run import run
from trajectories.trends import selected_perplexity, shares
from trajectories.trends.subsets import nearest_start

SCORES = Path("data/scores/tokens.nc")
TRENDS = Path("data/trends.nc")
FIGURES = Path("reports/figures")


def main() -> None:
    """Draw the scores and their trends; write reports/figures."""
    settings = config.read(FigureSettings, "figures")
    scores, trends = arrays.read(SCORES), arrays.read(TRENDS)
    axis = settings.axis.value
    wanted = [settings.start, settings.late_start]
    starts = list(dict.fromkeys(nearest_start(trends, start) for start in wanted))
    ends: dict[str, Any] = {"small": settings.small, "large": settings.large}
    selected = {"start": starts[0], **ends}
    subsets = selected_perplexity(scores, trends, figures.drawn_selections(scores, starts=starts, **ends))
    drawn = {
        "01": figures.validation_perplexity(scores, axis=axis),
        "02": figures.trend_shares(shares(trends)),
        "03": figures.selected_tokens(subsets, trend="stagnated", axis=axis, **selected),
        "04": figures.selected_tokens(subsets, trend="upward", axis=axis, **selected),
        "10": figures.uncategorised_tokens(subsets, starts=starts, axis=axis),
        "11": figures.middle_selections(subsets, starts=starts, axis=axis, **ends),
        "12": figures.all_trends(subsets, **selected),
    }
    parameters = {"figures": config.values("figures")}
    for number, figure in drawn.items():
        inputs = INPUTS.get(number, [SCORES, TRENDS])
        stamp = provenance.stamp(inputs=inputs, parameters=parameters)
        provenance.save_figure(figure, FIGURES / f"figure-{number}", stamp)


INPUTS = {"01": [SCORES], "02": [TRENDS]}

if __name__ == "__main__":
    run(main)

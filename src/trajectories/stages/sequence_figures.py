"""Stage sequence_figures: the paper's figures 5 to 7 and 13 to 16, each stamped with what it shows."""

from pathlib import Path

import xarray as xr
from matplotlib.figure import Figure

from trajectories import arrays, config, figures, provenance
from trajectories.config.figures import FigureSettings
from trajectories.stages.run import run

SEQUENCES = Path("data/scores/sequences.nc")
QUALITY = Path("data/quality.nc")
FIGURES = Path("reports/figures")


def main() -> None:
    """Draw the judgements and the quality of texts; write reports/figures."""
    axis = config.read(FigureSettings, "figures").axis.value
    scores, quality = arrays.read(SEQUENCES), arrays.read(QUALITY)
    lengths = quality["new_tokens"].values.tolist()
    short = lengths[0]
    of_texts = {
        "05": figures.corrupted_texts(scores, vocabulary_size=scores.attrs.get("vocabulary_size")),
        "05-kinds": figures.corruption_kinds(scores),
        "05-training": figures.corrupted_trajectories(scores, axis=axis),
        "06": figures.generated_texts(scores, new_tokens=short, axis=axis),
        "07": figures.judged_by_others(scores, new_tokens=short),
        "14": _longer_texts(scores, lengths[1:2], axis=axis),
        "15": _longer_texts(scores, lengths[2:3], axis=axis),
        "16": figures.generated_against_validation(scores, new_tokens=short),
    }
    parameters = {"figures": config.values("figures")}
    stamp = provenance.stamp(inputs=[SEQUENCES], parameters=parameters)
    for number, figure in of_texts.items():
        provenance.save_figure(figure, FIGURES / f"figure-{number}", stamp)
    of_quality = provenance.stamp(inputs=[QUALITY], parameters={})
    provenance.save_figure(figures.mauve_scores(quality), FIGURES / "figure-13", of_quality)


def _longer_texts(scores: xr.Dataset, lengths: list[int], *, axis: str) -> Figure:
    """Of the length, where there is one."""
    if not lengths:
        return figures.message("No longer text was generated (decoding.lengths).")
    return figures.generated_texts(scores, new_tokens=lengths[0], axis=axis)


if __name__ == "__main__":
    run(main)

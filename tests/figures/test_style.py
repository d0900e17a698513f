import re

import matplotlib
import numpy as np
import pytest
import xarray as xr
from made_up_subsets import make_subsets
from matplotlib.colors import to_rgb

from made_up import MODELS, make_scores
from trajectories.figures import middle_selections, selected_tokens, validation_perplexity
from trajectories.figures.style import INK, model_styles


def luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def many_models(number: int) -> xr.Dataset:
    names = [f"model-{i}" for i in range(number)]
    return xr.Dataset(coords={"model": names, "label": ("model", [f"{i}M" for i in range(number)])})


@pytest.mark.parametrize("number", [1, 2, 4, 6, 9])
def test_the_larger_the_model_the_darker_its_colour_even_in_grey(number: int) -> None:
    lightness = [luminance(style.color) for style in model_styles(many_models(number)).values()]
    assert lightness == sorted(lightness, reverse=True)
    assert len(set(lightness)) == number
    assert max(lightness) < 0.6


def test_models_differ_in_their_markers_too(scores: xr.Dataset) -> None:
    assert len({style.marker for style in model_styles(scores).values()}) == len(MODELS)


def test_models_without_a_label_are_written_by_name(scores: xr.Dataset) -> None:
    styles = model_styles(scores.drop_vars("label"))
    assert [style.label for style in styles.values()] == list(MODELS)


def test_the_style_does_not_depend_on_the_settings_of_the_user() -> None:
    scores = make_scores(tokens=10)
    with matplotlib.rc_context({"font.size": 30, "axes.grid": False, "text.color": "red"}):
        figure = validation_perplexity(scores)
        panel = figure.axes[0]
    assert panel.yaxis.label.get_size() < 10
    assert panel.yaxis.label.get_color() == INK
    assert panel.xaxis.get_gridlines()[0].get_visible()


def test_drawing_leaves_the_settings_of_the_user_as_they_were() -> None:
    before = dict(matplotlib.rcParams)
    validation_perplexity(make_scores(tokens=10))
    assert dict(matplotlib.rcParams) == before


def test_seeds_of_one_size_share_its_style_and_one_line_of_the_legend(scores: xr.Dataset) -> None:
    seeds = scores.assign_coords(label=("model", ["0.2M", "0.2M", "1.4M", "1.4M"]))
    styles = list(model_styles(seeds).values())
    assert styles[0] == styles[1] != styles[2] == styles[3]
    (legend,) = validation_perplexity(seeds).legends
    assert [text.get_text() for text in legend.get_texts()] == ["0.2M", "1.4M"]


def test_seeds_of_one_size_share_one_line_of_what_a_panel_says(
    scores: xr.Dataset, trends: xr.Dataset
) -> None:
    label = ("model", ["0.2M", "0.2M", "1.4M", "1.4M"])
    subsets = make_subsets(scores.assign_coords(label=label), trends.assign_coords(label=label))
    figure = selected_tokens(subsets, trend="upward")
    lines = figure.axes[0].texts[0].get_text().splitlines()
    assert [re.sub(r"[\d.]+", "#", line.partition(": ")[2]) for line in lines] == ["# to # %"] * 2
    assert [line.partition(":")[0] for line in lines] == ["0.2M", "1.4M"]


def test_figure_11_has_one_panel_for_each_size_between_the_ends(
    scores: xr.Dataset, trends: xr.Dataset
) -> None:
    label = ("model", ["0.2M", "0.4M", "0.4M", "3.6M"])
    seeds = scores.assign_coords(label=label), trends.assign_coords(label=label)
    titles = [panel.get_title() for panel in middle_selections(make_subsets(*seeds), starts=[0.1]).axes]
    assert titles == ["Selected by 0.4M"]

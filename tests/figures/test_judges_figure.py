"""Figure 7."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from made_up import MODELS
from made_up_sequences import GENERATORS, OTHERS, make_sequences
from trajectories.figures import judged_by_others

ORDER = ("p_s - p_l", "p_s", "p_s + p_l", "p_l", "p_l - p_s")
FAMILIES = {"opt": MODELS, "neox": OTHERS}


def of_family(panel: Axes, family: str) -> Line2D:
    (line,) = (line for line in panel.lines if line.get_label() == family)
    return line


@pytest.fixture(scope="module")
def sequences() -> xr.Dataset:
    return make_sequences()


@pytest.fixture(scope="module")
def seven(sequences: xr.Dataset) -> Figure:
    return judged_by_others(sequences)


@pytest.mark.parametrize(
    ("row", "method", "counts", "families"),
    [
        (0, "greedy", "tokens", ("neox",)),
        (1, "greedy", "bytes", ("opt", "neox")),
        (2, "nucleus", "tokens", ("neox",)),
        (3, "nucleus", "bytes", ("opt", "neox")),
    ],
)
def test_others_are_drawn_per_token_and_all_families_per_byte(
    sequences: xr.Dataset, seven: Figure, row: int, method: str, counts: str, families: tuple[str, ...]
) -> None:
    for column, configuration in enumerate(ORDER):
        panel = seven.axes[5 * row + column]
        chosen = (sequences["configuration"] == configuration) & (sequences["method"] == method)
        texts = sequences.isel(
            checkpoint=-1, sequence=np.flatnonzero(chosen & (sequences["new_tokens"] == 50))
        )
        for family in families:
            expected = [
                np.exp(
                    -texts["log_likelihood"].sel(model=name).values.astype(float).sum()
                    / texts[counts].broadcast_like(texts["tokens"]).sel(model=name).values.sum()
                )
                for name in FAMILIES[family]
            ]
            line = of_family(panel, family)
            np.testing.assert_allclose(line.get_ydata(), expected, rtol=1e-6)
            np.testing.assert_array_equal(line.get_xdata(), [size for _, size in FAMILIES[family].values()])
    assert ("opt" in {line.get_label() for line in seven.axes[5 * row].lines}) == ("opt" in families)


def test_rows_say_the_method_and_the_unit(seven: Figure) -> None:
    labels = [panel.get_ylabel() for panel in seven.axes[::5]]
    assert labels == [
        f"{method}:\nperplexity per {unit}"
        for method in ("Greedy search", "Nucleus sampling")
        for unit in ("token", "byte")
    ]


def test_the_generating_family_leads_the_legend_and_its_two_models_have_rings(seven: Figure) -> None:
    texts = [text.get_text() for text in seven.legends[0].get_texts()]
    assert texts == ["opt", "neox", "generated the texts ($p_s$: 0.2M, $p_l$: 3.6M)"]
    for panel in seven.axes[5:10]:
        (ring,) = (line for line in panel.lines if line.get_markerfacecolor() == "none")
        np.testing.assert_array_equal(ring.get_xdata(), [MODELS[name][1] for name in GENERATORS.values()])


def test_families_differ_in_colour_and_marker(sequences: xr.Dataset) -> None:
    third = sequences.assign_coords(family=("model", ["opt"] * 4 + ["neox", "llama"]))
    panel = judged_by_others(third).axes[5]
    lines = [of_family(panel, family) for family in ("opt", "neox", "llama")]
    assert len({line.get_color() for line in lines}) == len({line.get_marker() for line in lines}) == 3
    assert [len(line.get_xdata()) for line in lines] == [4, 1, 1]


def test_panels_of_a_row_span_the_same_factor_and_no_impossible_perplexity(seven: Figure) -> None:
    for row in np.reshape(np.array(seven.axes), (-1, 5)):
        factors = [np.divide(*panel.get_ylim()[::-1]) for panel in row]
        np.testing.assert_allclose(factors, factors[0])
        assert all(panel.get_ylim()[0] > 0.9 for panel in row)


def test_a_difference_of_a_few_per_cent_does_not_fill_a_panel(sequences: xr.Dataset) -> None:
    alike = sequences["tokens"] * -np.log(20.0) * (1 + 0.001 * sequences["model"].isin(list(OTHERS)))
    figure = judged_by_others(sequences.assign(log_likelihood=alike * (sequences["log_likelihood"] < 0)))
    for panel in figure.axes[:5]:
        low, high = panel.get_ylim()
        assert high / low == pytest.approx(2)


def test_ticks_of_perplexity_are_few_and_of_two_digits(seven: Figure) -> None:
    for panel in seven.axes:
        low, high = panel.get_ylim()
        ticks = [tick for tick in panel.get_yticks() if low <= tick <= high]
        assert 2 <= len(ticks) <= 5
        assert all(tick == pytest.approx(float(f"{tick:.1e}")) for tick in ticks)


def test_the_figure_says_how_long_the_texts_are_and_how_many_other_families_judged(
    sequences: xr.Dataset, seven: Figure
) -> None:
    assert seven.legends[0].get_title().get_text() == "50 new tokens, 4 texts in each panel"
    dropped = sequences["model"].isin(list(OTHERS)) & (sequences["prompt"] == 0)
    known = {name: sequences[name].where(~dropped) for name in ("log_likelihood", "tokens")}
    title = judged_by_others(sequences.assign(known)).legends[0].get_title()
    assert title.get_text() == "50 new tokens, 3 to 4 texts in each panel"


def test_without_another_family_the_figure_says_so(sequences: xr.Dataset) -> None:
    alone = sequences.isel(model=slice(0, 4))
    assert judged_by_others(alone).texts[0].get_text() == "No other family judged the generated texts."


def test_a_length_that_is_not_there_is_refused_by_name(sequences: xr.Dataset) -> None:
    with pytest.raises(ValueError, match=r"70 new tokens.*50, 100"):
        judged_by_others(sequences, new_tokens=70)

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_subsets import make_subsets
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from trajectories.figures import selected_tokens, validation_perplexity
from trajectories.figures.axes import (
    AXES,
    axis_label,
    coordinate,
    limits,
    set_perplexity_axis,
    tick_below,
)


def curves(figure: Figure, panel: int = 0) -> dict[str, Line2D]:
    lines = figure.axes[panel].lines
    return {str(line.get_label()): line for line in lines if not str(line.get_label()).startswith("_")}


@pytest.mark.parametrize("axis", AXES)
def test_changing_the_axis_is_naming_a_coordinate(scores: xr.Dataset, subsets: xr.Dataset, axis: str) -> None:
    figure = selected_tokens(subsets, trend="upward", axis=axis)
    drawn = curves(figure)["3.6M"].get_xdata()
    late = scores["training_fraction"].sel(model="opt-3_6m") >= 0.04
    np.testing.assert_array_equal(drawn, scores[axis].sel(model="opt-3_6m").values[late])


@pytest.mark.parametrize("axis", AXES)
def test_all_checkpoints_are_in_view(scores: xr.Dataset, axis: str) -> None:
    figure = validation_perplexity(scores, axis=axis)
    panel, values = figure.axes[0], scores[axis].values
    low, high = sorted(panel.get_xlim())
    assert low < np.nanmin(values)
    assert high > np.nanmax(values)


@pytest.mark.parametrize("axis", AXES)
def test_training_runs_from_left_to_right_on_every_axis(scores: xr.Dataset, axis: str) -> None:
    figure = validation_perplexity(scores, axis=axis)
    panel = figure.axes[0]
    for line in curves(figure).values():
        pixels = panel.transData.transform(line.get_xydata())
        assert pixels[0, 0] < pixels[-1, 0]


def test_labels_come_from_the_attributes(scores: xr.Dataset) -> None:
    assert axis_label(scores["flops"]) == "Training compute [FLOP]"
    assert axis_label(scores["tokens_seen"]) == "Training tokens seen"
    assert axis_label(scores["training_fraction"]) == "Fraction of training [%]"
    assert "from left to right" in axis_label(scores["validation_perplexity"])
    plain_flops = scores["flops"].assign_attrs(long_name="6ND", units="PFLOP")
    assert axis_label(plain_flops) == "6ND [PFLOP]"


def test_labels_do_not_need_attributes(scores: xr.Dataset) -> None:
    assert axis_label(scores["flops"].drop_attrs()) == axis_label(scores["flops"])


def test_an_unknown_axis_is_refused_with_those_that_exist(scores: xr.Dataset) -> None:
    with pytest.raises(ValueError, match=r"'compute'.*flops, tokens_seen"):
        validation_perplexity(scores, axis="compute")


def test_an_absent_coordinate_is_named(scores: xr.Dataset) -> None:
    with pytest.raises(ValueError, match=r"'tokens_seen' must be a coordinate over model and checkpoint"):
        coordinate(scores.drop_vars("tokens_seen"), "tokens_seen")


def test_permuted_dimensions_draw_the_same_curves(scores: xr.Dataset, trends: xr.Dataset) -> None:
    turned = scores.transpose("token", "checkpoint", "model")
    one, other = (
        curves(selected_tokens(make_subsets(of, trends), trend="downward"), 1) for of in (scores, turned)
    )
    for name, line in one.items():
        np.testing.assert_allclose(line.get_xydata(), other[name].get_xydata(), rtol=1e-12)


def test_limits_leave_out_what_is_not_finite() -> None:
    low, high = limits(np.array([np.nan, 2.0, np.inf, 8.0, 0.0]), scale="log")
    assert 1.5 < low < 2
    assert 8 < high < 9
    assert limits(np.array([np.nan]), scale="log") == (1.0, 10.0)
    low, high = limits(np.array([3.0, 3.0]), scale="log")
    assert low < 3 < high


def test_step_zero_is_left_out_where_the_axis_is_logarithmic(scores: xr.Dataset) -> None:
    begun = scores.assign_coords(flops=scores["flops"].where(scores["checkpoint"] > 2, 0.0))
    drawn = curves(validation_perplexity(begun))["3.6M"].get_xdata()
    np.testing.assert_array_equal(drawn, scores["flops"].sel(model="opt-3_6m").values[1:])
    at_start = begun.assign_coords(
        training_fraction=scores["training_fraction"].where(scores["checkpoint"] > 2, 0)
    )
    assert curves(validation_perplexity(at_start, axis="training_fraction"))["3.6M"].get_xdata()[0] == 0


def test_compute_that_nobody_knows_is_refused_with_another_axis(scores: xr.Dataset) -> None:
    with pytest.raises(ValueError, match=r"'flops' is not known .*figures\.axis=training_fraction"):
        validation_perplexity(scores.assign_coords(flops=scores["flops"] * np.nan))


@settings(max_examples=100)
@given(st.lists(st.floats(1.0, 1e9), min_size=1, max_size=4))
def test_an_axis_that_goes_on_to_the_tick_below_has_a_tick_at_or_below_all_values(
    values: list[float],
) -> None:
    panel = Figure().subplots()
    beginning = tick_below(np.array([*values, np.nan]))
    set_perplexity_axis(panel, np.array([*values, beginning]))
    low, _ = panel.get_ylim()
    assert min(values) / 10.01 <= beginning <= min(values) * (1 + 1e-9)
    assert any(low <= tick <= min(values) * (1 + 1e-9) for tick in panel.get_yticks())


def test_no_values_have_no_tick_below() -> None:
    assert np.isnan(tick_below(np.array([np.nan])))

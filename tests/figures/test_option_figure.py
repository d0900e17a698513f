"""Figure 5, right."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from made_up import MODELS
from made_up_tasks import make_accuracy
from trajectories.figures import analysed, option_perplexity, task_means

KINDS = ("correct", "incorrect")


@pytest.fixture(scope="module")
def accuracy() -> xr.Dataset:
    return make_accuracy()


def draw(accuracy: xr.Dataset) -> Figure:
    return option_perplexity(task_means(analysed(accuracy)))


def lines(accuracy: xr.Dataset) -> dict[str, Line2D]:
    (panel,) = draw(accuracy).axes
    return {str(line.get_label()).split()[0]: line for line in panel.lines}


def naive(accuracy: xr.Dataset, kind: str, model: str, step: int) -> float:
    """Perplexity of the tokens of all tasks' options, task by task."""
    at = accuracy.sel(model=model)
    nats, tokens = 0.0, 0.0
    for task in accuracy["task"].values:
        count = float(at[f"{kind}_tokens"].sel(task=task))
        nats += count * np.log(float(at[f"{kind}_perplexity"].sel(task=task, checkpoint=step)))
        tokens += count
    return float(np.exp(nats / tokens))


def test_points_are_perplexities_of_all_tokens_at_the_last_checkpoints(accuracy: xr.Dataset) -> None:
    drawn = lines(accuracy)
    for kind in KINDS:
        expected = [naive(accuracy, kind, model, int(accuracy["checkpoint"][-1])) for model in MODELS]
        np.testing.assert_allclose(drawn[kind].get_ydata(), expected, rtol=1e-9)
        np.testing.assert_array_equal(drawn[kind].get_xdata(), [size for _, size in MODELS.values()])


def test_a_model_that_lacks_the_last_checkpoint_is_drawn_at_its_own_last(accuracy: xr.Dataset) -> None:
    small, step = "opt-0_2m", int(accuracy["checkpoint"][-2])
    kept = (accuracy["model"] != small) | (accuracy["checkpoint"] <= step)
    cut = accuracy.assign({name: accuracy[name].where(kept) for name in ("accuracy", "correct_perplexity")})
    assert lines(cut)["correct"].get_ydata()[0] == pytest.approx(naive(accuracy, "correct", small, step))


def test_the_order_of_dimensions_and_models_changes_nothing(accuracy: xr.Dataset) -> None:
    other = accuracy.transpose("task", "checkpoint", "criterion", "model").isel(model=slice(None, None, -1))
    for kind in KINDS:
        np.testing.assert_allclose(
            lines(other)[kind].get_xydata(), lines(accuracy)[kind].get_xydata(), rtol=1e-12
        )


def test_seeds_of_a_size_are_drawn_at_their_geometric_mean() -> None:
    seeds = make_accuracy(models={"opt-a": ("0.2M", 2e5), "opt-b": ("0.2M", 2e5), "opt-c": ("1M", 1e6)})
    step = int(seeds["checkpoint"][-1])
    both = [naive(seeds, "correct", model, step) for model in ("opt-a", "opt-b")]
    assert lines(seeds)["correct"].get_xdata().tolist() == [2e5, 1e6]
    assert lines(seeds)["correct"].get_ydata()[0] == pytest.approx(np.sqrt(np.prod(both)))


def test_tasks_without_incorrect_options_leave_one_line(accuracy: xr.Dataset) -> None:
    without = accuracy.assign(
        incorrect_perplexity=accuracy["incorrect_perplexity"] * np.nan,
        incorrect_tokens=accuracy["incorrect_tokens"] * 0,
    )
    assert set(lines(without)) == {"correct"}


def test_both_axes_are_logarithmic_and_hold_all_points(accuracy: xr.Dataset) -> None:
    figure = draw(accuracy)
    (panel,) = figure.axes
    assert (panel.get_xscale(), panel.get_yscale()) == ("log", "log")
    for line in panel.lines:
        for values, (low, high) in (
            (line.get_xdata(), panel.get_xlim()),
            (line.get_ydata(), panel.get_ylim()),
        ):
            assert low < min(values) <= max(values) < high
    assert figure.legends[0].get_title().get_text() == "Options of 9 tasks"


def test_without_scores_the_figure_says_so(accuracy: xr.Dataset) -> None:
    names = ("accuracy", *(f"{kind}_perplexity" for kind in KINDS))
    nothing = accuracy.assign({name: accuracy[name] * np.nan for name in names})
    assert draw(nothing).texts[0].get_text() == "No checkpoint was scored on all tasks."

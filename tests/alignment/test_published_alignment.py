"""What the published numbers of OPT say: the claim as a number, its exception, and a forecast of the 175B."""

import numpy as np
import pytest
import xarray as xr

import trajectories as tj
from trajectories.alignment.align import align
from trajectories.alignment.forecasts import (
    AT_COMPUTE,
    AT_PERPLEXITY,
    FIRST_PART,
    LAST_VALUE,
    forecast_largest,
)
from trajectories.alignment.published_measures import published_measures
from trajectories.alignment.token_measures import SHARE

PAIR = ("flops", "validation_perplexity")


@pytest.fixture(scope="module")
def opt() -> xr.Dataset:
    return tj.published("opt")


def measured(opt: xr.Dataset, what: str) -> xr.DataArray:
    if what in opt["task"].values:
        return opt["accuracy"].sel(task=what)
    subset = opt["subset_trend"] == what
    return opt["subset_perplexity"].isel(subset=int(subset.values.argmax()))


# Of a quick estimate with another smoother: perplexity and FLOPs.
@pytest.mark.parametrize(
    ("what", "at_perplexity", "at_compute"),
    [("all", 0.88, 0.65), ("linearity", 0.92, 0.74), ("stagnated", 0.92, 0.42)],
)
def test_sizes_agree_better_at_equal_perplexity_than_at_equal_compute(
    opt: xr.Dataset, what: str, at_perplexity: float, at_compute: float
) -> None:
    found = align(measured(opt, what), PAIR, resamples=300)
    assert float(found["r_squared"].sel(axis="validation_perplexity")) == pytest.approx(
        at_perplexity, abs=0.04
    )
    assert float(found["r_squared"].sel(axis="flops")) == pytest.approx(at_compute, abs=0.06)
    assert (found["low"] < found["r_squared"]).all()
    assert (found["high"] > found["r_squared"]).all()
    assert int(found["shared_points"].sel(axis="flops", other="validation_perplexity")) > 90


def test_upward_tokens_are_predicted_by_neither(opt: xr.Dataset) -> None:
    found = align(measured(opt, "upward"), PAIR, resamples=50)["r_squared"]
    assert float(found.sel(axis="validation_perplexity")) == pytest.approx(0.1, abs=0.05)
    assert float(found.sel(axis="flops")) < 0


def test_every_published_quantity_is_a_measure(opt: xr.Dataset) -> None:
    measures = {measure.label: measure for measure in published_measures(opt)}
    assert len(measures) == 2 + 3 + 21
    for label in ("accuracy: all tasks", "accuracy: what_is_the_tao", f"{SHARE}: upward"):
        assert label in measures
    mean = measures["accuracy: all tasks"].values
    np.testing.assert_array_equal(mean, opt["accuracy"].sel(task="all").transpose("model", "checkpoint"))


def test_a_share_stands_at_the_checkpoint_nearest_to_its_start(opt: xr.Dataset) -> None:
    (share,) = (of for of in published_measures(opt) if of.label == f"{SHARE}: stagnated")
    assert share.values["checkpoint"].values.tolist() == opt["start"].values.tolist()
    taken = share.values["training_fraction"].sel(model="opt-175b")
    np.testing.assert_allclose(taken, share.values["checkpoint"], atol=0.05)


def test_the_largest_model_is_forecast_and_compared_with_naive_choices(opt: xr.Dataset) -> None:
    means = [of for of in published_measures(opt) if of.label == "accuracy: all tasks"]
    found = forecast_largest(means, opt, resamples=100).isel(measure=0)
    assert found.attrs["target"] == "opt-175b"
    error = 100 * found["error"]
    for way in (AT_PERPLEXITY, FIRST_PART, AT_COMPUTE):
        assert 0.5 < float(error.sel(way=way)) < 2.5
    assert float(error.sel(way=LAST_VALUE)) > float(error.sel(way=AT_COMPUTE))

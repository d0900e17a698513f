import numpy as np
import pytest
import xarray as xr

from curves import make_axes, measure_of
from trajectories.alignment.align import align
from trajectories.alignment.axes import AXES
from trajectories.alignment.measure import Measure, make_measure
from trajectories.alignment.table import align_measures


def make(axis: str, *, noise: float = 0.02, kind: str = "accuracy", seed: int = 0) -> Measure:
    axes = make_axes()
    return make_measure(kind, axis, measure_of(axes, axis, noise=noise, seed=seed), axes)


@pytest.fixture(scope="module")
def table() -> xr.Dataset:
    measures = [make("validation_perplexity"), make("flops"), make("flops", kind="noise", noise=1e6)]
    return align_measures(measures, starts=(0.0, 0.2), resamples=100)


def test_every_measure_has_what_align_says_of_it(table: xr.Dataset) -> None:
    assert table["r_squared"].dims == ("start", "measure", "axis")
    assert table["difference"].dims == ("start", "measure", "axis", "other")
    measure = make("validation_perplexity").values
    late = measure.where(measure["training_fraction"] >= 0.2 - 1e-9)
    expected = align(late, AXES, by="parameters", resamples=100)
    found = table.sel(start=0.2, measure="accuracy: validation_perplexity")
    for name in expected.data_vars:
        np.testing.assert_array_equal(found[name], expected[name])


def test_the_best_axis_is_the_one_that_predicts_better_than_each_other(table: xr.Dataset) -> None:
    best = table["best"].sel(start=0.0)
    assert best.sel(measure="accuracy: validation_perplexity") == "validation_perplexity"
    assert best.sel(measure="accuracy: flops") == "flops"
    assert best.sel(measure="noise: flops") == ""


def test_an_axis_without_a_rival_is_not_the_best() -> None:
    axes = make_axes().drop_vars(["flops", "tokens_seen", "training_fraction"])
    values = measure_of(make_axes(), "validation_perplexity")
    alone = make_measure("accuracy", "alone", values.drop_vars(["flops", "tokens_seen"]), axes)
    found = align_measures([alone], resamples=50).isel(start=0, measure=0)
    assert found["best"].item() == ""
    assert found["reason"].sel(axis="flops").item() == "flops is not known"
    assert float(found["r_squared"].sel(axis="validation_perplexity")) > 0.99


def test_two_measures_of_one_name_or_none_are_refused() -> None:
    with pytest.raises(ValueError, match="two measures are called 'accuracy: flops'; give each its own"):
        align_measures([make("flops"), make("flops", seed=1)])
    with pytest.raises(ValueError, match="no measure to align"):
        align_measures([])

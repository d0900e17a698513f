"""Figure 1 with power laws."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from trajectories.alignment.scaling import fit_power_laws
from trajectories.alignment.scaling_predict import compute_optimal, predict_along
from trajectories.figures.scaling import DASHES, scaling_laws


@pytest.fixture(scope="module")
def fits(scores: xr.Dataset) -> xr.Dataset:
    return fit_power_laws(scores, resamples=10)


@pytest.fixture(scope="module")
def figure(scores: xr.Dataset, fits: xr.Dataset) -> Figure:
    return scaling_laws(scores, fits)


def test_points_are_checkpoints_and_lines_the_fit_of_each_size(
    scores: xr.Dataset, fits: xr.Dataset, figure: Figure
) -> None:
    lines = figure.axes[0].lines
    fitted = xr.apply_ufunc(np.exp, predict_along(fits, "hoffmann", scores["flops"])).where(
        scores["training_fraction"] >= 0.1
    )
    for place, model in enumerate(scores["model"].values):
        points, curve = lines[2 * place], lines[2 * place + 1]
        drawn = np.asarray(points.get_ydata())
        perplexity = scores["validation_perplexity"].sel(model=model)
        expected = perplexity.where(scores["training_fraction"].sel(model=model) >= 0.04)
        np.testing.assert_array_equal(drawn[np.isfinite(drawn)], expected.dropna("checkpoint"))
        assert points.get_linestyle() == "None"
        np.testing.assert_allclose(
            np.asarray(curve.get_ydata()), fitted.sel(model=model).dropna("checkpoint")
        )


def test_frontiers_are_thin_beyond_measured_sizes_and_tokens(
    scores: xr.Dataset, fits: xr.Dataset, figure: Figure
) -> None:
    frontiers = figure.axes[0].lines[2 * scores.sizes["model"] :]
    assert len(frontiers) == 2 * len(DASHES)
    for place, form in enumerate(DASHES):
        beyond, within = frontiers[2 * place : 2 * place + 2]
        best = compute_optimal(fits, form, xr.DataArray(within.get_xdata(), dims="place"))
        measured = np.isfinite(within.get_ydata())
        assert (measured ^ np.isfinite(beyond.get_ydata())).all()
        whole = np.where(measured, within.get_ydata(), beyond.get_ydata())
        np.testing.assert_allclose(whole, np.exp(best["loss"]))
        sizes = scores["parameters"].values
        inside = best["parameters"].values[measured]
        assert ((inside >= sizes.min()) & (inside <= sizes.max())).all()
        assert within.get_linewidth() > beyond.get_linewidth()


def test_exponents_stand_below_the_panel_with_their_intervals(fits: xr.Dataset, figure: Figure) -> None:
    texts = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    beta = fits.sel(form="hoffmann", parameter="beta")
    written = f"{float(beta['estimate']):.3f} [{float(beta['low']):.3f}, {float(beta['high']):.3f}]"
    assert any(text.startswith("Hoffmann") and written in text for text in texts)
    assert any(text.startswith("Kaplan") for text in texts)


def test_the_frontier_can_be_drawn_against_tokens(scores: xr.Dataset, fits: xr.Dataset) -> None:
    panel = scaling_laws(scores, fits, axis="tokens_seen").axes[0]
    tokens = np.asarray(panel.lines[-1].get_xdata())
    assert (np.diff(tokens) > 0).all()
    compute = xr.DataArray(figure_compute(scores), dims="place")
    np.testing.assert_allclose(tokens, compute_optimal(fits, "kaplan", compute)["tokens"])


def figure_compute(scores: xr.Dataset) -> np.ndarray:
    flops = scores["flops"].where(scores["training_fraction"] >= 0.1)
    return np.geomspace(float(flops.min()), float(flops.max()), 200)


@pytest.mark.parametrize("axis", ["training_fraction", "validation_perplexity"])
def test_axes_that_are_not_compute_have_no_frontier(axis: str, scores: xr.Dataset, fits: xr.Dataset) -> None:
    figure = scaling_laws(scores, fits, axis=axis)
    assert len(figure.axes[0].lines) == 2 * scores.sizes["model"]
    assert len(figure.legends) == 1


def test_a_missing_joint_fit_is_explained_in_the_panel(scores: xr.Dataset) -> None:
    two = scores.isel(model=slice(2))
    panel = scaling_laws(two, fit_power_laws(two, resamples=2)).axes[0]
    assert [text.get_text() for text in panel.texts] == ["no joint fit: 2 sizes"]
    assert len(panel.lines) == 4


def test_models_of_other_families_are_not_drawn(scores: xr.Dataset, fits: xr.Dataset) -> None:
    family = np.where(np.arange(scores.sizes["model"]) == 3, "neox", "opt")
    mixed = scores.assign_coords(family=("model", family))
    figure = scaling_laws(mixed, fits.isel(model=slice(3)))
    assert [text.get_text() for text in figure.legends[-1].get_texts()] == ["0.2M", "0.4M", "1.4M"]

import numpy as np
import pytest
import xarray as xr

from made_up_sequences import make_sequences
from trajectories.alignment.measure import Measure
from trajectories.alignment.text_measures import CORRUPTED_TEXTS, GENERATED_TEXTS, text_measures
from trajectories.generation.perplexity import corrupted_perplexity, generated_perplexity


@pytest.fixture(scope="module")
def sequences() -> xr.Dataset:
    return make_sequences()


@pytest.fixture(scope="module")
def measures(sequences: xr.Dataset) -> dict[str, Measure]:
    return {measure.label: measure for measure in text_measures(sequences, resamples=30)}


def of_family(values: xr.DataArray) -> xr.DataArray:
    return values.isel(model=np.flatnonzero(values["family"].values == "opt"))


def test_log_perplexities_are_those_of_the_figures(
    measures: dict[str, Measure], sequences: xr.Dataset
) -> None:
    corrupted = of_family(np.log(corrupted_perplexity(sequences)))
    generated = of_family(np.log(generated_perplexity(sequences)))
    for source in corrupted["source"].values:
        found = measures[f"{CORRUPTED_TEXTS}: {source}"].values
        np.testing.assert_allclose(found, corrupted.sel(source=source).transpose(*found.dims), rtol=1e-12)
    for label, measure in measures.items():
        if label.startswith(GENERATED_TEXTS):
            configuration, method, length = measure.name.split(", ")
            expected = generated.sel(
                {"configuration": configuration, "method": method, "new_tokens": int(length)}
            )
            np.testing.assert_allclose(measure.values, expected.transpose("model", "checkpoint"), rtol=1e-12)
    assert (
        len(measures)
        == corrupted.sizes["source"]
        + generated.stack(each=("configuration", "method", "new_tokens")).sizes["each"]
    )


def test_figures_draw_the_shortest_texts_and_the_corruption_of_the_paper(
    measures: dict[str, Measure],
) -> None:
    drawn = {label for label, measure in measures.items() if measure.headline}
    assert f"{CORRUPTED_TEXTS}: clean" in drawn
    assert f"{CORRUPTED_TEXTS}: replace-0.2" in drawn
    assert not any("delete" in label or label.endswith(", 100") for label in drawn)


def test_replicates_lie_around_the_measure_and_are_missing_with_it(measures: dict[str, Measure]) -> None:
    for measure in measures.values():
        assert measure.replicates is not None
        middle = measure.replicates.mean("replicate")
        np.testing.assert_array_equal(middle.isnull(), measure.values.isnull())
        assert float(abs(middle - measure.values).max()) < 0.1

import numpy as np
import pytest
import xarray as xr

from trajectories.alignment.axes import AXES
from trajectories.alignment.measure import Measure
from trajectories.alignment.token_measures import OWN, PERPLEXITY, SHARE, at_starts, token_measures
from trajectories.trends import select, shares, subset_perplexity

START = 0.1


@pytest.fixture(scope="module")
def measures(scores: xr.Dataset, trends: xr.Dataset) -> dict[str, Measure]:
    found = token_measures(scores, trends, start=START, resamples=60)
    return {measure.label: measure for measure in found}


def test_there_is_one_for_each_trend_and_selecting_model_and_each_share(
    measures: dict[str, Measure], scores: xr.Dataset
) -> None:
    labels = [OWN, *map(str, scores["label"].values)]
    expected = {
        *(f"{PERPLEXITY}: {trend}, selected by {label}" for trend in _TRENDS for label in labels),
        *(f"{SHARE}: {trend}" for trend in _TRENDS),
    }
    assert set(measures) == expected


_TRENDS = ("stagnated", "upward", "downward")


@pytest.mark.parametrize("trend", _TRENDS)
def test_log_perplexities_are_those_of_the_figures(
    measures: dict[str, Measure], scores: xr.Dataset, trends: xr.Dataset, trend: str
) -> None:
    for model, label in ((None, OWN), ("opt-0_4m", "0.4M")):
        selected = select(trends, start=START, trend=trend, model=model)
        expected = np.log(subset_perplexity(scores["log_likelihood"], selected))
        found = measures[f"{PERPLEXITY}: {trend}, selected by {label}"].values
        np.testing.assert_allclose(found, expected.transpose(*found.dims), rtol=1e-12)


def test_shares_stand_at_the_checkpoint_at_which_each_fit_begins(
    measures: dict[str, Measure], scores: xr.Dataset, trends: xr.Dataset
) -> None:
    found = measures[f"{SHARE}: upward"].values
    expected = shares(trends).sel(trend="upward")
    np.testing.assert_allclose(found, expected.transpose("model", "start"))
    assert found["checkpoint"].values.tolist() == trends["start"].values.tolist()
    for model in scores["model"].values:
        own = scores.sel(model=model).dropna("checkpoint", how="all", subset=["log_likelihood"])
        for start in (0.1, 0.4):
            nearest = int(np.abs(own["training_fraction"].values - start).argmin())
            at = found.sel(model=model, checkpoint=start)
            for axis in AXES:
                assert float(at[axis]) == float(own[axis][nearest])


def test_a_replicate_is_the_measure_on_drawn_documents(scores: xr.Dataset, trends: xr.Dataset) -> None:
    measure = next(iter(token_measures(scores, trends, start=START, resamples=400)))
    assert measure.replicates is not None
    spread = measure.replicates.std("replicate")
    documents = scores["document"].values
    selected = select(trends, start=START, trend="stagnated")
    random, naive = np.random.default_rng(1), []
    for _ in range(60):
        drawn = random.choice(np.unique(documents), 6)
        tokens = np.concatenate([np.flatnonzero(documents == document) for document in drawn])
        chosen = selected.isel(token=tokens)
        naive.append(np.log(subset_perplexity(scores["log_likelihood"].isel(token=tokens), chosen)))
    expected = xr.concat(naive, dim="draw").std("draw").transpose(*spread.dims)
    known = expected.notnull().values & (expected.values > 1e-4)
    np.testing.assert_allclose(np.median(spread.values[known] / expected.values[known]), 1, atol=0.2)


def test_where_a_model_has_no_checkpoint_measure_and_replicates_are_missing(
    measures: dict[str, Measure], scores: xr.Dataset
) -> None:
    absent = scores["log_likelihood"].isnull().all("token").transpose("model", "checkpoint").values
    assert absent.any()
    for label, measure in measures.items():
        if label.startswith(PERPLEXITY):
            assert measure.values.isnull().values[absent].all()
            assert measure.replicates is not None
            assert measure.replicates.isnull().values[:, absent].all()


def test_permuted_dimensions_give_the_same_measures(
    measures: dict[str, Measure], scores: xr.Dataset, trends: xr.Dataset
) -> None:
    turned = token_measures(
        scores.transpose("token", "checkpoint", "model", ...), trends.transpose(), start=START, resamples=60
    )
    for measure in turned:
        xr.testing.assert_allclose(measure.values, measures[measure.label].values)


def test_starts_of_models_with_different_checkpoints_are_their_own(scores: xr.Dataset) -> None:
    present = scores["log_likelihood"].notnull().any("token")
    labels = at_starts(scores, present, np.array([0.9]))
    taken = labels["training_fraction"].sel(checkpoint=0.9)
    assert len(np.unique(taken.values.round(6))) == 2  # the first model lacks the nearest one

import csv
import json

import numpy as np
import pytest
import xarray as xr
from omegaconf import OmegaConf

from trajectories import arrays
from trajectories.provenance import read_stamp
from trajectories.stages import trends as stage
from trajectories.trends import fit_trends, shares, token_perplexity

SETTINGS = {
    "choice": "paper",
    "start": [0.3, 0.1],
    "regressor": "index",
    "estimator": "least_squares",
    "significance": 0.05,
    "tolerance": 0.05,
    "false_discovery": "none",
}


@pytest.fixture
def scores(make_scores, tmp_path, monkeypatch):
    """Scores on disk and parameters in a working directory of their own."""
    scores = make_scores(models=3, checkpoints=15).astype(np.float32)
    scores[1, 8] = np.nan  # an absent checkpoint
    monkeypatch.chdir(tmp_path)
    arrays.write(scores.to_dataset(), stage.SCORES)
    OmegaConf.save({"trends": SETTINGS}, "params.yaml")
    return scores


def test_the_stage_writes_trends_metrics_and_shares(scores):
    stage.main()
    trends = arrays.read(stage.TRENDS)
    expected = fit_trends(token_perplexity(scores), start=SETTINGS["start"])
    for name in ("slope", "p_value", "trend"):
        np.testing.assert_array_equal(trends[name], expected[name])
    metrics = json.loads(stage.METRICS.read_text())
    share = shares(expected).sel(start=0.1, model="model-2", trend="upward").item()
    assert metrics["model-2"]["upward"] == pytest.approx(share, rel=1e-5)
    assert metrics["double_descent"]["model"] == "model-2"
    assert metrics["double_descent"]["verdict"] in {"double descent", "not shown"}
    rows = list(csv.DictReader(stage.SHARES.read_text().splitlines()))
    assert list(rows[0]) == ["model", "trend", "start", "share"]
    assert len(rows) == 3 * 4 * 2
    assert sum(float(row["share"]) for row in rows) == pytest.approx(6, rel=1e-4)


@pytest.mark.usefixtures("scores")
def test_the_trends_carry_their_provenance_and_open_without_this_package():
    stage.main()
    stamp = read_stamp(stage.TRENDS)
    assert list(stamp["inputs"]) == [str(stage.SCORES)]
    assert stamp["parameters"] == {"trends": SETTINGS}
    with xr.open_dataset(stage.TRENDS, mask_and_scale=False) as plain:
        assert plain["trend"].dtype == np.int8
        assert plain["trend"].attrs["flag_meanings"] == "stagnated upward downward other"


@pytest.mark.usefixtures("scores")
def test_the_same_scores_give_the_same_bytes():
    outputs = (stage.TRENDS, stage.METRICS, stage.SHARES)
    stage.main()
    first = [path.read_bytes() for path in outputs]
    stage.main()
    assert [path.read_bytes() for path in outputs] == first


def test_one_model_has_no_double_descent(scores):
    arrays.write(scores.isel(model=[0]).to_dataset(), stage.SCORES)
    stage.main()
    assert list(json.loads(stage.METRICS.read_text())) == ["model-0"]


@pytest.mark.usefixtures("scores")
def test_too_late_a_start_leaves_the_old_outputs():
    stage.main()
    before = stage.TRENDS.read_bytes()
    OmegaConf.save({"trends": SETTINGS | {"start": [0.95]}}, "params.yaml")
    with pytest.raises(ValueError, match="model-0 has 2 checkpoints from"):
        stage.main()
    assert stage.TRENDS.read_bytes() == before

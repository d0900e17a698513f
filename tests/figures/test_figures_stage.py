import os
import subprocess
import sys
from pathlib import Path

import pytest
import xarray as xr

from made_up import MODELS, make_scores, make_trends
from trajectories import arrays
from trajectories.config.composition import compose
from trajectories.provenance import md5, read_stamp
from trajectories.stages import figures

REPOSITORY = Path(__file__).parents[2]
NUMBERS = ("01", "02", "03", "04", "10", "11", "12")


def project(folder: Path, scores: xr.Dataset, trends: xr.Dataset) -> Path:
    (folder / "params.yaml").write_text(compose((), REPOSITORY / "conf"))
    arrays.write(scores, folder / "data/scores/tokens.nc")
    arrays.write(trends, folder / "data/trends.nc")
    return folder


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two places where the stage ran, as processes with different hash seeds."""
    three = {name: MODELS[name] for name in list(MODELS)[:3]}
    scores = make_scores(tokens=400, models=three)
    trends = make_trends(scores).sel(start=[0.1, 0.5])  # conf/figures/paper.yaml wants 0.1 and 0.4
    places = []
    for seed in range(2):
        place = project(tmp_path_factory.mktemp("figures"), scores, trends)
        settings = os.environ | {"PYTHONHASHSEED": str(seed), "PYTHONPATH": str(REPOSITORY / "src")}
        subprocess.run(
            [sys.executable, "-m", "trajectories.stages.figures"], cwd=place, env=settings, check=True
        )
        places.append(place)
    return places


def test_every_figure_is_there_in_three_formats(drawn: list[Path]) -> None:
    names = {path.name for path in (drawn[0] / "reports/figures").iterdir()}
    assert names == {f"figure-{number}.{kind}" for number in NUMBERS for kind in ("png", "svg", "pdf")}


def test_every_process_draws_the_same_bytes(drawn: list[Path]) -> None:
    first, second = (sorted((place / "reports/figures").iterdir()) for place in drawn)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_a_stamp_names_only_what_the_figure_was_drawn_from(drawn: list[Path], kind: str) -> None:
    scores, trends = "data/scores/tokens.nc", "data/trends.nc"
    expected = {number: {scores, trends} for number in NUMBERS} | {"01": {scores}, "02": {trends}}
    for number, inputs in expected.items():
        stamp = read_stamp(drawn[0] / f"reports/figures/figure-{number}.{kind}")
        assert stamp["inputs"] == {path: md5(drawn[0] / path) for path in inputs}
        assert stamp["parameters"]["figures"]["axis"] == "flops"
        assert "src/trajectories/figures/style.py" in stamp["code"]


def test_the_fitted_start_nearest_to_the_wanted_one_is_drawn_and_written(drawn: list[Path]) -> None:
    text = (drawn[0] / "reports/figures/figure-10.svg").read_text()
    assert "In no category after 10 % of training" in text
    assert "In no category after 50 % of training" in text


def test_the_stage_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "params.yaml").write_text(compose((), REPOSITORY / "conf"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"data/scores/tokens\.nc does not exist.*dvc repro"):
        figures.main()
    assert not (tmp_path / "reports").exists()

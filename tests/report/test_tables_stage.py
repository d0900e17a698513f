from pathlib import Path

import pytest
import xarray as xr

from trajectories import arrays
from trajectories.config.composition import compose
from trajectories.provenance import md5, read_stamp
from trajectories.stages import tables

REPOSITORY = Path(__file__).parents[2]
OF_SCORES = ("table-02.csv", "table-02.md")
OF_TRENDS = ("table-03.html", "token-properties.csv", "token-properties.md")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, scores: xr.Dataset, trends: xr.Dataset) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    (folder / "params.yaml").write_text(compose((), REPOSITORY / "conf"))
    arrays.write(scores, folder / "data/scores/tokens.nc")
    arrays.write(trends, folder / "data/trends.nc")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        tables.main()
    return folder


def test_every_table_is_there(project: Path) -> None:
    names = {path.name for path in (project / "reports/tables").iterdir()}
    assert names == {*OF_SCORES, *OF_TRENDS}


def test_a_stamp_names_only_what_the_table_was_made_from(project: Path) -> None:
    for names, read, keys in (
        (OF_SCORES, "data/scores/tokens.nc", ["suite.fetched", "suite.models"]),
        (OF_TRENDS, "data/trends.nc", ["figures"]),
    ):
        for name in names:
            stamp = read_stamp(project / "reports/tables" / name)
            assert stamp["inputs"] == {read: md5(project / read)}
            assert sorted(stamp["parameters"]) == keys


def test_learning_rates_come_from_the_suite(project: Path) -> None:
    assert "4.0·10⁻³" in (project / "reports/tables/table-02.md").read_text(encoding="utf-8")


def test_making_the_tables_again_gives_the_same_bytes(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = {path: path.read_bytes() for path in (project / "reports/tables").iterdir()}
    monkeypatch.chdir(project)
    tables.main()
    assert {path: path.read_bytes() for path in made} == made

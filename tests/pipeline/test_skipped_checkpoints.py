"""From the scores of single models to figures and tables, with skipped checkpoints and unsorted starts."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from omegaconf import OmegaConf

from clone import REPOSITORY
from made_up import MODELS, make_scores
from trajectories import arrays
from trajectories.config.composition import compose
from trajectories.stages import figures, scores, tables, trends
from trajectories.trends import fit_trends, token_perplexity

NAMES = list(MODELS)[:3]
SKIPPING = NAMES[1]
SKIPPED = [320, 704]  # in the middle, and the last
LAST = 672  # the last that is left
STARTS = [0.3, 0.1, 0.5]


def of_one_model(gathered: xr.Dataset, model: str) -> xr.Dataset:
    """What scoring one model leaves, all its checkpoints finite."""
    one = gathered.sel(model=model).dropna("checkpoint", subset=["log_likelihood"], how="all")
    validation = -np.log(one["validation_perplexity"]).drop_vars("validation_perplexity")
    domains = xr.DataArray(["algebra", "tables"], dims="validation_domain", name="validation_domain")
    scores = one.drop_vars("validation_perplexity").assign(
        validation_log_likelihood=validation.expand_dims(validation_domain=domains.values, axis=1),
        validation_tokens=("validation_domain", [40, 60]),
    )
    return scores.assign_attrs(precision="float32")


def skip(one: xr.Dataset) -> xr.Dataset:
    """As `scoring.nonfinite=skip` leaves checkpoints whose scores were not finite."""
    kept = ~one["checkpoint"].isin(SKIPPED)
    names = ("log_likelihood", "validation_log_likelihood")
    return one.assign({name: one[name].where(kept) for name in names}).assign_attrs(
        skipped_checkpoints=json.dumps(SKIPPED)
    )


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the stages after scoring have run."""
    folder = tmp_path_factory.mktemp("skipped")
    settings = OmegaConf.create(compose((f"trends.start={STARTS}",), REPOSITORY / "conf"))
    settings.suite.models = dict(zip(NAMES, settings.suite.models.values(), strict=False))
    OmegaConf.save(settings, folder / "params.yaml")
    gathered = make_scores(tokens=400, models={name: MODELS[name] for name in NAMES})
    for name in NAMES:
        one = of_one_model(gathered, name)
        path = folder / "data/scores" / settings.suite.choice / f"{name}.nc"
        arrays.write(skip(one) if name == SKIPPING else one, path)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for stage in (scores, trends, figures, tables):
            stage.main()
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def test_a_skipped_checkpoint_stays_missing_and_is_listed(analysed: Path) -> None:
    gathered = arrays.read(analysed / "data/scores/tokens.nc")
    assert json.loads(gathered.attrs["skipped_checkpoints"]) == {SKIPPING: SKIPPED}
    missing = gathered["log_likelihood"].sel(model=SKIPPING).isnull().all("token")
    assert gathered["checkpoint"].values[missing.values].tolist() == SKIPPED


def test_trends_are_those_of_the_checkpoints_that_are_left(analysed: Path) -> None:
    found = arrays.read(analysed / "data/trends.nc")
    gathered = arrays.read(analysed / "data/scores/tokens.nc")
    for name in NAMES:
        own = gathered["log_likelihood"].sel(model=name).dropna("checkpoint", how="all")
        expected = fit_trends(token_perplexity(own), start=sorted(STARTS))
        for variable in ("slope", "p_value", "trend"):
            np.testing.assert_allclose(
                found[variable].sel(model=name), expected[variable], rtol=1e-5, atol=1e-7
            )


def test_no_number_is_given_for_a_skipped_checkpoint(analysed: Path) -> None:
    validation = json.loads((analysed / "reports/metrics/validation.json").read_text())
    assert [name for name in NAMES if validation[name]["validation_perplexity"] is None] == [SKIPPING]
    curves = rows(analysed / "reports/plots/validation_perplexity.csv")
    steps = {int(row["checkpoint"]) for row in curves if row["model"] == SKIPPING}
    assert not steps & set(SKIPPED)
    assert LAST in steps


def test_table_2_lists_and_ends_with_the_checkpoints_that_are_left(analysed: Path) -> None:
    table = {row["model"]: row for row in rows(analysed / "reports/tables/table-02.csv")}
    steps = [int(step) for step in table[SKIPPING]["checkpoint_steps"].split()]
    assert not set(steps) & set(SKIPPED)
    assert int(table[SKIPPING]["checkpoints"]) == len(steps)
    gathered = arrays.read(analysed / "data/scores/tokens.nc").sel(model=SKIPPING, checkpoint=LAST)
    assert float(table[SKIPPING]["validation_perplexity"]) == pytest.approx(
        float(gathered["validation_perplexity"]), rel=1e-5
    )
    assert "| nan" not in (analysed / "reports/tables/table-02.md").read_text(encoding="utf-8")


def test_all_figures_are_drawn_from_the_starts_nearest_to_the_wanted_ones(analysed: Path) -> None:
    assert len(list((analysed / "reports/figures").iterdir())) == 7 * 3
    drawn = (analysed / "reports/figures/figure-10.svg").read_text(encoding="utf-8")
    assert "after 10 % of training" in drawn
    assert "after 30 % of training" in drawn  # 0.4 is wanted; 0.3 and 0.5 are as near
    passage = (analysed / "reports/tables/table-03.html").read_text(encoding="utf-8")
    assert "After 10 % of training" in passage

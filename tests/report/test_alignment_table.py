import csv
import io

import numpy as np
import pytest
import xarray as xr

from made_up_alignment import make_table, value_of
from trajectories.report.alignment_table import alignment_csv, alignment_markdown

SUITES = ("This suite", "Another")


@pytest.fixture(scope="module")
def tables() -> dict[str, xr.Dataset]:
    return {"This suite": make_table(), "Another": make_table((1e6, 16e6))}


@pytest.fixture(scope="module")
def rows(tables: dict[str, xr.Dataset]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(alignment_csv(tables))))


@pytest.fixture(scope="module")
def text(tables: dict[str, xr.Dataset]) -> str:
    return alignment_markdown(tables, sizes={"This suite": 4, "Another": 2})


def test_csv_has_every_measure_on_every_axis_from_every_start(
    tables: dict[str, xr.Dataset], rows: list[dict[str, str]]
) -> None:
    assert len(rows) == sum(table["r_squared"].size for table in tables.values())
    for row in rows:
        measure = f"{row['kind']}: {row['measure']}"
        expected = value_of(tables[row["suite"]], measure, row["axis"], float(row["start"]))
        assert (row["r_squared"] == "") == np.isnan(expected)
        if row["r_squared"]:
            np.testing.assert_allclose(float(row["r_squared"]), expected, rtol=1e-5)
        assert bool(row["reason"]) == np.isnan(expected)


def test_differences_are_from_compute(tables: dict[str, xr.Dataset], rows: list[dict[str, str]]) -> None:
    wanted = {"suite": "This suite", "start": "0", "measure": "all tasks", "axis": "validation_perplexity"}
    (row,) = (row for row in rows if wanted.items() <= row.items())
    pair = tables["This suite"].sel(
        start=0, measure="accuracy: all tasks", axis="validation_perplexity", other="flops"
    )
    np.testing.assert_allclose(float(row["difference_from_compute"]), float(pair["difference"]), rtol=1e-5)
    assert row["best"] == "true"


def test_the_best_axis_is_bold_and_reasons_stand_in_place_of_numbers(text: str) -> None:
    (line, *_) = (line for line in text.splitlines() if line.startswith("| all tasks"))
    assert line.count("**") == 2
    assert line.split("|")[6].strip().startswith("**")
    assert "the measure is constant" in text


def test_each_suite_and_start_has_a_part_that_counts_its_verdicts(text: str) -> None:
    for suite in SUITES:
        assert f"## {suite}: checkpoints of all of training" in text
        assert f"## {suite}: checkpoints after 20 % of training" in text
    assert "Of 2 measures perplexity predicts 1 significantly better than compute and 1" in text
    assert "only 4 (This suite) and 2 (Another)" in text


def test_measures_that_both_have_stand_side_by_side(tables: dict[str, xr.Dataset], text: str) -> None:
    assert text.count("## Side by side") == 2
    part = text.split("## Side by side: checkpoints of all of training")[1].split("##", maxsplit=1)[0]
    rows = [line for line in part.splitlines() if line.startswith("| accuracy: ")]
    assert len(rows) == 2
    cells = [cell.strip(" *") for cell in rows[0].split("|")[2:4]]
    for cell, axis in zip(cells, ("flops", "validation_perplexity"), strict=True):
        assert cell.startswith(f"{value_of(tables['This suite'], 'accuracy: all tasks', axis):.2f} (")


def test_one_suite_or_nothing_in_common_has_no_such_part(tables: dict[str, xr.Dataset]) -> None:
    one = {"This suite": tables["This suite"]}
    assert "Side by side" not in alignment_markdown(one, sizes={"This suite": 4})
    apart = {**one, "Other": tables["Another"].isel(measure=[])}
    assert "Side by side" not in alignment_markdown(apart, sizes={"This suite": 4, "Other": 2})


def test_names_are_not_read_as_markup(text: str) -> None:
    assert r"odd\_one\_out" in text

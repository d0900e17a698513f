import csv

import numpy as np
import pytest
import xarray as xr

from trajectories.report.properties import properties_csv, properties_markdown
from trajectories.trends import property_table


@pytest.fixture(scope="module")
def table(trends: xr.Dataset) -> xr.Dataset:
    return property_table(trends, start=0.1)


def test_csv_holds_every_model_category_and_property(table: xr.Dataset) -> None:
    rows = list(csv.DictReader(properties_csv(table).splitlines()))
    assert len(rows) == table.sizes["model"] * table.sizes["trend"] * table.sizes["property"]
    for row in rows[::37]:
        expected = table.sel(model=row["model"], trend=row["trend"], property=row["property"])
        for name in ("inside", "outside", "effect", "p_corrected"):
            value = float(expected[name])
            assert row[name] == "" if np.isnan(value) else float(row[name]) == pytest.approx(value, rel=1e-5)


def test_markdown_shows_the_smallest_and_the_largest_model(table: xr.Dataset) -> None:
    text = properties_markdown(table)
    assert [line for line in text.splitlines() if line.startswith("## ")] == ["## 0.2M", "## 3.6M"]
    assert "after 10 % of training" in text
    assert properties_markdown(table.isel(model=[0])).count("## ") == 1


def test_large_and_significant_effects_are_bold(table: xr.Dataset) -> None:
    made = table.copy(deep=True)
    for name in ("effect", "p_corrected", "inside"):
        made[name][:] = {"effect": 0.1, "p_corrected": 0.001, "inside": 0.5}[name]
    assert "**" not in properties_markdown(made)
    where = {"model": 0, "trend": 1, "property": 2}
    made["effect"][where] = -0.4
    (line,) = (line for line in properties_markdown(made).splitlines() if "**" in line)
    assert line.startswith(f"| {table['property'].values[2]} ")
    assert line.split("|")[3].strip() == "**50 % (-0.40)**"
    made["p_corrected"][where] = 0.2
    assert "**" not in properties_markdown(made)


def test_an_empty_category_has_no_numbers(trends: xr.Dataset) -> None:
    none_upward = trends.assign(trend=trends["trend"].where(trends["trend"] != 1, 3))
    text = properties_markdown(property_table(none_upward, start=0.1))
    (line,) = (line for line in text.split("## 3.6M")[1].splitlines() if line.startswith("| punctuation"))
    assert line.split("|")[3].strip() == "n/a"

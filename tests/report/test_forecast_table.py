import csv
import io

import numpy as np
import pytest
import xarray as xr

from made_up_alignment import make_forecasts
from trajectories.alignment.forecasts import LAST_VALUE, WAYS
from trajectories.report.forecast_table import forecast_csv, forecast_markdown


@pytest.fixture(scope="module")
def forecasts() -> dict[str, xr.Dataset]:
    return {"This suite": make_forecasts(), "Two sizes": make_forecasts((1e6, 16e6))}


def test_csv_has_every_measure_in_every_way(forecasts: dict[str, xr.Dataset]) -> None:
    rows = list(csv.DictReader(io.StringIO(forecast_csv(forecasts))))
    assert len(rows) == 2 * 2 * len(WAYS)
    for row in rows:
        found = forecasts[row["suite"]].sel(measure=f"{row['kind']}: {row['measure']}", way=row["way"])
        if row["suite"] == "This suite":
            np.testing.assert_allclose(float(row["error"]), float(found["error"]), rtol=1e-5)
            assert int(row["checkpoints"]) == int(found["checkpoints"])
        elif row["way"] != LAST_VALUE:
            assert (row["error"], row["checkpoints"]) == ("", "0")
            assert "at least 2 smaller sizes" in row["reason"]


def test_errors_of_accuracies_are_points_and_the_lowest_is_bold(forecasts: dict[str, xr.Dataset]) -> None:
    text = forecast_markdown(forecasts)
    (line, *_) = (line for line in text.splitlines() if line.startswith("| all tasks"))
    errors = 100 * forecasts["This suite"]["error"].sel(measure="accuracy: all tasks").values
    cells = [cell.strip() for cell in line.split("|")[2:6]]
    assert [cell.strip("*") for cell in cells] == [f"{error:.1f}" for error in errors]
    assert [cell.startswith("**") for cell in cells] == [bool(error == errors.min()) for error in errors]


def test_too_few_sizes_say_so(forecasts: dict[str, xr.Dataset]) -> None:
    assert "needs at least 2 smaller sizes" in forecast_markdown({"Two": forecasts["Two sizes"]})

import csv
import io

import numpy as np
import pytest
import xarray as xr

from curves import make_axes
from trajectories.alignment.scaling import fit_power_laws
from trajectories.report.power_law_table import power_laws_csv, power_laws_markdown


@pytest.fixture(scope="module")
def fits() -> dict[str, xr.Dataset]:
    axes = make_axes()
    return {
        "Made up": fit_power_laws(axes, resamples=20),
        "Two sizes": fit_power_laws(axes.isel(model=[0, 3]), resamples=20),
    }


def test_csv_has_the_joint_constants_and_the_exponents_of_each_size(fits: dict[str, xr.Dataset]) -> None:
    rows = list(csv.DictReader(io.StringIO(power_laws_csv(fits))))
    joint = {
        row["constant"]: float(row["estimate"])
        for row in rows
        if (row["suite"], row["form"], row["model"]) == ("Made up", "hoffmann", "")
    }
    np.testing.assert_allclose([joint["alpha"], joint["beta"]], [0.15, 0.3], rtol=0.1)  # of the curves
    exponents = [row for row in rows if row["suite"] == "Made up" and row["constant"] == "exponent"]
    assert {row["model"] for row in exponents} == {f"size-{place}" for place in range(4)}


def test_too_few_sizes_have_a_reason_in_place_of_constants(fits: dict[str, xr.Dataset]) -> None:
    rows = list(csv.DictReader(io.StringIO(power_laws_csv({"Two sizes": fits["Two sizes"]}))))
    reasons = {row["reason"] for row in rows if not row["model"]}
    assert reasons == {str(fits["Two sizes"]["joint_reason"].values[0])}
    assert reasons != {""}
    assert reasons.pop() in power_laws_markdown({"Two sizes": fits["Two sizes"]})


def test_a_page_has_both_forms_and_every_size(fits: dict[str, xr.Dataset]) -> None:
    text = power_laws_markdown({"Made up": fits["Made up"]})
    assert "Hoffmann et al. (2022)" in text
    assert "Kaplan et al. (2020)" in text
    for label in fits["Made up"]["label"].values:
        assert f"| {label!s} ".replace("+", r"+") in text

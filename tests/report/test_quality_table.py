import csv
import json

import numpy as np
import pytest
import xarray as xr

from judged_texts import CONFIGURATIONS, LENGTHS, METHODS
from trajectories.report.quality_table import open_ended_markdown, quality_csv, quality_markdown

SETS = ("configuration", "method", "new_tokens")


@pytest.fixture
def quality() -> xr.Dataset:
    rng = np.random.default_rng(2)
    shape = (len(CONFIGURATIONS), len(METHODS), len(LENGTHS))
    quality = xr.Dataset(
        {
            "mauve": ((*SETS, "seed"), rng.uniform(size=(*shape, 3))),
            "distinct": ((*SETS, "n"), rng.uniform(size=(*shape, 4))),
            "longest_repeat": (SETS, rng.uniform(0, 40, shape)),
            "mean_tokens": (SETS, rng.uniform(0, 50, shape)),
            "ended": (SETS, rng.uniform(size=shape)),
            "texts": (SETS, np.full(shape, 24)),
            "reference_distinct": (("new_tokens", "n"), rng.uniform(size=(len(LENGTHS), 4))),
            "reference_longest_repeat": ("new_tokens", [1.5, 2.5]),
            "reference_mean_tokens": ("new_tokens", [50.0, 98.0]),
        },
        coords={
            "configuration": list(CONFIGURATIONS),
            "method": list(METHODS),
            "new_tokens": list(LENGTHS),
            "seed": [0, 1, 2],
            "n": [1, 2, 3, 4],
        },
        attrs={"features": "4.3M", "mauve_missing": "{}"},
    )
    quality["mauve"][1, 0, 0] = [0.25, 0.5, 0.75]
    return quality


def test_csv_holds_every_number(quality: xr.Dataset) -> None:
    rows = list(csv.DictReader(quality_csv(quality).splitlines()))
    assert len(rows) == len(CONFIGURATIONS) * len(METHODS) * len(LENGTHS) + len(LENGTHS)
    for row in rows[: -len(LENGTHS)]:
        of_set = quality.sel(
            {
                "configuration": row["configuration"],
                "method": row["method"],
                "new_tokens": int(row["new_tokens"]),
            }
        )
        assert float(row["mauve"]) == pytest.approx(float(of_set["mauve"].mean()), rel=1e-5)
        assert float(row["mauve_deviation"]) == pytest.approx(float(of_set["mauve"].std(ddof=1)), rel=1e-5)
        assert float(row["distinct_3"]) == pytest.approx(float(of_set["distinct"].sel(n=3)), rel=1e-5)
        for name in ("longest_repeat", "mean_tokens", "ended", "texts"):
            assert float(row[name]) == pytest.approx(float(of_set[name]), rel=1e-5)
    assert [row["configuration"] for row in rows[-2:]] == ["documents"] * 2
    assert [row["mean_tokens"] for row in rows[-2:]] == ["50", "98"]


def test_table_4_has_decoders_down_and_methods_across(quality: xr.Dataset) -> None:
    text = open_ended_markdown(quality.isel(new_tokens=[0]))
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert [cell.strip() for cell in lines[0].split("|")[1:-1]] == ["MAUVE", *METHODS]
    assert [cell.strip() for cell in lines[3].split("|")[1:3]] == ["$p_l$", "0.500 ± 0.250"]
    assert "hidden states of 4.3M" in text
    assert "over 3 seeds" in text.replace("\n", " ")
    assert "No MAUVE" not in text


def test_markdown_has_a_table_per_length_that_ends_with_the_documents(quality: xr.Dataset) -> None:
    text = quality_markdown(quality)
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## Up to 50 new tokens",
        "## Up to 100 new tokens",
    ]
    documents = [line for line in text.splitlines() if line.startswith("| documents")]
    assert [line.split("|")[6].strip() for line in documents] == ["50.0", "98.0"]


def test_missing_scores_say_why(quality: xr.Dataset) -> None:
    quality["mauve"][0, 0, 1] = np.nan
    quality["distinct"][0, 0, 1] = np.nan
    reasons = {"p_s - p_l, greedy, 100 tokens": "MAUVE needs at least 20 texts"}
    text = quality_markdown(quality.assign_attrs(mauve_missing=json.dumps(reasons)))
    assert text.endswith("No MAUVE for 1 set: MAUVE needs at least 20 texts\n")
    assert text.count("n/a") == 2
    (row,) = (line for line in quality_csv(quality).splitlines() if line.startswith("p_s - p_l,greedy,100"))
    assert row.split(",")[4:10] == [""] * 6


def test_models_of_one_label_are_told_apart_by_their_names(quality: xr.Dataset) -> None:
    seeds = quality.assign_coords(
        configuration=["4.3M", "4.3M", "4.3M - 0.2M"],
        large=("configuration", ["opt-l", "opt-l-2", "opt-l"]),
        small=("configuration", ["", "", "opt-s"]),
    )
    text = open_ended_markdown(seeds)
    for name in ("4.3M (opt-l)", "4.3M (opt-l-2)", "4.3M - 0.2M"):
        assert f"| {name} " in text
    assert "0.500 ± 0.250" in next(line for line in text.splitlines() if line.startswith("| 4.3M (opt-l-2)"))
    rows = list(csv.DictReader(quality_csv(seeds).splitlines()))
    assert len({row["configuration"] for row in rows}) == 4


def test_one_seed_has_no_deviation(quality: xr.Dataset) -> None:
    text = quality_markdown(quality.isel(seed=[0]))
    assert "±" not in text
    rows = list(csv.DictReader(quality_csv(quality.isel(seed=[0])).splitlines()))
    assert {row["mauve_deviation"] for row in rows} == {""}

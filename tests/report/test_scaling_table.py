import csv
import json

import numpy as np
import pytest
import xarray as xr

from judged_texts import CONFIGURATIONS, METHODS, SOURCES, make_judged
from trajectories.generation.inverse_scaling import TRENDS, size_trends
from trajectories.generation.trajectory_shapes import SHAPES, trajectory_shapes
from trajectories.report.scaling_table import scaling_markdown, shapes_csv, trends_csv
from trajectories.report.sequence_metrics import sequence_metrics


@pytest.fixture(scope="module")
def trends() -> xr.Dataset:
    return size_trends(make_judged(), resamples=50)


@pytest.fixture(scope="module")
def shapes() -> xr.Dataset:
    return trajectory_shapes(make_judged(), resamples=50)


def table_line(text: str, begin: str) -> list[str]:
    """Cells of the first row that begins so."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {begin}"))
    return [cell.strip() for cell in line.split("|")[1:-1]]


def test_csv_of_trends_holds_every_number(trends: xr.Dataset) -> None:
    rows = list(csv.DictReader(trends_csv(trends).splitlines()))
    assert len(rows) == trends["slope"].size
    for row, of_set in zip(rows, (cell for of in range(15) for cell in _cells(trends, of)), strict=True):
        assert row["verdict"] == of_set["verdict"].item()
        assert row["reason"] == of_set["reason"].item()
        for name in ("slope", "slope_low", "kendall_tau"):
            value = float(of_set[name])
            assert row[name] == "" if np.isnan(value) else float(row[name]) == pytest.approx(value, rel=1e-5)


def _cells(trends: xr.Dataset, index: int) -> list[xr.Dataset]:
    return [trends.isel(set=index, family=family) for family in range(trends.sizes["family"])]


def test_csv_of_shapes_holds_every_number(shapes: xr.Dataset) -> None:
    rows = list(csv.DictReader(shapes_csv(shapes).splitlines()))
    assert len(rows) == shapes["fall"].size
    (row,) = (
        row
        for row in rows
        if (row["configuration"], row["method"], row["new_tokens"]) == ("p_s - p_l", "greedy", "50")
        and row["model"] == "opt-l"
    )
    found = shapes.sel(set="p_s - p_l, greedy, 50", model="opt-l")
    assert row["verdict"] == "falls then rises"
    for name in ("fall", "rise_low", "turning_flops", "turning_validation_perplexity_high", "texts"):
        assert float(row[name]) == pytest.approx(float(found[name]), rel=1e-5)


def test_markdown_has_a_table_per_family_without_what_it_does_not_judge(
    trends: xr.Dataset, shapes: xr.Dataset
) -> None:
    text = scaling_markdown(trends, shapes)
    opt, neox = text.split("## Along training")[0].split("### Family")[1:]
    assert opt.startswith(" opt, 3 sizes")
    assert neox.startswith(" neox, 2 sizes: differences")
    assert "clean" in opt
    assert "clean" not in neox
    cells = table_line(opt, "$p_s$ - $p_l$, greedy, 50")
    slope = float(trends["slope"].sel(set="p_s - p_l, greedy, 50", family="opt"))
    assert (cells[1:3], cells[-1]) == (["24", f"{slope:+.2f}"], "**inverse**")
    assert "Kendall" in opt
    assert "Kendall" not in neox


def test_markdown_leaves_out_a_family_that_judged_nothing(trends: xr.Dataset, shapes: xr.Dataset) -> None:
    text = scaling_markdown(trends.sel(set=["clean", "replace-1"]), shapes)
    assert text.count("### Family") == 1


def test_markdown_says_what_single_models_rest_on(trends: xr.Dataset, shapes: xr.Dataset) -> None:
    cut = json.dumps({"opt-s": 0, "neox-s": 9})
    text = scaling_markdown(trends.assign_attrs(texts_cut=cut), shapes)
    assert "0.2M counts with its last checkpoint, at 95% of training.\n" in text
    assert "neox 0.2M: 9 texts were too long for its context and lose their end.\n" in text
    assert "0.2M: 0 texts" not in text


def test_seeds_of_one_size_are_told_apart(trends: xr.Dataset, shapes: xr.Dataset) -> None:
    seeds = shapes.assign_coords(
        label=("model", ["0.2M", "4.3M", "4.3M", "0.9M", "0.9M"]), seed=("model", [42, 1, 2, np.nan, np.nan])
    )
    header = table_line(scaling_markdown(trends, seeds).split("## Along training")[1], "texts")
    assert header[2:] == ["0.2M", "4.3M seed 1", "4.3M seed 2", "neox 0.9M (neox-s)", "neox 0.9M (neox-l)"]


def test_markdown_tells_shapes_and_where_they_turn(trends: xr.Dataset, shapes: xr.Dataset) -> None:
    _, along = scaling_markdown(trends, shapes).split("## Along training")
    before, turning = along.split("## Where trajectories turn")
    header = table_line(before, "texts")
    assert header[1:] == ["number", "0.2M", "1.4M", "4.3M", "neox 0.2M", "neox 0.9M"]
    cells = dict(zip(header, table_line(before, "$p_s$ - $p_l$, greedy, 50"), strict=True))
    assert cells["number"] == "24"
    assert cells["0.2M"].startswith("falls (↓ ")
    assert cells["4.3M"].startswith("**falls then rises** (↓ ")
    assert table_line(before, "clean")[-1] == "not judged"
    assert table_line(turning, "$p_s$ - $p_l$, greedy, 50")[1:3] == ["1.4M", "250"]
    assert "-0.00" not in along


def test_markdown_without_turns_says_so(trends: xr.Dataset, shapes: xr.Dataset) -> None:
    falling = shapes.sel(set=["clean", "p_l, greedy, 50"])
    assert "No trajectory falls and then rises." in scaling_markdown(trends, falling)


def test_metrics_are_of_the_analysed_family_at_the_shortest_length(
    trends: xr.Dataset, shapes: xr.Dataset
) -> None:
    numbers = sequence_metrics(trends, shapes)
    assert list(numbers) == [f"{c}, {m}, 50" for c in CONFIGURATIONS for m in METHODS] + ["corrupted"]
    inverse = numbers["p_s - p_l, greedy, 50"]
    assert inverse["verdict"] == "inverse"
    assert (inverse["falls"], inverse["falls then rises"]) == (1, 2)
    assert sum(inverse[name] for name in SHAPES) == 3
    assert inverse["slope"] == pytest.approx(
        float(trends["slope"].sel(set="p_s - p_l, greedy, 50", family="opt")), rel=1e-5
    )
    assert numbers["corrupted"] == dict.fromkeys(TRENDS, 0) | {"normal": len(SOURCES)}
    json.dumps(numbers, allow_nan=False)


def test_metrics_of_too_few_texts_are_none() -> None:
    few = make_judged(texts=7)
    numbers = sequence_metrics(size_trends(few, resamples=5), trajectory_shapes(few, resamples=5))
    assert numbers["p_l, greedy, 50"]["slope"] is None
    assert numbers["p_l, greedy, 50"]["unmeasured"] == 3


def test_metrics_without_generated_texts_are_of_corruptions_alone() -> None:
    scores = make_judged(texts=5)
    scores = scores.isel(sequence=np.flatnonzero(scores["source"].values != "generated"))
    numbers = sequence_metrics(size_trends(scores, resamples=5), trajectory_shapes(scores, resamples=5))
    assert list(numbers) == ["corrupted"]


def test_metrics_of_another_family_are_refused(trends: xr.Dataset, shapes: xr.Dataset) -> None:
    with pytest.raises(ValueError, match="analysed family 'gpt'; there are those of opt, neox"):
        sequence_metrics(trends.assign_attrs(family="gpt"), shapes)

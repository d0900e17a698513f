"""Stamps survive in every kind of file; the same result is the same bytes."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from trajectories import arrays
from trajectories.provenance import NoStamp, Stamp, annotate, read_stamp, save_figure, save_table

# What could end a comment, a string of a PDF file or a line of CSV, and what is no ASCII.
NASTY = "--> --- \\ \\\\) (( ) <b>&amp; \r\n \"quoted\" 'é' \ufffd ]]> # \U0001f600"
STAMP: Stamp = {
    "inputs": {"data/scores/tokens.nc": "0" * 32},
    "parameters": {"corpus.path": NASTY, "trends.start": [0.1, 0.2], "figures.small": None},
    "code": {},
    "packages": {"numpy": "2.0"},
}
DRAW = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path(sys.argv[1])))
from test_carriers import STAMP, draw
from trajectories.provenance import save_figure
save_figure(draw(), Path(sys.argv[2]) / "figure", STAMP)
"""


def draw() -> Figure:
    figure = Figure(figsize=(3, 2))
    axes = figure.subplots()
    axes.plot([1, 2, 3], [3, 1, 2], marker="o", label="opt")
    axes.fill_between([1, 2, 3], [2, 1, 1], alpha=0.2, hatch="//")
    axes.set(xlabel="$10^{20}$ FLOPs", title="Perplexity")
    axes.legend()
    return figure


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_a_figure_carries_its_stamp(kind: str, tmp_path: Path) -> None:
    paths = save_figure(draw(), tmp_path / "figures" / "figure-01", STAMP)
    assert [path.name for path in paths] == ["figure-01.png", "figure-01.svg", "figure-01.pdf"]
    assert read_stamp(tmp_path / "figures" / f"figure-01.{kind}") == STAMP


@pytest.mark.parametrize("kind", ["csv", "md", "html"])
@given(value=st.text() | st.just(NASTY))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_table_carries_any_stamp(kind: str, value: str, tmp_path: Path) -> None:
    stamp = {**STAMP, "parameters": {value: [value]}}
    path = save_table("<p>one</p>\n", tmp_path / f"table.{kind}", stamp)
    assert read_stamp(path) == stamp
    assert "<p>one</p>\n" in path.read_text(encoding="utf-8")
    if kind != "csv":
        assert path.read_text(encoding="utf-8").count("--") == 2


def test_a_dataset_carries_its_inputs_and_parameters(tmp_path: Path) -> None:
    dataset = xr.Dataset({"slope": ("token", [0.1, 0.2])}, attrs={"title": "slopes"})
    arrays.write(annotate(dataset, STAMP), tmp_path / "trends.nc")
    carried = {key: STAMP[key] for key in ("inputs", "parameters")}
    assert read_stamp(tmp_path / "trends.nc") == carried
    assert arrays.read(tmp_path / "trends.nc").attrs["title"] == "slopes"
    assert "provenance" not in dataset.attrs


def test_a_stamped_csv_file_reads_as_a_table(tmp_path: Path) -> None:
    path = save_table("model,share\nopt,0.5\n", tmp_path / "table.csv", STAMP)
    assert pd.read_csv(path, comment="#").to_dict("list") == {"model": ["opt"], "share": [0.5]}


def test_drawing_again_gives_the_same_bytes_also_in_another_process(tmp_path: Path) -> None:
    first = [path.read_bytes() for path in save_figure(draw(), tmp_path / "here" / "figure", STAMP)]
    again = [path.read_bytes() for path in save_figure(draw(), tmp_path / "again" / "figure", STAMP)]
    command = [sys.executable, "-c", DRAW, str(Path(__file__).parent), str(tmp_path)]
    subprocess.run(command, check=True)
    there = [(tmp_path / f"figure.{kind}").read_bytes() for kind in ("png", "svg", "pdf")]
    assert first == again
    assert first == there


def test_another_stamp_changes_the_file_and_nothing_else_of_it(tmp_path: Path) -> None:
    one = save_table("a\n", tmp_path / "one.csv", STAMP).read_text()
    two = save_table("a\n", tmp_path / "two.csv", {**STAMP, "code": {"a.py": "1"}}).read_text()
    assert one != two
    assert one.splitlines()[1:] == two.splitlines()[1:]


class FullDisk(Figure):
    """Writes half a file before the disk is full."""

    def savefig(self, fname: Path, **_: object) -> None:  # type: ignore[override]
        fname.write_bytes(b"half")
        raise OSError(28, "No space left on device")


def test_a_full_disk_leaves_the_old_figure_and_no_half_one(tmp_path: Path) -> None:
    old = save_figure(draw(), tmp_path / "figure", STAMP)[0].read_bytes()
    with pytest.raises(OSError, match=r"could not write .*figure\.png.*No space left.*unchanged"):
        save_figure(FullDisk(), tmp_path / "figure", STAMP)
    assert (tmp_path / "figure.png").read_bytes() == old
    assert len(list(tmp_path.iterdir())) == 3


def test_a_table_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.csv, \.md or \.html, got .*table\.txt"):
        save_table("", tmp_path / "table.txt", STAMP)


@pytest.mark.parametrize("name", ["plain.csv", "plain.md", "plain.svg", "plain.pdf", "plain.json"])
def test_a_file_without_a_stamp_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("<svg/>")
    with pytest.raises(NoStamp, match=rf"{name} carries no stamp"):
        read_stamp(tmp_path / name)


def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"figure\.png does not exist; .*dvc repro"):
        read_stamp(tmp_path / "figure.png")

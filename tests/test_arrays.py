"""Stored datasets: labelled, byte-stable, whole or not at all."""

import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from trajectories import arrays


@pytest.fixture
def dataset() -> xr.Dataset:
    generator = np.random.default_rng(0)
    return xr.Dataset(
        {
            "log_likelihood": (("checkpoint", "token"), generator.normal(size=(3, 5)).astype("float32")),
            "trend": (
                "token",
                np.array([0, 1, 2, 3, np.nan], "float32"),
                {"flag_values": np.arange(4, dtype="int8"), "flag_meanings": "a b c d"},
            ),
        },
        coords={"checkpoint": [1, 2, 4], "token_text": ("token", [" a", "\n", "é", "�", ""])},
    )


def test_what_is_read_is_what_was_written(dataset: xr.Dataset, tmp_path: Path) -> None:
    arrays.write(dataset, tmp_path / "scores.nc")
    again = arrays.read(tmp_path / "scores.nc")
    xr.testing.assert_equal(again, dataset)
    assert again["log_likelihood"].dtype == "float32"
    assert again["log_likelihood"].attrs["units"] == "nats"


def test_flags_are_stored_as_bytes_and_missing_stays_missing(dataset: xr.Dataset, tmp_path: Path) -> None:
    arrays.write(dataset, tmp_path / "trends.nc")
    with xr.open_dataset(tmp_path / "trends.nc", mask_and_scale=False) as stored:
        assert stored["trend"].dtype == "int8"
        assert stored["trend"].values[-1] == arrays.MISSING_FLAG


def test_writing_twice_gives_the_same_bytes(dataset: xr.Dataset, tmp_path: Path) -> None:
    arrays.write(dataset, tmp_path / "one.nc")
    time.sleep(1.1)  # files that hold the time of day hold it in seconds
    arrays.write(dataset.copy(deep=True), tmp_path / "two.nc")
    assert (tmp_path / "one.nc").read_bytes() == (tmp_path / "two.nc").read_bytes()


def test_a_full_disk_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a small tmpfs")
    try:
        small = xr.Dataset({"log_likelihood": ("token", np.zeros(10, "float32"))})
        arrays.write(small, disk / "scores.nc")
        before = (disk / "scores.nc").read_bytes()
        noise = np.random.default_rng(0).normal(size=500_000).astype("float32")
        with pytest.raises(OSError, match=r"could not write .*scores\.nc.*unchanged"):
            arrays.write(xr.Dataset({"log_likelihood": ("token", noise)}), disk / "scores.nc")
        assert [path.name for path in disk.iterdir()] == ["scores.nc"]
        assert (disk / "scores.nc").read_bytes() == before
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_missing_or_broken_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"tokens\.nc does not exist.*dvc repro"):
        arrays.read(tmp_path / "tokens.nc")
    (tmp_path / "broken.nc").write_bytes(b"CDF no more")
    with pytest.raises(OSError, match=r"broken\.nc is not a readable netCDF"):
        arrays.read(tmp_path / "broken.nc")


def test_a_missing_dimension_is_named() -> None:
    with pytest.raises(ValueError, match=r"perplexity needs .*checkpoint.* got \('token',\)"):
        arrays.require(xr.DataArray(np.zeros(3), dims="token"), "checkpoint", "token", what="perplexity")

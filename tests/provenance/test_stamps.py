"""A stamp holds what a result was made from, by paths that every clone has."""

import enum
import platform
from importlib import metadata
from pathlib import Path

import pytest

from trajectories.provenance import md5, stamp

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _in_a_folder_with_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one.nc", "two.nc"):
        Path(name).write_text(name)


def test_inputs_are_hashed_under_relative_paths(tmp_path: Path) -> None:
    stamped = stamp(inputs=[tmp_path / "two.nc", "one.nc"], parameters={})
    assert stamped["inputs"] == {"one.nc": md5("one.nc"), "two.nc": md5("two.nc")}


def test_the_order_of_inputs_does_not_matter() -> None:
    one = stamp(inputs=["one.nc", "two.nc"], parameters={"a": 1, "b": 2})
    assert one == stamp(inputs=["two.nc", "one.nc"], parameters={"b": 2, "a": 1})


def test_code_is_every_loaded_module_by_its_path_in_the_repository() -> None:
    code = stamp(inputs=[], parameters={})["code"]
    assert code["src/trajectories/provenance/stamps.py"] == md5(
        ROOT / "src/trajectories/provenance/stamps.py"
    )
    assert all(md5(ROOT / path) == recorded for path, recorded in code.items())


def test_packages_are_those_that_are_loaded_with_their_versions() -> None:
    packages = stamp(inputs=[], parameters={})["packages"]
    assert packages["python"] == platform.python_version()
    assert packages["numpy"] == metadata.version("numpy")


def test_an_input_outside_the_repository_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path.parent / "elsewhere.nc", Path("../elsewhere.nc")):
        with pytest.raises(ValueError, match=r"elsewhere\.nc lies outside"):
            stamp(inputs=[path], parameters={})


def test_a_missing_input_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"three\.nc"):
        stamp(inputs=["three.nc"], parameters={})


def test_a_parameter_that_is_not_plain_is_named() -> None:
    with pytest.raises(ValueError, match=r"parameter trends is no plain value.*config\.values"):
        stamp(inputs=[], parameters={"trends": enum.Enum("Regressor", ["index"])})

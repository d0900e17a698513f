import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trajectories.publications.pickles import read_pickle, write_pickle

KINDS = st.one_of(
    hnp.floating_dtypes(sizes=(16, 32, 64)),
    hnp.integer_dtypes(),
    hnp.unsigned_integer_dtypes(),
    hnp.floating_dtypes(endianness=">", sizes=(32, 64)),
)
TREES = st.recursive(
    st.one_of(st.text(), st.integers(-(2**40), 2**40), st.floats(allow_nan=False), st.none()),
    lambda inner: st.one_of(
        st.lists(inner), st.dictionaries(st.one_of(st.text(), st.integers(0, 9**9)), inner)
    ),
    max_leaves=8,
)


def refusal(path: Path) -> ValueError | None:
    try:
        read_pickle(path)
    except ValueError as error:
        return error
    return None


class Touch:
    """Creates a file when it is unpickled without care."""

    def __init__(self, path: Path, call: object = os.system) -> None:
        self.path, self.call = path, call

    def __reduce__(self) -> tuple:
        return self.call, (f"touch {self.path}",) if self.call is os.system else (
            f"open('{self.path}', 'w')",
        )


@given(array=hnp.arrays(KINDS, hnp.array_shapes(min_dims=0, min_side=0)), fortran=st.booleans())
def test_arrays_of_numbers_come_back_as_torch_saved_them(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, fortran: bool
) -> None:
    path = tmp_path_factory.mktemp("arrays") / "a.pt"
    ordered = np.asfortranarray(array) if fortran else array
    torch.save({"x": ordered}, path)
    found = read_pickle(path)["x"]
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@given(tree=TREES)
def test_what_is_written_comes_back(tmp_path_factory: pytest.TempPathFactory, tree: object) -> None:
    path = tmp_path_factory.mktemp("trees") / "a.pt"
    write_pickle({"x": tree}, path)
    assert read_pickle(path) == torch.load(path, weights_only=True) == {"x": tree}


def test_numpy_scalars_and_tensors_are_read_as_numbers_and_arrays(tmp_path: Path) -> None:
    torch.save(
        {2: np.float64(0.5), "n": np.int64(3), "t": torch.arange(6.0).reshape(2, 3)}, tmp_path / "a.pt"
    )
    found = read_pickle(tmp_path / "a.pt")
    assert found[2] == 0.5
    assert type(found["n"]) is int
    np.testing.assert_array_equal(found["t"], [[0, 1, 2], [3, 4, 5]])


def test_files_of_numpy_1_are_read(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"x": np.arange(6.0).reshape(2, 3), "y": np.float32(1.5)}, buffer)
    with zipfile.ZipFile(buffer) as new, zipfile.ZipFile(tmp_path / "old.pt", "w") as old:
        for name in new.namelist():
            old.writestr(name, new.read(name).replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    found = read_pickle(tmp_path / "old.pt")
    np.testing.assert_array_equal(found["x"], [[0, 1, 2], [3, 4, 5]])
    assert found["y"] == 1.5


def test_files_of_old_torch_are_read(tmp_path: Path) -> None:
    torch.save({"x": np.arange(3)}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    np.testing.assert_array_equal(read_pickle(tmp_path / "old.pt")["x"], [0, 1, 2])


@pytest.mark.parametrize("call", [os.system, eval, exec])
def test_nothing_in_a_malicious_file_is_run(tmp_path: Path, call: object) -> None:
    created = tmp_path / "created"
    torch.save({"opt_125m": Touch(created, call)}, tmp_path / "bad.pt")
    with pytest.raises(
        ValueError, match=r"bad\.pt is not read, and nothing in it was run: .*(system|eval|exec)"
    ):
        read_pickle(tmp_path / "bad.pt")
    assert not created.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_plain_pickle_is_refused_and_not_run(tmp_path: Path, protocol: int) -> None:
    created = tmp_path / "created"
    (tmp_path / "bad.pt").write_bytes(pickle.dumps({"a": Touch(created)}, protocol=protocol))
    with pytest.raises(ValueError, match=r"bad\.pt is not read, and nothing in it was run: "):
        read_pickle(tmp_path / "bad.pt")
    assert not created.exists()


@pytest.mark.parametrize(
    "array",
    [
        np.array([{}, None], dtype=object),
        np.array(["a", "b"]),
        np.array(["2020-01-01"], dtype="datetime64[D]"),
        np.zeros(2, dtype=[("a", "f4")]),
        np.array([1j]),
        np.array([True]),
        np.ma.masked_array([1.0]),
    ],
)
def test_arrays_of_anything_but_numbers_are_refused(tmp_path: Path, array: np.ndarray) -> None:
    torch.save({"x": array}, tmp_path / "bad.pt")
    with pytest.raises(ValueError, match=r"bad\.pt is not read, and nothing in it was run: "):
        read_pickle(tmp_path / "bad.pt")


@pytest.mark.parametrize("content", [{1, 2}, b"bytes", Path("a"), range(3), {"x": {"y": 1j}}])
def test_values_of_other_kinds_are_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "bad.pt")
    with pytest.raises(ValueError, match=r"bad\.pt is not read, .*; needed is a file that torch\.save wrote"):
        read_pickle(tmp_path / "bad.pt")


def test_the_advice_to_trust_the_file_is_not_repeated(tmp_path: Path) -> None:
    for call, reason in {
        os.system: "Trying to load unsupported GLOBAL posix.system whose module posix is blocked;",
        eval: "Unsupported global: GLOBAL eval was not an allowed global by default;",
    }.items():
        torch.save(Touch(tmp_path / "created", call), tmp_path / "bad.pt")
        with pytest.raises(ValueError, match=f"nothing in it was run: {reason}") as caught:
            read_pickle(tmp_path / "bad.pt")
        assert "weights_only" not in str(caught.value)
        assert "add_safe_globals" not in str(caught.value)


@given(cut=st.floats(0, 1), flipped=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=3))
def test_a_damaged_file_is_an_error_that_names_it(
    tmp_path_factory: pytest.TempPathFactory, cut: float, flipped: list[tuple[float, int]]
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "bad.pt"
    torch.save({"x": np.arange(50.0), "y": [1, "a"]}, path, _use_new_zipfile_serialization=False)
    damaged = bytearray(path.read_bytes()[: int(cut * path.stat().st_size)])
    for place, value in flipped:
        if damaged:
            damaged[int(place * len(damaged))] = value
    path.write_bytes(bytes(damaged))
    assert refusal(path) is None or str(path) in str(refusal(path))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.pt does not exist; correct the path"):
        read_pickle(tmp_path / "gone.pt")


def test_the_same_values_are_the_same_bytes_whatever_the_file_is_called(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_pickle({"x": np.arange(3.0)}, tmp_path / f"{name}.pt")
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()


def test_reading_leaves_no_safe_global_behind(tmp_path: Path) -> None:
    write_pickle({"x": np.arange(3.0)}, tmp_path / "a.pt")
    before = set(torch.serialization.get_safe_globals())
    read_pickle(tmp_path / "a.pt")
    assert set(torch.serialization.get_safe_globals()) == before

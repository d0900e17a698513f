from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from archive_files import MODELS
from hypothesis import given
from hypothesis import strategies as st

from trajectories.publications import published, read_table
from trajectories.publications.collection import FOLDER

HEADER = "figure,quantity,task,subset,trend,start,model,checkpoint,evaluation,value"
ROWS = (
    "1,validation_perplexity,,,,,opt-125m,1000,,57.5",
    "1,validation_perplexity,,,,,opt-1_3b,2000,,30",
    "8,accuracy,snarks,,,,opt-125m,2000,,0.25",
    "2,share,,,upward,0.1,opt-1_3b,,,0.094",
)


def write(folder: Path, *rows: str, header: str = HEADER, comment: str = "# From nowhere.") -> Path:
    path = folder / "numbers.csv"
    path.write_text("\n".join([comment, header, *rows]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("row", "column", "message"),
    [
        (
            "1,validation_perplexity,,,,,opt-1.3b,1000,,5",
            "model",
            r"there is no model 'opt-1.3b'; known are opt-125m, .*; write one .*, or tell of it in `models`",
        ),
        (
            "1,loss,,,,,opt-125m,1000,,5",
            "quantity",
            r"there is no quantity 'loss'; known are validation_perplexity, .*; write one of them",
        ),
        (
            "8,accuracy,snark,,,,opt-125m,1000,,0.5",
            "task",
            r"there is no task 'snark'; known are all, .*snarks",
        ),
        (
            "3,subset_perplexity,,rising,,,opt-125m,1000,,5",
            "subset",
            r"there is no subset 'rising'; known are stagnated in opt-1_3b, upward in opt-1_3b",
        ),
        (
            "2,share,,,rising,0.1,opt-125m,,,0.5",
            "trend",
            r"there is no trend 'rising'; known are stagnated, upward, downward, other",
        ),
        (
            "1,validation_perplexity,,,,,opt-125m,1000,,many",
            "value",
            r"a number is needed, got 'many'; write it with a decimal point",
        ),
        ("1,validation_perplexity,,,,,opt-125m,1000,,nan", "value", r"a number is needed, got 'nan'"),
        (
            "1,validation_perplexity,,,,,opt-125m,1000,,0",
            "value",
            r"a perplexity is above 0, got 0; leave out the row",
        ),
        (
            "1,validation_perplexity,,,,,opt-125m,1000,,-1",
            "value",
            r"a perplexity is above 0, got -1; leave out the row",
        ),
        (
            "2,share,,,upward,0.1,opt-125m,,,9.4",
            "value",
            r"a fraction from 0 to 1 is needed, got 9.4; divide percent by 100",
        ),
        ("8,accuracy,snarks,,,,opt-125m,1000,,-0.5", "value", r"a fraction from 0 to 1 is needed, got -0.5"),
        (
            "2,share,,,upward,10,opt-125m,,,0.1",
            "start",
            r"a fraction from 0 to 1 is needed, got 10; divide percent by 100",
        ),
        (
            "1,validation_perplexity,,,,,opt-125m,1e3,,5",
            "checkpoint",
            r"a whole number is needed, got '1e3'; write it in digits",
        ),
        ("1,validation_perplexity,,,,,opt-125m,,,5", "checkpoint", r"a whole number is needed, got ''"),
        (
            "1,validation_perplexity,snarks,,,,opt-125m,1000,,5",
            "task",
            r"validation_perplexity has none, got 'snarks'; leave it empty",
        ),
        (
            "1,validation_perplexity,,,,,opt-125m,1000,5",
            "",
            r"needs 10 cells, as the header; add or remove commas",
        ),
        (
            "1,validation_perplexity,,,,,opt-125m,1000,,5,6",
            "",
            r"needs 10 cells, as the header; add or remove commas",
        ),
    ],
)
def test_a_cell_that_cannot_be_used_is_named_with_its_remedy(
    tmp_path: Path, row: str, column: str, message: str
) -> None:
    place = "line 3" + (f", column '{column}'" if column else "")
    with pytest.raises(ValueError, match=rf"numbers\.csv, {place}: {message}"):
        read_table(write(tmp_path, row))


@pytest.mark.parametrize("column", HEADER.split(","))
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    frame = pd.read_csv(write(tmp_path, *ROWS), comment="#").drop(columns=column)
    path = write(tmp_path, *frame.to_csv(index=False).splitlines()[1:], header=",".join(frame))
    with pytest.raises(
        ValueError, match=rf"numbers\.csv, line 2: the header lacks {column}; write the columns"
    ):
        read_table(path)


def test_a_value_that_is_there_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    message = (
        r"csv, line 7, .* accuracy of snarks, opt-125m, 2000 is also at .*numbers.csv, line 5; remove one"
    )
    with pytest.raises(ValueError, match=message):
        read_table(write(tmp_path, *ROWS, ROWS[2]))


def test_of_several_evaluations_the_last_counts_whatever_the_order_of_rows(tmp_path: Path) -> None:
    rows = ["1,validation_perplexity,,,,,opt-125m,1000,2,8", "1,validation_perplexity,,,,,opt-125m,1000,,9"]
    for ordered in (rows, rows[::-1]):
        assert read_table(write(tmp_path, *ordered))["validation_perplexity"].item() == 8


def test_a_checkpoint_whose_two_validation_perplexities_differ_is_refused(tmp_path: Path) -> None:
    at_checkpoints = ROWS[0].replace("validation", "checkpoint_validation")
    assert read_table(write(tmp_path, *ROWS, at_checkpoints))["validation_perplexity"].count() == 2
    with pytest.raises(
        ValueError, match=r"line 7, column 'value': 58 at a checkpoint whose .* is 57\.5; correct"
    ):
        read_table(write(tmp_path, *ROWS, at_checkpoints.replace("57.5", "58")))


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"no table of published values at .*gone\.csv; correct the path"
    ):
        read_table(tmp_path / "gone.csv")


def test_a_table_of_others_has_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    found = read_table(write(tmp_path, *ROWS))
    assert found.attrs["source"] == "From nowhere."
    assert set(found.data_vars) == {"accuracy", "share", "chance"}
    assert "subset" not in found.dims
    assert found["model"].values.tolist() == ["opt-125m", "opt-1_3b"]
    assert found["checkpoint"].values.tolist() == [1000, 2000]
    assert found["validation_perplexity"].values.tolist()[0][0] == 57.5
    assert found["in_table_2"].values.tolist() == [[False, True], [False, True]]
    assert found["accuracy"].sel(task="snarks", model="opt-125m", checkpoint=2000) == 0.25


def test_a_table_without_comment_and_without_figures_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "plain.csv"
    path.write_text(f"{HEADER}\n{ROWS[0].replace('1,', ',', 1)}\n", encoding="utf-8")
    found = read_table(path)
    assert found.attrs["source"] == ""
    assert "figures" not in found["validation_perplexity"].attrs


def test_models_that_the_caller_tells_of_can_be_in_a_table(tmp_path: Path) -> None:
    path = write(tmp_path, "1,validation_perplexity,,,,,mini-1m,16,,9", *ROWS)
    found = read_table(path, models=MODELS)
    assert found["model"].values.tolist() == ["mini-1m", "opt-125m", "opt-1_3b"]
    here = found.sel(model="mini-1m", checkpoint=16)
    assert (here["tokens_seen"], here["training_fraction"], here["family"]) == (65536, 0.5, "mini")
    assert here["flops"] == 6 * 1e6 * 65536


@given(order=st.permutations(ROWS))
def test_the_order_of_rows_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, order: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    assert read_table(write(folder, *order)).identical(read_table(write(folder, *ROWS)))


@given(
    values=st.dictionaries(
        st.tuples(
            st.sampled_from(["snarks", "all", "what_is_the_tao"]),
            st.sampled_from(["opt-13b", "opt-125m"]),
            st.integers(0, 600_000),
        ),
        st.floats(0, 1),
        min_size=1,
    )
)
def test_values_come_back_at_their_labels_to_the_last_digit(
    tmp_path_factory: pytest.TempPathFactory, values: dict[tuple[str, str, int], float]
) -> None:
    rows = [f",accuracy,{task},,,,{model},{step},,{value!r}" for (task, model, step), value in values.items()]
    found = read_table(write(tmp_path_factory.mktemp("values"), *rows))["accuracy"]
    for (task, model, step), value in values.items():
        assert found.sel(task=task, model=model, checkpoint=step) == value
    assert found.count() == len(values)


def test_the_published_table_is_read_by_the_public_reader() -> None:
    assert published("opt").identical(read_table(str(FOLDER / "opt_xia2023.csv")))
    assert np.isfinite(published("opt")["validation_perplexity"]).sum() == 909

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from archive_files import MODELS, TABLE, over_checkpoints
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trajectories.generation.generations import configuration_label as written_by_generation
from trajectories.publications.generations import configuration_label, read_generations, write_generations

SET = ("configuration", "method", "new_tokens")
WEIGHTS = ((1.0, -1.0), (1.0, 0.0), (-1.0, 0.8))


def write(folder: Path, text: str = TABLE) -> Path:
    path = folder / "final_model_results.csv"
    path.write_text(text, encoding="utf-8")
    return path


def make_generations(perplexity: np.ndarray, mauve: np.ndarray) -> xr.Dataset:
    """[configuration, method, new_tokens, model, checkpoint], NaN where there is no checkpoint."""
    axes = over_checkpoints()
    present = np.isfinite(axes["training_fraction"][1])
    return xr.Dataset(
        {
            "perplexity": ((*SET, "model", "checkpoint"), np.where(present, perplexity, np.nan)),
            "mauve": (SET, mauve),
        },
        coords={
            **axes,
            "configuration": [configuration_label(*pair) for pair in WEIGHTS],
            "method": ["greedy", "nucleus"],
            "new_tokens": [50, 100],
            "small_weight": ("configuration", [small for small, _ in WEIGHTS]),
            "large_weight": ("configuration", [large for _, large in WEIGHTS]),
        },
    )


def test_a_table_is_read_as_pandas_and_ast_read_it(tmp_path: Path) -> None:
    path = write(tmp_path)
    found = read_generations(path)
    assert list(found) == ["stories", "wiki"]
    rows = pd.read_csv(path, index_col=0)
    for _, row in rows.iterrows():
        at = {
            "configuration": configuration_label(row["slambda"], row["llambda"]),
            "method": "greedy" if row["topp"] == 0 else "nucleus",
            "new_tokens": row["max_length"],
        }
        here = found[row["task"]].sel(at)
        assert here["mauve"].fillna(-1) == np.nan_to_num(row["mauve"], nan=-1)
        assert (here["small_weight"], here["large_weight"]) == (row["slambda"], row["llambda"])
        expected: dict[tuple[str, int], float] = {}
        for ours, theirs, last in (("opt-125m", "opt_125m", 600000), ("opt-1_3b", "opt_1.3b", 300000)):
            along = row[f"{theirs}_ckpts"]
            steps = ast.literal_eval(along) if isinstance(along, str) else {}
            expected |= {(ours, step): value for step, value in steps.items()}
            expected |= {(ours, last): row[theirs]} if np.isfinite(row[theirs]) else {}
        assert here["perplexity"].to_series().dropna().to_dict() == expected


def test_dimensions_are_those_of_our_own_perplexities(tmp_path: Path) -> None:
    found = read_generations(write(tmp_path))["stories"]
    assert found["perplexity"].dims == (*SET, "model", "checkpoint")
    assert found["mauve"].dims == SET
    assert found["configuration"].values.tolist() == ["p_s - p_l", "p_s - 0.8 p_l"]
    assert found["top_p"].fillna(0).values.tolist() == [0, 0.9]
    last = found.sel(model="opt-125m", checkpoint=600000)
    assert (last["training_fraction"], last["tokens_seen"]) == (1, 300e9)


def test_methods_are_told_apart_by_their_mass_where_there_are_several(tmp_path: Path) -> None:
    more = TABLE + "3,stories,0.95,1.0,-1.0,50,0.5,40.0,80.0,{},{},,\n"
    found = read_generations(write(tmp_path, more))["stories"]
    assert found["method"].values.tolist() == ["greedy", "nucleus-0.9", "nucleus-0.95"]


@given(small=st.floats(-1, 1).map(lambda x: round(x, 2)), large=st.sampled_from([-1, -0.8, 0, 0.5, 1]))
def test_configurations_are_labelled_as_generations_are(small: float, large: float) -> None:
    assert configuration_label(small, large) == written_by_generation(small, large)


@settings(max_examples=25)
@given(
    perplexity=hnp.arrays(np.float64, (3, 2, 2, 2, 5), elements=st.floats(1, 1e9)),
    mauve=hnp.arrays(np.float64, (3, 2, 2), elements=st.floats(0, 1)),
)
def test_perplexities_come_back_from_the_table_to_the_last_digit(
    tmp_path_factory: pytest.TempPathFactory, perplexity: np.ndarray, mauve: np.ndarray
) -> None:
    path, ours = tmp_path_factory.mktemp("texts") / "t.csv", make_generations(perplexity, mauve)
    write_generations({"docs": ours.transpose("checkpoint", ..., "configuration")}, path, top_p=0.7)
    found = read_generations(path, models=MODELS)["docs"]
    assert found["top_p"].fillna(0).values.tolist() == [0, 0.7]
    assert found.drop_vars("top_p").equals(ours)
    assert list(pd.read_csv(path, index_col=0).columns)[:6] == [
        "task",
        "topp",
        "slambda",
        "llambda",
        "max_length",
        "mauve",
    ]


def test_combinations_without_texts_and_values_that_are_not_finite_are_left_out(tmp_path: Path) -> None:
    ours = make_generations(np.full((3, 2, 2, 2, 5), 9.0), np.full((3, 2, 2), np.nan))
    ours["perplexity"][0, 1] = np.nan
    ours["perplexity"][1, 0, 0, 0, 0] = np.inf
    write_generations({"docs": ours.drop_vars("mauve")}, tmp_path / "t.csv")
    assert len(pd.read_csv(tmp_path / "t.csv")) == 10
    found = read_generations(tmp_path / "t.csv", models=MODELS)["docs"].reindex_like(ours["perplexity"])
    np.testing.assert_array_equal(
        found["perplexity"], ours["perplexity"].where(np.isfinite(ours["perplexity"]))
    )


@pytest.mark.parametrize(
    ("cell", "column", "message"),
    [
        ("{2000: 93.7, 6000: 73.3}", "opt_125m_ckpts", "__import__('os').system('touch created')"),
        ("{2000: 93.7, 6000: 73.3}", "opt_125m_ckpts", "{2000: open('created', 'w')}"),
        ("{2000: 93.7, 6000: 73.3}", "opt_125m_ckpts", "[2000, 93.7]"),
        ("{2000: 93.7, 6000: 73.3}", "opt_125m_ckpts", "{2000: nan}"),
        ("{2000: 93.7, 6000: 73.3}", "opt_125m_ckpts", "{2000: 93.7"),
        ("{2000: 93.7, 6000: 73.3}", "opt_125m_ckpts", "(" * 5000),
    ],
)
def test_a_cell_that_is_no_dictionary_of_numbers_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cell: str, column: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path, TABLE.replace(cell, message))
    with pytest.raises(
        ValueError, match=rf"results\.csv, line 2, column '{column}': a dictionary of training"
    ):
        read_generations(path)
    assert not (tmp_path / "created").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",mauve,", ",quality,", r"line 1: the header lacks mauve; add these columns"),
        (
            "opt_1.3b,",
            "opt_1.4b,",
            r"line 1: column 'opt_1\.4b' is of no model that is known \(opt_125m, opt_1\.3b",
        ),
        ("opt_1.3b_ckpts", "gpt_ckpts", r"line 1: column 'gpt_ckpts' is of no model that is known"),
        (",0.43,", ",good,", r"line 2, column 'mauve': a number is needed, got 'good'"),
        (",50,0.43", ",,0.43", r"line 2, column 'max_length': a number is needed, got none"),
        ("41.5", "-1", r"line 2, column 'opt_125m', step 600000: a perplexity is above 0, got -1"),
        (
            "{2000: 93.7,",
            "{'a': 93.7,",
            r"line 2, column 'opt_125m_ckpts': a training step is needed, got 'a'",
        ),
        (
            "{2000: 93.7,",
            "{2000: 'b',",
            r"line 2, column 'opt_125m_ckpts', step 2000: a number is needed, got str",
        ),
        (
            "1,stories,0.0,1.0,-0.8,",
            "1,stories,0.9,1.0,-1.0,",
            r"line 3: the texts p_s - p_l, nucleus, 50 of task 'stories' are also at .*, line 2",
        ),
        (",/a/d.jsonl,/a/e", "", r"line 3: there are more or fewer cells than columns"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_by_line_and_column(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in TABLE
    with pytest.raises(ValueError, match=rf"final_model_results\.csv, {message}"):
        read_generations(write(tmp_path, TABLE.replace(old, new)))


def test_a_method_without_a_mass_is_refused(tmp_path: Path) -> None:
    ours = make_generations(np.ones((3, 2, 2, 2, 5)), np.ones((3, 2, 2)))
    with pytest.raises(ValueError, match="method 'beam' has no mass of a nucleus; add a coordinate `top_p`"):
        write_generations({"docs": ours.assign_coords(method=["greedy", "beam"])}, tmp_path / "t.csv")


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no table of generated texts at .*gone\.csv"):
        read_generations(tmp_path / "gone.csv")

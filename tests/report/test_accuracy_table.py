import csv

import numpy as np
import pytest
import xarray as xr
from scipy.stats import norm
from statsmodels.stats.multitest import multipletests

from made_up import MODELS
from made_up_sequences import OTHERS
from made_up_tasks import CONSTANT, CRITERIA, TASKS, make_accuracy
from trajectories.report.accuracy_table import accuracy_csv, accuracy_markdown

MEAN = "mean over tasks"


@pytest.fixture
def accuracy() -> xr.Dataset:
    return make_accuracy()


def tables(text: str) -> list[dict[str, dict[str, str]]]:
    """Cells by row and column, of each table."""
    found: list[dict[str, dict[str, str]]] = []
    for line in text.replace("\\", "").splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if cells and cells[0] in {"task", "model"}:
            header = cells[1:]
            found.append({})
        elif cells and not cells[0].startswith("---"):
            found[-1][cells[0]] = dict(zip(header, cells[1:], strict=True))
    return found


def naive_cells(accuracy: xr.Dataset, model: str, criterion: str = "tokens") -> dict[str, str]:
    """By task."""
    cells = {}
    for task, p_value in naive_p_values(accuracy, model, criterion).items():
        at = accuracy.sel(criterion=criterion, task=task, model=model).isel(checkpoint=-1)
        value, error = float(at["accuracy"]), float(at["accuracy_standard_error"])
        shown = f"{100 * value:.1f} ± {100 * error:.1f}"
        cells[task] = f"**{shown}**" if p_value < 0.05 else shown
    return cells


def naive_p_values(accuracy: xr.Dataset, model: str, criterion: str) -> dict[str, float]:
    """Of every task, against the best constant answer, which is better than guessing, after Holm."""
    single = []
    for task, (options, *_) in TASKS.items():
        at = accuracy.sel(criterion=criterion, task=task, model=model).isel(checkpoint=-1)
        error = max(float(at["accuracy_standard_error"]), np.sqrt((options - 1) / options**2 / 100))
        single.append(norm.sf((float(at["accuracy"]) - 1 / options - CONSTANT) / error))
    return dict(zip(TASKS, multipletests(single, method="holm")[1], strict=True))


def test_every_model_and_task_has_its_cell_bold_where_it_was_learned(accuracy: xr.Dataset) -> None:
    first, _, _ = tables(accuracy_markdown(accuracy))
    assert list(first) == [*TASKS, MEAN]
    cells = {model: naive_cells(accuracy, model) for model in [*MODELS, *OTHERS]}
    for task, (options, _, _) in TASKS.items():
        assert first[task] == {
            "guessing": f"{100 / options:.1f}",
            **{model: of_model[task] for model, of_model in cells.items()},
        }
    assert any("**" in cell for cell in first["matching_brackets"].values())
    assert not any("**" in cell for cell in first["sum_of_two_numbers"].values())


def test_the_last_row_is_the_mean_over_tasks(accuracy: xr.Dataset) -> None:
    first, models, _ = tables(accuracy_markdown(accuracy))
    last = accuracy.sel(criterion="tokens", model="neox-2_1m").isel(checkpoint=-1)
    mean = float(last["accuracy"].mean())
    error = float(np.sqrt((last["accuracy_standard_error"] ** 2).sum())) / len(TASKS)
    assert first[MEAN]["neox-2_1m"] == f"{100 * mean:.1f} ± {100 * error:.1f}"
    assert first[MEAN]["guessing"] == f"{100 * np.mean([1 / count for count, _, _ in TASKS.values()]):.1f}"
    assert models["neox-2_1m"]["accuracy"] == first[MEAN]["neox-2_1m"]
    assert models["neox-2_1m"]["confidence"] == f"{100 * float(last['confidence'].mean()):.1f}"


def test_the_largest_model_of_the_family_is_shown_by_every_criterion(accuracy: xr.Dataset) -> None:
    text = accuracy_markdown(accuracy.isel(model=slice(None, None, -1)))
    assert r"## opt-3\_6m, by" in text
    _, _, by_criterion = tables(text)
    cells = {name: naive_cells(accuracy, "opt-3_6m", name) for name in CRITERIA}
    for task in TASKS:
        shown = {name: of_tasks[task] for name, of_tasks in cells.items()}
        assert by_criterion[task] == {"guessing": by_criterion[task]["guessing"], **shown}


def test_the_chosen_criterion_is_tabulated_and_said(accuracy: xr.Dataset) -> None:
    text = accuracy_markdown(accuracy.assign_attrs(criterion="bytes"))
    first, _, _ = tables(text)
    assert first["which_domain"]["opt-0_4m"] == naive_cells(accuracy, "opt-0_4m", "bytes")["which_domain"]
    assert "highest log-likelihood per byte; of equal ones" in text.replace("\n", " ")


def test_a_model_without_the_last_checkpoint_counts_with_its_own_last(accuracy: xr.Dataset) -> None:
    kept = (accuracy["model"] != "opt-0_2m") | (accuracy["checkpoint"] < accuracy["checkpoint"][-1])
    names = ("accuracy", "accuracy_standard_error")
    first, _, _ = tables(
        accuracy_markdown(accuracy.assign({name: accuracy[name].where(kept) for name in names}))
    )
    earlier = accuracy.isel(checkpoint=slice(None, -1))
    assert first["which_domain"]["opt-0_2m"] == naive_cells(earlier, "opt-0_2m")["which_domain"]


def test_csv_has_every_number_of_the_last_checkpoints(accuracy: xr.Dataset) -> None:
    rows = list(csv.DictReader(accuracy_csv(accuracy).splitlines()))
    models = len(MODELS) + len(OTHERS)
    assert len(rows) == len(CRITERIA) * (len(TASKS) + 1) * models
    columns = {(row["model"], row["criterion"]) for row in rows}
    expected_p_values = {column: naive_p_values(accuracy, *column) for column in columns}
    last, names = accuracy.isel(checkpoint=-1), [*MODELS, *OTHERS]
    cells = {(task, model): last.sel(task=task, model=model) for task in TASKS for model in names}
    for row in rows:
        if row["task"] == MEAN:
            continue
        at = cells[row["task"], row["model"]]
        for name in ("accuracy", "accuracy_standard_error", "confidence", "calibration_error"):
            expected = float(at[name].sel(criterion=row["criterion"]))
            assert float(row[name]) == pytest.approx(expected, rel=1e-5)
        of_model = expected_p_values[row["model"], row["criterion"]]
        assert float(row["p_value"]) == pytest.approx(of_model[row["task"]], rel=1e-4, abs=1e-15)
        for name in ("correct_perplexity", "incorrect_perplexity", "chance"):
            assert float(row[name]) == pytest.approx(float(at[name]), rel=1e-5)


def test_what_is_missing_is_named_or_empty(accuracy: xr.Dataset) -> None:
    accuracy["accuracy_standard_error"].loc[{"model": "opt-1_4m"}] = np.nan
    for name in ("accuracy", "accuracy_standard_error", "confidence", "calibration_error"):
        accuracy[name].loc[{"model": "opt-0_2m"}] = np.nan
    first, models, _ = tables(accuracy_markdown(accuracy))
    assert {row["opt-0_2m"] for row in first.values()} == {"n/a"}
    assert models["opt-0_2m"]["confidence"] == "n/a"
    assert not any("±" in row["opt-1_4m"] for row in first.values())
    rows = [row for row in csv.DictReader(accuracy_csv(accuracy).splitlines()) if row["model"] == "opt-0_2m"]
    assert {row["accuracy"] for row in rows} == {""}


def test_what_better_than_guessing_takes_is_said(accuracy: xr.Dataset) -> None:
    text = " ".join(accuracy_markdown(accuracy).split())
    assert "than the best constant answer (Table 7), one-sided p < 0.05 after Holm's correction" in text
    assert "a softmax over its example's options of their log-likelihood per token;" in text


def test_no_better_than_the_best_constant_answer_is_not_learned(accuracy: xr.Dataset) -> None:
    accuracy["constant_accuracy"].loc[{"task": "matching_brackets"}] = 0.99
    first, *_ = tables(accuracy_markdown(accuracy))
    assert not any("**" in cell for cell in first["matching_brackets"].values())
    assert any("**" in cell for cell in first["which_domain"].values())

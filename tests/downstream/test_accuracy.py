import math
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from made_up_options import STEPS, TASKS, make_options, make_scores
from trajectories import arrays
from trajectories.downstream.gather import gather_options
from trajectories.downstream.measures import CRITERIA, measure_tasks

OPTIONS = {"opt-a": make_options("opt-a", 10, [2, 8, 16]), "opt-b": make_options("opt-b", 70, skill=6)}
GATHERED = gather_options(OPTIONS, {name: make_scores(name) for name in OPTIONS}, family="opt")
MEASURED = ("accuracy", "accuracy_standard_error", "confidence", "calibration_error")


def one_task(
    log_likelihoods: list[list[float]],
    targets: list[list[float]],
    *,
    subtasks: list[str] | None = None,
    texts: list[str] | None = None,
) -> xr.Dataset:
    """Options of one task, an inner list per example; each option has one token, character and byte."""
    counts = [len(example) for example in targets]
    flat, target = np.concatenate(log_likelihoods), np.concatenate(targets)
    ones, example = np.ones(len(flat), int), np.repeat(np.arange(len(counts)), counts)
    return xr.Dataset(
        {
            "log_likelihood": ("option", flat),
            "unconditional_log_likelihood": ("option", 0.0 * flat),
            **dict.fromkeys(("tokens", "characters", "bytes"), ("option", ones)),
            **dict.fromkeys(("shots_dropped", "tokens_cut"), ("option", 0 * ones)),
        },
        coords={
            "task": ("option", np.repeat("sums", len(flat))),
            "subtask": ("option", np.repeat(subtasks or [""] * len(counts), counts)),
            "example": ("option", example),
            "text": ("option", np.array(texts) if texts else example.astype(str)),
            "target_score": ("option", target),
            "is_correct": ("option", target > 0),
        },
    )


def by_hand(options: xr.Dataset, task: str, criterion: str) -> dict[str, float]:
    """The measures of one task of one checkpoint, example by example."""
    rows = options.reset_coords().to_dataframe()
    rows = rows[rows["task"] == task]
    subtasks, outcomes = [], []
    for _, of_subtask in rows.groupby("subtask"):
        earned, confidences = [], []
        for _, example in of_subtask.groupby("example"):
            likelihoods = [float(value) for value in example["log_likelihood"]]
            if criterion == "unconditional":
                less = example["unconditional_log_likelihood"]
                scores = [a - float(b) for a, b in zip(likelihoods, less, strict=True)]
            else:
                units = [1.0] * len(likelihoods) if criterion == "sum" else example[criterion]
                scores = [a / float(b) for a, b in zip(likelihoods, units, strict=True)]
            chosen = scores.index(max(scores))
            earned.append(float(example["target_score"].iloc[chosen]))
            confidences.append(1 / sum(math.exp(score - scores[chosen]) for score in scores))
        n = len(earned)
        mean = sum(earned) / n
        variance = sum((credit - mean) ** 2 for credit in earned) / (n - 1)
        subtasks.append((mean, variance / n, sum(confidences) / n))
        outcomes += [
            (credit, confidence, 1 / n) for credit, confidence in zip(earned, confidences, strict=True)
        ]
    number = len(subtasks)
    error = 0.0
    for low in range(10):
        inside = [each for each in outcomes if min(int(each[1] * 10), 9) == low]
        error += abs(sum(weight * (confidence - credit) for credit, confidence, weight in inside)) / number
    return {
        "accuracy": sum(mean for mean, _, _ in subtasks) / number,
        "accuracy_standard_error": math.sqrt(sum(squared for _, squared, _ in subtasks)) / number,
        "confidence": sum(confidence for _, _, confidence in subtasks) / number,
        "calibration_error": error,
    }


@pytest.mark.parametrize("criterion", CRITERIA)
def test_measures_agree_with_those_by_hand(criterion: str) -> None:
    measured = measure_tasks(GATHERED).sel(criterion=criterion)
    for model, steps in (("opt-a", [2, 16]), ("opt-b", STEPS)):
        for step in steps:
            for task in TASKS:
                expected = by_hand(GATHERED.sel(model=model, checkpoint=step), task, criterion)
                found = measured.sel(model=model, checkpoint=step, task=task)
                assert {name: float(found[name]) for name in MEASURED} == pytest.approx(expected)


def test_a_checkpoint_that_is_absent_or_lacks_an_option_is_missing_where_it_is() -> None:
    assert measure_tasks(GATHERED)["accuracy"].sel(model="opt-a", checkpoint=4).isnull().all()
    options = GATHERED.copy(deep=True)
    options["log_likelihood"].loc[{"model": "opt-b", "checkpoint": 8, "option": 0}] = np.nan
    missing = measure_tasks(options)["accuracy"].isnull()
    changed = missing & measure_tasks(GATHERED)["accuracy"].notnull()
    assert changed.sel(model="opt-b", checkpoint=8, task="arithmetic").all()
    assert int(changed.sum()) == len(CRITERIA)


def test_a_missing_unconditional_likelihood_costs_only_its_criterion() -> None:
    options = GATHERED.copy(deep=True)
    options["unconditional_log_likelihood"][:] = np.nan
    found = measure_tasks(options)
    known = measure_tasks(GATHERED)
    assert found["accuracy"].sel(criterion="unconditional").isnull().all()
    others = list(CRITERIA)[:-1]
    xr.testing.assert_equal(found.sel(criterion=others), known.sel(criterion=others))


def test_the_order_of_dimensions_models_and_examples_changes_nothing() -> None:
    expected = measure_tasks(GATHERED)
    turned = measure_tasks(GATHERED.transpose("option", "checkpoint", "model").isel(model=[1, 0]))
    xr.testing.assert_allclose(turned.isel(model=[1, 0]).transpose(*expected.dims), expected)
    # Stable, by example: the options of an example keep their order, examples and tasks do not.
    order = np.argsort(-GATHERED["example"].values, kind="stable")
    shuffled = measure_tasks(GATHERED.isel(option=order)).sel(task=list(TASKS))
    xr.testing.assert_allclose(shuffled, expected)


def test_options_without_models_are_measured_too() -> None:
    alone = OPTIONS["opt-b"].isel(checkpoint=-1, drop=True)
    measured = measure_tasks(alone)
    assert measured["accuracy"].dims == ("criterion", "task")
    expected = measure_tasks(GATHERED).sel(model="opt-b", checkpoint=STEPS[-1])
    for name in (*MEASURED, "correct_perplexity", "chance"):
        np.testing.assert_allclose(measured[name], expected[name])


def test_equal_options_earn_their_mean_wherever_they_stand() -> None:
    measured = measure_tasks(one_task([[-2.0, -2.0, -9.0], [-9.0, -2.0, -2.0]], [[1, 0, 0], [1, 0, 0.5]]))
    np.testing.assert_allclose(measured["accuracy"].sel(criterion="sum"), (0.5 + 0.25) / 2)
    np.testing.assert_allclose(measured["confidence"].sel(criterion="sum"), 0.5, atol=1e-3)


@given(
    st.lists(st.lists(st.tuples(st.integers(1, 9), st.sampled_from([0.0, 0.5, 1.0])), min_size=1), min_size=1)
)
def test_a_model_to_which_all_tokens_are_alike_guesses(examples: list[list[tuple[int, float]]]) -> None:
    flat = [option for example in examples for option in example]
    options = one_task(
        [[0.0] * len(example) for example in examples], [[score for _, score in each] for each in examples]
    )
    tokens = np.array([count for count, _ in flat])
    # As an engine adds them up, token by token in single precision.
    sums = np.array([np.cumsum(np.full(count, -np.log(50_000), np.float32))[-1] for count in tokens])
    likelihoods = {
        "log_likelihood": ("option", sums),
        "unconditional_log_likelihood": ("option", np.nextafter(sums, np.float32(0))),
    }
    measured = measure_tasks(options.assign(likelihoods | {"tokens": ("option", tokens)}))
    alike = measured.sel(criterion=["tokens", "unconditional"])
    np.testing.assert_allclose(alike["accuracy"] - measured["chance"], 0, atol=1e-12)
    one_token = measure_tasks(options)
    np.testing.assert_array_equal(one_token["accuracy"] - one_token["chance"], 0)


def test_the_confidence_is_that_of_the_criterion_so_that_none_is_below_an_equal_share() -> None:
    options = one_task([[-6.0, -2.0]] * 2, [[1, 0]] * 2).assign(tokens=("option", [6, 1] * 2))
    confidence = measure_tasks(options)["confidence"].sel(task="sums")
    np.testing.assert_allclose(confidence.sel(criterion="sum"), 1 / (1 + np.exp(-4)))
    np.testing.assert_allclose(confidence.sel(criterion="tokens"), 1 / (1 + np.exp(-1)))


def test_the_best_answer_to_all_examples_is_a_text_wherever_it_stands() -> None:
    targets = [[1, 0], [0, 1], [0, 1], [0, 1], [0, 1]]
    texts = ["yes", "no", "no", "yes", "yes", "no", "up", "down", "down", "up"]
    options = one_task([[-1.0, -2.0]] * 5, targets, texts=texts)
    np.testing.assert_allclose(measure_tasks(options)["constant_accuracy"], 2 / 5)  # yes to the first two
    parted = one_task([[-1.0, -2.0]] * 5, targets, texts=texts, subtasks=["a", "a", "b", "b", "b"])
    np.testing.assert_allclose(measure_tasks(parted)["constant_accuracy"], (2 / 2 + 1 / 3) / 2)


def test_the_error_of_guessing_is_that_of_repeated_guesses() -> None:
    targets = [[1, 0, 0, 0], [0, 1], [0.5, 0, 1], [0, 1], [1, 0]]
    subtasks = ["a", "a", "a", "b", "b"]
    measured = measure_tasks(one_task([[-1.0] * len(each) for each in targets], targets, subtasks=subtasks))
    random = np.random.default_rng(3)
    drawn = np.array([random.choice(each, 40_000) for each in targets])  # [example, time]
    means = (drawn[:3].mean(axis=0) + drawn[3:].mean(axis=0)) / 2
    np.testing.assert_allclose(measured["chance_standard_error"], means.std(), rtol=0.02)
    np.testing.assert_allclose(measured["chance"], means.mean(), atol=0.005)


def test_criteria_differ_in_what_they_divide_by() -> None:
    options = one_task([[-6.0, -5.0, -5.5, -5.8]], [[1, 2, 3, 4]]).assign(
        tokens=("option", [6, 1, 1, 1]),
        characters=("option", [1, 1, 9, 1]),
        bytes=("option", [1, 1, 1, 9]),
        unconditional_log_likelihood=("option", [-6.0, -5.0, -9.0, -5.8]),
    )
    chosen = measure_tasks(options)["accuracy"].sel(task="sums")
    assert dict(zip(CRITERIA, chosen.values.tolist(), strict=True)) == {
        "tokens": 1,
        "sum": 2,
        "characters": 3,
        "bytes": 4,
        "unconditional": 3,
    }


def test_every_right_option_counts_what_its_score_says() -> None:
    options = one_task([[-1.0, -2, -3], [-1.0, -2, -3]], [[0.25, 0.75, 0], [1, 1, 0]])
    measured = measure_tasks(options)
    np.testing.assert_allclose(measured["accuracy"], (0.25 + 1) / 2)
    np.testing.assert_allclose(measured["chance"], (1 / 3 + 2 / 3) / 2)
    np.testing.assert_allclose(measured["options"], 3)
    np.testing.assert_allclose(measured["examples"], 2)


def test_subtasks_count_alike_whatever_their_number_of_examples() -> None:
    right, wrong = [-1.0, -2.0], [-2.0, -1.0]
    options = one_task([right, right, wrong, wrong, wrong], [[1, 0]] * 5, subtasks=["a", "a", "b", "b", "b"])
    measured = measure_tasks(options)
    np.testing.assert_allclose(measured["accuracy"], 0.5)
    np.testing.assert_allclose(measured["accuracy_standard_error"], 0)


def test_the_same_example_number_in_two_subtasks_is_two_examples() -> None:
    options = one_task([[-1.0, -2.0], [-2.0, -1.0]], [[1, 0], [1, 0]], subtasks=["a", "b"])
    measured = measure_tasks(options.assign_coords(example=("option", [0, 0, 0, 0])))
    assert int(measured["examples"].item()) == 2
    np.testing.assert_allclose(measured["options"], 2)


def test_one_example_has_no_standard_error() -> None:
    measured = measure_tasks(one_task([[-1.0, -2.0]], [[1, 0]]))
    np.testing.assert_array_equal(measured["accuracy"], 1)
    assert measured["accuracy_standard_error"].isnull().all()
    in_subtask = one_task([[-1.0, -2.0]] * 3, [[1, 0]] * 3, subtasks=["a", "a", "b"])
    assert measure_tasks(in_subtask)["accuracy_standard_error"].isnull().all()


def test_random_choices_are_right_as_often_as_guesses() -> None:
    random = np.random.default_rng(1)
    targets = [np.eye(n)[random.integers(n)].tolist() for n in random.integers(2, 6, 2000)]
    scores = [random.normal(size=len(example)).tolist() for example in targets]
    measured = measure_tasks(one_task(scores, targets))
    z = (measured["accuracy"] - measured["chance"]) / measured["accuracy_standard_error"]
    assert float(abs(z).max()) < 3.5
    np.testing.assert_allclose(measured["accuracy_standard_error"], np.sqrt(0.2 / 2000), rtol=0.15)


def test_a_model_that_knows_how_often_it_is_right_is_calibrated() -> None:
    random = np.random.default_rng(2)
    share = random.uniform(size=20_000)
    right = random.uniform(size=20_000) < share
    likelihoods = [[math.log(p), math.log(1 - p)] for p in share]
    measured = measure_tasks(one_task(likelihoods, [[float(hit), float(not hit)] for hit in right]))
    np.testing.assert_allclose(measured["calibration_error"].sel(criterion="sum"), 0, atol=0.02)
    np.testing.assert_allclose(measured["confidence"].sel(criterion="sum"), 0.75, atol=0.01)
    certain = measure_tasks(one_task([[0.0, -80.0]] * 100, [[1, 0], [0, 1]] * 50))
    np.testing.assert_allclose(certain["calibration_error"], 0.5)


@given(st.lists(st.floats(-50, -0.01), min_size=6, max_size=6), st.floats(0.1, 10), st.permutations(range(3)))
def test_scaled_likelihoods_and_permuted_options_choose_the_same(
    values: list[float], factor: float, order: list[int]
) -> None:
    scores, targets = [values[:3], values[3:]], [[1, 0, 0.5], [0, 1, 0]]
    if any(abs(a - b) < 1e-6 for each in scores for i, a in enumerate(each) for b in each[:i]):
        return  # nearly equal
    expected = measure_tasks(one_task(scores, targets))["accuracy"].sel(criterion="sum")
    scaled = [[factor * value for value in example] for example in scores]
    xr.testing.assert_equal(
        measure_tasks(one_task(scaled, targets))["accuracy"].sel(criterion="sum"), expected
    )
    turned = ([[example[i] for i in order] for example in rows] for rows in (scores, targets))
    found = measure_tasks(one_task(*turned))["accuracy"].sel(criterion="sum")
    xr.testing.assert_equal(found, expected)


def test_prompts_that_lost_shots_or_were_cut_are_counted_by_example() -> None:
    options = GATHERED.copy(deep=True)
    of_example = (
        (GATHERED["task"] == "geography") & (GATHERED["example"] == 2)
    ).values  # one of each subtask
    first = int(np.flatnonzero(of_example)[0])
    options["shots_dropped"].loc[{"model": "opt-b", "option": of_example}] = 1
    options["tokens_cut"].loc[{"model": "opt-a", "option": first}] = 7
    measured = measure_tasks(options)
    assert measured["shots_dropped"].dims == ("model", "task")
    assert measured["shots_dropped"].sel(model="opt-b").values.tolist() == [0, 0, 2]
    assert measured["prompts_cut"].sel(model="opt-a").values.tolist() == [0, 0, 1]
    assert int(measured["shots_dropped"].sum()) == 2
    assert int(measured["prompts_cut"].sum()) == 1


def test_shots_that_all_prompts_lost_are_counted() -> None:
    lost = GATHERED.assign(shots=0 * GATHERED["shots"], shots_dropped=GATHERED["shots_dropped"] + 2)
    measured = measure_tasks(lost)
    assert (measured["shots_dropped"] == measured["examples"]).all()


def test_what_was_measured_has_units_and_names_of_its_own() -> None:
    measured = measure_tasks(arrays.label(GATHERED))
    for name in measured.data_vars:
        assert measured[name].attrs == arrays.ATTRIBUTES[str(name)]


def test_models_and_checkpoints_keep_their_labels() -> None:
    measured = measure_tasks(GATHERED, criterion="bytes")
    assert measured.attrs["criterion"] == "bytes"
    assert measured.attrs["family"] == "opt"
    assert measured["parameters"].dims == ("model",)
    assert measured["validation_perplexity"].dims == ("model", "checkpoint")


def test_what_was_measured_is_stored(tmp_path: Path) -> None:
    measured = measure_tasks(GATHERED)
    assert measured["task"].dtype.kind == "U"
    arrays.write(measured, tmp_path / "accuracy.nc")
    xr.testing.assert_equal(arrays.read(tmp_path / "accuracy.nc"), measured)


def test_options_that_cannot_be_measured_are_refused() -> None:
    with pytest.raises(ValueError, match="there is no criterion 'words'; choose one of tokens, sum"):
        measure_tasks(GATHERED, criterion="words")
    with pytest.raises(ValueError, match="options of tasks needs the dimensions"):
        measure_tasks(GATHERED.isel(option=0))
    with pytest.raises(ValueError, match="need at least one option, got none"):
        measure_tasks(GATHERED.isel(option=[]))

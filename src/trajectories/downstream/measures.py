"""How well options are chosen: accuracy, calibration and perplexity of the options, by task and over all."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from trajectories import arrays
from trajectories.downstream.choices import (
    MEASURES,
    Floats,
    Layout,
    answer_alike,
    choose,
    earned_scores,
    guess,
    lay_out,
)
from trajectories.downstream.nearest import did_you_mean

CRITERIA = {  # by name, in words; the first is the paper's
    "tokens": "log-likelihood per token",
    "sum": "log-likelihood",
    "characters": "log-likelihood per character",
    "bytes": "log-likelihood per byte",
    "unconditional": "log-likelihood less that without the question",
}


def measure_tasks(options: xr.Dataset, *, criterion: str = "tokens") -> xr.Dataset:
    """Accuracy of every task by every criterion, with the perplexity of its options and calibration.

    The chosen option of an example has the highest score: its log-likelihood divided by its tokens (`tokens`,
    section 5.1), as it is (`sum`, BIG-bench's own grade), divided by its characters or bytes, or less what it
    has without the question (`unconditional`; Brown et al., 2020). Its target score is what the example
    counts; of options whose scores are equal but for rounding the mean. The accuracy of a task is the mean
    over its examples; of a task with subtasks the mean over these, as are guessing and confidence.

    Args:
        options: as in data/downstream/options.nc, data/options or as `score_task` returns it:
            `log_likelihood` (..., option) and `unconditional_log_likelihood` in nats, `tokens`,
            `characters`, `bytes`, `shots_dropped`, `tokens_cut` and the coordinates task, subtask, example,
            text, target_score and is_correct. NaN where a checkpoint is absent or was skipped.
        criterion: the one that is analysed; all are measured.

    Returns:
        Over task, in the order of the options, with the dimensions of the log-likelihood, such as model and
        checkpoint: `accuracy`, `accuracy_standard_error`, `confidence` and `calibration_error` (criterion,
        ..., task); `correct_perplexity` and `incorrect_perplexity` (..., task), exp of minus the
        log-likelihood per token of all options whose target score is positive, or not, and their tokens
        `correct_tokens` and `incorrect_tokens`; `chance`, the accuracy of guessing: the mean target score
        over options, and `chance_standard_error`, that of the mean when all is guessed;
        `constant_accuracy` of the best single text as the answer to all (of subtasks the mean of each one's
        best), which is wrong where it is no option; `examples`, `options` (their mean number per example);
        `shots_dropped`, examples that lost shots, and `prompts_cut`, examples cut from the left. Attribute
        `criterion`, beside those of the options.

        The standard error is that of a mean over examples drawn at random (of subtasks: the root of their
        summed squares over their number), NaN with one example. `confidence` is the largest softmax of the
        scores of an example's options, that of the chosen one: under `sum` its probability among them;
        `calibration_error` the expected one (Guo et al., 2017): over bins of equal width, the distance of the
        mean confidence and the mean target score of what was chosen, weighted by the bin. A task of which any
        option is missing at a checkpoint is NaN there. Perplexities are NaN where there are no such options.

    Raises:
        ValueError: a dimension, variable or criterion is absent, or there is no option.
    """
    _require_options(options, criterion)
    names = list(dict.fromkeys(map(str, options["task"].values)))
    parts = [options.isel(option=np.flatnonzero(options["task"].values == name)) for name in names]
    measured = xr.concat(
        [_measure_task(part) for part in parts],
        dim="task",
        data_vars="all",
        coords="minimal",
        compat="override",
    )
    ordered = measured.transpose("criterion", *_leading(options), "task").assign_coords(task=names)
    return arrays.label(ordered.assign_attrs({**options.attrs, "criterion": criterion}))


def mean_over_tasks(accuracy: xr.Dataset, tasks: Sequence[str] | None = None) -> xr.Dataset:
    """Mean accuracy over tasks, and the perplexity of all their options.

    Args:
        accuracy: what `measure_tasks` returns.
        tasks: some of them; None: all.

    Returns:
        Without the dimension task: `accuracy` and `chance`, unweighted means over tasks;
        `accuracy_standard_error` of that mean, taking the tasks' errors as independent; `correct_perplexity`
        and `incorrect_perplexity` over the tokens of all options, so that a long option counts for more. NaN
        where a task is missing, the standard error also where that of one task is, as of one with a single
        example; a task without incorrect options is left out of their perplexity.
        Coordinates of models and checkpoints and the attributes are kept.

    Raises:
        ValueError: no task, or one that was not measured.
    """
    chosen = list(map(str, accuracy["task"].values)) if tasks is None else list(tasks)
    require_tasks(accuracy, chosen)
    of_tasks = accuracy.sel(task=chosen)
    errors = of_tasks["accuracy_standard_error"]
    means = {name: of_tasks[name].mean("task", skipna=False) for name in ("accuracy", "chance")}
    means["accuracy_standard_error"] = (errors**2).sum("task", skipna=False) ** 0.5 / len(chosen)
    for kind in ("correct", "incorrect"):
        means[f"{kind}_perplexity"] = _pooled(of_tasks[f"{kind}_perplexity"], of_tasks[f"{kind}_tokens"])
    return xr.Dataset(means).assign_attrs(accuracy.attrs)


def require_tasks(accuracy: xr.Dataset, tasks: Sequence[str]) -> None:
    """Raise ValueError unless these are tasks, at least one, and all of them were measured."""
    known = list(map(str, accuracy["task"].values))
    for name in tasks:
        if name not in known:
            raise ValueError(
                f"task '{name}' was not measured; {did_you_mean(name, known)}Tasks are: {', '.join(known)}"
            )
    if not tasks:
        raise ValueError(f"tasks that were measured are needed, got none; choose of {', '.join(known)}")


def _measure_task(options: xr.Dataset) -> xr.Dataset:
    """All measures of the one task whose options these are, without the dimension task."""
    dimensions = _leading(options)
    target = options["target_score"].values.astype(np.float64)
    layout = lay_out(options["subtask"].values, options["example"].values)
    shape = [options.sizes[name] for name in dimensions]
    found = [
        choose(_rows(score), _rows(size), target, layout=layout)
        for score, size in (_score(options, each) for each in CRITERIA)
    ]
    measures = {
        name: (("criterion", *dimensions), np.reshape([of[name] for of in found], (len(CRITERIA), *shape)))
        for name in MEASURES
    }
    chance, chance_error = guess(target, layout=layout)
    scalars = {
        "chance": chance,
        "chance_standard_error": chance_error,
        "constant_accuracy": answer_alike(target, options["text"].values, layout=layout),
        "examples": len(layout.options),
        "options": layout.present.sum(axis=1).mean(),
    }
    kept = {name: of for name, of in options.coords.items() if "option" not in of.dims}
    return xr.Dataset(
        {**measures, **scalars, **_perplexities(options), **_cuts(options, layout)},
        coords={"criterion": list(CRITERIA), **kept},
    ).drop_vars("option", errors="ignore")


def example_scores(options: xr.Dataset, *, criterion: str) -> tuple[xr.DataArray, Layout]:
    """What the chosen option of each example of one task earns, whose mean is the accuracy.

    Args:
        options: as for `measure_tasks`, those of one task.
        criterion: by which options are chosen.

    Returns:
        (..., example), examples in the order of their first options, NaN where an option is missing; and the
        layout of the task's options, which has the subtask of each example.
    """
    dimensions = _leading(options)
    layout = lay_out(options["subtask"].values, options["example"].values)
    target = options["target_score"].values.astype(np.float64)
    score, size = _score(options, criterion)
    earned = earned_scores(_rows(score), _rows(size), target, layout=layout)
    shape = [*(options.sizes[name] for name in dimensions), len(layout.options)]
    return xr.DataArray(earned.reshape(shape), dims=(*dimensions, "example")), layout


def _score(options: xr.Dataset, criterion: str) -> tuple[xr.DataArray, xr.DataArray]:
    """(..., option): what the chosen option has the most of, and the size of what it is of."""
    whole = options["log_likelihood"].astype(np.float64)
    if criterion == "unconditional":
        alone = options["unconditional_log_likelihood"].astype(np.float64)
        return whole - alone, abs(whole) + abs(alone)
    score = whole if criterion == "sum" else whole / options[criterion]
    return score, abs(score)


def _perplexities(options: xr.Dataset) -> dict[str, xr.DataArray]:
    """Of correct and of incorrect options, and the tokens that they have."""
    found: dict[str, xr.DataArray] = {}
    for kind, selected in (("correct", options["is_correct"]), ("incorrect", ~options["is_correct"])):
        of_kind = options[["log_likelihood", "tokens"]].isel(option=np.flatnonzero(selected.values))
        nats = -of_kind["log_likelihood"].sum("option", skipna=False, dtype=np.float64)
        tokens = of_kind["tokens"].sum("option", keep_attrs=False)
        found |= {f"{kind}_perplexity": _perplexity(nats, tokens), f"{kind}_tokens": tokens}
    return found


def _pooled(perplexity: xr.DataArray, tokens: xr.DataArray) -> xr.DataArray:
    """Perplexity of the tokens of all tasks; a task without any does not count."""
    nats = xr.apply_ufunc(np.log, perplexity) * tokens
    return _perplexity(nats.where(tokens > 0, 0.0).sum("task", skipna=False), tokens.sum("task"))


def _perplexity(nats: xr.DataArray, tokens: xr.DataArray) -> xr.DataArray:
    perplexity: xr.DataArray = xr.apply_ufunc(np.exp, nats / tokens.where(tokens > 0))
    return perplexity.drop_attrs()


def _cuts(options: xr.Dataset, layout: Layout) -> dict[str, xr.DataArray]:
    """Numbers of examples that lost shots, and that were cut, for any of their options."""
    places = xr.DataArray(layout.options, dims=("example", "place"))
    lost = options[["shots_dropped", "tokens_cut"]].reset_coords(drop=True).isel(option=places) > 0
    by_example = lost.any("place").sum("example", keep_attrs=False)
    return {"shots_dropped": by_example["shots_dropped"], "prompts_cut": by_example["tokens_cut"]}


def _leading(options: xr.Dataset) -> list[str]:
    return [str(name) for name in options["log_likelihood"].dims if name != "option"]


def _rows(values: xr.DataArray) -> Floats:
    """[row, option] from (..., option)."""
    last: Floats = values.transpose(..., "option").values
    return last.reshape(-1, last.shape[-1])


def _require_options(options: xr.Dataset, criterion: str) -> None:
    if criterion not in CRITERIA:
        raise ValueError(f"there is no criterion {criterion!r}; choose one of {', '.join(CRITERIA)}")
    arrays.require(options, "option", what="options of tasks")
    if not options.sizes["option"]:
        raise ValueError("options of tasks need at least one option, got none; score a task with options")

"""Measures of section 5 along training: accuracies, and log perplexity of correct and incorrect options."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from trajectories.alignment.measure import Floats, Measure, make_measure, over_draws, ratio
from trajectories.downstream.choices import Layout
from trajectories.downstream.emergence import of_family
from trajectories.downstream.measures import example_scores
from trajectories.generation.resampling import bootstrap

ACCURACY = "accuracy"
CORRECT, INCORRECT = "log perplexity of correct options", "log perplexity of incorrect options"
ALL = "all tasks"
EXAMPLES = 3  # seed of the examples drawn; every task draws its own


class _Task(NamedTuple):
    """One task: its accuracy [1 + replicate, model, checkpoint], the first of all examples as they are.

    `nats` and `tokens` are sums over options by kind (correct, incorrect), of the same shape each.
    """

    accuracy: Floats
    nats: Mapping[str, Floats]
    tokens: Mapping[str, Floats]


def task_measures(
    options: xr.Dataset, accuracy: xr.Dataset, groups: Mapping[str, Sequence[str]], *, resamples: int
) -> Iterator[Measure]:
    """Accuracy and log perplexity of options, nats per token, of all tasks, of each group and of each task.

    Args:
        options: as in data/downstream/options.nc.
        accuracy: as in data/downstream/accuracy.nc, which says by what criterion options are chosen.
        groups: tasks by the name of their group.
        resamples: replicates of each measure, on examples drawn with replacement, of each subtask as many as
            it has.
    """
    criterion, names = accuracy.attrs["criterion"], list(map(str, accuracy["task"].values))
    family = of_family(accuracy)
    own = options.sel(model=family["model"].values).transpose("model", "checkpoint", "option", ...)
    tasks = {
        name: _measure(
            own.isel(option=np.flatnonzero(own["task"].values == name)),
            criterion=criterion,
            resamples=resamples,
            seed=EXAMPLES + place,
        )
        for place, name in enumerate(names)
    }
    alike = sorted(set(groups) & {ALL, *names})
    if alike:
        raise ValueError(f"the group {alike[0]!r} has the name of a task; give it another in tasks.groups")
    sets = {ALL: names, **groups, **{name: [name] for name in names}}
    for kind in (ACCURACY, CORRECT, INCORRECT):
        for label, members in sets.items():
            if members:
                headline = kind == ACCURACY or label not in names
                yield _over_tasks(kind, label, [tasks[name] for name in members], family, headline=headline)


def _over_tasks(
    kind: str, label: str, tasks: Sequence[_Task], family: xr.Dataset, *, headline: bool
) -> Measure:
    """The unweighted mean of accuracies; the perplexity of all options of a kind."""
    if kind == ACCURACY:
        found = np.mean([task.accuracy for task in tasks], axis=0)
    else:
        nats, tokens = (
            np.sum([of[kind] for of in each], axis=0)
            for each in ([task.nats for task in tasks], [task.tokens for task in tasks])
        )
        found = -ratio(nats, tokens)
    values = xr.DataArray(
        found[0],
        dims=("model", "checkpoint"),
        coords={name: family[name].values for name in ("model", "checkpoint")},
    )
    return make_measure(kind, label, values, family, replicates=found[1:], headline=headline)


def _measure(options: xr.Dataset, *, criterion: str, resamples: int, seed: int) -> _Task:
    credit, layout = example_scores(options, criterion=criterion)
    earned = np.moveaxis(credit.values, -1, 0)  # [example, model, checkpoint]
    draws = _draws(layout, resamples=resamples, seed=seed)
    of_subtasks = [
        ratio(over_draws(draws[:, of], earned[of]), draws[:, of].sum(axis=1)[:, None, None])
        for of in (layout.subtask == each for each in np.unique(layout.subtask))
    ]
    nats, tokens = {}, {}
    for kind, correct in ((CORRECT, True), (INCORRECT, False)):
        summed, counted = _by_example(options, layout, correct=correct)
        nats[kind], tokens[kind] = over_draws(draws, summed), over_draws(draws, counted)
    return _Task(np.mean(of_subtasks, axis=0), nats, tokens)


def _draws(layout: Layout, *, resamples: int, seed: int) -> Floats:
    """[1 + replicate, example] how often an example counts: once, then as often as it is drawn."""
    draws = np.ones((1 + resamples, len(layout.subtask)))
    for each in np.unique(layout.subtask):
        of = layout.subtask == each
        draws[1:, of] = bootstrap(int(of.sum()), resamples=resamples, seed=seed)
    return draws


def _by_example(options: xr.Dataset, layout: Layout, *, correct: bool) -> tuple[Floats, Floats]:
    """[example, model, checkpoint] log-likelihood and tokens of an example's options of one kind."""
    wanted = layout.present & (options["is_correct"].values[layout.options] == correct)
    nats = options["log_likelihood"].values.astype(np.float64)
    tokens = np.broadcast_to(
        options["tokens"].transpose("model", "option").values[:, None].astype(np.float64), nats.shape
    )
    summed, counted = (np.where(wanted, of[:, :, layout.options], 0).sum(axis=-1) for of in (nats, tokens))
    return np.moveaxis(summed, -1, 0), np.moveaxis(counted, -1, 0)

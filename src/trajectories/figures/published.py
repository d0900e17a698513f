"""The figures that can be drawn of published numbers as of our own, by the same functions."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from trajectories.downstream.groups import BREAKTHROUGHNESS, LINEARITY, tasks_by_group
from trajectories.figures.beside import beside
from trajectories.figures.in_context import group_trajectories, mean_accuracy
from trajectories.figures.means import analysed, group_means, task_means
from trajectories.figures.selections import tokens_selected_by
from trajectories.figures.shares import trend_shares
from trajectories.figures.tasks import task_panels
from trajectories.figures.validation import validation_perplexity
from trajectories.trends import Selection, selected_perplexity, shares
from trajectories.trends.selected import fit_starts, subset_coordinates

SELECTED = {"03": "stagnated", "04": "upward"}  # the trend in the middle of the figure
ALL = "all"  # the task that is the mean over all of them
ALL_TASKS = 74  # their number (section 5.1)
OF_TASKS = {"17": LINEARITY, "18": BREAKTHROUGHNESS}
OURS, THEIRS = "This suite", "OPT (Xia et al., 2023)"


@dataclass(frozen=True)
class Aggregates:
    """What the figures of a suite are drawn from where single tokens and options are not at hand.

    Attributes:
        trajectories: With the coordinates of models and of all their checkpoints.
        shares: (start, model, trend), as `trajectories.trends.shares` gives them.
        subsets: Stagnated and upward tokens that one model selects, as `selected_perplexity` gives them.
        small: That model.
        start: From which its trends are fitted.
        means: As `task_means` gives them.
        groups: As `group_means` gives them.
        tasks: (model, checkpoint, task) with the coordinate `group`, as `analysed` gives them.
    """

    trajectories: xr.Dataset
    shares: xr.DataArray
    subsets: xr.Dataset
    small: str
    start: float
    means: xr.Dataset
    groups: xr.Dataset
    tasks: xr.Dataset


def published_figures(opt: xr.Dataset) -> dict[str, Figure]:
    """Figures 1, 2, 3 and 4 (the middle), 8, 9 (accuracy), 17 and 18, by number.

    Args:
        opt: published numbers of a suite, as `trajectories.publications.published("opt")` returns them.
    """
    suite = published_aggregates(opt)
    groups = tasks_by_group(suite.tasks)
    of_tasks = {number: task_panels(suite.tasks, groups.get(group, [])) for number, group in OF_TASKS.items()}
    return draw_aggregates(suite) | of_tasks


def beside_figures(ours: Aggregates, theirs: Mapping[str, Figure]) -> dict[str, Figure]:
    """The figures that two suites share, ours first: 1, 2, 3 and 4 (the middle), 8 and 9.

    Single tasks (17, 18) are not the same in both.

    Args:
        ours: what `suite_aggregates` returns.
        theirs: what `published_figures` returns.
    """
    return {
        number: beside({OURS: figure, THEIRS: theirs[number]})
        for number, figure in draw_aggregates(ours).items()
    }


def draw_aggregates(suite: Aggregates) -> dict[str, Figure]:
    """Figures 1, 2, 3 and 4 (the middle), 8 and 9 of one suite, against compute where there is a choice."""
    return {
        "01": validation_perplexity(suite.trajectories),
        "02": trend_shares(suite.shares),
        **{
            number: tokens_selected_by(suite.subsets, suite.small, trend=trend, start=suite.start)
            for number, trend in SELECTED.items()
        },
        "08": mean_accuracy(suite.means),
        "09": group_trajectories(suite.groups),
    }


def suite_aggregates(
    scores: xr.Dataset,
    trends: xr.Dataset,
    accuracy: xr.Dataset,
    *,
    start: float = 0.1,
    small: str | None = None,
) -> Aggregates:
    """What these figures of our own suite are drawn from.

    Args:
        scores: as in data/scores/tokens.nc.
        trends: as in data/trends.nc.
        accuracy: as in data/downstream/accuracy.nc.
        start: one of the starts of `trends`.
        small: the model that selects tokens; None is the first, which is the smallest.
    """
    selecting = small or str(scores["model"].values[0])
    tasks = analysed(accuracy)
    return Aggregates(
        trajectories=scores,
        shares=shares(trends),
        subsets=selected_perplexity(
            scores, trends, [Selection(trend, start, selecting) for trend in SELECTED.values()]
        ),
        small=selecting,
        start=start,
        means=task_means(tasks),
        groups=group_means(tasks, tasks_by_group(tasks)),
        tasks=tasks,
    )


def published_aggregates(opt: xr.Dataset) -> Aggregates:
    """The same of published numbers.

    Where tokens and tasks were scored, which is at the checkpoints of Table 2, validation perplexity is that
    of these checkpoints; elsewhere it is known at more of them.
    """
    scored = _at_scored_checkpoints(opt)
    measured = scored[["accuracy", "chance"]]
    means, single = measured.drop_vars("group"), np.flatnonzero(opt["group"] != "")
    groups = means.sel(task=[LINEARITY, BREAKTHROUGHNESS]).rename(task="group")
    counts = [int((opt["group"] == name).sum()) for name in groups["group"].values]
    return Aggregates(
        trajectories=opt,
        shares=opt["share"],
        subsets=_subsets(scored),
        small=str(opt["selected_by"].values[0]),
        start=float(opt["subset_start"].values[0]),
        means=means.sel(task=ALL, drop=True).assign(tasks=ALL_TASKS),
        groups=groups.assign(tasks=("group", counts)),
        tasks=measured.isel(task=single),
    )


def _at_scored_checkpoints(opt: xr.Dataset) -> xr.Dataset:
    """Without other checkpoints, also in what the coordinates say of single models."""
    inside = opt["in_table_2"]
    of_both = [name for name, of in opt.coords.items() if set(of.dims) == {"model", "checkpoint"}]
    masked = {name: opt[name].where(inside) for name in of_both if name != inside.name}
    return opt.assign_coords(masked).isel(checkpoint=np.flatnonzero(inside.any("model")))


def _subsets(scored: xr.Dataset) -> xr.Dataset:
    """Published perplexities of selected tokens in the form of `selected_perplexity`."""
    chosen = [
        Selection(str(of["subset_trend"].item()), float(of["subset_start"]), str(of["selected_by"].item()))
        for of in (scored.isel(subset=place) for place in range(scored.sizes["subset"]))
    ]
    perplexity = scored["subset_perplexity"].transpose("subset", "model", "checkpoint")
    begins = [fit_starts(scored["in_table_2"], of.start, models=[of.model or ""]) for of in chosen]
    unknown = np.full((len(chosen), scored.sizes["model"]), np.nan)
    over = ("subset", "model")
    return xr.Dataset({"perplexity": perplexity}).assign_coords(
        {
            **subset_coordinates(chosen),
            "selected_share": perplexity["selected_share"].broadcast_like(
                perplexity.isel(checkpoint=0, drop=True)
            ),
            "selected_tokens": (over, unknown),
            "fit_start": (over, np.stack(begins)),
        }
    )

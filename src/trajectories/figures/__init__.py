"""The paper's figures of sections 3 to 5: datasets in, a matplotlib Figure out, nothing read or saved."""

from trajectories.downstream.groups import tasks_by_group
from trajectories.figures.alignment import alignment_dumbbells
from trajectories.figures.beside import beside
from trajectories.figures.corruption import corrupted_texts, corrupted_trajectories, corruption_kinds
from trajectories.figures.forecast import forecast_panels
from trajectories.figures.generated import generated_against_validation, generated_texts
from trajectories.figures.groups import other_tasks
from trajectories.figures.in_context import group_trajectories, mean_accuracy
from trajectories.figures.judges import judged_by_others
from trajectories.figures.means import analysed, group_means, task_means
from trajectories.figures.options import option_perplexity
from trajectories.figures.published import (
    Aggregates,
    beside_figures,
    draw_aggregates,
    published_figures,
    suite_aggregates,
)
from trajectories.figures.quality import mauve_scores
from trajectories.figures.scaling import scaling_laws
from trajectories.figures.selections import (
    all_trends,
    drawn_selections,
    middle_selections,
    selected_tokens,
    tokens_selected_by,
    uncategorised_tokens,
)
from trajectories.figures.shares import trend_shares
from trajectories.figures.style import message
from trajectories.figures.tasks import task_panels
from trajectories.figures.validation import validation_perplexity

__all__ = [
    "Aggregates",
    "alignment_dumbbells",
    "all_trends",
    "analysed",
    "beside",
    "beside_figures",
    "corrupted_texts",
    "corrupted_trajectories",
    "corruption_kinds",
    "draw_aggregates",
    "drawn_selections",
    "forecast_panels",
    "generated_against_validation",
    "generated_texts",
    "group_means",
    "group_trajectories",
    "judged_by_others",
    "mauve_scores",
    "mean_accuracy",
    "message",
    "middle_selections",
    "option_perplexity",
    "other_tasks",
    "published_figures",
    "scaling_laws",
    "selected_tokens",
    "suite_aggregates",
    "task_means",
    "task_panels",
    "tasks_by_group",
    "tokens_selected_by",
    "trend_shares",
    "uncategorised_tokens",
    "validation_perplexity",
]

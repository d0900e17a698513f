"""Tables as text, the coloured passage, and the few numbers that `make repro` prints."""

from trajectories.report.checkpoints import (
    checkpoint_rows,
    checkpoints_csv,
    checkpoints_markdown,
)
from trajectories.report.passage import passage_html
from trajectories.report.properties import properties_csv, properties_markdown
from trajectories.report.summary import summary_text

__all__ = [
    "checkpoint_rows",
    "checkpoints_csv",
    "checkpoints_markdown",
    "passage_html",
    "properties_csv",
    "properties_markdown",
    "summary_text",
]

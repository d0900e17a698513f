"""`python -m trajectories.report`: print where the figures are and the few numbers that matter."""

import sys
from pathlib import Path

from trajectories.report.summary import read_metrics, read_start, summary_text

REPORTS = Path("reports")
TEXTS = REPORTS / "metrics/sequences.json"
TASKS = REPORTS / "metrics/tasks.json"
ALIGNMENT = REPORTS / "metrics/alignment.json"


def main() -> int:
    """Print the summary of reports/; 1 when a file of it is missing or broken."""
    try:
        text = summary_text(
            read_metrics(REPORTS / "metrics/validation.json"),
            read_metrics(REPORTS / "metrics/trends.json"),
            texts=read_metrics(TEXTS) if TEXTS.is_file() else None,
            tasks=read_metrics(TASKS) if TASKS.is_file() else None,
            alignment=read_metrics(ALIGNMENT) if ALIGNMENT.is_file() else None,
            start=read_start(REPORTS / "plots/shares.csv"),
            figures=[*sorted(REPORTS.glob("figures/**/*.png")), *sorted(REPORTS.glob("tables/*.*"))],
        )
    except (OSError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Stage trends: every token's trend in every model, the shares of the categories, and double descent."""

import json
from pathlib import Path

from trajectories import arrays, config, files, provenance
from trajectories.config.trends import TrendSettings
from trajectories.stages.run import run
from trajectories.trends import find_double_descent, fit_trends, shares, summary, token_perplexity

SCORES = Path("data/scores/tokens.nc")
TRENDS = Path("data/trends.nc")
METRICS = Path("reports/metrics/trends.json")
SHARES = Path("reports/plots/shares.csv")


def main() -> None:
    """Fit the trends of the scores; write them, their shares, and double descent from the first start."""
    settings = config.read(TrendSettings, "trends")
    log_likelihood = arrays.read(SCORES)["log_likelihood"]
    trends = fit_trends(
        token_perplexity(log_likelihood),
        start=settings.start,
        regressor=settings.regressor.value,
        estimator=settings.estimator.value,
        significance=settings.significance,
        tolerance=settings.tolerance,
        false_discovery=settings.false_discovery.value,
    )
    first = min(settings.start)
    descent = find_double_descent(log_likelihood, trends, start=first, significance=settings.significance)
    stamp = provenance.stamp(inputs=[SCORES], parameters={"trends": config.values("trends")})
    arrays.write(provenance.annotate(trends, stamp), TRENDS)
    with files.replacing(METRICS) as path:
        path.write_text(json.dumps(summary(trends, descent, start=first), indent=2) + "\n")
    with files.replacing(SHARES) as path:
        table = shares(trends).to_dataframe().reset_index()[["model", "trend", "start", "share"]]
        table.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")


if __name__ == "__main__":
    run(main)

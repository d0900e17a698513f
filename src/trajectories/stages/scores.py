"""Stage scores: the models of the analysed family side by side, and the validation perplexity of all."""

import json
from pathlib import Path

from trajectories import arrays, config, files, provenance
from trajectories.scoring.gather import (
    gather_scores,
    refuse_strangers,
    summarise_validation,
    validation_curves,
)
from trajectories.stages.run import run

SCORES = Path("data/scores/tokens.nc")
METRICS = Path("reports/metrics/validation.json")
CURVES = Path("reports/plots/validation_perplexity.csv")


def main() -> None:
    """Read every model's scores; write those of the family as one dataset, a summary and the curves."""
    folder = Path("data/scores", config.values("suite.choice"))
    parameters = {
        "suite.family": config.values("suite.family"),
        "suite.models": config.values("suite.models"),
        "suite.fetched": config.values("suite.fetched"),
    }
    family, models = parameters["suite.family"], parameters["suite.models"] | parameters["suite.fetched"]
    refuse_strangers(folder, models)
    scores = {name: arrays.read(folder / f"{name}.nc") for name in models}
    gathered = gather_scores({name: scores[name] for name in models if models[name]["family"] == family})
    stamp = provenance.stamp(inputs=[folder], parameters=parameters)
    arrays.write(provenance.annotate(gathered, stamp), SCORES)
    with files.replacing(METRICS) as path:
        path.write_text(json.dumps(summarise_validation(scores), indent=2, sort_keys=True) + "\n")
    with files.replacing(CURVES) as path:
        validation_curves(gathered).to_csv(path, index=False, float_format="%.6g", lineterminator="\n")


if __name__ == "__main__":
    run(main)

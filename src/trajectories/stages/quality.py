"""Stage quality: how like documents the generated texts are (MAUVE), and how much they repeat themselves."""

from pathlib import Path

import numpy as np

from trajectories import arrays, config, provenance
from trajectories.checkpoints import load_checkpoint
from trajectories.config.execution import ExecutionSettings
from trajectories.config.judging import JudgingSettings
from trajectories.corpora.tokenizer import load_tokenizer
from trajectories.generation.features import make_features
from trajectories.generation.models import load_final, read_sizes, release_final
from trajectories.generation.quality import measure_quality
from trajectories.stages.run import run

GENERATIONS = Path("data/generations.nc")
OPEN_ENDED = Path("data/open_ended.nc")
QUALITY = {GENERATIONS: Path("data/quality.nc"), OPEN_ENDED: Path("data/open_ended_quality.nc")}


def main() -> None:
    """Read the generated texts; write data/quality.nc and data/open_ended_quality.nc."""
    suite, family = config.values("suite.choice"), config.values("suite.family")
    settings = config.read(JudgingSettings, "judging")
    execution = config.read(ExecutionSettings, "execution")
    folder, tokens = Path("data/checkpoints", suite), Path("data/tokens", suite, family, "tokenizer")
    tokenizer = load_tokenizer(str(tokens), vocabulary=None)
    models = config.values("suite.models") | config.values("suite.fetched")
    precision = config.values("scoring.precision")
    if settings.features is None:
        sizes = read_sizes(folder, models, family=family, keep_weights=execution.keep_weights)
        largest = next(reversed(sizes))
        checkpoint = load_final(sizes, largest, precision=precision)
        release_final(sizes, [largest])
        label = f"{family} {sizes[largest].label}"
    else:
        checkpoint = load_checkpoint(settings.features, settings.revision)
        label = settings.features
    parameters = {"judging": config.values("judging"), "scoring.precision": precision}
    features = make_features(checkpoint, source=tokenizer)
    for texts, quality in QUALITY.items():
        generations = arrays.read(texts)
        measured = measure_quality(
            generations,
            features=features,
            seeds=settings.seeds,
            lengths=np.atleast_1d(generations.attrs["lengths"]).tolist(),
            end_token=tokenizer.eos_token_id,
        )
        stamp = provenance.stamp(inputs=[texts, folder, tokens], parameters=parameters)
        arrays.write(provenance.annotate(measured.assign_attrs(features=label), stamp), quality)


if __name__ == "__main__":
    run(main)

"""Stage generate: texts that a small and a large model of the family decode together."""

from pathlib import Path

from trajectories import arrays, config, provenance
from trajectories.config.decoding import DecodingSettings
from trajectories.config.execution import ExecutionSettings
from trajectories.generation.generations import generate
from trajectories.generation.models import load_final, read_sizes, release_final
from trajectories.stages.run import run

GENERATIONS = Path("data/generations.nc")
ALONE = [(0.0, 1.0)]  # where the family has one size: nothing is set against it


def main() -> None:
    """Read the final checkpoints of two models and the windows; write data/generations.nc."""
    suite, family = config.values("suite.choice"), config.values("suite.family")
    settings = config.read(DecodingSettings, "decoding")
    execution = config.read(ExecutionSettings, "execution")
    folder, windows = Path("data/checkpoints", suite), Path("data/tokens", suite, family, "windows.nc")
    models = config.values("suite.models") | config.values("suite.fetched")
    sizes = read_sizes(folder, models, family=family, keep_weights=execution.keep_weights)
    small, large = settings.small or next(iter(sizes)), settings.large or next(reversed(sizes))
    precision = config.values("scoring.precision")
    texts = generate(
        arrays.read(windows),
        load_final(sizes, small, precision=precision),
        load_final(sizes, large, precision=precision),
        weights=[(pair.small, pair.large) for pair in settings.weights] if small != large else ALONE,
        methods=[method.value for method in settings.methods],
        prompt_tokens=settings.prompt_tokens,
        lengths={length.new_tokens: length.prompts for length in settings.lengths},
        top_p=settings.top_p,
        temperature=settings.temperature,
        seed=settings.seed,
    )
    release_final(sizes, [small, large])
    labels = {"small_label": sizes[small].label, "large_label": sizes[large].label}
    parameters = {"decoding": config.values("decoding"), "scoring.precision": precision}
    stamp = provenance.stamp(inputs=[folder, windows], parameters=parameters)
    labelled = texts.assign_attrs(family=family, small=small, large=large, **labels)
    arrays.write(provenance.annotate(labelled, stamp), GENERATIONS)


if __name__ == "__main__":
    run(main)

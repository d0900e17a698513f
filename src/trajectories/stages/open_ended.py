"""Stage open_ended: long contexts, continued by every larger model with and without the smaller ones."""

from pathlib import Path

from trajectories import arrays, config, provenance
from trajectories.config.execution import ExecutionSettings
from trajectories.config.open_ended import OpenEndedSettings
from trajectories.generation.models import load_final, one_of_each_size, read_sizes, release_final
from trajectories.generation.open_ended import generate_open_ended
from trajectories.stages.run import run

OPEN_ENDED = Path("data/open_ended.nc")


def main() -> None:
    """Read the family's final checkpoints and the windows; write data/open_ended.nc."""
    suite, family = config.values("suite.choice"), config.values("suite.family")
    settings = config.read(OpenEndedSettings, "open_ended")
    execution = config.read(ExecutionSettings, "execution")
    folder, windows = Path("data/checkpoints", suite), Path("data/tokens", suite, family, "windows.nc")
    models = config.values("suite.models") | config.values("suite.fetched")
    sizes = read_sizes(folder, models, family=family, keep_weights=execution.keep_weights)
    names, precision = settings.models or one_of_each_size(sizes), config.values("scoring.precision")
    texts = generate_open_ended(
        arrays.read(windows),
        names,
        load=lambda name: load_final(sizes, name, precision=precision),
        labels={name: size.label for name, size in sizes.items()},
        methods=[method.value for method in settings.methods],
        texts=settings.texts,
        context_tokens=settings.context_tokens,
        new_tokens=settings.new_tokens,
        top_p=settings.top_p,
        plausibility=settings.plausibility,
        seed=settings.seed,
    )
    release_final(sizes, names)
    parameters = {"open_ended": config.values("open_ended"), "scoring.precision": precision}
    stamp = provenance.stamp(inputs=[folder, windows], parameters=parameters)
    arrays.write(provenance.annotate(texts.assign_attrs(family=family), stamp), OPEN_ENDED)


if __name__ == "__main__":
    run(main)

"""Stage judge: log-likelihoods of corrupted and generated texts at every checkpoint of one model."""

from pathlib import Path

import xarray as xr

from trajectories import arrays, config, provenance
from trajectories.checkpoints import read_trajectory
from trajectories.config.execution import ExecutionSettings
from trajectories.config.scoring import ScoringSettings
from trajectories.corpora.tokenizer import load_tokenizer
from trajectories.generation.texts import family_texts, retokenised_texts
from trajectories.scoring.judging import judge_sequences
from trajectories.scoring.plans import TEXTS
from trajectories.scoring.shards import default_store
from trajectories.stages.run import run

CORRUPTED = Path("data/corrupted.nc")
GENERATIONS = Path("data/generations.nc")


def main(key: str, family: str) -> None:
    """Read the texts and a model's checkpoints; score what the shard store lacks; write data/judged."""
    suite, prompts = config.values("suite.choice"), config.values("judging.prompts")
    settings = config.read(ScoringSettings, "scoring")
    execution = config.read(ExecutionSettings, "execution")
    checkpoints, tokens = Path("data/checkpoints", suite, key), Path("data/tokens", suite)
    analysed = config.values("suite.family")
    trajectory = read_trajectory(checkpoints, keep_weights=execution.keep_weights)
    generations = arrays.read(GENERATIONS).isel(prompt=slice(prompts))
    scores = judge_sequences(
        trajectory,
        _texts(generations, tokens, read_as=family, made_as=analysed, context=trajectory.dimensions.context),
        store=default_store(),
        batch_tokens=settings.batch_tokens,
        precision=settings.precision.value,
        nonfinite=settings.nonfinite.value,
        flops=settings.flops.value,
        workers=execution.workers,
        name=f"{suite}/{key}{TEXTS}",
    )
    parameters = {
        "scoring": config.values("scoring"),
        "judging.prompts": prompts,
        "suite.family": analysed,
    }
    stamp = provenance.stamp(inputs=[checkpoints, tokens, CORRUPTED, GENERATIONS], parameters=parameters)
    arrays.write(provenance.annotate(scores, stamp), Path("data/judged", suite, f"{key}.nc"))


def _texts(
    generations: xr.Dataset, tokens: Path, *, read_as: str, made_as: str, context: int | None
) -> xr.Dataset:
    """The texts in the tokens of a family; of another, those that were generated: noise is made of tokens."""
    tokenizer = load_tokenizer(str(tokens / read_as / "tokenizer"), vocabulary=None)
    first_token = arrays.read(tokens / read_as / "windows.nc").attrs.get("first_token_id")
    if read_as == made_as:
        return family_texts(
            arrays.read(CORRUPTED), generations, tokenizer=tokenizer, first_token_id=first_token
        )
    source = load_tokenizer(str(tokens / made_as / "tokenizer"), vocabulary=None)
    return retokenised_texts(
        generations, source=source, tokenizer=tokenizer, first_token_id=first_token, context=context
    )


if __name__ == "__main__":
    run(main)

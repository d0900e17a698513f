"""Stage score: log-likelihoods of the held-out tokens at every checkpoint of one model."""

from pathlib import Path

from trajectories import arrays, config, provenance
from trajectories.checkpoints import read_trajectory
from trajectories.config.execution import ExecutionSettings
from trajectories.config.scoring import ScoringSettings
from trajectories.scoring.shards import default_store
from trajectories.scoring.trajectory import score_trajectory
from trajectories.stages.run import run


def main(key: str, family: str) -> None:
    """Read a model's checkpoints and the windows; score what the shard store lacks; write the scores."""
    suite = config.values("suite.choice")
    settings = config.read(ScoringSettings, "scoring")
    execution = config.read(ExecutionSettings, "execution")
    checkpoints = Path("data/checkpoints", suite, key)
    windows = Path("data/tokens", suite, family, "windows.nc")
    scores = score_trajectory(
        read_trajectory(checkpoints, keep_weights=execution.keep_weights),
        arrays.read(windows),
        store=default_store(),
        batch_tokens=settings.batch_tokens,
        precision=settings.precision.value,
        nonfinite=settings.nonfinite.value,
        flops=settings.flops.value,
        workers=execution.workers,
        name=f"{suite}/{key}",
    )
    stamp = provenance.stamp(inputs=[checkpoints, windows], parameters={"scoring": config.values("scoring")})
    arrays.write(provenance.annotate(scores, stamp), Path("data/scores", suite, f"{key}.nc"))


if __name__ == "__main__":
    run(main)

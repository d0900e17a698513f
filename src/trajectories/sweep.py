"""Runs a DVC experiment per combination: `python -m trajectories.sweep -m trends.regressor=index,step`."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig

from trajectories.config import ConfigurationError
from trajectories.config.composition import FOLDER, compose, register

DVC = (sys.executable, "-m", "dvc")
Experiments = dict[str, Sequence[str]]  # name: overrides


class SweepError(Exception):
    """Experiments that could not be queued or did not finish; the message says how to look further."""


def combinations() -> list[Sequence[str]]:
    """The overrides of each job of the Hydra command line; every combination composes, or nothing runs.

    Raises:
        ConfigurationError: a combination does not compose; what Hydra itself refuses ends the program.
    """
    jobs: list[Sequence[str]] = []
    register(FOLDER)
    with tempfile.TemporaryDirectory() as scratch:  # Hydra's folders of runs: here the results are DVC's
        sys.argv += [f"hydra.run.dir={scratch}", f"hydra.sweep.dir={scratch}", "hydra.output_subdir=null"]
        sys.argv += ["hydra/job_logging=disabled", "hydra/hydra_logging=disabled", "hydra/launcher=basic"]
        application = hydra.main(config_path=str(FOLDER.resolve()), config_name="config", version_base="1.3")
        application(lambda _: jobs.append(list(HydraConfig.get().overrides.task)))()
    for overrides in jobs:  # Hydra composed them too, but resolves nothing: `???` and added keys slip through
        try:
            compose(overrides)
        except ConfigurationError as error:
            raise ConfigurationError(f"{' '.join(overrides)}: {error}; nothing was queued") from error
    return jobs


def queue(jobs: Sequence[Sequence[str]]) -> Experiments:
    """Queue a DVC experiment per job, all or none."""
    queued: Experiments = {}
    for overrides in jobs:
        options = [part for override in overrides for part in ("--set-param", override)]
        answer = _dvc("exp", "run", "--queue", *options)
        name = re.search("Queued experiment '(.+?)'", answer.stdout)
        if name is None:
            if queued:
                _dvc("queue", "remove", *queued)
            raise SweepError(f"DVC queued nothing for {' '.join(overrides)}: {answer.stderr.strip()}")
        queued[name[1]] = overrides
        sys.stdout.write(f"queued {name[1]}: {' '.join(overrides) or 'as composed'}\n")
    return queued


def run(experiments: Experiments) -> None:
    """Run the queue to its end; raise SweepError that names the experiments that failed."""
    # Stages call `python`: it is to be this one, activated or not.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    sys.stdout.flush()
    subprocess.run([*DVC, "exp", "run", "--run-all"], env={**os.environ, "PATH": path}, check=False)
    finished = set(_dvc("exp", "list", "--name-only").stdout.split())
    for name, overrides in experiments.items():
        state = "finished" if name in finished else "failed"
        sys.stdout.write(f"{state:9} {name:16} {' '.join(overrides)}\n")
    failed = [name for name in experiments if name not in finished]
    if failed:
        logs = "; ".join(f"dvc queue logs {name}" for name in failed)
        raise SweepError(f"{len(failed)} of {len(experiments)} experiments failed; see why with: {logs}")
    sys.stdout.write("compare them with `dvc exp show --only-changed`, keep one with `dvc exp apply NAME`\n")


def main() -> None:
    """Validate every combination, queue them, run them; exit 1 when one is refused or fails."""
    try:
        jobs = combinations()
        if jobs:  # none: Hydra was asked for help only
            run(queue(jobs))
    except (ConfigurationError, SweepError) as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(1) from error
    except KeyboardInterrupt:
        sys.stderr.write("experiments go on in the background: `dvc queue status`, `dvc queue stop --kill`\n")
        raise SystemExit(130) from None


def _dvc(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*DVC, *arguments], check=False, capture_output=True, text=True)


if __name__ == "__main__":
    main()

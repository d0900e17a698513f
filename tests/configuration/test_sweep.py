"""A sweep runs one DVC experiment per combination; one bad combination and none is queued."""

import pytest

from clone import Clone

pytestmark = pytest.mark.pipeline


def test_a_sweep_queues_and_runs_every_combination(project: Clone) -> None:
    swept = project.python(
        *("trajectories.sweep", "-m", "trends.significance=0.01,0.5", "trends.regressor=log_step"),
        check=False,
    )
    # The second combination stops in its stage, so the sweep tells of it and where to look.
    assert swept.returncode == 1
    lines = swept.stdout.splitlines()
    finished = next(line.split() for line in lines if line.startswith("finished"))
    failed = next(line.split() for line in lines if line.startswith("failed"))
    assert finished[2:] == ["trends.significance=0.01", "trends.regressor=log_step"]
    assert failed[2:] == ["trends.significance=0.5", "trends.regressor=log_step"]
    assert f"1 of 2 experiments failed; see why with: dvc queue logs {failed[1]}" in swept.stderr
    shown = project.dvc("exp", "show", "--csv", "--only-changed").stdout
    assert next(line for line in shown.splitlines() if line.startswith(finished[1])).count("log_step")
    assert "too large to count" in project.dvc("queue", "logs", failed[1]).stdout
    assert project.run("git", "status", "--short").stdout == ""
    assert not any((project.root / name).exists() for name in ("multirun", "outputs"))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["-m", "suite=smoke,huge"], "Available options in 'suite':"),
        (["-m", "+trends.nonsense=1,2"], "Key 'nonsense' not in 'TrendSettings'; nothing was queued"),
        (["trends.significance=0.01,0.5"], "To sweep over it, add --multirun to your command line"),
    ],
)
def test_a_bad_combination_is_named_and_nothing_is_queued(
    arguments: list[str], named: str, small_project: Clone
) -> None:
    refused = small_project.python("trajectories.sweep", *arguments, check=False)
    assert refused.returncode == 1
    assert named in refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""
    assert not (small_project.root / ".dvc/tmp/exps/celery").exists()


def test_what_dvc_cannot_queue_leaves_no_experiment_behind(project: Clone) -> None:
    (project.root / "dvc.yaml").write_text("stages: none")
    refused = project.python("trajectories.sweep", "-m", "trends.significance=0.01,0.02", check=False)
    assert refused.returncode == 1
    assert "DVC queued nothing for trends.significance=0.01" in refused.stderr
    assert "No experiment tasks in the queue" in project.dvc("queue", "status", check=False).stdout

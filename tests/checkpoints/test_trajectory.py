import json
import math
from pathlib import Path

import pytest
from transformers import AutoConfig, AutoModelForCausalLM

from tiny_suite import CONTEXT
from trajectories.checkpoints import find_checkpoints, read_trajectory
from trajectories.checkpoints.trajectory import size_label


def test_a_trained_model_s_folder_tells_its_trajectory(opt: Path) -> None:
    trajectory = read_trajectory(opt)
    assert (trajectory.model, trajectory.family, trajectory.label) == ("opt", "opt", "8K")
    assert [step for step, _ in trajectory.checkpoints] == [2, 4, 8]
    assert trajectory.checkpoints[-1][1].folder() == opt / "step-000008"
    assert trajectory.architecture == "opt"
    assert trajectory.seed == 42
    assert trajectory.parameters == AutoModelForCausalLM.from_pretrained(opt / "step-000008").num_parameters()
    assert trajectory.context == CONTEXT
    assert trajectory.tokens_seen(4) == 4 * 4 * CONTEXT
    assert trajectory.training_fraction(4) == 0.5
    assert trajectory.training_fraction(8) == 1


def test_without_its_facts_a_trajectory_comes_from_folders_and_configuration(opt: Path) -> None:
    told = read_trajectory(opt)
    (opt / "trajectory.json").unlink()
    derived = read_trajectory(opt)
    assert derived.checkpoints == told.checkpoints
    assert (derived.parameters, derived.context, derived.steps) == (told.parameters, CONTEXT, 8)
    assert (derived.model, derived.label) == ("opt", size_label(told.parameters))
    assert math.isnan(derived.tokens_seen(4))
    assert math.isnan(derived.flops(4))
    assert derived.seed is None


def test_the_tokenizer_is_told_by_its_hash(opt: Path, trained: Path) -> None:
    hashed = read_trajectory(opt).tokenizer
    assert hashed == read_trajectory(trained / "gpt_neox").tokenizer
    for path in (opt / "step-000008").glob("tokenizer*"):
        path.unlink()
    assert hashed is not None
    assert read_trajectory(opt).tokenizer is None


def test_a_model_without_positions_needs_its_context_told(tmp_path: Path) -> None:
    sizes = {"vocab_size": 50, "hidden_size": 8, "num_hidden_layers": 1, "state_size": 2}
    AutoConfig.for_model("mamba", **sizes).save_pretrained(tmp_path / "step-1")
    with pytest.raises(ValueError, match=r'put them into trajectory\.json there, as \{"context": 1024\}'):
        read_trajectory(tmp_path)
    (tmp_path / "trajectory.json").write_text('{"context": 16}', encoding="utf-8")
    assert read_trajectory(tmp_path).context == 16


def test_a_lost_checkpoint_leaves_the_rest_as_they_were(opt: Path) -> None:
    (opt / "step-000008").rename(opt / ".lost")
    trajectory = read_trajectory(opt)
    assert [step for step, _ in trajectory.checkpoints] == [2, 4]
    assert trajectory.training_fraction(4) == 0.5


def test_steps_are_sorted_as_numbers(tmp_path: Path) -> None:
    for name in ("step-100", "step-9", "step-000032", "step-2000000"):
        (tmp_path / name).mkdir()
    assert [step for step, _ in find_checkpoints(tmp_path)] == [9, 32, 100, 2_000_000]


@pytest.mark.parametrize("name", ["step-", "step-late", "step-1.5", "steps-3", "final", "step--4"])
def test_a_folder_without_a_step_is_named(opt: Path, name: str) -> None:
    (opt / name).mkdir()
    with pytest.raises(ValueError, match=f"{name} needs a name like step-000032"):
        read_trajectory(opt)


def test_two_folders_of_one_step_are_named(opt: Path) -> None:
    (opt / "step-8").mkdir()
    with pytest.raises(ValueError, match=r"step-000008 and .*step-8 are both of step 8; remove one"):
        read_trajectory(opt)


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        read_trajectory(tmp_path / "nowhere")


def test_a_folder_without_checkpoints_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no checkpoint"):
        read_trajectory(tmp_path)


def test_a_checkpoint_without_configuration_is_named(opt: Path) -> None:
    (opt / "step-000008" / "config.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"step-000008/config\.json does not exist"):
        read_trajectory(opt)


@pytest.mark.parametrize(
    ("text", "named"),
    [("{", "not valid JSON"), ("[]", "needs a JSON object, got list"), ("\xff", "valid JSON")],
)
def test_unusable_facts_are_named(opt: Path, text: str, named: str) -> None:
    (opt / "trajectory.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=rf"trajectory\.json .*{named}"):
        read_trajectory(opt)


def test_a_checkpoint_after_the_end_is_named(opt: Path) -> None:
    path = opt / "trajectory.json"
    facts = {**json.loads(path.read_text(encoding="utf-8")), "steps": 7}
    path.write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(ValueError, match=r"step 8, but trajectory\.json ends at 7"):
        read_trajectory(opt)


@pytest.mark.parametrize(
    ("parameters", "label"),
    [(172_992, "173K"), (1_383_424, "1.4M"), (13_000_000, "13M"), (6_658_473_984, "6.7B"), (950, "950")],
)
def test_a_label_is_short(parameters: int, label: str) -> None:
    assert size_label(parameters) == label

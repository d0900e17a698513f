"""Real runs of a few steps on real text."""

import csv
import json
import resource
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tiny_suite import CONTEXT, VOCABULARY, make_recipe, make_size
from trajectories.pretraining import DivergedError, pretrain
from trajectories.pretraining.windows import read_stream, training_batches


def run(tokens: Path, folder: Path, *, architecture: str = "opt", **settings: object) -> Path:
    size = make_size(
        architecture, **{name: settings.pop(name) for name in ("width", "heads") if name in settings}
    )
    pretrain(tokens, folder, label="8K", family=architecture, size=size, recipe=make_recipe(**settings))
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def losses(folder: Path) -> list[float]:
    with (folder / "loss.csv").open(encoding="utf-8") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def trained(tokens: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tokens, tmp_path_factory.mktemp("trained") / "opt-tiny")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("architecture", ["opt", "gpt_neox"])
def test_the_same_inputs_give_the_same_bytes(
    tokens: Path, tmp_path: Path, architecture: str, precision: str
) -> None:
    first = run(tokens, tmp_path / "a" / "tiny", architecture=architecture, precision=precision)
    torch.manual_seed(99)
    second = run(tokens, tmp_path / "b" / "tiny", architecture=architecture, precision=precision)
    assert content(first) == content(second)
    assert any(name.endswith("model.safetensors") for name in content(first))


def test_another_seed_gives_other_weights(tokens: Path, trained: Path, tmp_path: Path) -> None:
    other = run(tokens, tmp_path / "opt-tiny", seed=43)
    weights = "step-000008/model.safetensors"
    assert content(other)[weights] != content(trained)[weights]


def test_a_run_leaves_the_random_state_and_settings_of_torch_alone(tokens: Path, tmp_path: Path) -> None:
    before = torch.get_rng_state()
    run(tokens, tmp_path / "opt-tiny")
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory


def test_checkpoints_are_ordinary_hugging_face_folders(trained: Path, tokens: Path) -> None:
    names = sorted(path.name for path in trained.iterdir())
    assert names == ["loss.csv", "step-000002", "step-000004", "step-000008", "trajectory.json"]
    model = AutoModelForCausalLM.from_pretrained(trained / "step-000008")
    tokenizer = AutoTokenizer.from_pretrained(trained / "step-000008")
    assert model.config.architectures == ["OPTForCausalLM"]
    assert model.config.eos_token_id == model.config.bos_token_id == tokenizer.eos_token_id
    assert model.generation_config.pad_token_id == tokenizer.pad_token_id
    assert (trained / "step-000008" / "tokenizer.json").read_bytes() == (
        tokens / "tokenizer" / "tokenizer.json"
    ).read_bytes()
    prompt = tokenizer("The value of", return_tensors="pt", add_special_tokens=False)
    assert model.generate(**prompt, max_new_tokens=4, do_sample=False).shape[1] > 4


def test_nothing_about_this_machine_or_this_hour_is_stored(trained: Path) -> None:
    told = b"".join(data for name, data in content(trained).items() if name.endswith((".json", ".csv")))
    assert str(trained.parent).encode() not in told
    assert b"trajectories_causal" not in told


def test_the_facts_tell_the_trajectory(trained: Path, tokens: Path) -> None:
    facts = json.loads((trained / "trajectory.json").read_text(encoding="utf-8"))
    model = AutoModelForCausalLM.from_pretrained(trained / "step-000008")
    expected = {
        "model": "opt-tiny",
        "family": "opt",
        "label": "8K",
        "parameters": model.num_parameters(),
        "context": CONTEXT,
        "tokens_per_step": 4 * CONTEXT,
        "steps": 8,
        "checkpoints": [2, 4, 8],
        "training_tokens": len(read_stream(tokens / "train.npy")),
    }
    assert expected.items() <= facts.items()
    assert facts["final_loss"] == pytest.approx(np.mean(losses(trained)))


def test_each_loss_is_that_of_the_checkpoint_before_on_the_next_windows(trained: Path, tokens: Path) -> None:
    stream = read_stream(tokens / "train.npy")
    batches = list(training_batches(stream, context=CONTEXT, batch=4, steps=8, seed=42))
    for step in (2, 4):
        model = AutoModelForCausalLM.from_pretrained(trained / f"step-{step:06d}")
        batch = torch.from_numpy(batches[step])
        with torch.no_grad():
            logits = model(batch[:, :-1]).logits
        expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
        assert losses(trained)[step] == pytest.approx(expected.item(), abs=1e-5)


def test_losses_are_listed_by_step_and_tokens(trained: Path) -> None:
    rows = (trained / "loss.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0] == "step,tokens,loss"
    assert [row.split(",")[:2] for row in rows[1:]] == [
        [str(step), str(step * 4 * CONTEXT)] for step in range(1, 9)
    ]


def test_training_learns_more_than_the_frequencies_of_tokens(tokens: Path, tmp_path: Path) -> None:
    steps = 150
    folder = run(tokens, tmp_path / "opt", steps=steps, checkpoints=(steps,), batch=16, width=32)
    counts = np.bincount(read_stream(tokens / "train.npy"), minlength=VOCABULARY)
    shares = counts[counts > 0] / counts.sum()
    entropy = -(shares * np.log(shares)).sum()
    assert losses(folder)[0] == pytest.approx(np.log(VOCABULARY), abs=0.1)
    assert np.mean(losses(folder)[-10:]) < entropy - 0.3  # another Python has other docstrings


def test_bfloat16_follows_float32(tokens: Path, trained: Path, tmp_path: Path) -> None:
    half = run(tokens, tmp_path / "opt-tiny", precision="bfloat16")
    assert losses(half) == pytest.approx(losses(trained), rel=0.01)
    weights = AutoModelForCausalLM.from_pretrained(half / "step-000008", dtype="auto")
    assert weights.dtype == torch.float32


@pytest.mark.parametrize("architecture", ["opt", "gpt_neox"])
@pytest.mark.parametrize("still", ["learning_rate", "embedding_learning_rate"])
def test_embeddings_and_vectors_have_a_rate_of_their_own(
    tokens: Path, tmp_path: Path, architecture: str, still: str
) -> None:
    rates = {"learning_rate": 1e-2, "embedding_learning_rate": 1e-2, still: 0.0}
    folder = run(tokens, tmp_path / "tiny", architecture=architecture, checkpoints=(1, 8), **rates)
    first, last = (AutoModelForCausalLM.from_pretrained(folder / f"step-{step:06d}") for step in (1, 8))
    tables = {id(module.weight) for module in first.modules() if isinstance(module, torch.nn.Embedding)}
    after = dict(last.named_parameters())
    for name, weight in first.named_parameters():
        of_embeddings = id(weight) in tables or weight.ndim < 2
        moves = still != ("embedding_learning_rate" if of_embeddings else "learning_rate")
        assert torch.equal(weight, after[name]) != moves, name


def test_without_a_rate_of_their_own_embeddings_have_that_of_the_model(
    tokens: Path, trained: Path, tmp_path: Path
) -> None:
    same = run(tokens, tmp_path / "opt-tiny", embedding_learning_rate=1e-2)
    weights = "step-000008/model.safetensors"
    assert content(same)[weights] == content(trained)[weights]


def test_weights_decay_in_matrices_and_not_in_vectors(tokens: Path, tmp_path: Path) -> None:
    once = {"steps": 1, "checkpoints": (1,), "learning_rate": 1e-2}
    plain = run(tokens, tmp_path / "plain", weight_decay=0.0, **once)
    decayed = run(tokens, tmp_path / "decayed", weight_decay=10.0, **once)
    pair = [AutoModelForCausalLM.from_pretrained(folder / "step-000001") for folder in (plain, decayed)]
    other = dict(pair[1].named_parameters())
    for name, weight in pair[0].named_parameters():
        assert torch.equal(weight, other[name]) == (weight.ndim < 2), name


def test_only_the_last_checkpoint_is_kept_when_asked(tokens: Path, tmp_path: Path) -> None:
    folder = run(tokens, tmp_path / "neox", architecture="gpt_neox", checkpoints=(8,))
    assert [path.name for path in folder.glob("step-*")] == ["step-000008"]


@pytest.mark.parametrize("old", [True, False])
def test_a_run_that_diverges_leaves_nothing_half_written(tokens: Path, tmp_path: Path, old: bool) -> None:
    folder = tmp_path / "opt-tiny"
    if old:
        folder.mkdir()
        (folder / "mine").touch()
    with pytest.raises(DivergedError, match=r"opt-tiny: .* step \d+ .*learning_rate"):
        run(tokens, folder, learning_rate=1e38)
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == (
        ["opt-tiny", "opt-tiny/mine"] if old else []
    )


def test_a_full_disk_leaves_the_old_folder_as_it_was(tokens: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: the tokenizer fits, the weights do not."""
    (tmp_path / "opt-tiny").mkdir()
    (tmp_path / "opt-tiny" / "mine").touch()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(path.stat().st_size for path in (tokens / "tokenizer").iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 1, before[1]))
    try:
        with pytest.raises(OSError, match=r"could not write step 2 of opt-tiny: .*is the disk full"):
            run(tokens, tmp_path / "opt-tiny", width=64)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["opt-tiny", "opt-tiny/mine"]


def test_a_finished_run_replaces_the_old_folder(tokens: Path, tmp_path: Path) -> None:
    (tmp_path / "opt-tiny").mkdir()
    (tmp_path / "opt-tiny" / "step-000099").mkdir()
    run(tokens, tmp_path / "opt-tiny")
    assert not (tmp_path / "opt-tiny" / "step-000099").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["opt-tiny"]


def test_a_tokenizer_of_another_vocabulary_is_named(tokens: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"{VOCABULARY} tokens, .* vocabulary of 400"):
        pretrain(
            tokens,
            tmp_path / "opt",
            label="",
            family="opt",
            size=make_size(vocabulary=400),
            recipe=make_recipe(),
        )
    assert list(tmp_path.iterdir()) == []


def test_tokens_outside_the_vocabulary_are_named(tokens: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(tokens, tmp_path / "tokens")
    np.save(broken / "train.npy", np.full(1000, VOCABULARY, np.uint16))
    with pytest.raises(ValueError, match=rf"holds token {VOCABULARY}, .* ends at {VOCABULARY - 1}"):
        run(broken, tmp_path / "opt")


def test_missing_tokens_are_named(tokens: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere/train\.npy does not exist"):
        run(tmp_path / "nowhere", tmp_path / "opt")
    half = tmp_path / "half"
    half.mkdir()
    shutil.copy(tokens / "train.npy", half)
    with pytest.raises(FileNotFoundError, match="half/tokenizer does not exist"):
        run(half, tmp_path / "opt")


def test_heads_that_do_not_divide_the_width_are_named() -> None:
    with pytest.raises(ValueError, match="multiple of heads, got 16 and 3"):
        make_size(heads=3)


def test_an_unknown_architecture_is_named() -> None:
    with pytest.raises(ValueError, match="one of gpt_neox, opt, got 'mamba'"):
        make_size("mamba")


def test_an_unknown_precision_is_named(tokens: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="got 'float8'"):
        run(tokens, tmp_path / "opt", precision="float8")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_an_accelerator_trains_repeatably_and_near_the_processor(
    tokens: Path, trained: Path, tmp_path: Path
) -> None:
    first = run(tokens, tmp_path / "a" / "opt-tiny", precision="auto")
    second = run(tokens, tmp_path / "b" / "opt-tiny", precision="auto")
    assert content(first) == content(second)
    assert losses(first) == pytest.approx(losses(trained), rel=0.01)

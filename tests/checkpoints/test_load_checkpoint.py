"""Every way in which a real folder can be wrong; transformers' own loading is the oracle for the rest."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM
from transformers.utils import logging as transformers_logging

import trajectories as tj
from tiny_suite import VOCABULARY, make_size
from trajectories.checkpoints import fingerprint
from trajectories.checkpoints.load import load_model


@pytest.mark.parametrize("architecture", ["opt", "gpt_neox"])
def test_the_model_computes_what_transformers_loads(trained: Path, architecture: str) -> None:
    folder = trained / architecture / "step-000008"
    checkpoint = tj.load_checkpoint(folder, device="cpu")
    expected = AutoModelForCausalLM.from_pretrained(folder)
    tokens = torch.arange(20)[None]
    with torch.no_grad():
        assert torch.equal(checkpoint.model(tokens).logits, expected(tokens).logits)
    assert checkpoint.tokenizer.decode(checkpoint.tokenizer("a value")["input_ids"]) == "a value"
    assert checkpoint.fingerprint == fingerprint(folder)


def test_the_model_is_in_evaluation_mode_and_asks_for_no_gradient(trained: Path) -> None:
    model = tj.load_checkpoint(str(trained / "opt" / "step-000008")).model
    assert not model.training
    assert not any(weight.requires_grad for weight in model.parameters())


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("auto", torch.float32), ("bfloat16", torch.bfloat16), ("float16", torch.float16)],
)
def test_the_number_format_can_be_chosen_and_leaves_the_fingerprint(
    trained: Path, dtype: str, expected: torch.dtype
) -> None:
    folder = trained / "opt" / "step-000008"
    checkpoint = tj.load_checkpoint(folder, dtype=dtype)
    assert checkpoint.model.dtype == expected
    assert checkpoint.fingerprint == fingerprint(folder)


def test_loading_says_nothing_and_leaves_the_reports_of_transformers_on(
    trained: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    tj.load_checkpoint(trained / "opt" / "step-000008")
    assert (transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()) == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("archive", [True, False])
def test_weights_in_torch_s_own_formats_load_too(archive: bool, last: Path) -> None:
    expected = tj.load_checkpoint(last)
    weights = last / "pytorch_model.bin"
    torch.save(expected.model.state_dict(), weights, _use_new_zipfile_serialization=archive)
    (last / "model.safetensors").unlink()
    loaded = tj.load_checkpoint(last)
    assert torch.equal(loaded.model.lm_head.weight, expected.model.lm_head.weight)


@pytest.mark.parametrize("archive", [True, False])
def test_code_in_a_weights_file_is_not_run(archive: bool, last: Path, tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> object:
            return os.mkdir, (str(tmp_path / "harm"),)

    torch.save({"weight": Harm()}, last / "pytorch_model.bin", _use_new_zipfile_serialization=archive)
    (last / "model.safetensors").unlink()
    with pytest.raises(OSError, match=r"pytorch_model\.bin is truncated or corrupted"):
        tj.load_checkpoint(last)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("folder", ["nowhere", "data/checkpoints/nowhere/step-000032", Path("nowhere/else")])
def test_a_folder_that_does_not_exist_is_named(folder: str | Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"{folder} does not exist"):
        tj.load_checkpoint(folder)


def test_a_folder_without_weights_is_named(last: Path) -> None:
    (last / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"step-000008 holds no weights: model\.safetensors"):
        tj.load_checkpoint(last)


@pytest.mark.parametrize("kept", [0, 5, 200, -1])
def test_truncated_weights_are_named(last: Path, kept: int) -> None:
    weights = last / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:kept])
    with pytest.raises(OSError, match=r"model\.safetensors is truncated or corrupted"):
        tj.load_checkpoint(last)


def test_a_missing_configuration_is_named(last: Path) -> None:
    (last / "config.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"step-000008/config\.json does not exist"):
        tj.load_checkpoint(last)


@pytest.mark.parametrize("text", ["{", "{}", '{"model_type": "no such model"}'])
def test_an_unusable_configuration_is_named(last: Path, text: str) -> None:
    (last / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"config\.json is no configuration"):
        tj.load_checkpoint(last)


@pytest.mark.parametrize("model_type", ["opt", "no such model"])
def test_code_of_a_repository_is_never_run(model_type: str, last: Path) -> None:
    settings = {"model_type": model_type, "auto_map": {"AutoConfig": "harm.Configuration"}}
    (last / "harm.py").write_text("raise SystemExit", encoding="utf-8")
    (last / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(
        ValueError, match=r"config\.json .* code of its repository \(auto_map\), .* never run"
    ):
        tj.load_checkpoint(last)


def test_a_model_that_is_no_causal_language_model_is_named(last: Path) -> None:
    (last / "config.json").write_text('{"model_type": "t5"}', encoding="utf-8")
    with pytest.raises(ValueError, match="no configuration of a causal language model: its model_type is t5"):
        tj.load_checkpoint(last)


def test_a_missing_tokenizer_is_named(last: Path) -> None:
    for path in last.glob("token*"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match="step-000008 has no tokenizer; put"):
        tj.load_checkpoint(last)


def test_a_model_without_a_tokenizer_loads_alone(last: Path) -> None:
    expected = tj.load_checkpoint(last, device="cpu").model.state_dict()
    for path in last.glob("token*"):
        path.unlink()
    model = load_model(last, device="cpu")
    assert not model.training
    assert all(torch.equal(weight, expected[name]) for name, weight in model.state_dict().items())


def test_a_broken_tokenizer_is_named(last: Path) -> None:
    (last / "tokenizer.json").write_text("{", encoding="utf-8")
    with pytest.raises(OSError, match="step-000008 has no tokenizer that can be read"):
        tj.load_checkpoint(last)


@pytest.mark.parametrize("rows", [VOCABULARY - 1, VOCABULARY + 128, 2 * VOCABULARY])
def test_a_model_with_another_vocabulary_than_the_tokenizer_is_named(last: Path, rows: int) -> None:
    model = AutoModelForCausalLM.from_pretrained(last)
    model.resize_token_embeddings(rows, mean_resizing=False)
    model.save_pretrained(last)
    with pytest.raises(ValueError, match=f"vocabulary of {rows}, its tokenizer one of {VOCABULARY}"):
        tj.load_checkpoint(last)


def test_a_vocabulary_rounded_up_is_accepted(last: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(last)
    model.resize_token_embeddings(VOCABULARY + 64, mean_resizing=False)
    model.save_pretrained(last)
    assert tj.load_checkpoint(last).model.lm_head.weight.shape[0] == VOCABULARY + 64


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [("num_hidden_layers", 3, "missing"), ("max_position_embeddings", 64, "of another shape")],
)
def test_weights_that_do_not_fit_the_configuration_are_named(
    last: Path, key: str, value: int, what: str
) -> None:
    path = last / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), key: value}), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"do not fit its config\.json .*{what}"):
        tj.load_checkpoint(last)


def test_an_unknown_number_format_is_named(last: Path) -> None:
    with pytest.raises(ValueError, match="bfloat16, float16, got 'int8'"):
        tj.load_checkpoint(last, dtype="int8")


def test_a_revision_of_a_local_folder_is_refused(last: Path) -> None:
    with pytest.raises(ValueError, match="has no revision 'step32'"):
        tj.load_checkpoint(last, revision="step32")


@pytest.fixture
def hub(last: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A repository of the Hub in its local cache, without a network; the revision `step8` is its commit."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    cached = tmp_path / "hub" / "models--someone--tiny"
    shutil.copytree(last, cached / "snapshots" / commit)
    (cached / "refs").mkdir()
    (cached / "refs" / "step8").write_text(commit, encoding="utf-8")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return "someone/tiny"


def test_a_revision_of_a_repository_loads(hub: str, last: Path) -> None:
    assert tj.load_checkpoint(hub, revision="step8").fingerprint == fingerprint(last)


def test_a_revision_or_a_repository_that_cannot_be_had_is_named(hub: str) -> None:
    with pytest.raises(
        OSError, match=r"someone/tiny \(revision step9\) is no local folder and cannot be had"
    ):
        tj.load_checkpoint(hub, revision="step9")
    with pytest.raises(OSError, match=r"someone/else \(revision main\)"):
        tj.load_checkpoint("someone/else")


def test_the_size_that_was_asked_for_is_the_size_that_loads(trained: Path) -> None:
    model = tj.load_checkpoint(trained / "gpt_neox" / "step-000002").model
    assert model.config.hidden_size == make_size().width

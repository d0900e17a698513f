"""Weights read directly, against what transformers loads from the same folder."""

import re
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from architectures import ARCHITECTURES, POSITIONS, save
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModelForCausalLM, MixtralConfig, MixtralForCausalLM, PreTrainedModel

from trajectories.checkpoints.load import (
    can_replace_weights,
    load_model,
    load_weights,
    read_weights,
    replace_weights,
)
from trajectories.checkpoints.weights import fingerprint

Tensors = dict[str, Tensor]


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(
        torch.equal(one[name].view(torch.uint8), other[name].view(torch.uint8)) for name in one
    )


def loaded(folder: Path) -> Mapping[str, Tensor]:
    weights: Mapping[str, Tensor] = AutoModelForCausalLM.from_pretrained(folder).state_dict()
    return weights


def rewrite(folder: Path, change: Callable[[Tensors], Tensors]) -> Path:
    tensors = change(load_file(folder / "model.safetensors"))
    save_file({name: tensor.clone() for name, tensor in tensors.items()}, folder / "model.safetensors")
    return folder


def as_torch_file(folder: Path, *, archive: bool = True) -> Path:
    tensors = load_file(folder / "model.safetensors")
    torch.save(tensors, folder / "pytorch_model.bin", _use_new_zipfile_serialization=archive)
    (folder / "model.safetensors").unlink()
    return folder


@pytest.fixture
def only_directly(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Once called, transformers loads nothing any more for this package."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("read by transformers")

    return lambda: monkeypatch.setattr("trajectories.checkpoints.load.read_pretrained", refuse)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_weights_read_directly_are_those_that_transformers_loads(
    name: str, tmp_path: Path, only_directly: Callable[[], None]
) -> None:
    model = load_model(save(name, tmp_path / "1", seed=1), device="cpu")
    folder = save(name, tmp_path / "2", seed=2)
    expected = loaded(folder)
    before = fingerprint(tmp_path / "1")
    only_directly()
    load_weights(model, folder)
    assert same(model.state_dict(), expected)
    assert fingerprint(tmp_path / "1") == before  # transformers gives a model weights that are mapped files


def with_old_buffers(tensors: Tensors) -> Tensors:
    """As GPT-NeoX models were stored, Pythia's among them."""
    layers = {name[: name.index(".attention.")] for name in tensors if ".attention." in name}
    mask = torch.ones(1, 1, POSITIONS, POSITIONS, dtype=torch.bool)
    buffers = {"bias": mask, "masked_bias": torch.tensor(-1e9), "rotary_emb.inv_freq": torch.rand(2)}
    return tensors | {
        f"{layer}.attention.{name}": buffer for layer in layers for name, buffer in buffers.items()
    }


def without_prefix(tensors: Tensors) -> Tensors:
    """As the oldest models of GPT-2 and OPT are stored: the body alone, its head being the embedding."""
    return {re.sub(r"^(transformer|model)\.", "", name): tensor for name, tensor in tensors.items()}


def under_its_other_name(tensors: Tensors) -> Tensors:
    """A tied table stored as the head."""
    table = tensors.pop("model.decoder.embed_tokens.weight")
    return {**tensors, "lm_head.weight": table}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("gpt-neox", with_old_buffers),
        ("gpt-2", without_prefix),
        ("opt", without_prefix),
        ("opt", under_its_other_name),
    ],
)
@pytest.mark.parametrize("archive", [None, True, False])
def test_weights_under_the_names_that_they_had_are_found_directly(
    name: str,
    change: Callable[[Tensors], Tensors],
    archive: bool | None,
    tmp_path: Path,
    only_directly: Callable[[], None],
) -> None:
    folders = [rewrite(save(name, tmp_path / str(seed), seed=seed), change) for seed in (1, 2)]
    if archive is not None:
        folders = [as_torch_file(folder, archive=archive) for folder in folders]
    model = load_model(folders[0], device="cpu")
    expected = loaded(folders[1])
    only_directly()
    load_weights(model, folders[1])
    assert same(model.state_dict(), expected)


@pytest.mark.parametrize("stored", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_every_number_format_becomes_the_model_s(
    stored: torch.dtype, dtype: str, tmp_path: Path, only_directly: Callable[[], None]
) -> None:
    folders = [save("llama", tmp_path / str(seed), seed=seed) for seed in (1, 2)]
    for folder in folders:
        rewrite(folder, lambda tensors: {name: tensor.to(stored) for name, tensor in tensors.items()})
    model = load_model(folders[0], device="cpu", dtype=dtype)
    expected = load_model(folders[1], device="cpu", dtype=dtype).state_dict()
    only_directly()
    load_weights(model, folders[1])
    assert same(model.state_dict(), expected)


def test_weights_that_are_not_numbers_are_read_directly_too(
    tmp_path: Path, only_directly: Callable[[], None]
) -> None:
    def diverge(tensors: Tensors) -> Tensors:
        return {name: torch.full_like(tensor, torch.nan) for name, tensor in tensors.items()}

    folder = rewrite(save("gpt-neox", tmp_path), diverge)
    model = load_model(folder, device="cpu")
    only_directly()
    load_weights(model, folder)
    assert model.lm_head.weight.isnan().all()


def mixture(folder: Path, *, seed: int) -> Path:
    """A mixture of experts, which transformers stores one by one and computes as one."""
    torch.manual_seed(seed)
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = MixtralConfig(vocab_size=61, num_key_value_heads=1, num_local_experts=2, **sizes)
    MixtralForCausalLM(config).save_pretrained(folder)
    assert any(".experts.1." in name for name in load_file(folder / "model.safetensors"))
    return folder


def test_weights_that_are_not_stored_as_they_are_used_come_from_transformers(tmp_path: Path) -> None:
    model = load_model(mixture(tmp_path / "1", seed=1), device="cpu")
    folder = mixture(tmp_path / "2", seed=2)
    load_weights(model, folder)
    assert same(model.state_dict(), loaded(folder))


def test_weights_found_by_name_are_not_trusted_where_transformers_finds_others(tmp_path: Path) -> None:
    def twice(tensors: Tensors) -> Tensors:
        return tensors | {name: tensor + 1 for name, tensor in without_prefix(tensors).items()}

    folders = [rewrite(save("gpt-2", tmp_path / str(seed), seed=seed), twice) for seed in (1, 2)]
    model = load_model(folders[0], device="cpu")
    load_weights(model, folders[1])
    assert same(model.state_dict(), loaded(folders[1]))


def test_reading_while_a_model_is_at_work_changes_no_setting_of_torch(tmp_path: Path) -> None:
    folder = mixture(tmp_path, seed=1)
    model = load_model(folder, device="cpu", dtype="bfloat16")
    reader = threading.Thread(target=read_weights, args=(model, folder))
    reader.start()
    seen = {torch.get_default_dtype()}
    while reader.is_alive():
        seen.add(torch.get_default_dtype())
    assert seen == {torch.float32}


def test_reading_changes_nothing_and_what_was_read_can_wait(tmp_path: Path) -> None:
    model = load_model(save("opt", tmp_path / "1", seed=1), device="cpu")
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    folder = save("opt", tmp_path / "2", seed=2)
    expected = loaded(folder)
    tensors = read_weights(model, folder)
    (folder / "model.safetensors").unlink()
    assert same(model.state_dict(), before)
    replace_weights(model, tensors)
    assert same(model.state_dict(), expected)
    assert not any(weight.requires_grad for weight in model.parameters())


@pytest.fixture
def model(tmp_path: Path) -> PreTrainedModel:
    return load_model(save("opt", tmp_path / "model"), device="cpu")


@pytest.mark.parametrize("proven", [True, False])
def test_a_tied_weight_with_two_values_is_named(proven: bool, model: PreTrainedModel, tmp_path: Path) -> None:
    def both(tensors: Tensors, difference: float) -> Tensors:
        head = tensors["model.decoder.embed_tokens.weight"] + difference
        return {**tensors, "lm_head.weight": head}

    if proven:
        tied = rewrite(save("opt", tmp_path / "tied", seed=2), lambda tensors: both(tensors, 0))
        load_weights(model, tied)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    folder = rewrite(save("opt", tmp_path / "untied", seed=3), lambda tensors: both(tensors, 1))
    with pytest.raises(ValueError, match=r"untied stores two values of model\.decoder\.embed_tokens\.weight"):
        load_weights(model, folder)
    assert same(model.state_dict(), before)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({}, r"has shape \(24,\) in the model and None in what should replace it"),
        ({"unknown": torch.zeros(3)}, r"unknown has shape None in the model and \(3,\)"),
    ],
)
def test_weights_of_another_model_are_named_and_change_nothing(
    other: Tensors, message: str, model: PreTrainedModel, tmp_path: Path
) -> None:
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    tensors = {**read_weights(model, save("opt", tmp_path / "other", seed=2)), **other}
    if not other:
        del tensors["model.decoder.layers.1.fc1.bias"]
    with pytest.raises(ValueError, match=message):
        replace_weights(model, tensors)
    assert same(model.state_dict(), before)


def test_weights_that_lie_on_no_device_cannot_be_replaced(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    folder = save("opt", tmp_path / "opt")
    places = {"model.decoder.layers.1": "disk", "model.decoder.layers.0": "cpu", "lm_head": "cpu"}
    rest = ("embed_tokens", "embed_positions", "final_layer_norm")
    places |= {f"model.decoder.{name}": "cpu" for name in rest}
    model = AutoModelForCausalLM.from_pretrained(folder, device_map=places)
    assert not can_replace_weights(model)
    with pytest.raises(ValueError, match="off its devices; load each checkpoint by itself"):
        load_weights(model, folder)
    assert can_replace_weights(load_model(folder))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_weights_go_to_the_device_of_the_model(tmp_path: Path) -> None:
    model = load_model(save("gpt-neox", tmp_path / "1", seed=1), device="cuda", dtype="bfloat16")
    folder = save("gpt-neox", tmp_path / "2", seed=2)
    tensors = read_weights(model, folder)
    assert all(tensor.is_pinned() for tensor in tensors.values())
    replace_weights(model, tensors)
    expected = load_model(folder, device="cpu", dtype="bfloat16").state_dict()
    assert same({name: weight.cpu() for name, weight in model.state_dict().items()}, expected)

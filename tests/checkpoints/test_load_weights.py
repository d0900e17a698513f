import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, PreTrainedModel

from trajectories.checkpoints import fingerprint, load_checkpoint, load_weights
from trajectories.checkpoints.weights import weight_files


@pytest.mark.parametrize("architecture", ["opt", "gpt_neox"])
def test_one_model_takes_the_weights_of_each_checkpoint(trained: Path, architecture: str) -> None:
    folders = sorted((trained / architecture).glob("step-*"))
    model = load_checkpoint(folders[0], device="cpu").model
    for folder in (folders[2], folders[1]):
        load_weights(model, folder)
        expected = AutoModelForCausalLM.from_pretrained(folder).state_dict()
        assert model.state_dict().keys() == expected.keys()
        assert all(torch.equal(weight, expected[name]) for name, weight in model.state_dict().items())
    assert (model.lm_head.weight is model.get_input_embeddings().weight) == (architecture == "opt")


def test_the_model_keeps_its_number_format(trained: Path) -> None:
    model = load_checkpoint(trained / "opt" / "step-000002", dtype="bfloat16").model
    load_weights(model, trained / "opt" / "step-000008")
    expected = load_checkpoint(trained / "opt" / "step-000008", dtype="bfloat16").model
    assert model.dtype == torch.bfloat16
    assert torch.equal(model.lm_head.weight, expected.lm_head.weight)


@pytest.fixture
def model(opt: Path) -> PreTrainedModel:
    return load_checkpoint(opt / "step-000002").model


@pytest.fixture
def unchanged(model: PreTrainedModel) -> Iterator[None]:
    """The model's weights are the same after the test."""
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    yield
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())


@pytest.mark.usefixtures("unchanged")
def test_another_architecture_is_named(model: PreTrainedModel, trained: Path) -> None:
    with pytest.raises(ValueError, match=r"step-000008 has model_type gpt_neox, the model .* opt"):
        load_weights(model, trained / "gpt_neox" / "step-000008")


@pytest.mark.usefixtures("unchanged")
def test_another_number_of_heads_is_named_though_every_shape_is_the_same(
    model: PreTrainedModel, last: Path
) -> None:
    path = last / "config.json"
    settings = {**json.loads(path.read_text(encoding="utf-8")), "num_attention_heads": 4}
    path.write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(ValueError, match="has num_attention_heads 4, the model it should go into 2"):
        load_weights(model, last)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("tensor", [None, torch.zeros(3)])
def test_a_weight_that_is_missing_or_of_another_shape_is_named(
    model: PreTrainedModel, last: Path, tensor: torch.Tensor | None
) -> None:
    name = "model.decoder.layers.1.fc1.bias"
    tensors = load_file(last / "model.safetensors")
    kept = {**tensors, name: tensor} if tensor is not None else {**tensors}
    if tensor is None:
        del kept[name]
    save_file(kept, last / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match=name):
        load_weights(model, last)


@pytest.mark.usefixtures("unchanged")
def test_missing_weights_are_named(model: PreTrainedModel, last: Path) -> None:
    (last / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="holds no weights"):
        load_weights(model, last)


@pytest.mark.usefixtures("unchanged")
def test_truncated_weights_are_named(model: PreTrainedModel, last: Path) -> None:
    weights = last / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4])
    with pytest.raises(OSError, match=r"model\.safetensors is truncated"):
        load_weights(model, last)


def shard(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    names = sorted(tensors, reverse=True)
    places = {name: f"model-0000{1 + index % 2}-of-00002.safetensors" for index, name in enumerate(names)}
    for file in set(places.values()):
        save_file({name: tensors[name] for name in names if places[name] == file}, folder / file)
    index = json.dumps({"metadata": {}, "weight_map": places})
    (folder / "model.safetensors.index.json").write_text(index, encoding="utf-8")
    (folder / "model.safetensors").unlink()


def test_the_fingerprint_does_not_depend_on_how_weights_are_spread_over_files(
    last: Path, tmp_path: Path
) -> None:
    sharded = shutil.copytree(last, tmp_path / "sharded")
    shard(sharded)
    assert len(weight_files(sharded)) == 2
    assert fingerprint(sharded) == fingerprint(last)
    model = load_checkpoint(sharded).model
    load_weights(model, sharded)
    assert torch.equal(model.lm_head.weight, load_checkpoint(last).model.lm_head.weight)


def test_a_missing_shard_is_named(last: Path) -> None:
    shard(last)
    (last / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"model-00002-of-00002\.safetensors does not exist"):
        fingerprint(last)


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"weight_map": []}'])
def test_a_damaged_index_is_named(last: Path, text: str) -> None:
    shard(last)
    (last / "model.safetensors.index.json").write_text(text, encoding="utf-8")
    with pytest.raises(OSError, match=r"model\.safetensors\.index\.json does not name the files"):
        fingerprint(last)


@pytest.mark.parametrize("content", [{"step": 3}, {"model": {"a": torch.ones(2)}}, [torch.ones(2)]])
def test_a_file_of_torch_with_more_than_weights_is_named(last: Path, content: object) -> None:
    (last / "model.safetensors").unlink()
    torch.save(content, last / "pytorch_model.bin")
    with pytest.raises(OSError, match=r"pytorch_model\.bin .* nothing but tensors by name"):
        fingerprint(last)


def test_every_checkpoint_has_another_fingerprint(trained: Path) -> None:
    prints = {fingerprint(folder) for folder in trained.glob("*/step-*")}
    assert len(prints) == 6


@given(data=st.data())
def test_any_changed_byte_changes_the_fingerprint(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("weights")
    tensors = {"a": torch.arange(4.0), "b": torch.arange(6, dtype=torch.bfloat16).reshape(2, 3)}
    save_file(tensors, folder / "model.safetensors")
    before = fingerprint(folder)
    name = data.draw(st.sampled_from(["a", "b"]))
    place = data.draw(st.integers(0, tensors[name].numel() - 1))
    tensors[name].view(-1)[place] += 1
    save_file(tensors, folder / "model.safetensors")
    assert fingerprint(folder) != before


def test_shape_type_and_name_are_part_of_the_fingerprint(tmp_path: Path) -> None:
    variants = [
        {"a": torch.zeros(2, 3)},
        {"a": torch.zeros(3, 2)},
        {"a": torch.zeros(2, 3, dtype=torch.int32)},
        {"b": torch.zeros(2, 3)},
    ]
    prints = set()
    for tensors in variants:
        save_file(tensors, tmp_path / "model.safetensors")
        prints.add(fingerprint(tmp_path))
    assert len(prints) == len(variants)

import subprocess
from pathlib import Path

import pytest

from trajectories.checkpoints.pinned import (
    PinnedFile,
    choose_files,
    content_hash,
    damage,
    pin,
    require_checkpoint,
)

DESCRIPTION = ["config.json", "merges.txt", "special_tokens_map.json", "tokenizer.json", "vocab.json"]
OTHERS = [".gitattributes", "README.md", "flax_model.msgpack", "generation_config.json", "modeling_x.py"]
OTHERS += ["tf_model.h5", "optimizer.bin", "onnx/model.onnx", "training_args.bin", "tokenizer_code.py"]
SHARDS = [f"model-0000{part}-of-00002.safetensors" for part in (1, 2)]
OLD_SHARDS = [f"pytorch_model-0000{part}-of-00002.bin" for part in (1, 2)]


@pytest.mark.parametrize(
    ("weights", "chosen"),
    [
        (["model.safetensors"], ["model.safetensors"]),
        (["model.safetensors", "pytorch_model.bin"], ["model.safetensors"]),
        (["pytorch_model.bin"], ["pytorch_model.bin"]),
        (
            [*SHARDS, "model.safetensors.index.json", "pytorch_model.bin"],
            [*SHARDS, "model.safetensors.index.json"],
        ),
        ([*OLD_SHARDS, "pytorch_model.bin.index.json"], [*OLD_SHARDS, "pytorch_model.bin.index.json"]),
        ([*SHARDS, "model.safetensors", "model.safetensors.index.json"], ["model.safetensors"]),
    ],
)
def test_weights_are_taken_in_one_format(weights: list[str], chosen: list[str]) -> None:
    assert choose_files([*OTHERS, *weights, *DESCRIPTION]) == sorted([*DESCRIPTION, *chosen])


def test_a_sentencepiece_model_is_part_of_a_tokenizer() -> None:
    names = ["config.json", "model.safetensors", "tokenizer.model", "tokenizer_config.json"]
    assert choose_files(names) == sorted(names)


@pytest.mark.parametrize(
    ("names", "lacks"), [(["model.safetensors"], "config.json"), (["config.json", "vocab.json"], "weights")]
)
def test_what_a_checkpoint_lacks_is_named(names: list[str], lacks: str) -> None:
    with pytest.raises(FileNotFoundError, match=f"owner/name@main has no {lacks}"):
        require_checkpoint(names, place="owner/name@main")


def test_hashes_are_those_of_git_and_sha256(tmp_path: Path) -> None:
    small, large = tmp_path / "config.json", tmp_path / "model.safetensors"
    small.write_bytes(b'{"model_type": "opt"}\n')
    large.write_bytes(bytes(range(256)) * 5_000)
    by_git = subprocess.run(
        ["git", "hash-object", str(small)], capture_output=True, text=True, check=True
    ).stdout.strip()
    by_tool = subprocess.run(
        ["sha256sum", str(large)], capture_output=True, text=True, check=True
    ).stdout.split()[0]
    assert pin(small) == PinnedFile(22, "git_sha1", by_git)
    assert pin(large) == PinnedFile(1_280_000, "sha256", by_tool)


def test_damage_is_told_in_a_phrase(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("{}")
    pinned = pin(path)
    assert damage(path, pinned) is None
    path.write_text("[]")
    assert damage(path, pinned) == f"has another git_sha1 than {pinned.digest}"
    path.write_text("{")
    assert damage(path, pinned) == "has 1 bytes instead of 2"
    path.unlink()
    assert damage(path, pinned) == "is missing"


def test_the_content_is_weights_and_configuration_and_not_the_tokenizer() -> None:
    files = {
        name: PinnedFile(1, "sha256", name) for name in ("config.json", "model.safetensors", "vocab.json")
    }
    hashed = content_hash(files)
    assert content_hash({**files, "vocab.json": PinnedFile(1, "sha256", "other")}) == hashed
    assert content_hash(dict(reversed(files.items()))) == hashed
    for name in ("config.json", "model.safetensors"):
        assert content_hash({**files, name: PinnedFile(1, "sha256", "other")}) != hashed

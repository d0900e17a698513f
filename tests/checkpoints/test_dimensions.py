"""Dimensions of models that exist, as they were published or as counted by hand."""

from pathlib import Path
from typing import Any

import pytest
from architectures import ARCHITECTURES, make, save
from transformers import AutoConfig

from trajectories.checkpoints.compute import flops_per_token
from trajectories.checkpoints.dimensions import (
    Dimensions,
    architectural_difference,
    read_configuration,
    read_dimensions,
)


def read(folder: Path, model_type: str, **settings: Any) -> Dimensions:
    AutoConfig.for_model(model_type, **settings).save_pretrained(folder)
    return read_dimensions(folder)


def llama_layer(width: int, inner: int, keys: int) -> int:
    """Two norms, four products of attention with `keys` values of keys, three of the gated inner layer."""
    return 2 * width + 2 * width**2 + 2 * width * keys + 3 * width * inner


def test_gpt_2_small(tmp_path: Path) -> None:
    found = read(tmp_path, "gpt2")
    assert found == Dimensions("gpt2", 124_439_808, 124_439_808 - 1_024 * 768, 12, 12, 64, 1_024)


def test_gpt_neo_125m(tmp_path: Path) -> None:
    kinds = [[["global", "local"], 6]]
    found = read(tmp_path, "gpt_neo", hidden_size=768, num_layers=12, num_heads=12, attention_types=kinds)
    assert found == Dimensions("gpt_neo", 125_198_592, 125_198_592 - 2_048 * 768, 12, 12, 64, 2_048)


def test_pythia_14m(tmp_path: Path) -> None:
    sizes = {"hidden_size": 128, "num_hidden_layers": 6, "num_attention_heads": 4, "intermediate_size": 512}
    found = read(tmp_path, "gpt_neox", vocab_size=50_304, **sizes)
    assert found == Dimensions("gpt_neox", 14_067_712, 14_067_712 - 50_304 * 128, 6, 4, 32, 2_048)


def test_opt_350m(tmp_path: Path) -> None:
    sizes = {"hidden_size": 1024, "ffn_dim": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
    found = read(tmp_path, "opt", word_embed_proj_dim=512, do_layer_norm_before=False, **sizes)
    assert found == Dimensions("opt", 331_196_416, 331_196_416 - 2_050 * 1_024, 24, 16, 64, 2_048)


def test_llama_7b(tmp_path: Path) -> None:
    parameters = 2 * 32_000 * 4_096 + 4_096 + 32 * llama_layer(4_096, 11_008, keys=4_096)
    found = read(tmp_path, "llama")
    assert parameters == 6_738_415_616
    assert found == Dimensions("llama", parameters, parameters - 32_000 * 4_096, 32, 32, 128, 2_048)


def test_olmo_2_1b(tmp_path: Path) -> None:
    sizes = {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16}
    heads = {"num_attention_heads": 16, "num_key_value_heads": 16, "max_position_embeddings": 4096}
    found = read(tmp_path, "olmo2", vocab_size=100_352, **sizes, **heads)
    query_and_key_norms = 2 * 2_048
    layer = llama_layer(2_048, 8_192, keys=2_048) + query_and_key_norms
    parameters = 2 * 100_352 * 2_048 + 2_048 + 16 * layer
    assert parameters == 1_484_916_736
    assert found == Dimensions("olmo2", parameters, parameters - 100_352 * 2_048, 16, 16, 128, 4_096)


def test_gemma_2b_whose_heads_are_wider_than_its_width(tmp_path: Path) -> None:
    sizes = {"hidden_size": 2048, "intermediate_size": 16384, "num_hidden_layers": 18}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 256}
    found = read(tmp_path, "gemma", vocab_size=256_000, **sizes, **heads)
    assert (found.heads, found.head_size) == (4, 256)
    attention = 2 * 2_048 * 4 * 256 + 2 * 2_048 * 256
    layer = 2 * 2_048 + attention + 3 * 2_048 * 16_384
    assert found.parameters == found.multiplied_parameters == 256_000 * 2_048 + 2_048 + 18 * layer


def test_mamba_130m_has_no_attention_and_no_last_position(tmp_path: Path) -> None:
    found = read(tmp_path, "mamba", vocab_size=50_280, hidden_size=768, num_hidden_layers=24)
    assert found == Dimensions("mamba", 129_135_360, 129_135_360, 24, 0, 0, None)
    assert flops_per_token(found, context=2_048) == 6 * 129_135_360


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_dimensions_need_no_weights_and_count_them_all(name: str, tmp_path: Path) -> None:
    (save(name, tmp_path) / "model.safetensors").unlink()
    found = read_dimensions(tmp_path)
    assert found.architecture == ARCHITECTURES[name][0]
    assert found.parameters == make(name).num_parameters()


def test_architectures_differ_in_what_changes_scores(tmp_path: Path) -> None:
    def difference(one: str, other: str, **changes: Any) -> tuple[str, object, object] | None:
        first = read_configuration(save(one, tmp_path / "one"))
        second = read_configuration(save(other, tmp_path / "other"))
        second.update(changes)
        return architectural_difference(first, second)

    assert difference("llama", "llama", use_cache=False, dtype="float16", eos_token_id=5) is None
    assert difference("llama", "llama", rms_norm_eps=0.5) == ("rms_norm_eps", 1e-6, 0.5)
    assert difference("llama", "olmo") == ("model_type", "llama", "olmo")

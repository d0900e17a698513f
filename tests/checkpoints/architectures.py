"""Tiny random models of many architectures, as their configurations of transformers."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

VOCABULARY, POSITIONS = 61, 32
SHAPE: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
GATED: dict[str, Any] = {**SHAPE, "intermediate_size": 24, "num_key_value_heads": 1}
ENDS: dict[str, Any] = {"bos_token_id": 1, "eos_token_id": 1, "pad_token_id": 0}

# model_type and settings
ARCHITECTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "opt": ("opt", {**SHAPE, "ffn_dim": 24, "word_embed_proj_dim": 16}),
    "opt, projected": ("opt", {**SHAPE, "ffn_dim": 24, "word_embed_proj_dim": 8}),
    "gpt-neox": ("gpt_neox", {**SHAPE, "intermediate_size": 24}),
    "gpt-neox, tied": ("gpt_neox", {**SHAPE, "intermediate_size": 24, "tie_word_embeddings": True}),
    "gpt-neo": (
        "gpt_neo",
        {
            "hidden_size": 16,
            "num_layers": 2,
            "num_heads": 2,
            "attention_types": [[["global", "local"], 1]],
            "window_size": 8,
        },
    ),
    "gpt-2": ("gpt2", {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": POSITIONS}),
    "llama": ("llama", GATED),
    "llama, tied": ("llama", {**GATED, "tie_word_embeddings": True}),
    "olmo": ("olmo", GATED),
    "olmo 2": ("olmo2", GATED),
    "qwen 2": ("qwen2", GATED),
    "qwen 3": ("qwen3", {**GATED, "head_dim": 8}),
    "gemma 2": ("gemma2", {**GATED, "head_dim": 8}),
    "mamba": ("mamba", {"hidden_size": 16, "num_hidden_layers": 2, "state_size": 4}),
}


def make(name: str, *, seed: int = 0) -> PreTrainedModel:
    """A model with random weights, biases and norms included."""
    model_type, settings = ARCHITECTURES[name]
    sizes = {"vocab_size": VOCABULARY, "max_position_embeddings": POSITIONS}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **sizes, **ENDS, **settings))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator))
    return model


def save(name: str, folder: Path, *, seed: int = 0) -> Path:
    """A Hugging Face folder with such a model."""
    make(name, seed=seed).save_pretrained(folder)
    return folder

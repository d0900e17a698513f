"""Small random models of several architectures, and what their scores are by definition."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

VOCABULARY, POSITIONS = 97, 320
SPREAD = 0.3  # of initial weights: far enough from zero for likelihoods to differ


WIDTHS = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
SHARED_KEYS = {"num_key_value_heads": 2}


def make(architecture: str, **settings: Any) -> PreTrainedModel:
    shared = {"vocab_size": VOCABULARY, "initializer_range": SPREAD}
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(architecture, **{**shared, **settings}))


def opt(**settings: Any) -> PreTrainedModel:
    sizes = {"hidden_size": 24, "ffn_dim": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = {"max_position_embeddings": POSITIONS, "word_embed_proj_dim": 24, "init_std": SPREAD}
    return make("opt", **{**sizes, **config, **settings})


def gpt2() -> PreTrainedModel:
    return make("gpt2", n_positions=POSITIONS, n_embd=24, n_layer=2, n_head=2)


def gpt_neo() -> PreTrainedModel:
    layers = {"num_layers": 2, "attention_types": [[["global", "local"], 1]], "window_size": 16}
    return make(
        "gpt_neo", hidden_size=24, num_heads=2, max_position_embeddings=POSITIONS, pad_token_id=0, **layers
    )


def mamba(**settings: Any) -> PreTrainedModel:
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "state_size": 4}
    return make("mamba", **{**sizes, **settings})


def modern(architecture: str, **settings: Any) -> PreTrainedModel:
    """Rotary positions, gated layers: what Llama began."""
    config = {"max_position_embeddings": POSITIONS, "pad_token_id": 0, **WIDTHS}
    return make(architecture, **{**config, **settings})


def gemma2(**settings: Any) -> PreTrainedModel:
    caps = {"final_logit_softcapping": 2.0, "head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 64}
    return modern("gemma2", **{**caps, **SHARED_KEYS, **settings})


MODELS: dict[str, Callable[[], PreTrainedModel]] = {
    "opt": opt,
    "opt, projected embeddings": lambda: opt(word_embed_proj_dim=16),
    "opt, norm after": lambda: opt(do_layer_norm_before=False),
    "opt, untied": lambda: opt(tie_word_embeddings=False),
    "gpt-neox": lambda: modern("gpt_neox"),
    "gpt-neox, tied": lambda: modern("gpt_neox", tie_word_embeddings=True),
    "gpt-neo, global and local layers": gpt_neo,
    "gpt-2": gpt2,
    "llama": lambda: modern("llama", **SHARED_KEYS),
    "llama, tied": lambda: modern("llama", tie_word_embeddings=True),
    "olmo": lambda: modern("olmo", clip_qkv=1.0),
    "olmo 2": lambda: modern("olmo2", **SHARED_KEYS),
    "qwen 2": lambda: modern("qwen2", tie_word_embeddings=True, **SHARED_KEYS),
    "qwen 3": lambda: modern("qwen3", head_dim=16, **SHARED_KEYS),
    "gemma": lambda: modern("gemma", head_dim=8, **SHARED_KEYS),
    "gemma 2, capped logits": gemma2,
    "cohere, scaled logits": lambda: modern("cohere", logit_scale=0.25, **SHARED_KEYS),
    "mamba": mamba,
    "mamba, untied": lambda: mamba(tie_word_embeddings=False),
}


def reference(model: PreTrainedModel, windows: np.ndarray) -> np.ndarray:
    """The definition, in float64."""
    ids = torch.from_numpy(windows)
    with torch.no_grad():
        logits = copy.deepcopy(model).double()(ids).logits
    return torch.log_softmax(logits, -1)[:, :-1].gather(-1, ids[:, 1:, None]).squeeze(-1).numpy()

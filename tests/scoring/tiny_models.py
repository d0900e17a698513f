"""Small random models of several architectures, and what their scores are by definition."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    PreTrainedModel,
)

VOCABULARY, POSITIONS = 97, 320
SPREAD = 0.3  # of initial weights: far enough from zero for likelihoods to differ


def opt(**settings: Any) -> PreTrainedModel:
    sizes = {"hidden_size": 24, "ffn_dim": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = {"vocab_size": VOCABULARY, "max_position_embeddings": POSITIONS, "word_embed_proj_dim": 24}
    return OPTForCausalLM(OPTConfig(**{**sizes, **config, "init_std": SPREAD, **settings}))


def neox(**settings: Any) -> PreTrainedModel:
    sizes = {"hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = {"vocab_size": VOCABULARY, "max_position_embeddings": POSITIONS}
    return GPTNeoXForCausalLM(GPTNeoXConfig(**{**sizes, **config, "initializer_range": SPREAD, **settings}))


def llama(**settings: Any) -> PreTrainedModel:
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = {"vocab_size": VOCABULARY, "max_position_embeddings": POSITIONS, "num_key_value_heads": 2}
    return LlamaForCausalLM(LlamaConfig(**{**sizes, **config, "initializer_range": SPREAD, **settings}))


def gemma2() -> PreTrainedModel:
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = {"vocab_size": VOCABULARY, "max_position_embeddings": POSITIONS, "num_key_value_heads": 2}
    caps = {"final_logit_softcapping": 2.0, "head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 64}
    return Gemma2ForCausalLM(Gemma2Config(**{**sizes, **config, **caps, "initializer_range": SPREAD}))


def gpt2() -> PreTrainedModel:
    config = {"vocab_size": VOCABULARY, "n_positions": POSITIONS, "n_embd": 24, "n_layer": 2, "n_head": 2}
    return GPT2LMHeadModel(GPT2Config(**config, initializer_range=SPREAD))


MODELS: dict[str, Callable[[], PreTrainedModel]] = {
    "opt": opt,
    "opt, projected embeddings": lambda: opt(word_embed_proj_dim=16),
    "opt, norm after": lambda: opt(do_layer_norm_before=False),
    "opt, untied": lambda: opt(tie_word_embeddings=False),
    "gpt-neox": neox,
    "gpt-neox, tied": lambda: neox(tie_word_embeddings=True),
    "llama, shared keys": llama,
    "gpt-2": gpt2,
    "gemma 2, capped logits": gemma2,
}


def reference(model: PreTrainedModel, windows: np.ndarray) -> np.ndarray:
    """The definition, in float64."""
    ids = torch.from_numpy(windows)
    with torch.no_grad():
        logits = copy.deepcopy(model).double()(ids).logits
    return torch.log_softmax(logits, -1)[:, :-1].gather(-1, ids[:, 1:, None]).squeeze(-1).numpy()

"""Models with a few checkpoints on disk, and windows of text to score them on."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from tiny_models import VOCABULARY, opt

CONTEXT, ANALYSIS_WINDOWS = 24, 6
DOMAINS = ("algebra", "tables")
STEPS = (2, 4, 8, 12)


def save_trajectory(folder: Path, *, seed: int = 0, steps: Sequence[int] = STEPS, width: int = 24) -> Path:
    """A folder of checkpoints whose weights differ, as pretraining leaves it."""
    words = {f"w{number}": number for number in range(VOCABULARY)}
    engine = Tokenizer(models.WordLevel(words, unk_token="w0"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=engine, eos_token="w1")
    for step in steps:
        torch.manual_seed(seed + step)
        model = opt(
            max_position_embeddings=CONTEXT, hidden_size=width, word_embed_proj_dim=width, num_hidden_layers=1
        )
        model.save_pretrained(folder / f"step-{step:06d}")
        tokenizer.save_pretrained(folder / f"step-{step:06d}")
    facts = {
        "model": folder.name,
        "family": "opt",
        "label": "5K",
        "context": CONTEXT,
        "tokens_per_step": 100,
        "steps": max(steps),
    }
    (folder / "trajectory.json").write_text(json.dumps(facts))
    return folder


def spoil(folder: Path) -> None:
    """Put NaN into the weights of a checkpoint."""
    path = folder / "model.safetensors"
    weights = load_file(path)
    name = next(name for name in weights if name.endswith("embed_tokens.weight"))
    weights[name][40] = torch.nan
    save_file(weights, path, metadata={"format": "pt"})


def make_windows(seed: int = 0) -> xr.Dataset:
    """Analysis windows, then validation windows of two domains, as the tokens stage leaves them."""
    random = np.random.default_rng(seed)
    count = ANALYSIS_WINDOWS + 2 * len(DOMAINS)
    ids = random.integers(2, VOCABULARY, size=(count, CONTEXT)).astype(np.int32)
    ids[:, 0] = 1
    validation = [domain for domain in DOMAINS for _ in range(2)]
    return xr.Dataset(
        {
            "token_id": (("window", "position"), ids),
            "training_frequency": ("vocabulary", np.arange(VOCABULARY)),
        },
        coords={
            "split": ("window", ["analysis"] * ANALYSIS_WINDOWS + ["validation"] * len(validation)),
            "document": ("window", [f"document-{number}" for number in range(count)]),
            "domain": ("window", [DOMAINS[i % 2] for i in range(ANALYSIS_WINDOWS)] + validation),
            "token_text": ("vocabulary", [f"w{number}" for number in range(VOCABULARY)]),
        },
    )

"""Times scoring a whole trajectory against its forward passes alone: what checkpoints cost beside them.

Run from the repository root: `PYTHONPATH=src python benchmarks/trajectory.py [--checkpoints 24]`. Models have
the shapes of the default suite and random weights; loading, reading, storing and labelling are all counted.
"""

import argparse
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
import xarray as xr
from transformers import OPTConfig, OPTForCausalLM

from trajectories.checkpoints import read_trajectory
from trajectories.checkpoints.load import load_model
from trajectories.scoring import score_trajectory, score_windows

SHAPES = {"0.2M": (32, 2, 1), "1.4M": (128, 4, 2)}  # width, layers, heads
VOCABULARY, CONTEXT, WINDOWS = 4096, 512, 254
REQUIRED = 1.15  # times the forward passes
ROUNDS = 2  # the fastest counts


def save_trajectory(folder: Path, shape: tuple[int, int, int], checkpoints: int) -> None:
    """A Hugging Face folder per checkpoint, each with weights of its own."""
    width, layers, heads = shape
    configuration = OPTConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        word_embed_proj_dim=width,
        ffn_dim=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        max_position_embeddings=CONTEXT,
    )
    for step in range(1, checkpoints + 1):
        torch.manual_seed(step)
        OPTForCausalLM(configuration).save_pretrained(folder / f"step-{step:06d}")


def held_out_windows() -> xr.Dataset:
    """Random tokens in the form that the tokens stage writes."""
    ids = np.random.default_rng(0).integers(0, VOCABULARY, size=(WINDOWS, CONTEXT)).astype(np.int32)
    analysis = ["analysis"] * (WINDOWS - 54) + ["validation"] * 54
    return xr.Dataset(
        {
            "token_id": (("window", "position"), ids),
            "training_frequency": ("vocabulary", np.arange(VOCABULARY)),
        },
        coords={
            "split": ("window", analysis),
            "document": ("window", [f"document {number}" for number in range(WINDOWS)]),
            "domain": ("window", ["random"] * WINDOWS),
            "token_text": ("vocabulary", [f"w{number}" for number in range(VOCABULARY)]),
        },
    )


def compare(label: str, checkpoints: int) -> None:
    """Print the seconds of one trajectory, of its forward passes, and their ratio."""
    windows = held_out_windows()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "model"
        save_trajectory(folder, SHAPES[label], checkpoints)
        models = [load_model(path) for path in sorted(folder.iterdir())]
        ids = windows["token_id"].values
        whole = passes = float("inf")
        for number in range(ROUNDS):  # in turns: the machine's speed drifts
            begin = time.perf_counter()
            scores = score_trajectory(read_trajectory(folder), windows, store=Path(name) / f"store-{number}")
            middle = time.perf_counter()
            alone = [score_windows(SimpleNamespace(model=model), ids) for model in models]
            whole, passes = min(whole, middle - begin), min(passes, time.perf_counter() - middle)
    tokens = scores["log_likelihood"].values.reshape(checkpoints, -1, CONTEXT - 1)
    analysis = windows["split"].values == "analysis"
    assert np.array_equal(tokens, np.stack(alone)[:, analysis]), "scores differ"
    verdict = "reached" if whole <= REQUIRED * passes else "NOT reached"
    print(
        f"{label}: {checkpoints} checkpoints of {ids.size:,} tokens in {whole:.2f} s, their forward passes "
        f"{passes:.2f} s, ratio {whole / passes:.3f} (at most {REQUIRED}: {verdict})"
    )


def main() -> None:
    """Compare every shape."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--checkpoints", type=int, default=24)
    given = parser.parse_args()
    for label in SHAPES:
        compare(label, given.checkpoints)


if __name__ == "__main__":
    main()

"""Times scoring on a GPU against its peak: the share of bfloat16 matrix throughput that scoring reaches.

Run from the repository root: `PYTHONPATH=src python benchmarks/accelerator.py [--width 2048 --layers 16]`.
The model is Llama-shaped with random weights; the peak is that of a large matrix product, measured here. The
scores of a few windows are compared with those in float32. Without a GPU it says so, unless --device cpu.
"""

import argparse
import time
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from trajectories.scoring import score_windows

ROUNDS = 5  # the fastest counts
REQUIRED = 0.5  # of the peak
FLOPS_PER_WEIGHT = 2  # one product and one sum
COMPARED = 2  # windows


def fastest(run: Callable[[], object], device: str) -> float:
    """Seconds of the fastest of several runs, after one to warm up."""
    seconds = []
    for _ in range(ROUNDS + 1):
        begin = time.perf_counter()
        run()
        if device != "cpu":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - begin)
    return min(seconds[1:])


def peak_flops(device: str, size: int) -> float:
    """FLOP/s of a square bfloat16 product."""
    left, right = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * size**3 / fastest(lambda: left @ right, device)


def make_model(given: argparse.Namespace) -> LlamaForCausalLM:
    """Random weights in bfloat16 on the device."""
    torch.manual_seed(0)
    configuration = LlamaConfig(
        vocab_size=given.vocabulary,
        hidden_size=given.width,
        intermediate_size=4 * given.width,
        num_hidden_layers=given.layers,
        num_attention_heads=max(1, given.width // 128),
        max_position_embeddings=given.context,
        tie_word_embeddings=False,
    )
    with torch.device(given.device):
        return LlamaForCausalLM(configuration).to(torch.bfloat16).eval()


def flops_per_token(model: LlamaForCausalLM, context: int) -> float:
    """Of a forward pass: all weights but the table of tokens, and attention to half of the window."""
    table = model.get_input_embeddings().weight.numel()
    weights = sum(weight.numel() for weight in model.parameters()) - table
    attention = 2 * FLOPS_PER_WEIGHT * model.config.num_hidden_layers * model.config.hidden_size * context / 2
    return FLOPS_PER_WEIGHT * weights + attention


def main() -> None:
    """Measure the peak, the speed of scoring, and how far bfloat16 moves the scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name, value in {"width": 2048, "layers": 16, "vocabulary": 50304, "context": 2048}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--windows", type=int, default=128)
    parser.add_argument("--product", type=int, default=16384, help="size of the matrices of the peak")
    parser.add_argument("--device", default="cuda")
    given = parser.parse_args()
    if given.device != "cpu" and not torch.cuda.is_available():
        print("no CUDA device here: nothing to measure")
        return
    peak = peak_flops(given.device, given.product)
    model = make_model(given)
    ids = np.random.default_rng(0).integers(0, given.vocabulary, size=(given.windows, given.context))
    checkpoint = SimpleNamespace(model=model)
    speed = ids.size / fastest(lambda: score_windows(checkpoint, ids), given.device)
    share = speed * flops_per_token(model, given.context) / peak
    short = score_windows(checkpoint, ids[:COMPARED])
    apart = np.abs(score_windows(SimpleNamespace(model=model.float()), ids[:COMPARED]) - short)
    name = "cpu" if given.device == "cpu" else torch.cuda.get_device_name(given.device)
    parameters = sum(weight.numel() for weight in model.parameters())
    print(f"{name}: {parameters:,} parameters, windows of {given.context}, {speed:,.0f} tokens/s")
    print(
        f"bfloat16 product of {given.product}: {peak / 1e12:.1f} TFLOP/s; scoring reaches {share:.0%} of it"
    )
    print(f"bfloat16 moves scores by {apart.mean():.4f} nats on average, {apart.max():.3f} at most")
    print(f"{REQUIRED:.0%} of the peak: {'reached' if share >= REQUIRED else 'NOT reached'}")


if __name__ == "__main__":
    main()

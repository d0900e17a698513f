"""Times joint decoding against the original's way: both models over the whole text for every new token.

Run from the repository root: `PYTHONPATH=src python benchmarks/decoding.py [--threads 2]`. All contestants
decode greedily from the same two random models, in one process: ours, in all pairs of weights at once; the
original's way on batches of all prompts, a pair at a time; and its way one prompt at a time, on some of the
prompts, since each costs the same (all 64 take minutes). Each first runs once on a few tokens, then equally
often in full, and the fastest round counts. Their texts must be the same. With `--device cuda` ours is also
compared with transformers' `generate` by the large model alone, on as many rows.
"""

import argparse
import os
import resource
import time
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models
from transformers import OPTConfig, OPTForCausalLM, PreTrainedTokenizerFast

from trajectories.checkpoints import Checkpoint
from trajectories.generation.decoding import joint_decode

WEIGHTS = ((1, -1), (1, 0), (1, 1), (0, 1), (-1, 1))  # the paper's five configurations
SHAPES = {"small": (64, 2, 2), "large": (256, 6, 4)}  # width, layers, heads
VOCABULARY, CONTEXT = 4096, 512
SPREAD = 0.08  # of random weights: far enough from zero for the models to differ
REQUIRED = {"one prompt at a time": 30, "batched over prompts": 15}  # tokens/s of ours over theirs
OF_GENERATE = 0.5  # of the rows' tokens/s that the large model alone reaches on an accelerator
ROUNDS = 3  # the fastest counts
WARM_UP = 2  # new tokens of each contestant's first run

Texts = dict[tuple[int, int], list[list[int]]]


def make_checkpoint(shape: tuple[int, int, int], *, seed: int, device: str) -> Checkpoint:
    """A model with random weights, and a tokenizer without an end-of-text token: all texts are whole."""
    torch.manual_seed(seed)
    width, layers, heads = shape
    configuration = OPTConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        word_embed_proj_dim=width,
        ffn_dim=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        max_position_embeddings=CONTEXT,
        init_std=SPREAD,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = OPTForCausalLM(configuration).eval().requires_grad_(requires_grad=False).to(device)
    words = models.WordLevel({f"w{number}": number for number in range(VOCABULARY)}, unk_token="w0")
    return Checkpoint(model, PreTrainedTokenizerFast(tokenizer_object=Tokenizer(words)), "")


def whole_texts(
    pair: Sequence[Checkpoint], prompts: torch.Tensor, *, weights: tuple[int, int], new_tokens: int
) -> torch.Tensor:
    """New tokens [n, new tokens] after prompts [n, length], without a cache."""
    ids = prompts
    with torch.inference_mode():
        for _ in range(new_tokens):
            small, large = (each.model(ids, use_cache=False).logits[:, -1].softmax(-1) for each in pair)
            mass = weights[0] * small + weights[1] * large
            kept = mass.clamp_min(0)
            token = (kept / kept.sum(-1, keepdim=True)).argmax(-1)
            ids = torch.cat([ids, token[:, None]], dim=1)
    return ids[:, prompts.shape[1] :]


def batched(pair: Sequence[Checkpoint], prompts: torch.Tensor, *, new_tokens: int) -> Texts:
    """The original's way on all prompts at once."""
    return {
        each: whole_texts(pair, prompts, weights=each, new_tokens=new_tokens).tolist() for each in WEIGHTS
    }


def one_at_a_time(pair: Sequence[Checkpoint], prompts: torch.Tensor, *, new_tokens: int) -> Texts:
    """The original's way."""
    return {
        each: [
            whole_texts(pair, prompt[None], weights=each, new_tokens=new_tokens)[0].tolist()
            for prompt in prompts
        ]
        for each in WEIGHTS
    }


def generate(large: Checkpoint, prompts: torch.Tensor, *, new_tokens: int) -> torch.Tensor:
    """Decoding by transformers with the large model alone, as many rows as ours has."""
    rows = prompts.repeat(len(WEIGHTS), 1)
    settings: dict[str, Any] = {"max_new_tokens": new_tokens, "min_new_tokens": new_tokens}
    found: torch.Tensor = large.model.generate(
        rows, attention_mask=torch.ones_like(rows), do_sample=False, **settings
    )
    return found


def timed(run: Callable[[int], Any], *, new_tokens: int, rounds: int, device: str) -> SimpleNamespace:
    """The seconds of the fastest of some rounds, the result, and the peak of memory so far."""
    run(min(WARM_UP, new_tokens))
    seconds = []
    for _ in range(rounds):
        begin = time.perf_counter()
        result = run(new_tokens)
        if device != "cpu":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - begin)
    return SimpleNamespace(seconds=min(seconds), result=result, peak=peak_bytes(device))


def peak_bytes(device: str) -> int:
    """The most memory that was used so far."""
    if device != "cpu":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Compare the three ways, and on an accelerator ours with `generate`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--new-tokens", type=int, default=50)
    parser.add_argument("--alone", type=int, default=8, help="prompts that are decoded one at a time")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    if given.device != "cpu" and not torch.cuda.is_available():
        print("no CUDA device here: nothing to measure")
        return
    torch.set_num_threads(given.threads)
    pair = [
        make_checkpoint(shape, seed=seed, device=given.device) for seed, shape in enumerate(SHAPES.values())
    ]
    drawn = np.random.default_rng(0).integers(1, VOCABULARY, size=(given.prompts, 5))
    prompts, alone = torch.from_numpy(drawn).to(given.device), min(given.alone, given.prompts)
    ways: dict[str, tuple[Callable[[int], Texts], int]] = {
        "ours": (
            lambda count: joint_decode(*pair, drawn.tolist(), weights=WEIGHTS, max_new_tokens=count),
            given.prompts,
        ),
        "batched over prompts": (lambda count: batched(pair, prompts, new_tokens=count), given.prompts),
        "one prompt at a time": (
            lambda count: one_at_a_time(pair, prompts[:alone], new_tokens=count),
            alone,
        ),
    }
    settings: dict[str, Any] = {
        "new_tokens": given.new_tokens,
        "rounds": given.rounds,
        "device": given.device,
    }
    shapes = " and ".join(f"{width} x {layers}" for width, layers, _ in SHAPES.values())
    print(
        f"{len(WEIGHTS)} pairs of weights x {given.prompts} prompts x {given.new_tokens} tokens, "
        f"vocabulary {VOCABULARY}, widths and layers {shapes}, "
        f"{given.device}, {given.threads} threads; {peak_bytes(given.device) / 2**20:,.0f} MiB before"
    )
    speeds: dict[str, float] = {}
    texts: Texts = {}
    for name, (run, decoded) in ways.items():
        found = timed(run, **settings)
        texts = texts or found.result
        if any(found.result[each] != texts[each][:decoded] for each in WEIGHTS):
            raise SystemExit(f"the texts decoded {name} are not ours")
        speeds[name] = len(WEIGHTS) * decoded * given.new_tokens / found.seconds
        print(
            f"{name:21} {speeds[name]:9,.0f} tokens/s   peak so far {found.peak / 2**20:6,.0f} MiB   "
            f"ours is {speeds['ours'] / speeds[name]:.1f} x, {decoded} of {given.prompts} prompts, same texts"
        )
    for name, bound in REQUIRED.items() if given.device == "cpu" else ():
        value = speeds["ours"] / speeds[name]
        print(f"{value:.1f} times {name}: {bound} {'reached' if value >= bound else 'NOT reached'}")
    if given.device != "cpu":
        found = timed(lambda count: generate(pair[1], prompts, new_tokens=count), **settings)
        share = speeds["ours"] * found.seconds / (len(WEIGHTS) * given.prompts * given.new_tokens)
        verdict = "reached" if share >= OF_GENERATE else "NOT reached"
        print(f"{share:.2f} of generate's tokens/s: {OF_GENERATE} {verdict}")


if __name__ == "__main__":
    main()

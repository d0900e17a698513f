"""A small archive in the authors' formats, and the models that it has."""

from pathlib import Path

import numpy as np
import torch
import xarray as xr

from trajectories.publications import Model
from trajectories.publications.labels import coordinates

MODELS = {
    "mini-0_2m": Model(label="0.2M", parameters=200_000, tokens_per_step=4096.0, last_step=64, family="mini"),
    "mini-1m": Model(label="1M", parameters=1_000_000, tokens_per_step=4096.0, last_step=32, family="mini"),
}
STEPS = {"mini-0_2m": (2, 8, 64), "mini-1m": (2, 4, 32)}


def save(content: object, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)
    return path


def make_archive(folder: Path, *, tokens: int = 5) -> Path:
    """Files of the two smallest OPT models, scores at the checkpoints of Table 2, the rest at a few."""
    random = np.random.default_rng(3)
    scores = {"opt_125m": -random.random((tokens, 36)), "opt_1.3b": -random.random((tokens, 22))}
    save(scores, folder / "trend_of_tokens/all_scores-pile.pt")
    along = {2000: 30.5, 6000: 25.25, 10000: 20.125}
    save(
        {name: {"valid/combined": along, "valid/pile": {2000: 12.5}} for name in scores},
        folder / "opt_validation_ppl_trajectory.pt",
    )
    accuracy = {
        name: {
            "accuracy": {
                "bigbench__whatisthetao": {2000: 25.0, 6000: 50.0},
                "bigbench__snarks": {2000: 40.0},
            },
            "flops": {2000: 7.5e17, 6000: 2.25e18},
            "tokens": {2000: 1e9, 6000: 3e9},
        }
        for name in scores
    }
    save(accuracy, folder / "bigbench/checkpoint_results.pt")
    options = {
        "correct_ppl": {"bigbench__snarks": {2000: 9.5, 6000: 8.5}},
        "incorrect_ppl": {"bigbench__snarks": {2000: 11.5, 6000: 12.5}},
        "correct_token_num": {"bigbench__snarks": 120},
        "incorrect_token_num": {"bigbench__snarks": 130},
    }
    save({"opt_125m": options}, folder / "bigbench/perplexity_analysis/opt_125m.pt")
    (folder / "generation_analysis").mkdir()
    (folder / "generation_analysis/final_model_results.csv").write_text(TABLE, encoding="utf-8")
    return folder


TABLE = """\
,task,topp,slambda,llambda,max_length,mauve,opt_125m,opt_1.3b,opt_125m_ckpts,opt_1.3b_ckpts,data_file,out_file
0,stories,0.9,1.0,-1.0,50,0.43,41.5,88.3,"{2000: 93.7, 6000: 73.3}","{2000: 73.5}",/a/b.jsonl,/a/c
1,stories,0.0,1.0,-0.8,50,,4.5,6.7,"{2000: 7.9, 6000: 6.5}",{},/a/d.jsonl,/a/e
2,wiki,0.0,0.0,1.0,100,0.9,3.25,,{2000: 5.5},,,
"""


def over_checkpoints(*, present: dict[str, tuple[int, ...]] = STEPS) -> dict:
    """Coordinates of the small models."""
    return coordinates(present, MODELS)


def make_accuracy(*, seed: int = 0) -> xr.Dataset:
    """As in data/downstream/accuracy.nc, with two criteria, of tasks with and without underscores."""
    axes = over_checkpoints()
    tasks = ["what_is_the_tao", "my_own_task", "snarks"]
    sizes = (len(axes["model"]), len(axes["checkpoint"]), len(tasks))
    random = np.random.default_rng(seed)
    present = np.isfinite(axes["training_fraction"][1])[..., None]
    along = ("model", "checkpoint", "task")
    accuracy = np.where(present, random.random(sizes), np.nan)
    return xr.Dataset(
        {
            "accuracy": (("criterion", *along), np.stack([accuracy, 0 * accuracy])),
            "correct_perplexity": (along, np.where(present, 1 + 50 * random.random(sizes), np.nan)),
            "incorrect_perplexity": (along, np.where(present, 1 + 50 * random.random(sizes), np.nan)),
            "correct_tokens": (("model", "task"), random.integers(1, 99, (sizes[0], sizes[2]))),
            "incorrect_tokens": (("model", "task"), random.integers(1, 99, (sizes[0], sizes[2]))),
        },
        coords={
            **axes,
            "criterion": ["tokens", "sum"],
            "task": tasks,
            "group": ("task", ["breakthroughness", "", ""]),
        },
        attrs={"criterion": "tokens"},
    )

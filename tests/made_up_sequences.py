"""Judged texts and their quality as section 4 describes them, from formulas, for figures and tables."""

import numpy as np
import xarray as xr

from made_up import MODELS, STEPS, TOKENS_PER_STEP, VOCABULARY
from trajectories import arrays

OTHERS = {"neox-0_3m": ("0.3M", 0.3e6), "neox-2_1m": ("2.1M", 2.1e6)}
CONFIGURATIONS = {
    "p_l": (0.0, 1.0),  # not in the paper's order, which figures make themselves
    "p_s - p_l": (1.0, -1.0),
    "p_s + p_l": (1.0, 1.0),
    "p_l - p_s": (-1.0, 1.0),
    "p_s": (1.0, 0.0),
}
LEVELS = {"greedy": 2.0, "nucleus": 5.0}  # nats per token at the end of training, about
KINDS = {
    "replace": (0.2, 0.4, 0.6, 0.8, 1.0),
    "replace_vocabulary": (0.2, 0.6, 1.0),
    "delete": (0.2, 0.6),
    "insert": (0.2, 0.6),
    "repeat": (0.2, 0.6),
    "repeat_spans": (0.2, 0.6),
}
LENGTHS = (50, 100)
SCORES = ("model", "checkpoint", "sequence")
TEXTS = 4  # in each set
GENERATORS = {"small": "opt-0_2m", "large": "opt-3_6m"}
LABELS = {f"{size}_label": MODELS[name][0] for size, name in GENERATORS.items()}


def make_sequences(
    *,
    models: dict[str, tuple[str, float]] = MODELS,
    others: dict[str, tuple[str, float]] = OTHERS,
    methods: tuple[str, ...] = tuple(LEVELS),
    seed: int = 11,
) -> xr.Dataset:
    """Dataset as in data/scores/sequences.nc.

    The first model has lost its last checkpoint but two; other families judge generated texts only, at their
    last step.
    """
    random = np.random.default_rng(seed)
    labels = {**models, **others}
    parameters = np.array([count for _, count in labels.values()])
    own = np.array([name in models for name in labels])[:, None]
    texts = _texts(methods)
    tokens = np.where(texts["new_tokens"] > 0, texts["new_tokens"], 99) - random.integers(
        0, 9, texts["rate"].size
    )
    validation = _validation(parameters)
    loss = _loss(validation, parameters, texts) + 0.02 * random.standard_normal((len(labels), 1, tokens.size))
    scored = own | (np.arange(STEPS.size) == STEPS.size - 1)
    scored[0, -3] = False
    judged = own | (texts["source"] == "generated")
    known = scored[:, :, None] & judged[:, None, :]
    of_checkpoints = _checkpoints(parameters, validation)
    return arrays.label(
        xr.Dataset(
            {
                "log_likelihood": (SCORES, np.where(known, -loss * tokens, np.nan).astype(np.float32)),
                # The tokenizer of another family makes more tokens of a text.
                "tokens": (("model", "sequence"), np.where(judged, tokens * np.where(own, 1.0, 1.1), np.nan)),
                "bytes": ("sequence", 3.0 * tokens),
            },
            coords={
                "model": list(labels),
                "checkpoint": STEPS,
                "label": ("model", [label for label, _ in labels.values()]),
                "family": ("model", np.where(own[:, 0], "opt", "neox")),
                "parameters": ("model", parameters.astype(np.int64)),
                "seed": ("model", np.full(len(labels), np.nan)),
                **{name: (SCORES[:2], np.where(scored, of, np.nan)) for name, of in of_checkpoints.items()},
                **{name: ("sequence", values) for name, values in texts.items()},
            },
            attrs={"family": "opt", **GENERATORS, **LABELS},
        )
    )


def make_quality(
    *,
    lengths: tuple[int, ...] = LENGTHS,
    seeds: tuple[int, ...] = (1, 2, 3, 4, 5),
    methods: tuple[str, ...] = tuple(LEVELS),
    seed: int = 13,
) -> xr.Dataset:
    """Dataset as in data/quality.nc."""
    random = np.random.default_rng(seed)
    sets = ("configuration", "method", "new_tokens")
    shape = (len(CONFIGURATIONS), len(methods), len(lengths))
    weights = np.array(list(CONFIGURATIONS.values()))
    documents = np.linspace(0.7, 0.97, 4)
    return xr.Dataset(
        {
            "mauve": ((*sets, "seed"), random.uniform(0.05, 0.95, (*shape, len(seeds)))),
            "distinct": ((*sets, "n"), np.sort(random.uniform(0.2, 0.9, (*shape, 4)))),
            "longest_repeat": (sets, random.uniform(0.02, 0.6, shape) * np.array(lengths)),
            "mean_tokens": (sets, np.broadcast_to(np.array(lengths, float), shape)),
            "ended": (sets, np.full(shape, 0.1)),
            "texts": (sets, np.full(shape, 64)),
            "reference_distinct": (("new_tokens", "n"), np.tile(documents, (len(lengths), 1))),
            "reference_longest_repeat": ("new_tokens", 0.06 * np.array(lengths)),
            "reference_mean_tokens": ("new_tokens", np.array(lengths, float)),
        },
        coords={
            "configuration": list(CONFIGURATIONS),
            "small_weight": ("configuration", weights[:, 0]),
            "large_weight": ("configuration", weights[:, 1]),
            "method": list(methods),
            "new_tokens": list(lengths),
            "seed": list(seeds),
            "n": [1, 2, 3, 4],
        },
        attrs={"features": "3.6M", **LABELS},
    )


def _validation(parameters: np.ndarray) -> np.ndarray:
    """[model, checkpoint] in nats."""
    reached = 4.6 - 0.22 * np.log(parameters / 0.16e6)
    learnt = (1 + STEPS / 12.0) ** -0.62
    validation: np.ndarray = reached[:, None] + (np.log(VOCABULARY) - reached[:, None]) * learnt
    return validation


def _checkpoints(parameters: np.ndarray, validation: np.ndarray) -> dict[str, np.ndarray]:
    """The coordinates [model, checkpoint] that can be an axis."""
    tokens_seen = np.tile(STEPS * float(TOKENS_PER_STEP), (parameters.size, 1))
    return {
        "tokens_seen": tokens_seen,
        "flops": 6 * parameters[:, None] * tokens_seen,
        "training_fraction": np.tile(STEPS / STEPS[-1], (parameters.size, 1)),
        "validation_perplexity": np.exp(validation),
    }


def _texts(methods: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The coordinates of all sequences."""
    corrupted = [("clean", 0.0), *((kind, rate) for kind, rates in KINDS.items() for rate in rates)]
    rows: list[tuple[object, ...]] = [
        (kind if kind == "clean" else f"{kind}-{rate:g}", kind, rate, "", np.nan, np.nan, "", 0, text)
        for kind, rate in corrupted
        for text in range(TEXTS)
    ]
    rows += [
        ("generated", "generated", np.nan, label, *weights, method, length, text)
        for label, weights in CONFIGURATIONS.items()
        for method in methods
        for length in LENGTHS
        for text in range(TEXTS)
    ]
    names = (
        "source",
        "kind",
        "rate",
        "configuration",
        "small_weight",
        "large_weight",
        "method",
        "new_tokens",
        "prompt",
    )
    return {name: np.array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def _loss(validation: np.ndarray, parameters: np.ndarray, texts: dict[str, np.ndarray]) -> np.ndarray:
    """[model, checkpoint, sequence] in nats per token.

    Noise costs more the more there is; texts that favour the small model fall and then rise.
    """
    noise = np.nan_to_num(texts["rate"])
    corrupted = (1 - noise) * validation[..., None] + noise * (8.2 - 0.05 * np.log10(parameters / 1e5))[
        :, None, None
    ]
    favour = np.nan_to_num(texts["small_weight"] - texts["large_weight"])  # 2 for p_s - p_l
    level = np.array([LEVELS.get(str(method), 4.0) for method in texts["method"]])
    past_turn = np.maximum(0, 5.2 - validation)[..., None]
    generated = level + 0.5 * (validation[..., None] - 4.5) + 0.6 * np.maximum(favour, 0) * past_turn
    return np.where(texts["source"] == "generated", np.maximum(generated, 0.2), corrupted)

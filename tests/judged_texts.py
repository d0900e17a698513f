"""Texts and how models of several sizes judge them, from formulas, for numbers and tables of section 4."""

import numpy as np
import xarray as xr

SIZES = {"opt-s": ("0.2M", 2e5), "opt-m": ("1.4M", 1.4e6), "opt-l": ("4.3M", 4.3e6)}
OTHERS = {"neox-s": ("0.2M", 2e5), "neox-l": ("0.9M", 9e5)}
STEPS = np.array([10, 20, 50, 100, 150, 200, 250, 300, 400, 500, 600, 700, 800, 900, 950, 1000])
FRACTIONS = STEPS / 1000
SOURCES = (("clean", "clean", 0.0), ("replace-0.2", "replace", 0.2), ("replace-1", "replace", 1.0))
CONFIGURATIONS = {"p_s - p_l": (1.0, -1.0), "p_l": (0.0, 1.0), "p_l - p_s": (-1.0, 1.0)}
METHODS = ("greedy", "nucleus")
LENGTHS = (50, 100)
END = 1  # of a text


def make_judged(*, texts: int = 24, spread: float = 0.3, seed: int = 5) -> xr.Dataset:
    """As data/scores/sequences.nc: p_s - p_l scales inversely and turns in all but the smallest model."""
    rng = np.random.default_rng(seed)
    labels = _labels(texts)
    models = {**SIZES, **OTHERS}
    parameters = np.array([size for _, size in models.values()])
    tokens = np.where(labels["new_tokens"] > 0, labels["new_tokens"], 80) - rng.integers(
        0, 20, len(labels["source"])
    )
    size = np.log10(parameters / parameters.min())[:, None]  # decades
    likelihood = np.empty((len(models), len(STEPS), len(tokens)))
    for text, (configuration, rate) in enumerate(zip(labels["configuration"], labels["rate"], strict=True)):
        level = 0.5 * size if configuration == "p_s - p_l" else -0.3 * size + 2 * np.nan_to_num(rate)
        learnt = 4 * np.exp(-FRACTIONS / 0.05)
        turn = size * (FRACTIONS - 0.1).clip(0) if configuration == "p_s - p_l" else 0
        likelihood[:, :, text] = -(3 + level + learnt + turn) * tokens[text]
    likelihood += spread * rng.standard_normal(len(tokens)) * tokens
    likelihood += 0.1 * rng.standard_normal(likelihood.shape) * tokens
    known = np.ones(likelihood.shape, bool)
    others = np.arange(len(models)) >= len(SIZES)
    known[np.ix_(others, range(len(STEPS)), labels["source"] != "generated")] = False
    known[0, -1] = False  # the smallest model has lost its last checkpoint
    family = np.where(others, "neox", "opt")
    return xr.Dataset(
        {
            "log_likelihood": (
                ("model", "checkpoint", "sequence"),
                np.where(known, likelihood, np.nan).astype(np.float32),
            ),
            "tokens": (("model", "sequence"), np.where(known[:, 0], tokens + others[:, None], np.nan)),
            "bytes": ("sequence", 4.0 * tokens),
        },
        coords={
            "model": list(models),
            "checkpoint": STEPS,
            "label": ("model", [label for label, _ in models.values()]),
            "family": ("model", family),
            "parameters": ("model", parameters.astype(np.int64)),
            "seed": ("model", np.full(len(models), np.nan)),
            "training_fraction": (("model", "checkpoint"), np.tile(FRACTIONS, (len(models), 1))),
            "tokens_seen": (("model", "checkpoint"), np.tile(STEPS * 4096.0, (len(models), 1))),
            "flops": (("model", "checkpoint"), 6 * parameters[:, None] * STEPS * 4096.0),
            "validation_perplexity": (("model", "checkpoint"), np.exp(8 - size - 2 * FRACTIONS)),
            **{name: ("sequence", values) for name, values in labels.items()},
        },
        attrs={
            "family": "opt",
            "small": "opt-s",
            "large": "opt-l",
            "small_label": "0.2M",
            "large_label": "4.3M",
        },
    )


def _labels(texts: int) -> dict[str, np.ndarray]:
    rows = [
        (source, kind, rate, "", np.nan, np.nan, "", 0, index)
        for source, kind, rate in SOURCES
        for index in range(texts)
    ]
    rows += [
        ("generated", "", np.nan, configuration, *weights, method, length, index)
        for configuration, weights in CONFIGURATIONS.items()
        for method in METHODS
        for length in LENGTHS
        for index in range(texts if length == LENGTHS[0] else texts // 2)
    ]
    names = ("source", "kind", "rate", "configuration", "small_weight", "large_weight", "method")
    return {
        name: np.array(column)
        for name, column in zip((*names, "new_tokens", "prompt"), zip(*rows, strict=True), strict=True)
    }


def make_generations(*, prompts: int = 24, vocabulary: int = 97, seed: int = 3) -> xr.Dataset:
    """As data/generations.nc: greedy texts run in circles, some texts end early, half the prompts go on."""
    rng = np.random.default_rng(seed)
    shape = (len(CONFIGURATIONS), len(METHODS), prompts)
    limit = np.where(np.arange(prompts) < prompts // 2, LENGTHS[-1], LENGTHS[0])
    token_id = np.zeros((*shape, LENGTHS[-1]), np.int32)
    new_tokens = np.empty(shape, np.int64)
    for configuration, method, prompt in np.ndindex(shape):
        text = rng.integers(2, vocabulary, limit[prompt])
        if METHODS[method] == "greedy":
            text = np.resize(text[: 4 + configuration], limit[prompt])
        if (prompt + configuration) % 4 == 0:
            text = np.append(text[: 10 + prompt], END)
        new_tokens[configuration, method, prompt] = len(text)
        token_id[configuration, method, prompt, : len(text)] = text
    over = ("configuration", "method", "prompt")
    words = np.vectorize(lambda ids: f"text {ids}\n  <b>|*words* of`` {ids}`` & more</s>")
    reference_tokens = limit.copy()
    reference_tokens[0] = 60  # where its window ends
    reference = rng.integers(2, vocabulary, (prompts, LENGTHS[-1])).astype(np.int32)
    return xr.Dataset(
        {
            "token_id": ((*over, "position"), token_id),
            "new_tokens": (over, new_tokens),
            "text": (over, words(np.arange(np.prod(shape)).reshape(shape))),
            "limit": ("prompt", limit),
            "prompt_token_id": (
                ("prompt", "prompt_position"),
                np.insert(rng.integers(2, vocabulary, (prompts, 5)), 0, END, axis=1).astype(np.int32),
            ),
            "prompt_tokens": ("prompt", np.full(prompts, 6)),
            "prompt_text": ("prompt", [f"Given {prompt}\n" for prompt in range(prompts)]),
            "reference_token_id": (
                ("prompt", "reference_position"),
                np.where(np.arange(LENGTHS[-1]) < reference_tokens[:, None], reference, 0),
            ),
            "reference_tokens": ("prompt", reference_tokens),
            "reference_text": ("prompt", [f"document {prompt}" for prompt in range(prompts)]),
        },
        coords={
            "configuration": list(CONFIGURATIONS),
            "small_weight": ("configuration", [small for small, _ in CONFIGURATIONS.values()]),
            "large_weight": ("configuration", [large for _, large in CONFIGURATIONS.values()]),
            "method": list(METHODS),
            "document": ("prompt", [f"document-{prompt}" for prompt in range(prompts)]),
            "domain": ("prompt", ["algebra"] * prompts),
        },
        attrs={
            "small": "opt-s",
            "large": "opt-l",
            "small_label": "0.2M",
            "large_label": "4.3M",
            "family": "opt",
            "top_p": 0.9,
            "seed": 0,
            "special_tokens": '["</s>"]',
            "first_token_id": END,
            "lengths": np.array(LENGTHS),
        },
    )

"""A family's tokens from real English, and runs of seconds on them."""

from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import numpy as np

from trajectories.corpora.documents import Document
from trajectories.corpora.tokenizer import boundary_token, encode_documents, train_tokenizer
from trajectories.corpora.windows import training_stream
from trajectories.pretraining import Recipe, Size

VOCABULARY, CONTEXT = 320, 32
TOPICS = 40  # of Python's own reference manual


class NoTokens:
    """What a model needs to know of a tokenizer, where no text is read."""

    bos_token_id, eos_token_id, pad_token_id = 0, 0, None


def make_tokens(folder: Path) -> Path:
    """A folder as the stage `tokens` leaves it, less the held-out windows."""
    texts = sorted(topics.items())[:TOPICS]
    documents = [Document(name=name, domain="manual", text=text) for name, text in texts]
    tokenizer = train_tokenizer(documents, vocabulary=VOCABULARY, context=CONTEXT)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder / "tokenizer")
    encoded = encode_documents(documents, tokenizer)
    stream = training_stream(encoded, boundary=boundary_token(tokenizer), vocabulary=VOCABULARY)
    np.save(folder / "train.npy", stream)
    return folder


def make_size(architecture: str = "opt", **settings: Any) -> Size:
    sizes = {"vocabulary": VOCABULARY, "width": 16, "layers": 1, "heads": 2, "context": CONTEXT}
    return Size(**{"architecture": architecture, **sizes, **settings})


def make_recipe(**settings: Any) -> Recipe:
    usual = {
        "steps": 8,
        "batch": 4,
        "learning_rate": 1e-2,
        "embedding_learning_rate": None,
        "warmup": 0.25,
        "weight_decay": 0.1,
        "gradient_norm": 1.0,
        "checkpoints": (2, 4, 8),
        "precision": "float32",
        "seed": 42,
    }
    return Recipe(**{**usual, **settings})

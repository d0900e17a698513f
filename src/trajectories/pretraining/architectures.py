"""The architectures that can be trained here, as data, and the building of one model."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerBase

FEED_FORWARD_WIDTHS = 4  # width of the feed-forward layer, in widths of the model


@dataclass(frozen=True)
class Size:
    """One model: an architecture of ARCHITECTURES and its dimensions; `heads` must divide `width`."""

    architecture: str
    vocabulary: int
    width: int
    layers: int
    heads: int
    context: int

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES:
            known = ", ".join(sorted(ARCHITECTURES))
            raise ValueError(f"architecture must be one of {known}, got '{self.architecture}'")
        if self.heads < 1 or self.width % self.heads:
            raise ValueError(
                f"width must be a multiple of heads, got {self.width} and {self.heads}; change one"
            )


@dataclass(frozen=True)
class Architecture:
    """How a transformers `model_type` names the dimensions of a Size, and what it needs besides."""

    names: Mapping[str, str]
    settings: Mapping[str, Any] = field(default_factory=dict)


USUAL_NAMES = {
    "vocabulary": "vocab_size",
    "width": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "context": "max_position_embeddings",
}
ARCHITECTURES: Mapping[str, Architecture] = {
    "opt": Architecture(
        names={**USUAL_NAMES, "feed_forward": "ffn_dim"},
        # A padding index would freeze one row of the embedding; no window is ever padded.
        settings={"dropout": 0.0, "attention_dropout": 0.0, "pad_token_id": None},
    ),
    "gpt_neox": Architecture(
        names={**USUAL_NAMES, "feed_forward": "intermediate_size"},
        settings={"hidden_dropout": 0.0, "attention_dropout": 0.0},
    ),
}


def build_model(size: Size, *, tokenizer: PreTrainedTokenizerBase, attention: str) -> PreTrainedModel:
    """A freshly initialised float32 model in training mode, from torch's current random state.

    Args:
        size: The architecture and its dimensions.
        tokenizer: Its special tokens go into the configurations that are saved with the model.
        attention: Name of a registered attention function of transformers.
    """
    architecture = ARCHITECTURES[size.architecture]
    dimensions = {**asdict(size), "feed_forward": FEED_FORWARD_WIDTHS * size.width}
    configuration = AutoConfig.for_model(
        size.architecture,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        **{theirs: dimensions[ours] for ours, theirs in architecture.names.items()},
        **architecture.settings,
    )
    model = AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
        configuration, dtype=torch.float32, attn_implementation=attention
    )
    padding, end = tokenizer.pad_token_id, tokenizer.eos_token_id
    model.generation_config.pad_token_id = end if padding is None else padding
    trainable: PreTrainedModel = model.train()
    return trainable

"""The dimensions of a model that its compute depends on, read from its configuration."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig


@dataclass(frozen=True)
class Dimensions:
    """What the compute of one token depends on.

    Attributes:
        parameters: All of them; a weight that is used twice counts once.
        multiplied_parameters: Those outside the tables of tokens and positions, which are only looked up, and
            those of the output head, which multiplies also where it shares the table of tokens.
        layers: Transformer layers.
        heads: Attention heads per layer.
        head_size: Width of one head.
        context: Largest number of positions.
    """

    parameters: int
    multiplied_parameters: int
    layers: int
    heads: int
    head_size: int
    context: int


def read_configuration(folder: Path) -> PreTrainedConfig:
    """The configuration of a Hugging Face folder; raises FileNotFoundError or ValueError that name it."""
    path = folder / "config.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist; a checkpoint needs its configuration, fetch it again"
        )
    try:
        configuration: PreTrainedConfig = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{path} is no configuration that can be used: {error}") from error
    return configuration


def read_dimensions(folder: Path) -> Dimensions:
    """Dimensions of the model in a Hugging Face folder; its weights are not read."""
    configuration = read_configuration(folder)
    with torch.device("meta"):
        model: nn.Module = AutoModelForCausalLM.from_config(configuration)  # type: ignore[no-untyped-call]
    heads = int(configuration.num_attention_heads)
    return Dimensions(
        parameters=sum(weight.numel() for weight in model.parameters()),
        multiplied_parameters=_multiplied(model),
        layers=int(configuration.num_hidden_layers),
        heads=heads,
        head_size=int(getattr(configuration, "head_dim", None) or configuration.hidden_size // heads),
        context=int(configuration.max_position_embeddings),
    )


def _multiplied(model: nn.Module) -> int:
    tables = [module for module in model.modules() if isinstance(module, nn.Embedding)]
    looked_up = {id(weight) for table in tables for weight in table.parameters()}
    head = model.get_output_embeddings()  # type: ignore[operator]
    looked_up -= {id(weight) for weight in head.parameters()}
    return sum(weight.numel() for weight in model.parameters() if id(weight) not in looked_up)

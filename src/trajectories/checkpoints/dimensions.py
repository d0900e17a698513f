"""What a model's configuration says: its architecture, and the dimensions that its compute depends on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig, AutoModelForCausalLM, PreTrainedConfig

# Settings of a configuration that change no score: where it comes from, and what generation and training do.
NO_ARCHITECTURE = {
    "_name_or_path",
    "architectures",
    "bos_token_id",
    "dtype",
    "eos_token_id",
    "init_std",
    "initializer_range",
    "pad_token_id",
    "transformers_version",
    "use_cache",
}


@dataclass(frozen=True)
class Dimensions:
    """What the compute of one token depends on.

    Attributes:
        architecture: The `model_type` of transformers: opt, gpt_neox, llama.
        parameters: All of them; a weight that is used twice counts once.
        multiplied_parameters: Those outside the tables of tokens and positions, which are only looked up, and
            those of the output head, which multiplies also where it shares the table of tokens.
        layers: Number of layers.
        heads: Attention heads per layer; 0 where there is no attention.
        head_size: Width of one head; 0 where there is no attention.
        context: Largest number of positions; None where nothing limits it.
    """

    architecture: str
    parameters: int
    multiplied_parameters: int
    layers: int
    heads: int
    head_size: int
    context: int | None


def read_configuration(folder: Path) -> PreTrainedConfig:
    """The configuration of a Hugging Face folder with a causal language model.

    Raises:
        FileNotFoundError: There is none.
        ValueError: It cannot be read, is of no causal language model that transformers knows, or asks for
            code of its repository, which is never run.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist; a checkpoint needs its configuration, fetch it again"
        )
    try:
        _require_no_code(path)
        configuration: PreTrainedConfig = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"{path} is no configuration that can be used: {reason}") from error
    if type(configuration) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise ValueError(
            f"{path} is no configuration of a causal language model: its model_type is "
            f"{configuration.model_type}; give a checkpoint of a decoder-only model"
        )
    return configuration


def architectural_settings(configuration: PreTrainedConfig) -> dict[str, Any]:
    """The settings that decide what a model computes with given weights, by name."""
    settings: dict[str, Any] = configuration.to_dict()
    return {name: value for name, value in settings.items() if name not in NO_ARCHITECTURE}


def architectural_difference(
    one: PreTrainedConfig, other: PreTrainedConfig
) -> tuple[str, object, object] | None:
    """A setting in which two architectures differ, and its value in each; `model_type` before any other."""
    first, second = architectural_settings(one), architectural_settings(other)
    different = sorted(name for name in {*first, *second} if first.get(name) != second.get(name))
    if not different:
        return None
    name = "model_type" if "model_type" in different else different[0]
    return name, first.get(name), second.get(name)


def read_dimensions(folder: Path) -> Dimensions:
    """Dimensions of the model in a Hugging Face folder; its weights are not read.

    Raises:
        FileNotFoundError: There is no configuration.
        ValueError: It cannot be used, see `read_configuration`.
    """
    configuration = read_configuration(folder)
    with torch.device("meta"):
        model: nn.Module = AutoModelForCausalLM.from_config(configuration)  # type: ignore[no-untyped-call]
    text: Any = configuration.get_text_config()  # of a model that also takes images, the part for text
    heads = int(getattr(text, "num_attention_heads", 0))
    head_size = getattr(text, "head_dim", None) or text.hidden_size // max(heads, 1)
    return Dimensions(
        architecture=configuration.model_type,
        parameters=sum(weight.numel() for weight in model.parameters()),
        multiplied_parameters=_multiplied(model),
        layers=int(text.num_hidden_layers),
        heads=heads,
        head_size=int(head_size) if heads else 0,
        context=getattr(text, "max_position_embeddings", None),
    )


def _require_no_code(path: Path) -> None:
    settings, _ = PreTrainedConfig.get_config_dict(path.parent)
    if "auto_map" in settings:
        raise ValueError(
            "it asks for code of its repository (auto_map), which is never run; give a checkpoint of an "
            "architecture that transformers has (where model_type names one, taking auto_map out is enough)"
        )


def _multiplied(model: nn.Module) -> int:
    tables = [module for module in model.modules() if isinstance(module, nn.Embedding)]
    looked_up = {id(weight) for table in tables for weight in table.parameters()}
    head = model.get_output_embeddings()  # type: ignore[operator]
    looked_up -= {id(weight) for weight in head.parameters()}
    return sum(weight.numel() for weight in model.parameters() if id(weight) not in looked_up)

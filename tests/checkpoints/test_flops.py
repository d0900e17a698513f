"""Computed by hand, and by counting the parameters of models that exist."""

from pathlib import Path

import pytest
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM

from trajectories.checkpoints import read_trajectory
from trajectories.checkpoints.compute import flops_per_token, plain_flops_per_token
from trajectories.checkpoints.dimensions import Dimensions, read_dimensions


def test_a_hand_computed_example() -> None:
    dimensions = Dimensions(
        architecture="opt",
        parameters=1_500,
        multiplied_parameters=1_000,
        layers=2,
        heads=3,
        head_size=4,
        context=64,
    )
    assert flops_per_token(dimensions, context=10) == 6 * 1_000 + 12 * 2 * 3 * 4 * 10 == 8_880
    assert plain_flops_per_token(dimensions, context=10) == 9_000


def test_the_smallest_published_opt(tmp_path: Path) -> None:
    """12 layers, 768 wide: all but the table of 2,050 positions multiply, that of tokens as the head."""
    AutoConfig.for_model("opt").save_pretrained(tmp_path)
    dimensions = read_dimensions(tmp_path)
    assert dimensions.parameters == 125_239_296
    assert dimensions.multiplied_parameters == 125_239_296 - 2_050 * 768
    assert flops_per_token(dimensions, context=2_048) == pytest.approx(
        6 * 123_664_896 + 12 * 12 * 768 * 2_048
    )


@pytest.mark.parametrize("architecture", ["opt", "gpt_neox"])
def test_the_parameters_that_multiply_are_those_of_layers_norms_and_head(
    trained: Path, architecture: str
) -> None:
    folder = trained / architecture / "step-000008"
    model = AutoModelForCausalLM.from_pretrained(folder)
    counted = sum(
        weight.numel()
        for name, weight in model.named_parameters()
        if "layers." in name or "layer_norm" in name
    )
    dimensions = read_dimensions(folder)
    head = model.get_output_embeddings().weight.numel()
    assert dimensions.multiplied_parameters == counted + head
    assert dimensions.parameters == model.num_parameters()
    width, layers = model.config.hidden_size, model.config.num_hidden_layers
    assert dimensions.heads * dimensions.head_size == width
    matrices = sum(
        module.weight.numel()
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name != "lm_head"
    )
    assert matrices == 12 * layers * width**2


def test_a_projected_embedding_is_no_embedding(tmp_path: Path) -> None:
    """As in OPT-350M: the two projections between embedding and layers multiply like any layer."""
    sizes = {"hidden_size": 16, "ffn_dim": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    AutoConfig.for_model("opt", vocab_size=50, **sizes).save_pretrained(tmp_path / "plain")
    AutoConfig.for_model("opt", vocab_size=50, word_embed_proj_dim=8, **sizes).save_pretrained(
        tmp_path / "projected"
    )
    plain, projected = (read_dimensions(tmp_path / name) for name in ("plain", "projected"))
    assert projected.multiplied_parameters == plain.multiplied_parameters - 50 * 8 + 2 * 8 * 16


def test_a_trajectory_multiplies_by_its_tokens(opt: Path) -> None:
    trajectory = read_trajectory(opt)
    per_token = flops_per_token(trajectory.dimensions, context=trajectory.context)
    assert trajectory.flops(4) == 4 * trajectory.tokens_per_step * per_token
    assert (
        trajectory.flops(4, convention="plain") == 4 * trajectory.tokens_per_step * 6 * trajectory.parameters
    )


def test_an_unknown_convention_is_named(opt: Path) -> None:
    with pytest.raises(ValueError, match="one of chowdhery, plain, got 'guess'"):
        read_trajectory(opt).flops(1, convention="guess")

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from tiny_models import gemma2, modern, opt
from trajectories.scoring import score_windows

pytest.importorskip("accelerate")

MAPS = {
    "opt": (
        opt,
        {
            "model.decoder.embed_tokens": "cpu",
            "model.decoder.embed_positions": "cpu",
            "model.decoder.layers.0": "cpu",
            "model.decoder.layers.1": "disk",
            "model.decoder.final_layer_norm": "cpu",
            "lm_head": "cpu",
        },
    ),
    "llama": (
        lambda: modern("llama"),
        {
            "model.embed_tokens": "disk",
            "model.layers.0": "disk",
            "model.layers.1": "cpu",
            "model.norm": "cpu",
            "model.rotary_emb": "cpu",
            "lm_head": "disk",
        },
    ),
    "gemma 2": (
        gemma2,
        {
            "model.embed_tokens": "cpu",
            "model.layers": "disk",
            "model.norm": "cpu",
            "model.rotary_emb": "cpu",
            "lm_head": "cpu",
        },
    ),
}


@pytest.mark.parametrize(("make", "places"), MAPS.values(), ids=MAPS)
def test_a_model_partly_on_disk_scores_as_it_does_in_memory(
    make: Callable[[], PreTrainedModel], places: dict[str, str], tmp_path: Path, windows: np.ndarray
) -> None:
    torch.manual_seed(7)
    make().save_pretrained(tmp_path / "model")
    whole = AutoModelForCausalLM.from_pretrained(tmp_path / "model").eval()
    spread = AutoModelForCausalLM.from_pretrained(
        tmp_path / "model", device_map=places, offload_folder=tmp_path / "offloaded"
    )
    assert any(weight.device.type == "meta" for weight in spread.parameters())
    scores = score_windows(SimpleNamespace(model=spread), windows)
    expected = score_windows(SimpleNamespace(model=whole), windows)
    np.testing.assert_allclose(scores, expected, atol=1e-4, rtol=0)

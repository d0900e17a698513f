"""The suites of conf/ as they stand."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from tiny_suite import NoTokens
from trajectories.pretraining import Size
from trajectories.pretraining.architectures import build_model

CONFIGURED = sorted((Path(__file__).parents[2] / "conf" / "suite").glob("*.yaml"))
SUITES = [path for path in CONFIGURED if "models" in yaml.safe_load(path.read_text(encoding="utf-8"))]


def parameters(suite: dict[str, Any], model: dict[str, Any]) -> int:
    family = suite["families"][model["family"]]
    dimensions = {name: model[name] for name in ("width", "layers", "heads")}
    size = Size(family["architecture"], family["vocabulary"], context=suite["context"], **dimensions)
    with torch.device("meta"):
        return build_model(size, tokenizer=NoTokens(), attention="eager").num_parameters()  # type: ignore[arg-type]


def read(path: Path) -> dict[str, Any]:
    suite: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return suite


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_labels_are_the_numbers_of_parameters(path: Path) -> None:
    suite = read(path)
    for key, model in suite["models"].items():
        count, label = parameters(suite, model), model["label"]
        scale = {"K": 1e3, "M": 1e6}[label[-1]]
        digits = len(label[:-1].partition(".")[2])
        assert f"{count / scale:.{digits}f}{label[-1]}" == label, f"{key} has {count:,} parameters"


@pytest.mark.parametrize("name", ["pocket", "desk"])
def test_full_suites_span_sizes_and_families(name: str) -> None:
    suite = read(next(path for path in SUITES if path.stem == name))
    sizes = {key: parameters(suite, model) for key, model in suite["models"].items()}
    analysed = [sizes[key] for key, model in suite["models"].items() if model["family"] == suite["family"]]
    others = [key for key, model in suite["models"].items() if model["family"] != suite["family"]]
    assert len(analysed) >= 4
    assert max(analysed) >= 20 * min(analysed)
    assert analysed == sorted(analysed)
    assert len(others) >= 2
    assert suite["context"] >= 512

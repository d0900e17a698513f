"""The Vega-Lite templates that `dvc plots` draws the pipeline's CSV files with."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc_render import VegaRenderer

REPOSITORY = Path(__file__).parents[2]
TEMPLATES = REPOSITORY / ".dvc/plots"
ROWS = {
    "trajectories": [{"model": "a", "checkpoint": "2", "flops": "1e9", "validation_perplexity": "50"}],
    "shares": [{"model": "a", "trend": "upward", "start": "0.1", "share": "0.06"}],
}


def declared_plots() -> list[dict[str, Any]]:
    stages = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"]
    plots = [plot for stage in stages.values() for plot in stage.get("plots", [])]
    return [properties for plot in plots for properties in plot.values()]


def test_every_declared_plot_has_its_template() -> None:
    assert {plot["template"] for plot in declared_plots()} == {path.stem for path in TEMPLATES.glob("*.json")}


@pytest.mark.parametrize("plot", declared_plots(), ids=lambda plot: plot["template"])
def test_a_template_is_filled_with_the_columns_of_its_plot(plot: dict[str, Any]) -> None:
    rows = [row | {"rev": "workspace"} for row in ROWS[plot["template"]]]
    renderer = VegaRenderer(rows, "plot", template_dir=str(TEMPLATES), **plot)
    content = json.dumps(renderer.get_filled_template())
    assert "<DVC_METRIC" not in content
    assert f"toNumber(datum['{plot['x']}'])" in content
    assert f"toNumber(datum['{plot['y']}'])" in content

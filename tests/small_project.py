"""The project's configuration and provenance around a pipeline of seconds: a dataset, a figure, a table."""

from pathlib import Path

from clone import Clone, copy_project

PARTS = ("conf", "src", "hydra_plugins", ".dvc", ".dvcignore", ".gitignore")
PIPELINE = """\
stages:
  composition:
    cmd: PYTHONPATH=src python -m trajectories.stages.composition
    deps: [conf, params.yaml]
    outs: [data/composition.txt]
  count:
    cmd: PYTHONPATH=src python count.py
    deps: [count.py, data/composition.txt]
    params: [trends]
    outs: [data/counts.nc]
    metrics:
      - reports/metrics/counts.json: {cache: false}
  draw:
    cmd: PYTHONPATH=src python draw.py
    deps: [draw.py, data/counts.nc, src/trajectories/provenance]
    params: [figures]
    outs:
      - reports/figures/counts.png: {cache: false}
      - reports/figures/counts.svg: {cache: false}
      - reports/figures/counts.pdf: {cache: false}
      - reports/tables/counts.csv: {cache: false}
"""
COUNT = """\
from pathlib import Path

import xarray as xr

from trajectories import arrays, config, provenance

trends = config.values("trends")
if trends["significance"] > 0.3:
    raise SystemExit("significance is too large to count")
counts = xr.Dataset({"count": ("start", [round(1 / trends["significance"])] * 3)})
stamp = provenance.stamp(inputs=["count.py"], parameters={"trends": trends})
arrays.write(provenance.annotate(counts, stamp), Path("data/counts.nc"))
Path("reports/metrics").mkdir(parents=True, exist_ok=True)
Path("reports/metrics/counts.json").write_text('{"count": %d}' % counts["count"][0])
"""
DRAW = """\
from pathlib import Path

from matplotlib.figure import Figure

from trajectories import arrays, config, provenance

counts = arrays.read("data/counts.nc")["count"]
stamp = provenance.stamp(inputs=["data/counts.nc"], parameters={"figures": config.values("figures")})
figure = Figure()
figure.subplots().plot(counts.values)
provenance.save_figure(figure, Path("reports/figures/counts"), stamp)
table = "".join(f"{value}\\n" for value in counts.values)
provenance.save_table("count\\n" + table, Path("reports/tables/counts.csv"), stamp)
"""


def make_small_project(root: Path) -> Clone:
    """The small project, composed, run and committed."""
    clone = copy_project(root, only=PARTS)
    for name, text in (("dvc.yaml", PIPELINE), ("count.py", COUNT), ("draw.py", DRAW)):
        (root / name).write_text(text)
    clone.start()
    clone.python("trajectories.compose")
    clone.dvc("repro")
    clone.commit("Run")
    return clone

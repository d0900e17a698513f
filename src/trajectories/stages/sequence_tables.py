"""Stage sequence_tables: example texts, the quality of texts, and what inverse scaling amounts to."""

from pathlib import Path

from trajectories import arrays, config, provenance
from trajectories.report.examples import examples_html, examples_markdown
from trajectories.report.quality_table import open_ended_markdown, quality_csv, quality_markdown
from trajectories.report.scaling_table import scaling_markdown, shapes_csv, trends_csv
from trajectories.stages.run import run

GENERATIONS = Path("data/generations.nc")
QUALITY = Path("data/quality.nc")
OPEN_ENDED = Path("data/open_ended_quality.nc")
TRENDS = Path("data/size_trends.nc")
SHAPES = Path("data/trajectory_shapes.nc")
TABLES = Path("reports/tables")
EXAMPLES = ("01", "05", "06")  # the paper's tables of texts, one prompt each


def main() -> None:
    """Tabulate texts, their quality, trends over sizes and along training; write reports/tables."""
    prompts = config.values("judging.examples")
    generations = arrays.read(GENERATIONS)
    stamp = provenance.stamp(inputs=[GENERATIONS], parameters={"judging.examples": prompts})
    for number, prompt in _examples(prompts, there=generations.sizes["prompt"]):
        for tabulate, ending in ((examples_markdown, "md"), (examples_html, "html")):
            text = tabulate(generations, prompt=prompt, title=f"Table {int(number)}")
            provenance.save_table(text, TABLES / f"table-{number}.{ending}", stamp)
    quality, open_ended = arrays.read(QUALITY), arrays.read(OPEN_ENDED)
    trends, shapes = arrays.read(TRENDS), arrays.read(SHAPES)
    for name, text, inputs in (
        ("table-04.csv", quality_csv(open_ended), [OPEN_ENDED]),
        ("table-04.md", open_ended_markdown(open_ended), [OPEN_ENDED]),
        ("quality.csv", quality_csv(quality), [QUALITY]),
        ("quality.md", quality_markdown(quality), [QUALITY]),
        ("size-trends.csv", trends_csv(trends), [TRENDS]),
        ("trajectory-shapes.csv", shapes_csv(shapes), [SHAPES]),
        ("inverse-scaling.md", scaling_markdown(trends, shapes), [TRENDS, SHAPES]),
    ):
        provenance.save_table(text, TABLES / name, provenance.stamp(inputs=inputs, parameters={}))


def _examples(prompts: list[int], *, there: int) -> list[tuple[str, int]]:
    """A table and its prompt each; where a prompt is not there, the last one that is."""
    if len(prompts) != len(EXAMPLES):
        raise ValueError(
            f"judging.examples must name {len(EXAMPLES)} prompts, a table each, got {prompts}; "
            "give as many numbers, counted from 0"
        )
    return [(number, min(prompt, there - 1)) for number, prompt in zip(EXAMPLES, prompts, strict=True)]


if __name__ == "__main__":
    run(main)

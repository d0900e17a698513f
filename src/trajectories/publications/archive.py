"""The authors' archive as files of ours, and files of ours as such an archive."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import xarray as xr

from trajectories import arrays
from trajectories.publications.bigbench import read_bigbench
from trajectories.publications.bigbench_files import write_bigbench
from trajectories.publications.facts import Model
from trajectories.publications.generations import read_generations, write_generations
from trajectories.publications.tokens import read_tokens, token_datasets, write_tokens
from trajectories.publications.validation import FILE, read_validation, with_validation, write_validation

# Theirs.
TRENDS = "trend_of_tokens"
GENERATIONS = "generation_analysis/final_model_results.csv"
BIGBENCH = "bigbench"
# Ours.
SCORES = "scores"
VALIDATION = f"{SCORES}/validation.nc"
ACCURACY = "downstream/accuracy.nc"
SEQUENCES = f"{SCORES}/sequences.nc"


def read_archive(
    folder: Path, *, models: Mapping[str, Model] | None = None
) -> Iterator[tuple[str, xr.Dataset]]:
    """What there is of an archive, as the path that a file of ours has and its content, one after the other.

    Args:
        folder: With any of `trend_of_tokens`, `opt_validation_ppl_trajectory.pt`, `bigbench` and
            `generation_analysis/final_model_results.csv`.
        models: Models besides those of Table 2.

    Raises:
        FileNotFoundError: There is none of them.
        ValueError: One cannot be read.
    """
    validation = read_validation(folder / FILE, models=models) if (folder / FILE).is_file() else None
    names = token_datasets(folder / TRENDS)
    has_texts, has_tasks = (folder / GENERATIONS).is_file(), (folder / BIGBENCH).is_dir()
    if validation is None and not (names or has_texts or has_tasks):
        raise FileNotFoundError(
            f"{folder} has none of {TRENDS}/all_scores-<dataset>.pt, {FILE}, {BIGBENCH} and {GENERATIONS}; "
            "give the folder that the archive was unpacked to"
        )
    if validation is not None:
        yield VALIDATION, validation
    for name in names:
        tokens = read_tokens(folder / TRENDS, name, models=models)
        yield f"{SCORES}/tokens-{name}.nc", with_validation(tokens, validation)
    if has_texts:
        for task, texts in read_generations(folder / GENERATIONS, models=models).items():
            name = re.sub(r"[^\w-]+", "_", task)
            yield f"{SCORES}/generations-{name}.nc", with_validation(texts, validation)
    if has_tasks:
        yield ACCURACY, with_validation(read_bigbench(folder / BIGBENCH, models=models), validation)


def write_archive(
    data: Path, folder: Path, *, generated: Mapping[str, xr.Dataset] | None = None
) -> list[Path]:
    """Write what there is of our results as an archive.

    Args:
        data: With any of `scores/tokens.nc` (or `scores/tokens-<dataset>.nc`), `scores/validation.nc`,
            `scores/generations-<task>.nc` and `downstream/accuracy.nc`.
        folder: Where the files go.
        generated: Perplexities of generated texts by task, besides those of `scores/generations-<task>.nc`.

    Returns:
        The files. Validation perplexities are those of `scores/validation.nc`, else of the first tokens.

    Raises:
        FileNotFoundError: There is none of them.
        ValueError: One is not as it should be.
    """
    tokens = sorted((data / SCORES).glob("tokens*.nc"))
    texts = sorted((data / SCORES).glob("generations-*.nc"))
    validation = [path for path in (data / VALIDATION, *tokens) if path.is_file()]
    has_tasks = (data / ACCURACY).is_file()
    if not (validation or texts or has_tasks):
        raise FileNotFoundError(
            f"{data} has none of {SCORES}/tokens.nc, {VALIDATION}, {SCORES}/generations-<task>.nc and "
            f"{ACCURACY}; make them with `dvc repro`, or give their folder"
        )
    written: list[Path] = []
    if validation:
        written.append(folder / FILE)
        write_validation(arrays.read(validation[0]), folder / FILE)
    for path in tokens:
        dataset = path.stem.removeprefix("tokens").removeprefix("-") or "held_out"
        written += write_tokens(arrays.read(path), folder / TRENDS, dataset=dataset)
    by_task = {path.stem.removeprefix("generations-"): arrays.read(path) for path in texts}
    by_task |= generated or {}
    if by_task:
        write_generations(by_task, folder / GENERATIONS)
        written.append(folder / GENERATIONS)
    return written + (write_bigbench(arrays.read(data / ACCURACY), folder / BIGBENCH) if has_tasks else [])

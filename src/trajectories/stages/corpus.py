"""Stage `corpus`: documents of the chosen source, split into training and held-out text."""

import json
from importlib import metadata
from pathlib import Path
from typing import Any

from trajectories import config, files
from trajectories.config.corpus import CorpusSettings, Source
from trajectories.corpora.docstrings import SKIPPED_FOLDERS, read_docstrings
from trajectories.corpora.documents import Document, Drawing, write_documents
from trajectories.corpora.environment import check_environment, packages_of
from trajectories.corpora.held_out import hold_out
from trajectories.corpora.hugging_face import dataset_name, read_dataset
from trajectories.corpora.manifest import describe_corpus
from trajectories.corpora.near_duplicates import drop_near_duplicates
from trajectories.corpora.text_files import read_text_files
from trajectories.stages.run import run

CORPUS = Path("data/corpus")
Origin = tuple[list[Document], dict[str, Any]]


def main() -> None:
    """Write data/corpus: train.jsonl, held_out.jsonl and manifest.json."""
    settings = config.read(CorpusSettings, "corpus")
    drawing = Drawing(settings.seed, settings.minimum_characters, settings.characters_per_domain)
    documents, source = READERS[settings.source](settings, drawing)
    training, held_out = hold_out(documents, share=settings.held_out, seed=settings.seed)
    duplicates = settings.near_duplicates
    cleaned = drop_near_duplicates(
        training,
        held_out,
        words=duplicates.words,
        share=duplicates.share,
        minimum=settings.minimum_characters,
    )
    manifest = describe_corpus(training, held_out, cleaned=cleaned, source=source)
    with files.replacing_folder(CORPUS) as folder:
        write_documents(cleaned.documents, folder / "train.jsonl")
        write_documents(held_out, folder / "held_out.jsonl")
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _docstrings(settings: CorpusSettings, drawing: Drawing) -> Origin:
    packages = packages_of(name for names in settings.domains.values() for name in names)
    environment = check_environment(packages, Path(settings.path))
    documents = read_docstrings(settings.domains, drawing)
    return documents, {"kind": "docstrings", **environment, "skipped_folders": sorted(SKIPPED_FOLDERS)}


def _text(settings: CorpusSettings, drawing: Drawing) -> Origin:
    path = Path(settings.path)
    documents = read_text_files(
        path,
        drawing,
        text_column=settings.text_column,
        domain_column=settings.domain_column,
    )
    return documents, {"kind": "text", "name": path.resolve().name}


def _huggingface(settings: CorpusSettings, drawing: Drawing) -> Origin:
    documents = read_dataset(
        settings.dataset,
        drawing,
        configuration=settings.configuration,
        revision=settings.revision,
        split=settings.split,
        text_column=settings.text_column,
        domain_column=settings.domain_column,
        maximum_documents=settings.maximum_documents,
    )
    source = {"kind": "huggingface", "dataset": dataset_name(settings.dataset), "revision": settings.revision}
    return documents, {
        **source,
        "split": settings.split,
        "packages": {"datasets": metadata.version("datasets")},
    }


READERS = {Source.docstrings: _docstrings, Source.text: _text, Source.huggingface: _huggingface}

if __name__ == "__main__":
    run(main)

"""Documents from a dataset of the Hugging Face Hub, or a local folder in the same form, streamed."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from trajectories.corpora.documents import Document, Drawing, column_text


def read_dataset(
    dataset: str,
    drawing: Drawing,
    *,
    configuration: str | None,
    revision: str | None,
    split: str,
    text_column: str,
    domain_column: str | None,
    maximum_documents: int | None,
) -> list[Document]:
    """The first `maximum_documents` rows of a split, one document each; no other rows are downloaded.

    The domain is the value of `domain_column`, else the dataset's name.

    Raises:
        ValueError: the package `datasets` is not installed, or the rows have no such column of text.
        OSError: the dataset does not exist or cannot be reached.
    """
    stream = _stream(dataset, configuration, revision=revision, split=split)
    name = dataset_name(dataset)
    documents = []
    for number, row in enumerate(islice(stream, maximum_documents)):
        where = f"{dataset}, row {number}"
        text = column_text(row, text_column, setting="text_column", where=where)
        domain = name
        if domain_column is not None:
            domain = column_text(row, domain_column, setting="domain_column", where=where)
        documents.append(Document(f"{name}/{split}/{number}", domain, text))
    return drawing.of_each_domain(documents)


def dataset_name(dataset: str) -> str:
    """The last part of a dataset's id or folder, which is the same on every machine."""
    return dataset.rstrip("/").rpartition("/")[2]


def _stream(
    dataset: str, configuration: str | None, *, revision: str | None, split: str
) -> Iterable[Mapping[str, Any]]:
    try:
        from datasets import load_dataset  # noqa: PLC0415 - an extra, which the other sources do not need
    except ImportError as error:
        raise ValueError(
            "corpus.source is huggingface, which needs the package 'datasets', and it is not installed; "
            "install it with `pip install 'trajectories[huggingface]'`"
        ) from error
    try:
        rows: Iterable[Mapping[str, Any]] = load_dataset(
            dataset, configuration, revision=revision, split=split, streaming=True
        )
    except OSError as error:
        raise OSError(
            f"dataset '{dataset}' cannot be opened: {error}; correct corpus.dataset, or allow the network "
            f"(HF_HUB_OFFLINE=0)"
        ) from error
    return rows

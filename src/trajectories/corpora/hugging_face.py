"""Documents from a dataset of the Hugging Face Hub, or a local folder in the same form, streamed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
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
        ValueError: the package `datasets` is not installed, a dataset of the Hub has no `revision`, or there
            is no such split or no such column of text.
        OSError: the dataset does not exist or cannot be read to the end.
    """
    if revision is None and not Path(dataset).is_dir():
        raise ValueError(
            f"dataset '{dataset}' is no folder here, and on the Hub a dataset can change any day; name a "
            f"commit or a tag in corpus.revision"
        )
    rows = _rows(dataset, configuration, revision=revision, split=split)
    name = dataset_name(dataset)
    documents = []
    for number, row in enumerate(islice(rows, maximum_documents)):
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


def _rows(
    dataset: str, configuration: str | None, *, revision: str | None, split: str
) -> Iterator[Mapping[str, Any]]:
    try:
        from datasets import load_dataset  # noqa: PLC0415 - an extra, which the other sources do not need
    except ImportError as error:
        raise ValueError(
            "corpus.source is huggingface, which needs the package 'datasets', and it is not installed; "
            "install it with `pip install 'trajectories[huggingface]'`"
        ) from error
    with _one_line_errors(dataset):
        yield from load_dataset(dataset, configuration, revision=revision, split=split, streaming=True)


@contextmanager
def _one_line_errors(dataset: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # those of `datasets`, its clients of HTTP and its readers share no class
        kind = ValueError if isinstance(error, ValueError) else OSError
        reason = " ".join(str(error).split()) or type(error).__name__
        raise kind(
            f"dataset '{dataset}' cannot be read: {reason}; correct corpus.dataset, corpus.revision or "
            f"corpus.split, or allow the network (HF_HUB_OFFLINE=0)"
        ) from error

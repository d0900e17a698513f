import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trajectories.corpora.documents import Document, Drawing
from trajectories.corpora.hugging_face import read_dataset

TITLES = ["Fox", "Crow", "Hare"]
TEXTS = ["A fox and grapes.", "A crow and cheese.", "A hare and a tortoise."]


@pytest.fixture(scope="module", autouse=True)
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        # Read once, when `datasets` is first imported, which nothing else in the tests does.
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("HF_DATASETS_CACHE", str(tmp_path_factory.mktemp("cache")))
        pytest.importorskip("datasets", reason="the extra `huggingface` is not installed")
        yield


@pytest.fixture(params=["parquet", "json"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    from datasets import Dataset  # noqa: PLC0415 - after `offline`

    rows = Dataset.from_dict({"title": TITLES, "text": TEXTS})
    folder = tmp_path / "fables"
    for split in ("train", "validation"):
        getattr(rows, f"to_{request.param}")(folder / "data" / f"{split}-00000.{request.param}")
    return str(folder)


def read(dataset: str, **changes: object) -> list[Document]:
    settings: dict[str, object] = {
        "configuration": None,
        "revision": None,
        "split": "validation",
        "text_column": "text",
        "domain_column": None,
        "maximum_documents": None,
    }
    return read_dataset(dataset, Drawing(seed=1, minimum=1, characters=None), **(settings | changes))  # type: ignore[arg-type]


def test_every_row_of_the_split_is_a_document(shelf: str) -> None:
    expected = {Document(f"fables/validation/{number}", "fables", text) for number, text in enumerate(TEXTS)}
    assert set(read(shelf)) == expected


def test_only_the_first_documents_are_read(shelf: str) -> None:
    assert {document.text for document in read(shelf, maximum_documents=2)} == set(TEXTS[:2])


def test_a_column_can_name_the_domain(shelf: str) -> None:
    assert {document.domain for document in read(shelf, domain_column="title")} == set(TITLES)


def test_a_missing_column_is_named_with_those_there_are(shelf: str) -> None:
    with pytest.raises(
        ValueError, match=r"fables, row 0: no column 'body', it has 'title', 'text'; .*text_column"
    ):
        read(shelf, text_column="body")


def test_a_missing_split_is_named_with_those_there_are(shelf: str) -> None:
    with pytest.raises(ValueError, match=r"Bad split: test\. Available .*'validation'\]; .* corpus\.split"):
        read(shelf, split="test")


def test_a_dataset_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        OSError,
        match=r"\Adataset '.*nowhere' cannot be read: .*; correct corpus\.dataset, .*HUB_OFFLINE=0\)\Z",
    ):
        read(str(tmp_path / "nowhere"), revision="v1")


@pytest.mark.parametrize("dataset", ["owner/name", "nowhere"])
def test_a_dataset_of_the_hub_needs_a_revision(dataset: str) -> None:
    with pytest.raises(
        ValueError, match=r"is no folder here, .*; name a commit or a tag in corpus\.revision"
    ):
        read(dataset)


def test_a_failure_after_the_first_rows_is_one_line_too(shelf: str) -> None:
    """A file that breaks off in the middle stands for a connection that does."""
    (file,) = (Path(shelf) / "data").glob("validation-*")
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises((OSError, ValueError), match=r"\Adataset '.*fables' cannot be read: .*; correct .*\Z"):
        read(shelf)


@pytest.mark.parametrize("error", [RuntimeError("client\nclosed"), TypeError(), OSError(5, "lost")])
def test_whatever_the_iteration_raises_becomes_one_line(
    shelf: str, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(*_: object, **__: object) -> Iterator[dict[str, str]]:
        yield {"text": TEXTS[0]}
        raise error

    monkeypatch.setattr("datasets.load_dataset", broken)
    with pytest.raises(OSError, match=r"\Adataset '.*fables' cannot be read: \S.*; correct .*\Z"):
        read(shelf)


def test_without_the_extra_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)  # how Python marks a module that cannot be imported
    with pytest.raises(
        ValueError, match=r"needs the package 'datasets'.*pip install 'trajectories\[huggingface\]'"
    ):
        read("owner/name", revision="v1")

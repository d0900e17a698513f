import hashlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from transformers import AutoTokenizer

from trajectories.config.composition import compose
from trajectories.corpora import environment
from trajectories.corpora.docstrings import read_docstrings
from trajectories.corpora.documents import Drawing, read_documents
from trajectories.corpora.tokenizer import train_tokenizer
from trajectories.provenance import read_stamp
from trajectories.provenance.hashes import md5
from trajectories.stages import corpus, tokens

REPOSITORY = Path(__file__).parents[2]
MINIATURE = ("corpus=miniature", "suite=smoke")


def repository(folder: Path, *overrides: str) -> Path:
    """A folder with the committed conf/, a params.yaml composed from it, and environment.json."""
    folder.mkdir(exist_ok=True)
    shutil.copytree(REPOSITORY / "conf", folder / "conf")
    (folder / "params.yaml").write_text(compose(overrides, REPOSITORY / "conf"))
    return folder


def contents(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.md5(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two places where both stages ran, as processes with different hash seeds."""
    places = [repository(tmp_path_factory.mktemp("stages"), *MINIATURE) for _ in range(2)]
    for seed, place in enumerate(places):
        settings = os.environ | {"PYTHONHASHSEED": str(seed), "PYTHONPATH": str(REPOSITORY / "src")}
        for module in ("corpora.environment", "stages.corpus", "stages.tokens opt"):
            command = [sys.executable, "-m", *f"trajectories.{module}".split()]
            subprocess.run(command, cwd=place, env=settings, check=True)
    return places


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file grows beyond `size` bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(repository(tmp_path, *MINIATURE))
    environment.main()
    return tmp_path


def test_the_same_bytes_come_out_in_every_process(made: list[Path]) -> None:
    first, second = (contents(place / "data") for place in made)
    assert first == second
    assert {
        "corpus/train.jsonl",
        "corpus/held_out.jsonl",
        "corpus/manifest.json",
        "tokens/smoke/opt/tokenizer/tokenizer.json",
        "tokens/smoke/opt/train.npy",
        "tokens/smoke/opt/windows.nc",
    } <= set(first)


def test_nothing_tells_of_the_machine(made: list[Path]) -> None:
    for path in (made[0] / "data").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(str(place).encode() in content for place in (*made, REPOSITORY, sys.prefix))


def test_the_manifest_records_versions_sizes_and_what_was_removed(made: list[Path]) -> None:
    folder = made[0] / "data" / "corpus"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["source"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert set(manifest["source"]["packages"]) == {"networkx"}
    for part, file in (("training", "train.jsonl"), ("held_out", "held_out.jsonl")):
        documents = read_documents(folder / file)
        assert sum(count["documents"] for count in manifest[part].values()) == len(documents)
        characters = sum(count["characters"] for count in manifest[part].values())
        assert characters == sum(len(document.text) for document in documents)
    removed = manifest["near_duplicates"]
    assert removed["characters_removed"] == sum(removed["characters_removed_by_domain"].values()) > 0
    assert 0 <= removed["held_out_overlap_after"] < removed["held_out_overlap_before"] < 1


def test_windows_and_stream_are_tokens_of_the_held_out_and_training_text(made: list[Path]) -> None:
    folder = made[0] / "data" / "tokens" / "smoke" / "opt"
    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")
    windows = xr.load_dataset(folder / "windows.nc")
    stream = np.load(folder / "train.npy")
    assert dict(windows.sizes) == {"window": 20, "position": 64, "vocabulary": 512}
    assert (windows["token_id"][:, 0] == tokenizer.eos_token_id).all()
    held_out = {
        document.name: document.text for document in read_documents(made[0] / "data/corpus/held_out.jsonl")
    }
    for name, row in zip(windows["document"].values[:12], windows["token_id"].values[:12], strict=True):
        assert tokenizer.decode(row[1:]) in held_out[name]
    training = read_documents(made[0] / "data" / "corpus" / "train.jsonl")
    assert tokenizer.decode(stream) == "</s>" + "</s>".join(document.text for document in training) + "</s>"
    assert (np.bincount(stream, minlength=512) == windows["training_frequency"]).all()


def test_windows_carry_the_stamp_of_their_corpus(made: list[Path]) -> None:
    stamp = read_stamp(made[0] / "data" / "tokens" / "smoke" / "opt" / "windows.nc")
    assert set(stamp) == {"inputs", "parameters"}
    assert set(stamp["inputs"]) == {"data/corpus/train.jsonl", "data/corpus/held_out.jsonl"}
    assert stamp["parameters"]["suite.context"] == 64


def test_docstrings_of_another_environment_are_refused(here: Path) -> None:
    record = here / "environment.json"
    record.write_text(record.read_text().replace('"python": "', '"python": "2.'))
    with pytest.raises(ValueError, match=r"python is 3.* here and 2.* there; run `make environment`"):
        corpus.main()
    assert not (here / "data").exists()


def test_the_users_own_text_becomes_a_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = tmp_path / "shelf"
    for domain in ("tales", "essays"):
        (shelf / domain).mkdir(parents=True)
        for number in range(10):
            (shelf / domain / f"{number}.txt").write_text(f"{domain} number {number}")
    place = repository(tmp_path / "place", "corpus=text", f"corpus.path={shelf}")
    monkeypatch.chdir(place)
    corpus.main()
    held_out = read_documents(place / "data/corpus/held_out.jsonl")
    assert sorted(document.domain for document in held_out) == ["essays", "tales"]
    manifest = json.loads((place / "data/corpus/manifest.json").read_text())
    assert manifest["source"] == {"kind": "text", "name": "shelf"}


def test_a_failure_leaves_the_last_corpus_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    for number in range(10):
        (shelf / f"{number}.txt").write_text(f"fable number {number}")
    monkeypatch.chdir(repository(tmp_path / "place", "corpus=text", f"corpus.path={shelf}"))
    corpus.main()
    before = contents(tmp_path / "place")
    (shelf / "3.txt").write_bytes(b"\xff")
    with pytest.raises(ValueError, match=r"3\.txt is not UTF-8"):
        corpus.main()
    assert contents(tmp_path / "place") == before


@pytest.fixture
def place(made: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what the stages made, to fail in; the working directory."""
    copy = tmp_path / "place"
    shutil.copytree(made[0], copy)
    monkeypatch.chdir(copy)
    return copy


def test_a_failure_half_way_leaves_the_last_tokens_as_they_were(place: Path) -> None:
    before = contents(place)
    family = place / "data/tokens/smoke/opt"
    largest = max(path.stat().st_size for path in (family / "tokenizer").iterdir())
    assert (family / "train.npy").stat().st_size > largest + 1
    with largest_file(largest + 1), pytest.raises(OSError, match="written"):
        tokens.main("opt")
    assert contents(place) == before


def test_a_full_disk_leaves_the_last_corpus_as_it_was(place: Path) -> None:
    before = contents(place)
    held_out, training = (place / f"data/corpus/{part}.jsonl" for part in ("held_out", "train"))
    room = held_out.stat().st_size + 1
    assert training.stat().st_size > room
    with largest_file(room), pytest.raises(OSError, match="File too large"):
        corpus.main()
    assert contents(place) == before


def test_one_book_goes_from_text_to_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = read_docstrings({"library": ["json", "email", "logging"]}, Drawing(1, 200, 150_000))
    book = tmp_path / "book.txt"
    book.write_text("\n\n".join(document.text for document in sources), encoding="utf-8")
    own = tmp_path / "own"
    train_tokenizer(sources, vocabulary=400, context=64).save_pretrained(own)
    changes = (f"suite.families.opt.tokenizer={own}", "suite.families.opt.vocabulary=400")
    place = repository(tmp_path / "place", "corpus=text", f"corpus.path={book}", "suite=smoke", *changes)
    monkeypatch.chdir(place)
    corpus.main()
    tokens.main("opt")
    training = read_documents(place / "data/corpus/train.jsonl")
    assert re.fullmatch(r"book\.txt:\d+", training[0].name)
    assert len(training) > 50
    family = place / "data/tokens/smoke/opt"
    windows = xr.load_dataset(family / "windows.nc")
    assert windows.sizes["window"] == 16
    assert windows.attrs["tokenizer_md5"] == md5(family / "tokenizer")
    assert str(tmp_path) not in "".join(path.read_text() for path in (family / "tokenizer").iterdir())


def test_pg19_is_its_validation_set_at_one_revision() -> None:
    text = compose(["corpus=pg19"], REPOSITORY / "conf")
    assert "dataset: emozilla/pg19" in text
    assert "split: validation" in text
    assert "maximum_documents: 50" in text

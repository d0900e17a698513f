import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from trajectories.corpora.docstrings import docstrings, read_docstrings, source_files
from trajectories.corpora.documents import Document, Drawing

SOURCE = b'''"""Module,
   with an indented second line."""
from __future__ import annotations

if True:
    class Inner:
        r"""Class \\d."""

        async def method(self):
            "Method."
            lambda: "no docstring"
            try:
                pass
            except ValueError:
                def handler():
                    """Handler."""
'''


def read(
    *packages: str, characters: int | None = 40_000, minimum: int = 200, seed: int = 1
) -> list[Document]:
    drawing = Drawing(seed=seed, minimum=minimum, characters=characters)
    return read_docstrings({"domain": list(packages)}, drawing)


def test_every_docstring_is_found_in_the_order_of_the_file() -> None:
    expected = ["Module,\nwith an indented second line.", "Class \\d.", "Method.", "Handler."]
    assert docstrings(SOURCE, minimum=1) == expected


def test_short_docstrings_are_left_out() -> None:
    assert docstrings(SOURCE, minimum=9) == ["Module,\nwith an indented second line.", "Class \\d."]


@pytest.mark.parametrize("module", [ast, inspect, subprocess])
def test_docstrings_are_those_that_python_itself_reports(module: object) -> None:
    source = Path(str(inspect.getsourcefile(module))).read_bytes()  # type: ignore[arg-type]
    found = set(docstrings(source, minimum=1))
    for _, member in inspect.getmembers(module, lambda x: inspect.isfunction(x) or inspect.isclass(x)):
        if member.__module__ == module.__name__ and member.__doc__ and "__doc__" not in vars(member):  # type: ignore[attr-defined]
            assert inspect.cleandoc(member.__doc__) in found


@pytest.mark.parametrize("source", [b"def (:", b"print 'old'", b"x = 1\0", b'"\\ud800"', b""])
def test_files_that_are_no_python_or_no_unicode_do_no_harm(source: bytes) -> None:
    assert [text.encode() for text in docstrings(source, minimum=1)] in ([], [b"?"])


def test_a_document_is_a_source_file_named_below_its_package() -> None:
    for document in read("json", "networkx"):
        assert not document.name.startswith("/")
        package, _, below = document.name.partition("/")
        text = (source_files(package)[document.name]).read_bytes()
        assert document.text == "\n\n".join(dict.fromkeys(docstrings(text, minimum=200)))
        assert below.endswith(".py")


def test_reading_imports_nothing_that_it_reads() -> None:
    code = (
        "import sys; from trajectories.corpora.docstrings import read_docstrings as read;"
        "from trajectories.corpora.documents import Drawing;"
        "read({'a': ['sympy'], 'b': ['xmlrpc']}, Drawing(1, 200, 20_000));"
        "print([name for name in ('sympy', 'xmlrpc') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_reading_stops_when_a_domain_has_enough() -> None:
    documents = read("networkx")
    assert sum(len(document.text) for document in documents[:-1]) < 40_000
    assert sum(len(document.text) for document in documents) >= 40_000


def test_a_smaller_corpus_is_the_beginning_of_a_larger_one() -> None:
    small, large = read("networkx", characters=20_000), read("networkx", characters=60_000)
    assert large[: len(small)] == small


def test_no_docstring_comes_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "fables"
    package.mkdir()
    (package / "__init__.py").write_text('"""A fox."""\ndef again():\n    """A fox."""\n')
    (package / "crow.py").write_text('"""A crow."""\ndef again():\n    """A fox."""\n')
    (package / "hare.py").write_text('"""A crow."""\n')
    monkeypatch.syspath_prepend(tmp_path)
    documents = read("fables", minimum=1)
    assert sorted(text for document in documents for text in document.text.split("\n\n")) == [
        "A crow.",
        "A fox.",
    ]


def test_tests_are_left_out_and_so_is_what_distributions_ship_apart() -> None:
    parts = {part for name in source_files("stdlib") for part in name.split("/")}
    assert parts.isdisjoint({"test", "tests", "site-packages", "idlelib", "tkinter", "lib2to3", "venv"})
    assert {"argparse.py", "asyncio", "json"} <= parts
    assert not any("/tests/" in name for name in source_files("networkx"))


def test_a_package_that_is_not_installed_is_named() -> None:
    with pytest.raises(
        ValueError, match=r"the package 'no_such_package', which is not installed; install it"
    ):
        read("no_such_package")


def test_a_module_without_python_source_is_named() -> None:
    with pytest.raises(ValueError, match="'sys', which has no Python source"):
        read("sys")

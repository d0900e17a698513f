"""Documents from docstrings: of installed packages and of the standard library, parsed but never imported."""

import ast
import gc
import importlib.util
import inspect
import sys
import sysconfig
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from trajectories.corpora.documents import Document, Drawing

STANDARD_LIBRARY = "stdlib"
# Tests document little and in fragments.
SKIPPED_FOLDERS = frozenset({"test", "tests", "testing", "_tests"})
# Some distributions of Python leave these out or ship them apart; the corpus must not depend on that.
PACKAGED_APART = frozenset(
    {"distutils", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "tkinter", "turtle", "turtledemo", "venv"}
)
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")


def is_standard(name: str) -> bool:
    """Whether a configured name means the standard library or one of its modules."""
    return name == STANDARD_LIBRARY or name in sys.stdlib_module_names


def read_docstrings(domains: Mapping[str, Sequence[str]], drawing: Drawing) -> list[Document]:
    """One document per source file: its docstrings in the file's order, joined by blank lines.

    Docstrings shorter than the drawing's minimum and repeated ones are left out, and so are tests. No more
    files are parsed than the drawing needs.

    Raises:
        ValueError: a package is not installed, or has no Python source.
    """
    documents: list[Document] = []
    for domain, packages in domains.items():
        files = {name: path for package in packages for name, path in source_files(package).items()}
        ordered = {name: files[name] for name in drawing.order(files)}
        with _collector_paused():
            documents += drawing.take(_documents(domain, ordered, minimum=drawing.minimum))
    return documents


def source_files(name: str) -> dict[str, Path]:
    """The Python files of a package, or of a part of the standard library, by their path below its parent."""
    roots = _library_roots(name) if is_standard(name) else [_package_root(name)]
    files = {path: file for root in roots for path, file in _below(root).items()}
    if not files:
        raise ValueError(
            f"corpus.domains names '{name}', which has no Python source files here; "
            f"take it out of conf/corpus"
        )
    return files


def docstrings(source: bytes, *, minimum: int) -> list[str]:
    """The docstrings of at least `minimum` characters in a source file, in order, cleaned as by `inspect`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of invalid escapes in other people's files
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):  # templates, and files for other versions of Python
            return []
    texts = (ast.get_docstring(node, clean=False) for node in _documented(tree))
    # A docstring can spell half of a surrogate pair, which no UTF-8 file can hold.
    cleaned = (inspect.cleandoc(text).encode(errors="replace").decode() for text in texts if text)
    return [text for text in cleaned if len(text) >= minimum]


def _documents(domain: str, files: Mapping[str, Path], *, minimum: int) -> Iterator[Document]:
    seen: set[str] = set()
    for name, path in files.items():
        texts = [text for text in docstrings(path.read_bytes(), minimum=minimum) if text not in seen]
        distinct = list(dict.fromkeys(texts))
        seen.update(distinct)
        if distinct:
            yield Document(name, domain, "\n\n".join(distinct))


def _documented(
    tree: ast.Module,
) -> Iterator[ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    # Only statements are walked: expressions hold no docstrings and are most of the tree.
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, DOCUMENTED):
            yield node
        children = [child for block in BLOCKS for child in getattr(node, block, ())]
        pending += reversed(children)


def _library_roots(name: str) -> list[Path]:
    library = Path(sysconfig.get_path("stdlib"))
    names = sys.stdlib_module_names - PACKAGED_APART if name == STANDARD_LIBRARY else {name}
    return [library / part for part in sorted(names)]


def _package_root(name: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise ValueError(
            f"corpus.domains names the package '{name}', which is not installed; "
            f"install it or take it out of conf/corpus"
        )
    origin = Path(found.origin)
    return origin.parent if origin.name == "__init__.py" else origin.with_suffix("")


def _below(root: Path) -> dict[str, Path]:
    # `root` is a package's folder, or a module's file without its suffix.
    module = root.with_suffix(".py")
    found = sorted(root.rglob("*.py")) if root.is_dir() else [module] if module.is_file() else []
    relative = {path.relative_to(root.parent): path for path in found}
    return {
        path.as_posix(): file for path, file in relative.items() if not SKIPPED_FOLDERS & set(path.parts[:-1])
    }


@contextmanager
def _collector_paused() -> Iterator[None]:
    # Syntax trees are many objects without cycles; looking for cycles among them nearly doubles the time.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()

"""What a stage needs, read from the sources: the code that it imports, the parameters that it reads."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp

from clone import REPOSITORY

PACKAGE = "trajectories"
STAGES = f"{PACKAGE}.stages"
SOURCES = REPOSITORY / "src"
CONFIGURATION = f"{PACKAGE}.config."
READERS = (CONFIGURATION, f"{CONFIGURATION}read.")
READING = {"read", "values", "load", "*"}
# DVC reads and writes all of dvc.lock at every stage. A package that is mostly imported is one line of it.
MOSTLY = 1 / 2


def code(module: str) -> list[str]:
    """Files that are executed, or read from beside, when `module` is; a folder for most of a package."""
    closure = _closure(module)
    packages = sorted(name for name in closure if _file(name).name == "__init__.py")
    whole: list[str] = []
    for name in packages:
        below = _graph().find_descendants(name)
        mostly = len(below & closure) >= MOSTLY * len(below)
        if mostly and not any(name.startswith(f"{outer}.") for outer in whole):
            whole.append(name)
    inside = {name for name in closure for outer in whole if name == outer or name.startswith(f"{outer}.")}
    paths = [_file(name).parent for name in whole] + [_file(name) for name in closure - inside]
    paths += [file for name in closure - inside for file in _data(_file(name))]
    return sorted(path.relative_to(REPOSITORY).as_posix() for path in paths)


def _data(source: Path) -> list[Path]:
    """Files beside a module that it reads: those whose names stand in it."""
    text = source.read_text(encoding="utf-8")
    beside = [file for file in source.parent.iterdir() if file.is_file() and file.suffix != ".py"]
    return [file for file in beside if f'"{file.name}"' in text]


def parameters(module: str) -> set[str]:
    """Keys of params.yaml that `module` reads, itself or through other stages' modules; `*`: a variable."""
    modules = {name for name in _closure(module) if name.startswith(STAGES)}
    keys = {key for name in modules for key in _keys(_file(name))}
    return {key for key in keys if not any(key.startswith(f"{other}.") for other in keys)}


def unseen_reads(source: str) -> list[str]:
    """What of a stage's source could read params.yaml in a way that `parameters` does not see."""
    tree = ast.parse(source)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    nodes = (node for node in ast.walk(tree) if id(node) not in called)
    return [ast.unparse(node) for node in nodes if _is_unseen(node)]


def pattern(text: str) -> str:
    """A key of dvc.yaml with `*` in place of every `${...}`."""
    return re.sub(r"\$\{.*?\}", "*", text)


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph(PACKAGE, exclude_type_checking_imports=True, cache_dir=None)


def _closure(module: str) -> set[str]:
    found: set[str] = set()
    waiting = {module}
    while waiting:
        name = waiting.pop()
        found.add(name)
        parents = {name.rpartition(".")[0]} - {""}  # importing a module executes the packages around it
        waiting |= (_graph().find_modules_directly_imported_by(name) | parents) - found
    return found


def _file(module: str) -> Path:
    path = SOURCES.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _keys(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"config.read", "config.values"}:
            yield _key(node.args[1 if ast.unparse(node.func) == "config.read" else 0], file)


def _is_unseen(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return any(f"{name.name}.".startswith(CONFIGURATION) for name in node.names)
    if isinstance(node, ast.ImportFrom):
        names = {name.name for name in node.names}
        renamed = any(name.name == "config" and name.asname for name in node.names)
        home = f"{node.module}."
        return bool(node.level) or renamed or (home in READERS and not names.isdisjoint(READING))
    return isinstance(node, ast.Attribute) and ast.unparse(node) in {f"config.{name}" for name in READING}


def _key(argument: ast.expr, file: Path) -> str:
    if isinstance(argument, ast.Constant):
        return str(argument.value)
    assert isinstance(argument, ast.JoinedStr), f"{file}: give a literal key, got {ast.unparse(argument)}"
    return "".join(part.value if isinstance(part, ast.Constant) else "*" for part in argument.values)

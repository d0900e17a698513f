"""dvc.yaml lists, for every stage, the code that it imports (see `code`) and the parameters that it reads."""

import re

import pytest
import yaml
from dependencies import STAGES, code, parameters, pattern, unseen_reads

from clone import REPOSITORY

PIPELINE = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
NAMES = sorted(PIPELINE)
WITHOUT_RESULT = {"execution"}  # sections that say how work is done, not what comes out


def stage(name: str) -> dict[str, list[str]]:
    return PIPELINE[name].get("do", PIPELINE[name])


def module(name: str) -> str:
    return stage(name)["cmd"].removeprefix(f"PYTHONPATH=src python -m {STAGES}.").split()[0]


def as_list(entries: list[str]) -> str:
    return "".join(f"\n      - {entry}" for entry in entries)


@pytest.mark.parametrize("name", NAMES)
def test_a_stage_runs_the_module_of_its_name_from_these_sources(name: str) -> None:
    arguments = r"( \$\{key\}( \$\{item\.family\})?)?"
    assert re.fullmatch(rf"PYTHONPATH=src python -m trajectories\.stages\.\w+{arguments}", stage(name)["cmd"])
    assert name in {module(name), f"{module(name)}_fetched"}
    assert (REPOSITORY / "src/trajectories/stages" / f"{module(name)}.py").is_file()


@pytest.mark.parametrize("name", NAMES)
def test_a_stage_depends_on_the_code_that_it_imports_and_no_other(name: str) -> None:
    listed = sorted(path for path in stage(name)["deps"] if path.startswith("src/"))
    expected = code(f"{STAGES}.{module(name)}")
    assert listed == expected, f"in dvc.yaml, the code of stage {name} should be:{as_list(expected)}"


@pytest.mark.parametrize("name", NAMES)
def test_a_stage_depends_on_the_parameters_that_it_reads_and_no_others(name: str) -> None:
    described = stage(name)
    paths = " ".join(path for part in ("deps", "outs") for path in described[part] if isinstance(path, str))
    in_paths = set(re.findall(r"\$\{(.*?)\}", paths))  # another value is another path, so another stage
    listed = {pattern(key) for key in described.get("params", [])}
    expected = parameters(f"{STAGES}.{module(name)}") - in_paths - WITHOUT_RESULT
    assert listed == expected, f"in dvc.yaml, params of stage {name} should be:{as_list(sorted(expected))}"


@pytest.mark.parametrize("name", [*NAMES, "run", "settings"])
def test_a_stage_reads_parameters_only_where_they_are_seen(name: str) -> None:
    file = name if name in {"run", "settings"} else module(name)
    source = (REPOSITORY / "src/trajectories/stages" / f"{file}.py").read_text(encoding="utf-8")
    assert unseen_reads(source) == [], (
        "write config.read(Schema, key) or config.values(key), and no other way"
    )


@pytest.mark.parametrize(
    "source",
    [
        "from trajectories.config import read",
        "from trajectories.config import values as settings",
        "from trajectories.config.read import load",
        "from trajectories.config import *",
        "from trajectories import config as settings",
        "import trajectories.config",
        "import trajectories.config.read as reading",
        "from ..config import values",
        "reader = config.values",
    ],
)
def test_another_way_of_reading_parameters_is_refused(source: str) -> None:
    assert unseen_reads(source) == [source.removeprefix("reader = ")]


def test_the_one_way_of_reading_parameters_is_seen() -> None:
    imports = "from trajectories import config\nfrom trajectories.config.read import ConfigurationError\n"
    assert unseen_reads(f'{imports}config.read(Settings, "trends")\nconfig.values("trends")') == []


def test_every_stage_module_is_in_the_pipeline() -> None:
    modules = {path.stem for path in (REPOSITORY / "src/trajectories/stages").glob("*.py")}
    assert modules - {"__init__", "run", "settings"} == {module(name) for name in NAMES}


def test_every_stage_follows_from_the_composition() -> None:
    made_by = {pattern(path): name for name in NAMES for path in _outputs(name)}

    def follows(name: str) -> bool:
        read = [pattern(path) for path in stage(name)["deps"]]
        before = {made_by[made] for made in made_by for path in read if _overlap(made, path)}
        return name == "composition" or any(follows(other) for other in before)

    assert [name for name in NAMES if not follows(name)] == []


def _outputs(name: str) -> list[str]:
    return [next(iter(out)) if isinstance(out, dict) else out for out in stage(name)["outs"]]


def _overlap(one: str, other: str) -> bool:
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")

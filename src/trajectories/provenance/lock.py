"""What dvc.lock records of every stage that dvc.yaml has now."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from trajectories.config.read import ConfigurationError


@dataclass(frozen=True)
class Stage:
    """One run of a stage: paths and their md5s, dotted keys of params.yaml and their values."""

    name: str
    inputs: Mapping[str, str]
    parameters: Mapping[str, Any]
    outputs: Mapping[str, str]


def read_lock(root: Path, parameters: Mapping[str, Any]) -> list[Stage]:
    """Every stage of dvc.yaml, expanded over `parameters`; one that has not run has no inputs and no outputs.

    dvc.lock also keeps stages that are gone (the models of another suite): they are left out.

    Raises:
        ConfigurationError: dvc.yaml or dvc.lock is missing.
    """
    declared = _load(root / "dvc.yaml", "run this in the root of the repository")["stages"]
    ran = _load(root / "dvc.lock", "make the results with `dvc repro`").get("stages", {})
    return [_stage(name, ran.get(name, {})) for name in _names(declared, parameters)]


def look_up(parameters: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key, None where there is none."""
    found: Any = parameters
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _names(declared: Mapping[str, Any], parameters: Mapping[str, Any]) -> Iterator[str]:
    for name, stage in declared.items():
        if "foreach" not in stage:
            yield name
            continue
        over = stage["foreach"]
        items = look_up(parameters, over.strip("${} ")) if isinstance(over, str) else over
        yield from (f"{name}@{key}" for key in items or ())


def _stage(name: str, ran: Mapping[str, Any]) -> Stage:
    return Stage(
        name=name,
        inputs={entry["path"]: entry["md5"] for entry in ran.get("deps", ())},
        parameters=dict(ran.get("params", {}).get("params.yaml", {})),
        outputs={entry["path"]: entry["md5"] for entry in ran.get("outs", ())},
    )


def _load(path: Path, remedy: str) -> dict[str, Any]:
    if not path.is_file():
        raise ConfigurationError(f"{path} is missing; {remedy}")
    if path.suffix == ".yaml":
        return dict(yaml.safe_load(path.read_text(encoding="utf-8")))
    # OmegaConf's reader, as for params.yaml: plain YAML reads 1e-05, as DVC writes it, as text.
    loaded = OmegaConf.to_container(OmegaConf.load(path))
    return {str(key): value for key, value in loaded.items()} if isinstance(loaded, dict) else {}

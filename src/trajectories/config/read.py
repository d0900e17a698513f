"""One section of params.yaml as a dataclass, or an error that names the key."""

from pathlib import Path
from typing import Any, TypeVar

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

PARAMETERS = Path("params.yaml")
COMPOSE = "python -m trajectories.compose"

Section = TypeVar("Section")


class ConfigurationError(Exception):
    """A configuration that cannot be used; the message names the key and the remedy."""


def load(path: Path = PARAMETERS) -> dict[str, Any]:
    """The whole of params.yaml as plain values."""
    if not path.is_file():
        raise ConfigurationError(f"{path} is missing; write it with `{COMPOSE}`")
    try:
        loaded = OmegaConf.to_container(OmegaConf.load(path))
    except (YAMLError, UnicodeDecodeError, OSError) as error:
        reason = " ".join(str(error).split())
        raise ConfigurationError(f"{path} is not YAML ({reason}); write it again with `{COMPOSE}`") from error
    if not isinstance(loaded, dict):
        raise ConfigurationError(f"{path} holds no keys; write it again with `{COMPOSE}`")
    return {str(key): value for key, value in loaded.items()}


def values(key: str, path: Path = PARAMETERS) -> Any:
    """The plain value under a dotted key of params.yaml, as written there."""
    node: Any = load(path)
    for part in key.split("."):
        if not isinstance(node, dict) or part not in node:
            raise ConfigurationError(f"{path} has no key '{key}'; compose it again with `{COMPOSE}`")
        node = node[part]
    return node


def read(schema: type[Section], key: str, path: Path = PARAMETERS) -> Section:
    """The section under a dotted key, checked against `schema`: every key known, typed and present."""
    found = values(key, path)
    if not isinstance(found, dict):
        raise ConfigurationError(
            f"{path}: {key} should hold keys, got {found!r}; compose it again with `{COMPOSE}`"
        )
    name = ""
    try:
        merged = OmegaConf.structured(schema)
        for name, value in found.items():  # one by one: some errors do not say which it was
            merged = OmegaConf.merge(merged, {name: value})
        absent = sorted(OmegaConf.missing_keys(merged))
        section = OmegaConf.to_object(merged) if not absent else None
    except OmegaConfBaseException as error:
        where = f"{key}.{error.full_key or name}"
        reason = str(error.msg or error).splitlines()[0]
        raise ConfigurationError(
            f"{path}: {where}: {reason}; change it in conf/ and run `{COMPOSE}`"
        ) from error
    if absent:
        named = ", ".join(f"{key}.{name}" for name in absent)
        raise ConfigurationError(f"{path}: no value for {named}; compose it again with `{COMPOSE}`")
    assert isinstance(section, schema)
    return section

"""Composes conf/ into the text of params.yaml, and finds where a params.yaml disagrees with conf/."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from trajectories.config.overrides import differences, override, written
from trajectories.config.read import COMPOSE, PARAMETERS, ConfigurationError, load
from trajectories.config.schema import Pipeline

FOLDER = Path("conf")
_ADVICE = re.compile("Config search path:|To append to your config|full_key:|See https:")
RECORD = "overrides"  # the key of params.yaml that tells an override from a hand edit


def register(folder: Path) -> None:
    """Give Hydra the types of `folder` and the resolver that records what was overridden."""

    def record(*, _root_: DictConfig) -> list[str]:
        return _record(_root_, folder)

    ConfigStore.instance().store(name="schema", node=Pipeline)
    OmegaConf.register_new_resolver(RECORD, record, replace=True)


def compose(overrides: Sequence[str] = (), folder: Path = FOLDER) -> str:
    """The text of params.yaml for these Hydra overrides, byte for byte what `dvc exp run -S` writes.

    Raises:
        ConfigurationError: `folder` is absent, an override names an unknown choice or key or has a wrong
            type, or a value that the user must give (`???`) was not given.
    """
    register(folder)
    try:
        composed = _compose(overrides, folder)
        OmegaConf.resolve(composed)
    except OverrideParseException as error:
        raise ConfigurationError(f"'{error.override}' is no override: {_reason(error)}") from error
    except (HydraException, OmegaConfBaseException, YAMLError) as error:
        raise ConfigurationError(_reason(error)) from error
    return OmegaConf.to_yaml(composed)


def check(folder: Path = FOLDER, path: Path = PARAMETERS) -> None:
    """Raise ConfigurationError, with the command to run, unless `path` is a composition of `folder`."""
    found = load(path)
    choices, recorded = _choices(found), found.get(RECORD) or []
    try:
        expected = _parse(compose([*choices, *recorded], folder))
    except ConfigurationError as error:
        raise ConfigurationError(f"{path} does not fit {folder}/: {error}; {_remedy()}") from error
    changed = list(differences(expected, found))
    if not changed:
        return
    listed = [f"  {key}: {folder}/ gives {written(a)}, {path} has {written(b)}" for key, a, b in changed]
    kept = [override(*change) for change in changed if not change[0].startswith(RECORD)]
    standard = _choices(_parse(compose((), folder)))
    chosen = [choice for choice in choices if choice not in standard]
    raise ConfigurationError(
        f"{path} is not what {folder}/ composes; it was edited by hand, or {folder}/ was edited after it:\n"
        + "\n".join(listed)
        + f"\n{_remedy([*chosen, *recorded])}"
        + (f"; to keep what {path} has, add {shlex.join(kept)}" if kept else "")
    )


def _compose(overrides: Sequence[str], folder: Path) -> DictConfig:
    if not (folder / "config.yaml").is_file():
        raise ConfigurationError(
            f"{folder / 'config.yaml'} is missing; run this in the root of the repository"
        )
    with hydra.initialize_config_dir(str(folder.resolve()), version_base=None):
        return hydra.compose("config", overrides=list(overrides))


def _record(composed: DictConfig, folder: Path) -> list[str]:
    """What differs from the chosen files; DVC resolves this too, so it also refuses what Hydra lets pass."""
    values = _plain(composed)
    chosen = _plain(_compose(_choices(values), folder))
    try:
        typed = OmegaConf.merge(OmegaConf.structured(Pipeline), values)  # +key=value slips past Hydra's types
    except OmegaConfBaseException as error:
        raise ConfigurationError(f"{error.full_key}: {_reason(error)}") from error
    for key in [*sorted(OmegaConf.missing_keys(typed)), *_unfilled(values, folder)]:
        raise ConfigurationError(f"{key} has no value; give one with {key}=VALUE")
    return [override(key, old, new) for key, old, new in differences(chosen, values)]


def _unfilled(values: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """Keys that are `???` in the chosen files and have no value from elsewhere either."""
    for choice in _choices(values):
        group, _, name = choice.partition("=")
        for key in sorted(OmegaConf.missing_keys(OmegaConf.load(folder / group / f"{name}.yaml"))):
            if OmegaConf.select(OmegaConf.create(values[group]), key) in (None, ""):
                yield f"{group}.{key}"


def _choices(values: Mapping[str, Any]) -> list[str]:
    """`group=choice` of every section that says which file of conf/ it comes from."""
    sections = {group: section for group, section in values.items() if isinstance(section, Mapping)}
    return [f"{group}={section['choice']}" for group, section in sections.items() if "choice" in section]


def _plain(composed: DictConfig) -> dict[str, Any]:
    values = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != RECORD])
    return _mapping(OmegaConf.to_container(values, resolve=True, enum_to_str=True))


def _parse(text: str) -> dict[str, Any]:
    return _mapping(OmegaConf.to_container(OmegaConf.create(text)))


def _mapping(container: Any) -> dict[str, Any]:
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def _remedy(overrides: Sequence[str] = ()) -> str:
    return f"run `{shlex.join([*COMPOSE.split(), *overrides])}`"


def _reason(error: BaseException) -> str:
    """What Hydra says and why, in one line, without its search path and its advice to add unknown keys."""
    texts = []
    link: BaseException | None = error
    while link is not None:
        text = re.sub(r"^\w+ raised while resolving interpolation:", "", str(link))
        texts.append(" ".join(_ADVICE.split(text)[0].split()).rstrip("."))
        link = link.__cause__
    return ": ".join(dict.fromkeys(filter(None, texts)))

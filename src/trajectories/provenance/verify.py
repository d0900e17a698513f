"""Hashes every result and what it was made from again, and names what is not current and why."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from trajectories.config.overrides import differences
from trajectories.config.overrides import written as parameter
from trajectories.config.read import PARAMETERS, load
from trajectories.provenance.carriers import NoStamp, read_stamp
from trajectories.provenance.environment import ENVIRONMENT, REMEDY, changed_environment
from trajectories.provenance.hashes import md5
from trajectories.provenance.lock import Stage, look_up, read_lock
from trajectories.provenance.stamps import Stamp, version

# Compared value by value, as the parameters of the stages that read them.
CONFIGURATION = {"conf", str(PARAMETERS)}


class State(Enum):
    """What a result is: made from what is here now, made from something else, edited, or not there."""

    current = "current"
    stale = "stale"
    altered = "altered"
    missing = "missing"


@dataclass(frozen=True)
class Verdict:
    """One result and, unless it is current, what is wrong with it."""

    path: str
    state: State
    reasons: tuple[str, ...] = ()


@dataclass
class Report:
    """Verdicts on the results, inputs that are not on this disk, and packages of another version here."""

    verdicts: list[Verdict] = field(default_factory=list)
    not_here: set[str] = field(default_factory=set)
    packages: set[str] = field(default_factory=set)

    @property
    def is_current(self) -> bool:
        """Whether there are results and all are current."""
        return bool(self.verdicts) and all(verdict.state is State.current for verdict in self.verdicts)


def verify(root: Path) -> Report:
    """Judge each file under reports/ and each netCDF file that is here by its stamp, dvc.lock and the disk.

    Inputs that are not on this disk (a clone without `dvc pull`) are compared with dvc.lock only. Where the
    docstrings that were read are on it, environment.json is judged by the interpreter and packages here.

    Raises:
        ConfigurationError: params.yaml, dvc.yaml or dvc.lock is missing.
    """
    return _Verification(root).report()


class _Verification:
    """One pass: every path is hashed once, every stage judged once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.parameters = load(root / PARAMETERS)
        self.stages = read_lock(root, self.parameters)
        self.makers = {path: stage for stage in self.stages for path in stage.outputs}
        self.outcome = Report()
        self._hashes: dict[str, str | None] = {}
        self._causes: dict[str, list[str]] = {}

    def report(self) -> Report:
        if differences := changed_environment(self.root):
            reasons = (*differences, f"{REMEDY}, then `dvc repro`")
            self.outcome.verdicts.append(Verdict(str(ENVIRONMENT), State.stale, reasons))
        for stage in self.stages:
            if not stage.outputs:
                never = f"stage {stage.name} has not run; run `dvc repro`"
                self.outcome.verdicts.append(Verdict(f"({stage.name})", State.missing, (never,)))
            for path in stage.outputs:
                self.outcome.verdicts += self._judge(path, stage)
        return self.outcome

    def _judge(self, path: str, stage: Stage) -> Iterator[Verdict]:
        if not path.startswith("reports/") and not path.endswith(".nc"):
            return
        present = self._present(path)
        if present is None:
            if path.startswith("reports/"):
                yield Verdict(
                    path, State.missing, ("make it with `dvc repro`, fetch it with `git checkout`",)
                )
        elif present != stage.outputs[path]:
            yield Verdict(path, State.altered, ("not what dvc.lock records; remake it with `dvc repro`",))
        elif (self.root / path).is_dir():
            for file in sorted((self.root / path).rglob("*.*")):
                yield self._by_stamp(file.relative_to(self.root).as_posix(), stage)
        else:
            yield self._by_stamp(path, stage)

    def _by_stamp(self, path: str, stage: Stage) -> Verdict:
        try:
            stamp = read_stamp(self.root / path)
            causes = self._since(stamp) if "code" in stamp else [*self._since(stamp), *self._since_run(stage)]
        except NoStamp:  # metrics and plots that DVC reads: all that is known of them is in dvc.lock
            causes = self._since_run(stage)
        return Verdict(path, State.stale if causes else State.current, tuple(dict.fromkeys(causes)))

    def _since(self, stamp: Stamp) -> list[str]:
        """What changed since a stamp was written."""
        self.outcome.packages.update(_other_versions(stamp.get("packages", {})))
        return [
            *self._changed(stamp["inputs"]),
            *self._changed_parameters(stamp["parameters"]),
            *self._changed(stamp.get("code", {})),
            *self._upstream(stamp["inputs"]),
        ]

    def _since_run(self, stage: Stage) -> list[str]:
        """What changed since dvc.lock recorded a stage, in it or before it."""
        if stage.name not in self._causes:
            own = [*self._changed(stage.inputs), *self._changed_parameters(stage.parameters)]
            self._causes[stage.name] = [*own, *self._upstream(stage.inputs)]
        return self._causes[stage.name]

    def _upstream(self, inputs: Iterable[str]) -> Iterator[str]:
        for path in inputs:
            for made, stage in self.makers.items():
                if made == path or made.startswith(f"{path}/") or path.startswith(f"{made}/"):
                    causes = self._since_run(stage)
                    yield from (c if " (before " in c else f"{c} (before {path})" for c in causes)

    def _changed(self, recorded: Mapping[str, str]) -> Iterator[str]:
        for path, then in recorded.items():
            if path in CONFIGURATION:
                continue
            now = self._present(path)
            kind = "code" if path.startswith("src/") else "input"
            if now is None and kind == "code":
                yield f"code {path} is gone"
            elif now is None:
                self.outcome.not_here.add(path)
                now = self.makers[path].outputs[path] if path in self.makers else then
            if now is not None and now != then:
                yield f"{kind} {path} changed"

    def _changed_parameters(self, recorded: Mapping[str, Any]) -> Iterator[str]:
        now = {key: look_up(self.parameters, key) for key in recorded}
        for key, before, after in differences(recorded, now):
            yield f"parameter {key}: {parameter(before)} → {parameter(after)}"

    def _present(self, path: str) -> str | None:
        if path not in self._hashes:
            there = (self.root / path).exists()
            self._hashes[path] = md5(self.root / path) if there else None
        return self._hashes[path]


def _other_versions(stamped: Mapping[str, str]) -> Iterator[str]:
    for name, then in stamped.items():
        if (here := version(name)) != then:
            yield f"{name} {then} (here {here or 'absent'})"

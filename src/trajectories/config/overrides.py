"""What differs between two configurations, written as overrides that Hydra reads."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

ABSENT = object()
_WORD = re.compile(r"[A-Za-z_][\w./-]*", re.ASCII)
_NOT_TEXT = {"null", "true", "false", "nan", "inf"}


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Dotted key, old and new value of every leaf that differs; ABSENT stands for a key that is not there."""
    for name in [*old, *(name for name in new if name not in old)]:
        before, after = old.get(name, ABSENT), new.get(name, ABSENT)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from differences(before, after, f"{prefix}{name}.")
        elif before != after:
            yield f"{prefix}{name}", before, after


def override(key: str, old: Any, new: Any) -> str:
    """The override that turns `old` into `new` at a dotted key."""
    if new is ABSENT:
        return f"~{key}"
    if old is ABSENT:  # merged into its parent: Hydra cannot add to a typed mapping by the full key
        parent, _, name = key.rpartition(".")
        return f"+{parent}={{{name}: {written(new)}}}"
    return f"{key}={written(new)}"


def written(value: Any) -> str:
    """A value in the grammar of Hydra's overrides; ABSENT in words."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(written(item) for item in value) + "]"
    if value is None or isinstance(value, bool) or value is ABSENT:
        return {None: "null", True: "true", False: "false", ABSENT: "absent"}[value]
    if isinstance(value, str) and (value.lower() in _NOT_TEXT or not _WORD.fullmatch(value)):
        return _quoted(value)
    return str(value)


def _quoted(text: str) -> str:
    # Backslashes escape only before a quote, the closing one included.
    return "'" + re.sub(r"(\\*)('|$)", lambda run: run[1] * 2 + ("\\'" if run[2] else ""), text) + "'"

"""Recorded overrides say what Hydra reads back as the same values."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trajectories.config.overrides import ABSENT, differences, override, written

# Hydra interpolates ${...} and refuses line breaks in values; parameters have neither.
TEXT = st.text(st.characters(exclude_characters="${}\n\r", exclude_categories=["Cs", "Cc"]))
LEAF = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
KEY = st.from_regex(r"[a-z][a-z0-9_-]{0,5}", fullmatch=True).filter(
    lambda key: key not in {"null", "true", "nan"}
)
VALUE = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEY, inner, max_size=3), max_leaves=5
)
TREE = st.dictionaries(KEY, LEAF | st.dictionaries(KEY, LEAF, max_size=2), max_size=3)


@given(value=VALUE)
@settings(max_examples=50)
@example(value="it's \\'quoted\\\\' and ends in \\")
@example(value=["", " ", "null", "True", "NaN", "1e3", "007", "a,b", "[x]", "k=v"])
def test_hydra_reads_a_written_value_back(value: object) -> None:
    (parsed,) = OverridesParser.create().parse_overrides([f"trends.value={written(value)}"])
    assert parsed.value() == value


@given(tree=TREE)
def test_equal_configurations_do_not_differ(tree: dict[str, object]) -> None:
    assert list(differences(tree, dict(reversed(tree.items())))) == []


@given(old=TREE, new=TREE)
def test_differences_turn_one_configuration_into_the_other(
    old: dict[str, object], new: dict[str, object]
) -> None:
    result = _copied(old)
    for key, before, after in differences(old, new):
        *path, name = key.split(".")
        place = result
        for part in path:
            place = place[part]
        assert place.get(name, ABSENT) == before
        if after is ABSENT:
            del place[name]
        else:
            place[name] = after
    assert result == new


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (0.05, 0.01, "trends.x=0.01"),
        (ABSENT, {"label": "1M", "layers": 2}, "+trends={x: {label: '1M', layers: 2}}"),
        ([0.1], ABSENT, "~trends.x"),
        ("index", None, "trends.x=null"),
    ],
)
def test_a_difference_is_written_as_an_override(old: object, new: object, expected: str) -> None:
    assert override("trends.x", old, new) == expected


def _copied(tree: dict[str, object]) -> dict[str, object]:
    return {key: _copied(value) if isinstance(value, dict) else value for key, value in tree.items()}

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trajectories.checkpoints.revisions import (
    RevisionPattern,
    choose_steps,
    expand_steps,
    nearest_steps,
    published_steps,
)


@pytest.mark.parametrize(
    ("pattern", "name", "told"),
    [
        ("step{step}", "step143000", (143_000, None)),
        ("step{step}", "step0", (0, None)),
        ("stage1-step{step}-tokens{tokens}B", "stage1-step1000-tokens5B", (1_000, 5 * 10**9)),
        ("step{step}-tokens{tokens}M", "step7-tokens0M", (7, 0)),
        ("{tokens}T/{step}", "2T/9", (9, 2 * 10**12)),
        ("{step}-{tokens}", "4-400", (4, 400)),
        ("v1.0-{step}", "v1.0-8", (8, None)),
    ],
)
def test_a_name_tells_step_and_tokens(pattern: str, name: str, told: tuple[int, int | None]) -> None:
    assert RevisionPattern(pattern).parse(name) == told


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("step{step}", "main"),
        ("step{step}", "step12-tokens3B"),
        ("step{step}", "step1.5"),
        ("stage1-step{step}-tokens{tokens}B", "stage2-step1000-tokens5B"),
        ("v1.0-{step}", "v1x0-8"),
        ("main", "main"),
    ],
)
def test_a_name_of_another_form_tells_nothing(pattern: str, name: str) -> None:
    assert RevisionPattern(pattern).parse(name) is None


@given(step=st.integers(0, 10**9), tokens=st.integers(0, 10**6), unit=st.sampled_from("KMBT"))
def test_a_name_that_was_built_is_read_back(step: int, tokens: int, unit: str) -> None:
    pattern = RevisionPattern(f"stage1-step{{step}}-tokens{{tokens}}{unit}")
    scale = {"K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}[unit]
    assert pattern.parse(f"stage1-step{step}-tokens{tokens}{unit}") == (step, tokens * scale)


@pytest.mark.parametrize("text", ["step{step}-{step}", "{tokens}-step{step}-tokens{tokens}B"])
def test_a_pattern_that_tells_something_twice_is_named(text: str) -> None:
    with pytest.raises(
        ValueError, match=rf"needs to be once in a pattern of revisions, got '{re.escape(text)}'"
    ):
        RevisionPattern(text)


def test_revisions_are_found_by_step() -> None:
    names = ["main", "step8-tokens2B", "step16-tokens4B", "stage2-step8-tokens2B"]
    found = published_steps(RevisionPattern("step{step}-tokens{tokens}B"), names)
    assert {step: each.revision for step, each in found.items()} == {
        8: "step8-tokens2B",
        16: "step16-tokens4B",
    }
    assert found[16].tokens == 4 * 10**9


def test_two_revisions_of_a_step_are_named() -> None:
    with pytest.raises(ValueError, match="revisions step8-tokens2B and step8-tokens3B are both of step 8"):
        published_steps(RevisionPattern("step{step}-tokens{tokens}B"), ["step8-tokens3B", "step8-tokens2B"])


def test_pythia_s_154_steps_are_one_line() -> None:
    steps = expand_steps([*map(str, [0, *(2**power for power in range(10))]), "1000..143000/1000"])
    assert steps == [0, *(2**power for power in range(10)), *range(1_000, 143_001, 1_000)]
    assert len(steps) == 154


def test_both_ends_of_a_range_are_in_it_and_steps_rise() -> None:
    assert expand_steps(["7..9", "10..14/2", "3"]) == [3, 7, 8, 9, 10, 12, 14]


@pytest.mark.parametrize("steps", [["8", "8"], ["0..10/5", "5"], ["1..3", "3..4"]])
def test_a_step_that_is_listed_twice_is_named(steps: list[str]) -> None:
    with pytest.raises(ValueError, match=r"step [835] is listed twice in `.*`; list it once"):
        expand_steps(steps)


@pytest.mark.parametrize("item", ["", "x", "-1", "1.5", "1..", "3..1", "1..9/0", "1...9", "~3"])
def test_what_is_no_step_is_named(item: str) -> None:
    with pytest.raises(ValueError, match=f"or a range like 1000..143000/1000, got '{item}'"):
        expand_steps(["1", item])


def test_no_list_takes_all_that_there_are() -> None:
    assert choose_steps([], {8, 2, 4}) == [2, 4, 8]


@given(available=st.sets(st.integers(0, 10**6), min_size=1, max_size=60), count=st.integers(2, 30))
def test_a_spread_has_both_ends_and_no_more_than_asked_for(available: set[int], count: int) -> None:
    chosen = choose_steps([f"~{count}"], available)
    assert chosen[0] == min(available)
    assert chosen[-1] == max(available)
    assert set(chosen) <= available
    assert len(chosen) <= count
    assert chosen == sorted(set(chosen))


def test_a_spread_is_even() -> None:
    assert choose_steps(["~5"], range(0, 1_001, 10)) == [0, 250, 500, 750, 1_000]


def test_a_spread_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match="~1 asks for too few checkpoints"):
        choose_steps(["~1"], [1, 2])


def test_the_nearest_steps_are_found() -> None:
    assert nearest_steps(100, [1, 64, 99, 128, 512]) == [64, 99, 128]

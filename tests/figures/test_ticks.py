import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trajectories.figures.ticks import LogTicks, hundredths, percent, plain, power_of_ten


@given(low=st.floats(1e-3, 1e20), decades=st.floats(0.01, 12))
def test_every_interval_has_a_few_ticks_inside_it(low: float, decades: float) -> None:
    high = low * 10**decades
    ticks = LogTicks().tick_values(low, high)
    assert 2 <= len(ticks) <= 7
    assert all(low * 0.999 <= tick <= high * 1.001 for tick in ticks)
    assert list(ticks) == sorted(set(ticks))


@given(low=st.floats(1e-3, 1e20), decades=st.floats(1.01, 12), maximum=st.integers(3, 6))
def test_ticks_over_more_than_a_decade_keep_their_distance(low: float, decades: float, maximum: int) -> None:
    ticks = LogTicks(maximum=maximum).tick_values(low, low * 10**decades)
    assert 2 <= len(ticks) <= maximum + 1
    assert np.divide(ticks[1:], ticks[:-1]).min() > 1.3
    assert ticks[0] < low * 11


@given(low=st.floats(1e-3, 1e20), decades=st.floats(0.01, 12))
def test_the_order_of_the_limits_does_not_matter(low: float, decades: float) -> None:
    high = low * 10**decades
    assert list(LogTicks().tick_values(high, low)) == list(LogTicks().tick_values(low, high))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (40, 250, [50, 70, 100, 150, 200]),
        (0.9, 1200, [1, 10, 100, 1000]),
        (450, 2000, [500, 700, 1000, 1500, 2000]),
        (1e11, 1e14, [1e11, 1e12, 1e13, 1e14]),
        (20.5, 48, [25, 30, 35, 40, 45]),
    ],
)
def test_wide_and_narrow_ranges_have_the_ticks_one_would_choose(
    low: float, high: float, expected: list[float]
) -> None:
    np.testing.assert_allclose(LogTicks().tick_values(low, high), expected)


def test_few_ticks_over_less_than_a_decade_do_not_crowd_at_its_end() -> None:
    for maximum in (3, 4):
        np.testing.assert_allclose(LogTicks(maximum=maximum).tick_values(105, 950), [200, 500])


def test_a_range_of_a_few_percent_has_round_ticks() -> None:
    ticks = LogTicks().tick_values(1.0, 1.3)
    assert 3 <= len(ticks) <= 7
    assert all(abs(20 * tick - round(20 * tick)) < 1e-9 for tick in ticks)


def test_an_interval_that_has_no_logarithm_has_no_ticks() -> None:
    assert LogTicks().tick_values(0, 10) == []
    assert LogTicks().tick_values(-1, 10) == []


@pytest.mark.parametrize(
    ("value", "written"),
    [(50, "50"), (2000, "2000"), (1.25, "1.25"), (0.1 + 0.2, "0.3"), (2e6, r"2·$10^{6}$")],
)
def test_perplexities_are_plain_numbers(value: float, written: str) -> None:
    assert plain(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(1e12, r"$10^{12}$"), (2e12, r"2·$10^{12}$"), (1.0, r"$10^{0}$"), (5e-4, r"5·$10^{-4}$")],
)
def test_powers_of_ten_carry_a_factor_only_where_there_is_one(value: float, written: str) -> None:
    assert power_of_ten(value) == written


@pytest.mark.parametrize(
    ("fraction", "written"),
    [
        (0, "0"),
        (0.00051, "0.051"),
        (0.0067, "0.67"),
        (0.0734, "7.3"),
        (0.683, "68"),
        (1, "100"),
        (np.nan, "nan"),
    ],
)
def test_shares_keep_two_digits_that_count(fraction: float, written: str) -> None:
    assert percent(fraction) == written


def test_starts_are_written_exactly() -> None:
    assert [hundredths(start) for start in (0.1, 0.125, 0.7)] == ["10", "12.5", "70"]

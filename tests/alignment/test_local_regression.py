import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trajectories.alignment.local_regression import line, lines, neighbourhoods


def points(number: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    x = np.sort(random.uniform(0, 10, number))
    return x, np.sin(x) + 0.2 * random.standard_normal(number)


def naive(x: np.ndarray, y: np.ndarray, at: float, *, span: float, counts: np.ndarray) -> float:
    """Weighted least squares by numpy, with the tricube weights of the nearest points."""
    centre = min(max(at, x.min()), x.max())
    away = np.abs(x - centre)
    reach = np.sort(away)[max(3, int(span * len(x))) - 1]
    weight = np.where(away < reach, (1 - (away / reach) ** 3) ** 3, 0) * counts
    slope, level = np.polyfit(x - centre, y, 1, w=np.sqrt(weight))
    return float(level + slope * (at - centre))


@pytest.mark.parametrize("span", [0.25, 0.6, 1.0])
def test_lines_are_those_of_weighted_least_squares(span: float) -> None:
    x, y = points()
    at = np.linspace(-3, 13, 50)
    counts = np.random.default_rng(3).multinomial(len(x), np.full(len(x), 1 / len(x)), size=4).astype(float)
    found = lines(neighbourhoods(x, at, span=span), y, counts)
    expected = [[naive(x, y, place, span=span, counts=row) for place in at] for row in counts]
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8)


def test_a_point_drawn_twice_counts_as_two_points_of_the_same_neighbourhood() -> None:
    x, y = points()
    near = neighbourhoods(x, x, span=0.5)
    counts = np.ones((1, len(x)))
    counts[0, 7] = 2
    doubled = near._replace(
        weight=np.column_stack([near.weight, near.weight[:, 7]]),
        offset=np.column_stack([near.offset, near.offset[:, 7]]),
    )
    expected = lines(doubled, np.append(y, y[7]), np.ones((1, len(x) + 1)))
    np.testing.assert_allclose(lines(near, y, counts), expected)


@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(0.2, 1))
def test_a_straight_line_goes_on_beyond_its_points(slope: float, level: float, span: float) -> None:
    x = points()[0]
    at = np.array([-20.0, 0, 5, 12, 40])
    np.testing.assert_allclose(line(x, level + slope * x, at, span=span), level + slope * at, atol=1e-7)


def test_samples_may_differ_in_their_values() -> None:
    x, y = points()
    near, counts = neighbourhoods(x, x[::5], span=0.4), np.ones((2, len(x)))
    both = lines(near, np.stack([y, 3 * y - 1]), counts)
    np.testing.assert_allclose(both[1], 3 * both[0] - 1)


def test_a_sample_without_points_near_a_place_has_no_value_there() -> None:
    x, y = points()
    counts = np.zeros((1, len(x)))
    counts[0, :5] = 1
    found = lines(neighbourhoods(x, x[[0, -1]], span=0.2), y, counts)[0]
    assert np.isfinite(found[0])
    assert np.isnan(found[1])

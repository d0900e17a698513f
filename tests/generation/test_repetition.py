import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trajectories.generation.repetition import distinct_ngrams, longest_repeat

texts = st.lists(st.integers(0, 3), max_size=40)


@given(texts)
def test_distinct_ngrams_are_those_of_a_set(tokens: list[int]) -> None:
    shares = distinct_ngrams(np.array(tokens, np.int32))
    for n in range(1, 5):
        spans = [tuple(tokens[first : first + n]) for first in range(len(tokens) - n + 1)]
        expected = len(set(spans)) / len(spans) if spans else np.nan
        np.testing.assert_equal(shares[n - 1], expected)


@given(texts)
def test_the_longest_repeat_is_that_of_a_naive_search(tokens: list[int]) -> None:
    longest = 0
    for one in range(len(tokens)):
        for other in range(one + 1, len(tokens)):
            length = 0
            while other + length < len(tokens) and tokens[one + length] == tokens[other + length]:
                length += 1
            longest = max(longest, length)
    assert longest_repeat(np.array(tokens, np.int32)) == longest


@given(texts, st.permutations(range(4)))
def test_other_names_of_the_tokens_change_nothing(tokens: list[int], names: list[int]) -> None:
    renamed = [10**9 * names[token] for token in tokens]
    assert longest_repeat(renamed) == longest_repeat(tokens)
    np.testing.assert_array_equal(distinct_ngrams(renamed), distinct_ngrams(tokens))


def test_extremes() -> None:
    assert longest_repeat([7] * 500) == 499
    assert longest_repeat(np.arange(500)) == 0
    assert longest_repeat([]) == 0
    assert distinct_ngrams(np.arange(500)).tolist() == [1.0] * 4
    assert distinct_ngrams([7] * 500, largest=2).tolist() == [1 / 500, 1 / 499]
    assert np.isnan(distinct_ngrams([])).all()

import numpy as np

from trajectories.alignment.checkpoints_drawn import block_length, draw_checkpoints, weigh_checkpoints


def drawn(known: np.ndarray, *, resamples: int = 2000) -> np.ndarray:
    return draw_checkpoints(known, resamples=resamples, rng=np.random.default_rng(0))


def test_each_model_draws_as_many_checkpoints_as_it_has_and_no_other() -> None:
    known = np.array([[True] * 9, [True, False, True, True, False, True, True, True, False], [False] * 9])
    counts = drawn(known)
    assert counts.shape == (2000, 3, 9)
    np.testing.assert_array_equal(counts.sum(axis=2), np.tile(known.sum(axis=1), (2000, 1)))
    assert not counts[:, ~known].any()


def test_all_checkpoints_are_drawn_equally_often() -> None:
    mean = drawn(np.ones((2, 27), dtype=bool), resamples=20_000).mean(axis=0)
    np.testing.assert_allclose(mean, 1, atol=0.05)


def test_neighbours_are_drawn_together() -> None:
    counts = drawn(np.ones((1, 27), dtype=bool))[:, 0].astype(float)
    together = np.corrcoef(counts, rowvar=False)
    assert np.diag(together, 1).min() > 0.3
    assert abs(np.diag(together, 6)).max() < 0.2


def test_blocks_are_as_long_as_the_cube_root_of_the_checkpoints() -> None:
    assert [block_length(number) for number in (1, 2, 8, 27, 30, 1000)] == [1, 1, 2, 3, 3, 10]


def test_the_same_generator_draws_the_same_checkpoints() -> None:
    known = np.ones((2, 12), dtype=bool)
    np.testing.assert_array_equal(drawn(known), drawn(known))


def test_weights_add_up_to_the_checkpoints_and_spread_like_counts() -> None:
    known = np.array([[True] * 26, [True, False] * 13, [False] * 26])
    weights = weigh_checkpoints(known, resamples=4000, rng=np.random.default_rng(0))
    np.testing.assert_allclose(weights.sum(axis=2), np.tile(known.sum(axis=1), (4000, 1)))
    assert not weights[:, ~known].any()
    assert (weights[:, known] > 0).all()
    np.testing.assert_allclose(weights[:, 0].mean(axis=0), 1, atol=0.07)
    totals = [of[:, 0, :13].sum(axis=1).std() for of in (weights, drawn(known, resamples=4000))]
    np.testing.assert_allclose(totals[0], totals[1], rtol=0.15)

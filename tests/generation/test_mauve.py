import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from trajectories.generation.mauve import mauve_scores

Features = NDArray[np.float32]


def features(texts: int, *, centre: float = 0.0, seed: int = 0) -> Features:
    """[text, width] of texts that lie around 1 and -1 in one direction, and at `centre` in another."""
    rng = np.random.default_rng(seed)
    side = np.where(np.arange(texts) % 2, 1, -1)[:, None] * np.eye(8)[0]
    return (side + centre * np.eye(8)[1] + 0.1 * rng.standard_normal((texts, 8))).astype(np.float32)


@pytest.fixture(autouse=True)
def _package() -> None:
    pytest.importorskip("mauve")


def test_texts_like_the_documents_score_higher_than_others() -> None:
    documents = features(60)
    alike, apart = (mauve_scores(features(60, centre=c, seed=1), documents)[0] for c in (0, 5))
    assert 0 <= apart < 0.1
    assert 0.9 < alike <= 1
    assert mauve_scores(documents, documents)[0] == pytest.approx(1)


def test_scores_are_those_of_the_package() -> None:
    import mauve  # noqa: PLC0415, where it is installed

    generated, documents = features(40, centre=0.3, seed=1), features(40)
    expected = [mauve.compute_mauve(p_features=documents, q_features=generated, seed=s).mauve for s in (0, 3)]
    np.testing.assert_allclose(mauve_scores(generated, documents, seeds=[0, 3]), np.clip(expected, 0, 1))


def test_a_seed_gives_the_same_score_again_and_seeds_differ() -> None:
    rng = np.random.default_rng(0)
    generated, documents = rng.standard_normal((2, 50, 16))
    scores = mauve_scores(generated, documents, seeds=range(4))
    assert scores.tolist() == mauve_scores(generated, documents, seeds=range(4)).tolist()
    assert len(set(scores.tolist())) > 1


def test_nothing_is_written_to_the_error_stream(capfd: pytest.CaptureFixture[str]) -> None:
    mauve_scores(features(30), features(30, seed=1))
    assert capfd.readouterr().err == ""
    sys.stderr.write("seen again")
    sys.stderr.flush()
    assert capfd.readouterr().err == "seen again"


def test_too_few_texts_are_refused() -> None:
    with pytest.raises(
        ValueError, match="at least 20 texts on each side to cluster, got 19 generated and 40"
    ):
        mauve_scores(features(19), features(40))
    with pytest.raises(ValueError, match="got 40 generated and 0 of documents"):
        mauve_scores(features(40), features(40)[:0])


def test_features_that_cannot_be_compared_are_refused() -> None:
    good = features(20)
    with pytest.raises(ValueError, match=r"of one width, got \(20, 8\) and \(20, 5\)"):
        mauve_scores(good, good[:, :5])
    with pytest.raises(ValueError, match="features of the generated texts are not finite"):
        mauve_scores(np.where(good == good[3, 3], np.nan, good), good)
    with pytest.raises(ValueError, match="all texts have the same features"):
        mauve_scores(np.ones((20, 3)), np.ones((25, 3)))


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mauve", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'trajectories\[mauve\]'"):
        mauve_scores(features(20), features(20))

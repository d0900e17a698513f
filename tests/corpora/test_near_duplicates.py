import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trajectories.corpora.docstrings import read_docstrings
from trajectories.corpora.documents import Document, Drawing
from trajectories.corpora.held_out import hold_out
from trajectories.corpora.near_duplicates import drop_near_duplicates

# Few words, so that runs of them are shared often.
PARAGRAPHS = st.lists(st.lists(st.sampled_from(["a", "B", "c."]), max_size=7).map(" ".join), max_size=4)
TEXTS = st.lists(PARAGRAPHS.map("\n\n".join), max_size=4)
FOX = "The quick brown fox jumps over the lazy dog, and then it sleeps for a whole day."
HARE = "A hare laughed at the short feet and slow pace of the tortoise, who only smiled."


def documents(*texts: str) -> list[Document]:
    return [Document(str(number), "fables", text) for number, text in enumerate(texts)]


def runs(text: str, words: int) -> list[tuple[str, ...]]:
    found = re.findall(r"\w+", text.lower())
    return [tuple(found[start : start + words]) for start in range(len(found) - words + 1)]


@given(ours=TEXTS, theirs=TEXTS, words=st.integers(1, 4), share=st.sampled_from([0.2, 0.5, 1.0]))
def test_the_result_is_that_of_sets_of_words(
    ours: list[str], theirs: list[str], words: int, share: float
) -> None:
    held_out = {run for text in theirs for part in text.split("\n\n") for run in runs(part, words)}
    expected = []
    for text in ours:
        kept = []
        for paragraph in text.split("\n\n"):
            shared = [run in held_out for run in runs(paragraph, words)]
            if not shared or np.mean(shared) < share:
                kept.append(paragraph)
        short = kept != text.split("\n\n") and len(runs(" ".join(kept), 1)) < 2
        expected.append("" if short else "\n\n".join(kept))
    left = [text for text in expected if text.strip()]
    if not left:
        with pytest.raises(ValueError, match="empty corpus: all training text"):
            drop_near_duplicates(documents(*ours), documents(*theirs), words=words, share=share, minimum=1)
        return
    cleaned = drop_near_duplicates(documents(*ours), documents(*theirs), words=words, share=share, minimum=1)
    assert [document.text for document in cleaned.documents] == left
    for texts, overlap in ((ours, cleaned.overlap_before), (left, cleaned.overlap_after)):
        present = {run for text in texts for part in text.split("\n\n") for run in runs(part, words)}
        assert overlap == pytest.approx(len(held_out & present) / len(held_out) if held_out else 0.0)


def test_a_near_copy_goes_and_the_rest_of_its_document_stays() -> None:
    copy = FOX.upper().replace(",", ";").replace("DOG", "CAT")
    cleaned = drop_near_duplicates(
        documents(f"{HARE}\n\n{copy}"), documents(FOX), words=4, share=0.5, minimum=1
    )
    assert cleaned.documents == documents(HARE)
    assert cleaned.kept.tolist() == [True, False]


@pytest.mark.parametrize(("rest", "minimum"), [("Fox", 1), ("?!", 1), (HARE, len(HARE) + 1)])
def test_a_document_of_which_too_little_is_left_goes_and_is_counted(rest: str, minimum: int) -> None:
    training = documents(f"{FOX}\n\n{rest}", f"{FOX}\n\n{HARE} {HARE}", FOX)
    cleaned = drop_near_duplicates(training, documents(FOX), words=8, share=0.3, minimum=minimum)
    assert [document.text for document in cleaned.documents] == [f"{HARE} {HARE}"]
    assert cleaned.too_short == 1
    assert cleaned.kept.tolist() == [False, False, False, True, False]


def test_runs_do_not_reach_over_paragraphs_or_documents() -> None:
    first, second = FOX[:25], FOX[25:]
    training = documents(f"{HARE}\n\n{first}\n\n{second}", first)
    held_out = documents(first + second)
    words = len(runs(FOX, 1))
    cleaned = drop_near_duplicates(training, held_out, words=words, share=0.1, minimum=1)
    assert cleaned.documents == training
    assert cleaned.overlap_before == 0


def test_text_shorter_than_a_run_has_nothing_to_share() -> None:
    assert drop_near_duplicates(
        documents("A fox."), documents("A fox."), words=8, share=0.5, minimum=1
    ).kept.all()


def test_in_real_text_most_of_the_overlap_goes_with_little_of_the_text() -> None:
    corpus = read_docstrings({"graphs": ["networkx"]}, Drawing(seed=5, minimum=200, characters=500_000))
    training, held_out = hold_out(corpus, share=0.2, seed=5)
    cleaned = drop_near_duplicates(training, held_out, words=8, share=0.3, minimum=1)
    assert cleaned.overlap_after < cleaned.overlap_before / 2
    before, after = (sum(len(d.text) for d in part) for part in (training, cleaned.documents))
    assert 0.8 * before < after < before


@pytest.mark.parametrize(("words", "share"), [(0, 0.5), (8, 0.0), (8, 1.5)])
def test_settings_without_meaning_are_refused(words: int, share: float) -> None:
    with pytest.raises(
        ValueError, match=r"corpus\.near_duplicates needs words >= 1 and a share in \(0, 1\], got"
    ):
        drop_near_duplicates(documents(FOX), documents(HARE), words=words, share=share, minimum=1)

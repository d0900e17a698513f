import pytest
from hypothesis import given
from hypothesis import strategies as st

from trajectories.corpora.documents import Document
from trajectories.corpora.held_out import hold_out

SIZES = st.dictionaries(st.sampled_from("abcd"), st.integers(2, 30), min_size=1)


def corpus(sizes: dict[str, int]) -> list[Document]:
    return [
        Document(f"{domain}/{n}", domain, f"text {n}") for domain, size in sizes.items() for n in range(size)
    ]


@given(sizes=SIZES, share=st.floats(0.01, 0.99), seed=st.integers(0, 99))
def test_each_document_is_on_one_side_and_each_domain_on_both(
    sizes: dict[str, int], share: float, seed: int
) -> None:
    documents = corpus(sizes)
    training, held_out = hold_out(documents, share=share, seed=seed)
    assert sorted(document.name for document in training + held_out) == sorted(d.name for d in documents)
    for domain, size in sizes.items():
        count = sum(document.domain == domain for document in held_out)
        assert 1 <= count <= size - 1
        assert abs(count - share * size) <= 1


def test_the_order_in_which_documents_come_does_not_matter() -> None:
    documents = corpus({"a": 20, "b": 9})
    assert hold_out(documents, share=0.2, seed=3) == hold_out(documents[::-1], share=0.2, seed=3)


def test_domains_are_mixed() -> None:
    training, _ = hold_out(corpus({"a": 40, "b": 40}), share=0.2, seed=3)
    assert {document.domain for document in training[:10]} == {"a", "b"}


def test_nothing_to_split_is_an_empty_corpus() -> None:
    with pytest.raises(ValueError, match=r"empty corpus: .*corpus\.minimum_characters"):
        hold_out([], share=0.1, seed=1)


def test_a_domain_of_one_document_is_named() -> None:
    with pytest.raises(
        ValueError, match=r"domain 'b' has one document, 'b/0', .* split the document by blank lines, add"
    ):
        hold_out(corpus({"a": 3, "b": 1}), share=0.1, seed=1)


def test_two_documents_of_one_name_are_refused() -> None:
    documents = [*corpus({"a": 3}), Document("a/1", "b", "text"), Document("b/1", "b", "text")]
    with pytest.raises(ValueError, match="two documents are named 'a/1'"):
        hold_out(documents, share=0.1, seed=1)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=r"corpus\.held_out must lie between 0 and 1, got"):
        hold_out(corpus({"a": 3}), share=share, seed=1)

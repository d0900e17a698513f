"""Which documents are held out from training: whole source documents, a share of each domain."""

from collections import Counter
from collections.abc import Sequence

from trajectories.corpora.documents import Document, by_domain, in_order


def hold_out(
    documents: Sequence[Document], *, share: float, seed: int
) -> tuple[list[Document], list[Document]]:
    """Training and held-out documents: in each domain, the `share` that draws the lowest lots is held out.

    At least one document of a domain is held out and at least one is not. Both parts come in an order drawn
    by `seed`, in which the domains are mixed.

    Raises:
        ValueError: no documents, two of one name, a share outside (0, 1), or a domain of one document.
    """
    if not documents:
        raise ValueError("empty corpus: no document is left to split; see corpus.minimum_characters")
    if not 0 < share < 1:
        raise ValueError(f"corpus.held_out must lie between 0 and 1, got {share}")
    held_out: set[str] = set()
    named = {document.name: document for document in documents}
    if len(named) < len(documents):
        twice = Counter(document.name for document in documents).most_common(1)[0][0]
        raise ValueError(
            f"two documents are named '{twice}'; name each source in one domain of conf/corpus only"
        )
    for domain, group in by_domain(documents).items():
        if len(group) == 1:
            raise ValueError(
                f"domain '{domain}' has one document, '{group[0].name}', and needs one for training and one "
                f"to hold out; split the document by blank lines, add another, or put it in another domain"
            )
        count = min(max(1, round(share * len(group))), len(group) - 1)
        names = [document.name for document in group]
        held_out.update(in_order(names, seed=seed, purpose="hold out")[:count])
    mixed = [named[name] for name in in_order(named, seed=seed, purpose="mix")]
    training = [document for document in mixed if document.name not in held_out]
    return training, [document for document in mixed if document.name in held_out]

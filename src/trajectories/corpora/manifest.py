"""manifest.json: what a corpus was made from, how large it is, and how much was removed from it."""

from collections.abc import Mapping, Sequence
from typing import Any

from trajectories.corpora.documents import Document, by_domain
from trajectories.corpora.near_duplicates import Cleaned


def describe_corpus(
    training: Sequence[Document], held_out: Sequence[Document], *, cleaned: Cleaned, source: Mapping[str, Any]
) -> dict[str, Any]:
    """Counts of documents and characters by domain, and what near-duplicate removal took from `training`."""
    before, after = _counts(training), _counts(cleaned.documents)
    characters = sum(len(document.text) for document in training)
    left = sum(len(document.text) for document in cleaned.documents)
    return {
        "source": dict(source),
        "training": after,
        "held_out": _counts(held_out),
        "near_duplicates": {
            "paragraphs_removed": int((~cleaned.kept).sum()),
            "documents_removed": len(training) - len(cleaned.documents),
            "documents_too_short_after": cleaned.too_short,
            "characters_removed": characters - left,
            "share_removed": round((characters - left) / characters, 6),
            "characters_removed_by_domain": {
                domain: count["characters"] - after.get(domain, {"characters": 0})["characters"]
                for domain, count in before.items()
            },
            "held_out_overlap_before": round(cleaned.overlap_before, 6),
            "held_out_overlap_after": round(cleaned.overlap_after, 6),
        },
    }


def _counts(documents: Sequence[Document]) -> dict[str, dict[str, int]]:
    return {
        domain: {"documents": len(group), "characters": sum(len(document.text) for document in group)}
        for domain, group in by_domain(documents).items()
    }

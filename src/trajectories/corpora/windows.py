"""Documents as models meet them: the stream of training tokens and the windows of held-out tokens."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from trajectories.corpora.documents import Document
from trajectories.corpora.tokenizer import boundary_token, encode_documents, text_beginning

ANALYSIS, VALIDATION = "analysis", "validation"
VALIDATION_SHARE = 3  # at most one in so many held-out documents of a domain goes to validation, at least one
ENLARGE = "raise corpus.held_out or corpus.characters_per_domain"


@dataclass(frozen=True, order=True)
class _Piece:
    """The `depth`-th stretch, as long as a window, of the document that is the `rank`-th of its domain."""

    depth: int
    rank: int
    domain: str
    document: int


@dataclass(frozen=True)
class _Window:
    """The tokens of text, and the documents they come from."""

    split: str
    domain: str
    documents: Sequence[int]
    tokens: NDArray[np.int32]


def prepare_tokens(
    training: Sequence[Document],
    held_out: Sequence[Document],
    tokenizer: PreTrainedTokenizerFast,
    *,
    vocabulary: int,
    context: int,
    analysis: int,
    validation_per_domain: int,
    first_token: str = "auto",
) -> tuple[NDArray[np.unsignedinteger[Any]], xr.Dataset]:
    """The training stream, and the windows with the vocabulary described beside them.

    See `training_stream`, `cut_windows` and `describe_vocabulary`; raises what they raise.

    Args:
        training: the training documents.
        held_out: the held-out documents.
        tokenizer: makes tokens of both.
        vocabulary: number of tokens of the models.
        context: tokens in a window.
        analysis: number of analysis windows.
        validation_per_domain: number of validation windows of each domain.
        first_token: what texts begin with, see `trajectories.corpora.tokenizer.text_beginning`. The windows
            record it in their attributes `first_token` and, where it is a token, `first_token_id`.
    """
    beginning = text_beginning(tokenizer, first_token)
    boundary = boundary_token(tokenizer, first_token)
    windows = cut_windows(
        held_out,
        encode_documents(held_out, tokenizer),
        context=context,
        analysis=analysis,
        validation_per_domain=validation_per_domain,
        boundary=boundary,
        starts_at_boundary=beginning != "none",
        domains={document.domain for document in training},
    )
    windows.attrs["first_token"] = beginning
    if beginning != "none":
        windows.attrs["first_token_id"] = boundary
    encoded = encode_documents(training, tokenizer)
    stream = training_stream(encoded, boundary=boundary, vocabulary=vocabulary)
    return stream, windows.merge(describe_vocabulary(stream, tokenizer, vocabulary=vocabulary))


def training_stream(
    encoded: Sequence[NDArray[np.int32]], *, boundary: int, vocabulary: int
) -> NDArray[np.unsignedinteger[Any]]:
    """All training tokens [n]: the boundary token stands before each document and after the last."""
    kind = np.uint16 if vocabulary <= 2**16 else np.uint32
    mark = np.array([boundary], kind)
    parts = [part for tokens in encoded for part in (mark, tokens)]
    stream: NDArray[np.unsignedinteger[Any]] = np.concatenate([*parts, mark], dtype=kind, casting="unsafe")
    return stream


def cut_windows(
    documents: Sequence[Document],
    encoded: Sequence[NDArray[np.int32]],
    *,
    context: int,
    analysis: int,
    validation_per_domain: int,
    boundary: int,
    domains: Collection[str],
    starts_at_boundary: bool = True,
) -> xr.Dataset:
    """Windows of `context` tokens of held-out documents.

    Analysis windows hold the first tokens of documents, spread evenly over domains; where the documents are
    fewer than `analysis`, also the tokens that follow these. Validation windows hold other documents of each
    domain: stretches as long as a window fill one alone; shorter documents and the ends of longer ones share
    windows, with the boundary token after each. Documents are taken in the order given.

    Args:
        documents: the held-out documents.
        encoded: their token ids.
        context: tokens in a window, a boundary token at its start included.
        analysis: number of analysis windows.
        validation_per_domain: number of validation windows of each domain.
        boundary: token between documents.
        domains: those of the training text, each of which needs validation text.
        starts_at_boundary: whether the first token of each window is the boundary token, or one of text.

    Returns:
        `token_id` (window, position), with the coordinates `split`, `document` and `domain` over window.

    Raises:
        ValueError: `context` below 2, too few held-out tokens for either kind of window.
    """
    if context < 2:
        raise ValueError(f"a context of {context} tokens predicts nothing; set suite.context to 2 or more")
    length = context - starts_at_boundary
    members = _members(documents, domains)
    validation = [
        window
        for domain, indices in members.items()
        for window in _validation_windows(
            domain, indices, encoded, length=length, count=validation_per_domain, boundary=boundary
        )
    ]
    used = {index for window in validation for index in window.documents}
    free = {domain: [index for index in indices if index not in used] for domain, indices in members.items()}
    windows = _analysis_windows(free, encoded, length=length, count=analysis) + validation
    text = np.stack([window.tokens for window in windows])
    tokens = np.pad(text, ((0, 0), (context - length, 0)), constant_values=boundary)
    first = f"token {boundary}, which begins every text" if starts_at_boundary else "a token of the text"
    return xr.Dataset(
        {"token_id": (("window", "position"), tokens)},
        coords={
            "split": ("window", [window.split for window in windows]),
            "document": (
                "window",
                [" + ".join(documents[index].name for index in window.documents) for window in windows],
            ),
            "domain": ("window", [window.domain for window in windows]),
        },
        attrs={"first_position": f"{first}; it is context and never scored"},
    )


def describe_vocabulary(
    stream: NDArray[np.unsignedinteger[Any]], tokenizer: PreTrainedTokenizerFast, *, vocabulary: int
) -> xr.Dataset:
    """How often each token occurs in the training stream, `training_frequency` (vocabulary), and its text."""
    engine = tokenizer.backend_tokenizer
    texts = [engine.decode([token], skip_special_tokens=False) for token in range(vocabulary)]
    return xr.Dataset(
        {"training_frequency": ("vocabulary", np.bincount(stream, minlength=vocabulary))},
        coords={"token_text": ("vocabulary", texts)},
    )


def _members(documents: Sequence[Document], domains: Collection[str]) -> dict[str, list[int]]:
    members: dict[str, list[int]] = {domain: [] for domain in sorted(domains)}
    for index, document in enumerate(documents):
        members.setdefault(document.domain, []).append(index)
    for domain, indices in members.items():
        if not indices:
            raise ValueError(f"domain '{domain}' has training text and no validation text; {ENLARGE}")
    return members


def _validation_windows(
    domain: str,
    members: Sequence[int],
    encoded: Sequence[NDArray[np.int32]],
    *,
    length: int,
    count: int,
    boundary: int,
) -> list[_Window]:
    candidates = members[: max(1, len(members) // VALIDATION_SHARE)]
    windows: list[_Window] = []
    packed = np.empty(0, np.int32)
    owners: list[int] = []
    for piece in sorted(_pieces(domain, candidates, encoded, length=length)):
        if len(windows) == count:
            break
        stretch = _stretch(piece, encoded, length=length)
        if stretch.size == length:
            windows.append(_Window(VALIDATION, domain, [piece.document], stretch))
            continue
        packed = np.concatenate([packed, stretch, [boundary]], dtype=np.int32)
        owners.append(piece.document)
        if packed.size >= length:
            # What goes beyond the window is left out: in the next one it would stand without its context.
            windows.append(_Window(VALIDATION, domain, owners, packed[:length]))
            packed, owners = packed[:0], []
    if len(windows) < count:
        raise ValueError(
            f"domain '{domain}' needs {count} validation windows of {length} tokens of text and has text "
            f"for {len(windows)} in {len(candidates)} of its {len(members)} held-out documents; {ENLARGE}, "
            f"or lower suite.windows.validation_per_domain"
        )
    return windows


def _analysis_windows(
    members: dict[str, list[int]], encoded: Sequence[NDArray[np.int32]], *, length: int, count: int
) -> list[_Window]:
    long = {
        domain: [index for index in indices if encoded[index].size >= length]
        for domain, indices in members.items()
    }
    pieces = sorted(
        piece
        for domain, indices in long.items()
        for piece in _pieces(domain, indices, encoded, length=length)
        if encoded[piece.document].size >= (piece.depth + 1) * length
    )
    if len(pieces) < count:
        raise ValueError(
            f"{count} analysis windows of {length} tokens of text were asked for, and the held-out text "
            f"gives {len(pieces)}, from {sum(map(len, long.values()))} documents that are long enough; "
            f"{ENLARGE}, or lower suite.windows.analysis or suite.context"
        )
    return [
        _Window(ANALYSIS, piece.domain, [piece.document], _stretch(piece, encoded, length=length))
        for piece in pieces[:count]
    ]


def _pieces(
    domain: str, members: Sequence[int], encoded: Sequence[NDArray[np.int32]], *, length: int
) -> Iterator[_Piece]:
    for rank, index in enumerate(members):
        for depth in range(-(-encoded[index].size // length)):
            yield _Piece(depth, rank, domain, index)


def _stretch(piece: _Piece, encoded: Sequence[NDArray[np.int32]], *, length: int) -> NDArray[np.int32]:
    return encoded[piece.document][piece.depth * length : (piece.depth + 1) * length]

"""What can go wrong between us and the Hugging Face Hub, in one line each, with what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub import constants
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.errors import HTTPError as TransportError  # type: ignore[attr-defined]  # httpx's own


class HubError(OSError):
    """Something that should come from the Hub or its cache cannot be had."""


class UnreachableError(HubError):
    """There is no route to the Hub, or it does not answer."""


class MovedRevisionError(HubError):
    """A revision is at another commit now than the one it was pinned to, with other files."""


NO_ROUTE = (
    "no route to {endpoint} for {what} ({reason}); check the network and HF_ENDPOINT, or work from the cache "
    "alone with HF_HUB_OFFLINE=1"
)
GATED = "{what} is gated; ask for access on {endpoint}/{repository} and log in with `hf auth login`"
MISSING = (
    "{what} does not exist or is private; check its name, or log in with `hf auth login` as someone who may "
    "read it"
)
# The first that fits counts: some are special cases of later ones.
REASONS: tuple[tuple[type[Exception], type[HubError], str], ...] = (
    (GatedRepoError, HubError, GATED),
    (RepositoryNotFoundError, HubError, MISSING),
    (RevisionNotFoundError, HubError, "{what} does not exist; give another revision"),
    (LocalEntryNotFoundError, UnreachableError, NO_ROUTE),
    (EntryNotFoundError, HubError, "{what} lacks a file ({reason}); fetch the model again"),
    (HFValidationError, HubError, "'{repository}' is no name of a repository; give owner/name"),
    (HfHubHTTPError, UnreachableError, "{endpoint} does not serve {what} ({reason}); try again later"),
    (OfflineModeIsEnabled, UnreachableError, "{what} is needed while HF_HUB_OFFLINE is set; unset it"),
    (TransportError, UnreachableError, NO_ROUTE),
)


@contextmanager
def explaining(repository: str, name: str | None = None) -> Iterator[None]:
    """Turn the client's errors about a repository and one of its revisions into ours."""
    what = repository if name is None else f"{repository} (revision {name})"
    try:
        yield
    except tuple(kind for kind, _, _ in REASONS) as error:
        known = RepositoryNotFoundError if _is_refused(error) else type(error)
        _, ours, text = next(reason for reason in REASONS if issubclass(known, reason[0]))
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ours(
            text.format(what=what, repository=repository, endpoint=constants.ENDPOINT, reason=said)
        ) from error


def _is_refused(error: Exception) -> bool:
    """Whether the Hub will not say if there is such a repository, which mirrors do with a bare 401."""
    return type(error) is HfHubHTTPError and error.response.status_code == 401

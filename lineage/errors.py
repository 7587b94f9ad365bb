"""Every error the library raises on purpose.

LineageError
├── NotFound        no such node, edge, type or moment       (LookupError)
├── Invalid         breaks the schema or the rules           (ValueError)
├── AlreadyExists   the name, external id or edge is taken   (ValueError)
├── Conflict        lost a race: try again                   (retryable)
├── Stale           changed meanwhile: read again first
├── Unproven        a proof does not prove what it says      (ValueError)
├── BackendError    the storage failed; the driver's own error is __cause__  (OSError)
│   ├── Unavailable not reached, busy, timed out             (retryable)
│   └── Corrupt     damaged, or not ours
└── MissingExtra    an optional dependency is not installed  (ImportError)

A message says what happened, with the offending value, then what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = [
    "ENDINGS",
    "AlreadyExists",
    "BackendError",
    "Conflict",
    "Corrupt",
    "Ending",
    "Invalid",
    "LineageError",
    "MissingExtra",
    "NotFound",
    "Stale",
    "Unavailable",
    "Unproven",
    "ending_of",
    "excerpt",
]

SHOWN = 80
"""How many characters of a value a message has."""


def excerpt(value: object, limit: int = SHOWN) -> str:
    """Return the beginning of what a value looks like, for a message: its `repr`, or its type where it has none.

    A value that is refused may be anything: an int of thousands of digits has no text, and a `repr` may raise.

    >>> excerpt("a text"), excerpt(10**5000)
    ("'a text'", '<int>')
    """
    try:
        return repr(value)[:limit]
    except Exception:  # noqa: BLE001  # a caller's `repr` may raise anything, and the message is about another fault
        return f"<{type(value).__name__}>"[:limit]


class LineageError(Exception):
    """The root: catch this to catch everything the library raises on purpose."""

    retryable: bool = False
    """Whether the same call may succeed if it is simply made again."""


class NotFound(LineageError, LookupError):
    """There is no such node, edge, type or moment."""


class Invalid(LineageError, ValueError):
    """The input breaks the schema or the rules; nothing was written."""

    position: int | None = None
    """Of a filter that cannot be read, where: which character, the first being 1."""


class AlreadyExists(LineageError, ValueError):
    """The name, the external id or the edge is taken; nothing was written."""


class Conflict(LineageError):
    """Another writer was faster, or kept the lock too long; nothing was written.

    One that would have to wait for its own thread is not `retryable`.
    """

    retryable = True


class Stale(LineageError):
    """The stored node is newer than the one at hand: read it again, then decide."""


class Unproven(LineageError, ValueError):
    """A proof is not what was made, or does not prove what was asked."""


class BackendError(LineageError, OSError):
    """The storage failed; the driver's own error is the cause."""


class Unavailable(BackendError):
    """The storage was not reached, or not in time."""

    retryable = True


class Corrupt(BackendError):
    """The storage is damaged, or does not hold a lineage store."""


class MissingExtra(LineageError, ImportError):
    """An optional dependency is needed; the message gives the command that installs it."""


class Ending(NamedTuple):
    """How a command, a call and a request end after an error."""

    exit_code: int
    status: str
    """The name of gRPC's status."""
    http: int
    """HTTP's status."""


ENDINGS: Mapping[type[LineageError], Ending] = {
    NotFound: Ending(3, "NOT_FOUND", 404),
    Invalid: Ending(4, "INVALID_ARGUMENT", 422),
    AlreadyExists: Ending(5, "ALREADY_EXISTS", 409),
    Conflict: Ending(6, "ABORTED", 409),  # which MLMD's clients try again
    Stale: Ending(7, "FAILED_PRECONDITION", 412),
    BackendError: Ending(8, "INTERNAL", 500),
    Unavailable: Ending(9, "UNAVAILABLE", 503),
    Corrupt: Ending(10, "DATA_LOSS", 500),
    MissingExtra: Ending(11, "INTERNAL", 501),
    Unproven: Ending(13, "FAILED_PRECONDITION", 422),  # 12 is that of a path that is not there
}
"""How it ends after each error; a subclass that is not listed ends as its parent does."""


def ending_of(error: BaseException) -> Ending | None:
    """Return how it ends after an error; None for one that is not ours."""
    return next((ENDINGS[cls] for cls in type(error).__mro__ if cls in ENDINGS), None)

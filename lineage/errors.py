"""Every error the library raises on purpose.

LineageError
├── NotFound        no such node, edge, type or moment       (LookupError)
├── Invalid         breaks the schema or the rules           (ValueError)
├── AlreadyExists   the name, external id or edge is taken   (ValueError)
├── Conflict        lost a race: try again                   (retryable)
├── Stale           changed meanwhile: read again first
├── BackendError    the storage failed; the driver's own error is __cause__  (OSError)
│   ├── Unavailable not reached, busy, timed out             (retryable)
│   └── Corrupt     damaged, or not ours
└── MissingExtra    an optional dependency is not installed  (ImportError)

A message says what happened, with the offending value, then what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

__all__ = [
    "EXIT_CODES",
    "AlreadyExists",
    "BackendError",
    "Conflict",
    "Corrupt",
    "Invalid",
    "LineageError",
    "MissingExtra",
    "NotFound",
    "Stale",
    "Unavailable",
]


class LineageError(Exception):
    """The root: catch this to catch everything the library raises on purpose."""

    retryable: ClassVar[bool] = False
    """Whether the same call may succeed if it is simply made again."""


class NotFound(LineageError, LookupError):
    """There is no such node, edge, type or moment."""


class Invalid(LineageError, ValueError):
    """The input breaks the schema or the rules; nothing was written."""


class AlreadyExists(LineageError, ValueError):
    """The name, the external id or the edge is taken; nothing was written."""


class Conflict(LineageError):
    """Another writer was faster, or kept the lock too long; nothing was written."""

    retryable = True


class Stale(LineageError):
    """The stored node is newer than the one at hand: read it again, then decide."""


class BackendError(LineageError, OSError):
    """The storage failed; the driver's own error is the cause."""


class Unavailable(BackendError):
    """The storage was not reached, or not in time."""

    retryable = True


class Corrupt(BackendError):
    """The storage is damaged, or does not hold a lineage store."""


class MissingExtra(LineageError, ImportError):
    """An optional dependency is needed; the message gives the command that installs it."""


EXIT_CODES: Mapping[type[LineageError], int] = {
    NotFound: 3,
    Invalid: 4,
    AlreadyExists: 5,
    Conflict: 6,
    Stale: 7,
    BackendError: 8,
    Unavailable: 9,
    Corrupt: 10,
    MissingExtra: 11,
}
"""How the command line ends after each error; a subclass that is not listed ends as its parent does."""

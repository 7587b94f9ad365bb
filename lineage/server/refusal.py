"""How a call ends that is not answered: with a status, and what its caller is told.

Statuses are called as gRPC calls them, whatever the protocol; HTTP has numbers for them, and some of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from lineage.errors import (
    BackendError,
    Conflict,
    Corrupt,
    LineageError,
    MissingExtra,
    Unavailable,
    ending_of,
)

__all__ = ["REFUSED", "Refusal", "http_status_of", "refusal_of", "status_of"]

logger = logging.getLogger("lineage.server")


class Refusal(Exception):
    """The call ends with this status; nothing was written."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status


REFUSED: Mapping[str, int] = {
    "INVALID_ARGUMENT": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "REQUEST_TIMEOUT": 408,
    "FAILED_PRECONDITION": 412,
    "CONTENT_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "MISDIRECTED_REQUEST": 421,
    "PRECONDITION_REQUIRED": 428,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,  # which nobody reads: the client has gone
    "INTERNAL": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""The number that HTTP has for the status of a refusal."""


def status_of(error: Exception) -> str:
    """Return the status that an error ends a call with; what nobody expected is INTERNAL."""
    if isinstance(error, Refusal):
        return error.status
    ending = ending_of(error)
    return "INTERNAL" if ending is None else ending.status


def http_status_of(error: Exception) -> int:
    """Return the number that an error ends a request with; what nobody expected is 500."""
    if isinstance(error, Refusal):
        return REFUSED[error.status]
    ending = ending_of(error)
    return 500 if ending is None else ending.http


def refusal_of(error: LineageError, call: str, place: str) -> Refusal:
    """Return how a call ends after an error of ours.

    What is wrong with a request its caller is told; what is wrong with the store, whose words name files,
    hosts and settings, the server's log is. `place` is where the store is, with which messages about the
    storage begin; what a request says is told as it is, so that nobody can try out what the place is.
    """
    status = status_of(error)
    if isinstance(error, BackendError | MissingExtra):
        logger.error("%s failed: %s", call, error)
        said = next(said for cls, said in _OF_THE_STORE.items() if isinstance(error, cls))
        return Refusal(status, f"{said}; the server's log says why")
    said = str(error)
    cause = error.__cause__
    if isinstance(error, Conflict) or not isinstance(cause, ValueError | LineageError | None):
        said = said.replace(f"{place}: ", "") if place else said
    return Refusal(status, said)


_OF_THE_STORE: dict[type[LineageError], str] = {
    Unavailable: "the store cannot be reached now, or not in time; try again later",
    Corrupt: "the store is damaged, or is none",
    LineageError: "the store failed",
}
"""What is told of an error that is none of the caller's; the first that fits."""

"""How a call ends that is not answered: with a gRPC status."""

from __future__ import annotations

from grpc import StatusCode

from lineage.errors import ending_of

__all__ = ["Refusal", "status_of"]


class Refusal(Exception):
    """The call ends with this status; nothing was written."""

    def __init__(self, status: StatusCode, message: str) -> None:
        super().__init__(message)
        self.status = status


def status_of(error: Exception) -> StatusCode:
    """Return the status that an error ends a call with; what nobody expected is INTERNAL."""
    if isinstance(error, Refusal):
        return error.status
    ending = ending_of(error)
    return StatusCode.INTERNAL if ending is None else StatusCode[ending.status]

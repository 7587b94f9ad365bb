"""How a request ends that is not answered: a problem's details, as RFC 9457 has them."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from lineage.errors import ENDINGS, Invalid, LineageError
from lineage.formats.documents import json_text
from lineage.server.refusal import REFUSED, Refusal, http_status_of, refusal_of
from lineage.server.web.arguments import Faulty

__all__ = ["KINDS", "MEDIA", "headers_of", "problem", "problem_of"]

logger = logging.getLogger("lineage.server")

MEDIA = "application/problem+json"
RETRY = 1
"""After how many seconds a request that found the server, or the store, busy may come again."""
_CAPITALS = re.compile(r"(?<!^)(?=[A-Z])")


def _kind(error: Exception) -> str:
    """Return the name of a kind of problem, as its type ends: `not-found`, `unauthenticated`."""
    if isinstance(error, Refusal):
        return error.status.lower().replace("_", "-")
    known = next((cls for cls in type(error).__mro__ if cls in ENDINGS), None)
    return "internal" if known is None else _CAPITALS.sub("-", known.__name__).lower()


KINDS: Mapping[str, int] = {
    **{_kind(cls("")): ending.http for cls, ending in ENDINGS.items()},
    **{status.lower().replace("_", "-"): number for status, number in REFUSED.items()},
}
"""The status of each kind of problem, by its name."""


def problem_of(error: Exception, place: str, request_id: str) -> dict[str, Any]:
    """Return what a request's caller is told of an error.

    What is wrong with the store is told in the server's log, whose words name files and hosts; `place` is where it is.
    """
    told: Exception = error
    if isinstance(error, LineageError):
        told = refusal_of(error, f"request {request_id}", place)
    elif not isinstance(error, Refusal):
        logger.error("request %s failed", request_id, exc_info=error)
        told = Refusal("INTERNAL", "the server failed; its log says why")
    kind = _kind(error)
    details: dict[str, Any] = {
        "type": f"/api/v1/errors#{kind}",
        "title": kind.replace("-", " ").capitalize(),
        "status": http_status_of(error),
        "detail": str(told),
        "retryable": bool(getattr(error, "retryable", False))
        or http_status_of(error) in (429, 503),
        "request_id": request_id,
    }
    if isinstance(error, Faulty):
        details["field"] = error.field
    if isinstance(error, Invalid) and error.position is not None:
        details["position"] = error.position
    return details


def problem(details: Mapping[str, Any]) -> Response:
    """Return a problem as a response."""
    return Response(json_text(dict(details)), details["status"], headers_of(details), MEDIA)


def headers_of(details: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers of a response that tells of a problem."""
    headers = {"Cache-Control": "no-store"}
    if details["retryable"]:
        headers["Retry-After"] = str(RETRY)
    if details["status"] == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="lineage"'
    return headers

"""What requests send: so many bytes, within so many seconds."""

from __future__ import annotations

from typing import Final

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope

from lineage.server.refusal import Refusal
from lineage.server.web.requests_log import facts_of

__all__ = ["LARGEST_BODY", "body_of"]

LARGEST_BODY: Final = 10 * 2**20
"""In bytes."""
SECONDS: Final = 30.0
"""How long a body may take to come."""


async def body_of(scope: Scope, receive: Receive, largest: int = LARGEST_BODY) -> bytes:
    """Return the body of a request; refusals where it is too large, comes too slowly, or not at all."""
    request = Request(scope, receive)
    _check(scope, int(request.headers.get("content-length", "0")[:18]), largest)
    parts: list[bytes] = []
    size = 0
    try:
        with anyio.fail_after(SECONDS):
            async for part in request.stream():
                size += len(part)
                _check(scope, size, largest)
                parts.append(part)
    except TimeoutError as error:
        said = f"the body did not come within {SECONDS:.0f} seconds"
        raise _unread(scope, "REQUEST_TIMEOUT", said) from error
    except ClientDisconnect as error:
        raise Refusal("CANCELLED", "the client has gone") from error
    return b"".join(parts)


def _check(scope: Scope, size: int, largest: int) -> None:
    if size > largest:
        raise _unread(scope, "CONTENT_TOO_LARGE", f"the body has more than {largest:,} bytes")


def _unread(scope: Scope, status: str, said: str) -> Refusal:
    """Return the refusal of a body of which the rest, that may still be on its way, nobody reads."""
    facts_of(scope).headers["Connection"] = "close"
    return Refusal(status, said)

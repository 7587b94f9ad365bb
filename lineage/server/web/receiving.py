"""What requests send: so many bytes, within so many seconds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope

from lineage.server.refusal import Refusal
from lineage.server.web.requests_log import facts_of

__all__ = ["LARGEST_BODY", "Turns", "body_of"]

LARGEST_BODY: Final = 10 * 2**20
"""In bytes."""
LARGE: Final = 2**18
"""From how many bytes on a body is large."""
SECONDS: Final = 30.0
"""How long a body may take to come."""
TURN_SECONDS: Final = 10.0
"""How long of that one that is large may wait until others are answered."""


class Turns:
    """Lets bodies that are large be received and answered one after another.

    What is made of a body takes forty times its size in memory, and a few at once would take all there is.
    """

    def __init__(self) -> None:
        self._limiter: anyio.CapacityLimiter | None = None

    @asynccontextmanager
    async def body(self, scope: Scope, receive: Receive) -> AsyncIterator[bytes]:
        """Give the body of a request that is answered meanwhile; refusals as `body_of`, and UNAVAILABLE for no turn."""
        async with AsyncExitStack() as stack:
            yield await body_of(scope, receive, when_large=partial(self._take, scope, stack))

    async def _take(self, scope: Scope, stack: AsyncExitStack) -> None:
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(1)
        with anyio.move_on_after(TURN_SECONDS):
            await stack.enter_async_context(self._limiter)
            return
        raise _unread(scope, "UNAVAILABLE", "others send large bodies; come again in a moment")


async def _go_on() -> None:
    pass


async def body_of(
    scope: Scope,
    receive: Receive,
    largest: int = LARGEST_BODY,
    when_large: Callable[[], Awaitable[None]] = _go_on,
) -> bytes:
    """Return the body of a request; refusals where it is too large, comes too slowly, or not at all.

    `when_large` is awaited once more than `LARGE` bytes have come, before the rest is read.
    """
    request = Request(scope, receive)
    _check(scope, int(request.headers.get("content-length", "0")[:18]), largest)
    parts: list[bytes] = []
    size = 0
    try:
        with anyio.fail_after(SECONDS):
            async for part in request.stream():
                parts.append(part)
                is_large = size > LARGE
                size += len(part)
                _check(scope, size, largest)
                if size > LARGE and not is_large:
                    await when_large()
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

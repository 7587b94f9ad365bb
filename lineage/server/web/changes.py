"""What happens in the store as it happens: as server-sent events, or as a list to who asks again and again."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

import anyio
from pydantic import Field
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from lineage.errors import LineageError
from lineage.formats.documents import json_text, plain
from lineage.server.refusal import Refusal
from lineage.server.web.answers import JSON
from lineage.server.web.arguments import Arguments, Faulty
from lineage.server.web.call import Call, Stream
from lineage.server.web.requests_log import facts_of
from lineage.server.web.watching import LOOK_SECONDS, Happened, Reader, Told, Watcher

__all__ = ["EVENTS", "changes"]

logger = logging.getLogger("lineage.server")

EVENTS: Final = "text/event-stream"
PING_SECONDS: Final = 15.0
"""After how long without news a stream says that it is still there."""
PING: Final = b": still here\n\n"
SEND_SECONDS: Final = 30.0
"""How long a piece may take to be sent before its reader is dropped, who finds the rest when they come again."""
LONGEST_SECONDS: Final = 3_600.0
"""How long a stream is: who reads on asks again."""
RETRY_MILLISECONDS: Final = 1_000
"""After how long a browser comes again."""
MOST_SECONDS: Final = 60.0


class Followed(Arguments):
    """From where on, and for how long."""

    after: Annotated[
        int | None,
        Field(
            ge=0, lt=10**18, description="Transactions after this number; left out, those to come."
        ),
    ] = None
    wait: Annotated[
        float,
        Field(ge=0, le=MOST_SECONDS, description="Of a list: the seconds to wait for something."),
    ] = 0.0


def changes(call: Call, asked: Followed) -> Stream[tuple[Happened, ...]]:
    """List the transactions after a number once there are some, or tell of them as events: `Accept: text/event-stream`."""
    watcher = call.watcher
    watcher.learn(call.now)
    # A browser that comes again has the address of the first time, and says besides what it saw since.
    last = _last_event(call)
    after = asked.after if last is None else last
    # A number that is not reached yet is of another store: what comes here is told from now on.
    after = call.now if after is None else min(after, call.now)
    if EVENTS in call.headers.get("accept", ""):
        return Stream(_Events(watcher, after))
    return Stream(_List(watcher, after, asked.wait))


def _last_event(call: Call) -> int | None:
    """Return the event that a reader saw last, before the connection broke."""
    text = call.headers.get("last-event-id", "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise Faulty("Last-Event-ID", f"Last-Event-ID: {text[:80]!r} is no transaction's number")
    return int(text)


class _List:
    """Answers with a list, once there is something in it or the time is over."""

    def __init__(self, watcher: Watcher, after: int, seconds: float) -> None:
        self._watcher, self._after, self._seconds = watcher, after, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        items: tuple[Happened, ...] = ()

        async def ask() -> None:
            nonlocal items
            with self._watcher.reader() as reader:
                await self._wait(reader)
            facts_of(scope).readmit()
            if self._watcher.number > self._after:
                items = (await self._watcher.told(self._after)).items
            headers = {"Cache-Control": "no-store", "Vary": "Authorization, Cookie, Accept"}
            await Response(json_text(plain(items)), 200, headers, JSON)(scope, receive, send)

        await _while_there(receive, ask)

    async def _wait(self, reader: Reader) -> None:
        with anyio.move_on_after(self._seconds):
            while self._watcher.number <= self._after and not self._watcher.has_ended:
                await reader.wait(self._seconds)


class _Events:
    """Sends events until the reader goes or the server ends."""

    def __init__(self, watcher: Watcher, after: int) -> None:
        self._watcher, self._after = watcher, after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def tell() -> None:
            with self._watcher.reader() as reader:
                await send(_START)
                if scope["method"] == "HEAD" or await self._tell(reader, scope, send):
                    await send({"type": "http.response.body", "body": b"", "more_body": False})

        await _while_there(receive, tell)

    async def _tell(self, reader: Reader, scope: Scope, send: Send) -> bool:
        """Send what is new, or that nothing is, for as long as a stream is; return whether the reader kept up."""
        # The number alone tells a browser from where on it is to ask after a break, also before the first event.
        piece = f"retry: {RETRY_MILLISECONDS}\nid: {self._after}\n\n".encode()
        told, until = self._after, anyio.current_time() + LONGEST_SECONDS
        while (
            not self._watcher.has_ended and anyio.current_time() < until and _may_still_read(scope)
        ):
            with anyio.move_on_after(SEND_SECONDS) as sending:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            if sending.cancelled_caught:
                return False
            piece = PING
            if self._watcher.number > told or await reader.wait(PING_SECONDS):
                news = await self._news(told)
                told, piece = (told, b"") if news is None else (news.number, news.events)
        return True

    async def _news(self, told: int) -> Told | None:
        """Return what is told of the transactions after one; None where there are none, or where they cannot be read now."""
        if self._watcher.number <= told:
            return None
        try:
            return await self._watcher.told(told)
        except LineageError:
            logger.exception("changes cannot be read")
            await anyio.sleep(LOOK_SECONDS)
            return None


def _may_still_read(scope: Scope) -> bool:
    """Whether the token that a reader came with is still good."""
    try:
        facts_of(scope).readmit()
    except Refusal:
        return False
    return True


_START: Final = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"content-type", f"{EVENTS}; charset=utf-8".encode()),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),  # or nginx keeps events until it has many
    ],
}


async def _while_there(receive: Receive, work: Callable[[], Awaitable[None]]) -> None:
    """Do something, but no longer than the client is there."""

    async def watch(scope: anyio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        scope.cancel()

    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch, tasks.cancel_scope)
            await work()
            tasks.cancel_scope.cancel()
    except BaseExceptionGroup as several:  # of which the work's own error is the one that counts
        raise several.exceptions[0] from None

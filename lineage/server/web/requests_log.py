"""What is known of a request beside its answer: one line of a log, what is measured, and the headers of every response.

A line has who asked for which route and how it ended, and never what was asked or answered.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Final, cast

from starlette.datastructures import MutableHeaders
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typing_extensions import override

from lineage.server.web.measures import Measures

__all__ = ["Address", "Facts", "Recorded", "facts_of"]

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
"""What a page may load and do: nothing that is not a file of ours."""
PICTURE_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""The same of an SVG file, which has its styles in itself."""
HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`, with which browsers say of no form where it comes from.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
YEAR: Final = 31_536_000
"""In seconds: how long a browser that came by TLS comes by nothing else."""


@dataclass
class Facts:
    """What becomes known of a request while it is answered."""

    id: str = field(default_factory=lambda: secrets.token_hex(8))
    route: str = ""
    """The address as the table of routes has it; "" where it is none of ours."""
    caller: str = ""
    readmit: Callable[[], object] = lambda: None
    """Raises a refusal once the caller would not be let in any more."""
    headers: dict[str, str] = field(default_factory=dict)
    """What the response says besides."""
    status: int = 0
    as_of: int | None = None
    sent: int = 0
    """Bytes of the body."""


def facts_of(scope: Scope) -> Facts:
    """Return what is known of a request that has come through `Recorded`."""
    return cast(Facts, scope["facts"])


class Address(Route):
    """An address of ours, which the request's facts name."""

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        facts_of(scope).route = self.path
        await super().handle(scope, receive, send)


class Recorded:
    """Gives each request its facts, each response its headers, and the log a line."""

    def __init__(self, app: ASGIApp, measures: Measures, log: IO[str] | None) -> None:
        self._app, self._measures, self._log = app, measures, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and write down that it was so."""
        if scope["type"] != "http":
            await Router()(scope, receive, send)  # which takes no web sockets
            return
        facts, began = Facts(), time.perf_counter()

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                if facts.status:
                    raise ConnectionAbortedError  # what has begun cannot end otherwise than it began
                _begin(facts, scope, message)
            else:
                facts.sent += len(message.get("body", b""))
            await send(message)

        try:
            with suppress(ConnectionAbortedError), self._measures.request():
                await self._app({**scope, "facts": facts}, receive, told)
        except asyncio.CancelledError:
            # The server ends, and what it ran this for ends with it: nobody is left to be told.
            facts.status = facts.status or 503
        finally:
            seconds = time.perf_counter() - began
            method = scope["method"] if scope["method"] in METHODS else "other"
            self._measures.count(facts.route, method, facts.status, seconds)
            self._write(facts, method, seconds)

    def _write(self, facts: Facts, method: str, seconds: float) -> None:
        is_well = facts.route.startswith("/health/") and facts.status == 200
        if self._log is None or is_well:  # of checks that find nothing there are a dozen a minute
            return
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "id": facts.id,
            "caller": facts.caller,
            "method": method,
            "route": facts.route,
            "status": facts.status,
            "ms": round(seconds * 1_000, 1),
            "as_of": facts.as_of,
            "bytes": facts.sent,
        }
        # A log that is full or closed is no reason not to answer.
        with suppress(OSError, ValueError):
            self._log.write(f"{json.dumps(line)}\n")
            self._log.flush()


def _begin(facts: Facts, scope: Scope, message: Message) -> None:
    headers = MutableHeaders(scope=message)
    facts.status = message["status"]
    number = headers.get("as-of", "")
    facts.as_of = int(number) if number else None
    is_picture = headers.get("content-type", "").startswith("image/svg+xml")
    headers.update(HEADERS)
    headers["Content-Security-Policy"] = PICTURE_POLICY if is_picture else POLICY
    headers["X-Request-Id"] = facts.id
    if scope["scheme"] == "https":
        headers["Strict-Transport-Security"] = f"max-age={YEAR}"
    headers.update(facts.headers)

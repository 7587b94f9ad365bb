"""Connections: so many at once, of clients that say what they want and take what they are told, within seconds."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["LONGEST_HEAD", "Connection"]

MOST: Final = 800
"""How many there are at once; most systems let a process open 1,024 files."""
HEAD_SECONDS: Final = 10.0
"""How long a request may take to say what it wants, and a client to make the next one."""
READING_SECONDS: Final = 30.0
"""How long a client may leave what it was sent where it is."""
LONGEST_HEAD: Final = 96 * 1024
"""How many bytes the address and the headers of a request have at most."""


class Connection(H11Protocol):
    """One of them; it is cut where its client is too slow."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's class narrows asyncio's, as this one must
        super().connection_made(transport)
        if len(self.connections) > MOST:
            transport.abort()
        else:
            self._await_head()

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_answering:
            _cancel(self._head)

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._is_answering:
            self._await_head()

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self._reading = self.loop.call_later(READING_SECONDS, self.transport.abort)

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        _cancel(self._reading)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        _cancel(self._head)
        _cancel(self._reading)
        super().connection_lost(exc)

    @property
    def _is_answering(self) -> bool:
        # Before the first request there is no cycle, whatever its annotation says.
        return self.cycle is not None and not self.cycle.response_complete  # type: ignore[redundant-expr]

    def _await_head(self) -> None:
        _cancel(self._head)
        self._head = self.loop.call_later(HEAD_SECONDS, self.transport.abort)


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()

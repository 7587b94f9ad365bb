"""The threads that answer requests: so many at once, so many that wait, and each stops when nobody waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, TypeVar

import anyio
import anyio.to_thread
from starlette.types import Receive

from lineage.server.refusal import Refusal
from lineage.server.underway import Underway

__all__ = ["Pool"]

THREADS: Final = 16
"""How many requests are answered at once."""
WAITING: Final = 64
"""How many more may wait for their turn."""

T = TypeVar("T")


class Pool:
    """Threads of their own for answers, so that nothing else that waits for a thread stands in line with them."""

    def __init__(self) -> None:
        self.underway = Underway()
        self._limiter: anyio.CapacityLimiter | None = None

    async def run(self, answer: Callable[[], T], receive: Receive) -> T:
        """Return what a function returns, called in a thread; it is stopped when the client has gone.

        A refusal, UNAVAILABLE, where too many wait already.
        """
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(THREADS)
        if self._limiter.statistics().tasks_waiting >= WAITING:
            raise Refusal("UNAVAILABLE", "the server is busy; come again in a moment")
        client = _Client()

        def work() -> T:
            with self.underway.call(client):
                return answer()

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            client.leave()

        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(watch)
                answered = await anyio.to_thread.run_sync(work, limiter=self._limiter)
                tasks.cancel_scope.cancel()
        except (
            BaseExceptionGroup
        ) as several:  # of which the answer's own error is the one that counts
            raise several.exceptions[0] from None
        return answered


class _Client:
    """Who waits for an answer, until they have gone."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._has_left = False
        self._callbacks: list[Callable[[], object]] = []

    def add_callback(self, callback: Callable[[], object]) -> bool:
        """Have this called when the client goes; False where it has gone."""
        with self._guard:
            self._callbacks.append(callback)
            return not self._has_left

    def leave(self) -> None:
        with self._guard:
            self._has_left = True
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

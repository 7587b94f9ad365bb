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
SECONDS: Final = 90.0
"""How long an answer may take, its wait for a thread included; a walk may be asked to take 60."""
LEAVING: Final = 5.0
"""How long after that its thread may take to see that it is to stop; then nobody waits for it."""

T = TypeVar("T")


class Pool:
    """Threads of their own for answers, so that nothing else that waits for a thread stands in line with them."""

    def __init__(self) -> None:
        self.underway = Underway()
        self._limiter: anyio.CapacityLimiter | None = None
        self._here = 0

    @property
    def waiting(self) -> int:
        """How many requests wait for a thread."""
        return max(0, self._here - THREADS)

    async def run(self, answer: Callable[[], T], receive: Receive) -> T:
        """Return what a function returns, called in a thread; it is stopped when the client has gone.

        Refusals: UNAVAILABLE where too many wait already, DEADLINE_EXCEEDED where it takes too long.
        """
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(THREADS)
        if self.waiting >= WAITING:
            raise Refusal("UNAVAILABLE", "the server is busy; come again in a moment")
        self._here += 1
        try:
            return await self._run(answer, receive, self._limiter)
        finally:
            self._here -= 1

    async def _run(
        self, answer: Callable[[], T], receive: Receive, limiter: anyio.CapacityLimiter
    ) -> T:
        client, answers = _Client(), list[T]()

        def work() -> T:
            with self.underway.call(client):
                return answer()

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            client.leave()

        async def end(scope: anyio.CancelScope) -> None:
            await anyio.sleep(SECONDS)
            client.leave(is_late=True)
            await anyio.sleep(LEAVING)
            scope.cancel()

        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(watch)
                tasks.start_soon(end, tasks.cancel_scope)
                answers.append(
                    await anyio.to_thread.run_sync(work, limiter=limiter, abandon_on_cancel=True)
                )
                tasks.cancel_scope.cancel()
        except (
            BaseExceptionGroup
        ) as several:  # of which the answer's own error is the one that counts
            if not client.is_late:
                raise several.exceptions[0] from None
        if not answers:
            raise Refusal("DEADLINE_EXCEEDED", f"there was no answer within {SECONDS:.0f} seconds")
        return answers[0]


class _Client:
    """Who waits for an answer, until they have gone."""

    def __init__(self) -> None:
        self.is_late = False
        """Whether it is the answer that took too long."""
        self._guard = threading.Lock()
        self._has_left = False
        self._callbacks: list[Callable[[], object]] = []

    def add_callback(self, callback: Callable[[], object]) -> bool:
        """Have this called when the client goes; False where it has gone."""
        with self._guard:
            self._callbacks.append(callback)
            return not self._has_left

    def leave(self, *, is_late: bool = False) -> None:
        with self._guard:
            self._has_left, self.is_late = True, self.is_late or is_late
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

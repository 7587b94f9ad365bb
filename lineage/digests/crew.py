"""Several threads that share out a piece of work, the caller's among them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Generic, TypeAlias, TypeVar

__all__ = ["MOST_THREADS", "Count", "share_out", "threads_here"]

MOST_THREADS = 8
"""From how many threads on a disk is what is waited for."""

Item = TypeVar("Item")
Count: TypeAlias = Callable[[int], None]


def threads_here() -> int:
    """Return how many threads may compute at a time: the processors of this process, up to `MOST_THREADS`."""
    return min(MOST_THREADS, len(os.sched_getaffinity(0)))


def share_out(
    work: Callable[[Item, Count], None], items: Iterable[Item], count: Count, *, threads: int
) -> None:
    """Do `work` for each item, in several threads at a time; items are begun in their order.

    What `work` counts reaches `count` in the caller's thread alone. The first error ends all work, at the next
    thing that is counted, and is raised. Where no thread can be had, the caller's does everything.
    """
    _Crew(work, deque(items), count).run(threads)


class _Stopped(BaseException):
    """Ends the work of a thread whose crew has ended."""


class _Done:
    """What a thread says last."""


class _Crew(Generic[Item]):
    def __init__(
        self, work: Callable[[Item, Count], None], items: deque[Item], count: Count
    ) -> None:
        self._work = work
        self._items = items
        self._count = count
        self._told: SimpleQueue[int | BaseException | _Done] = SimpleQueue()
        self._stopped = Event()
        self._ended = 0

    def run(self, threads: int) -> None:
        others = self._start(min(threads, len(self._items)) - 1)
        try:
            while (item := self._next()) is not None:
                self._work(item, self._counted_here)
            while self._ended < len(others):
                self._hear(self._told.get())
        finally:
            self._stopped.set()
            for other in others:
                other.join()

    def _start(self, number: int) -> list[Thread]:
        started: list[Thread] = []
        try:
            for _ in range(number):
                other = Thread(target=self._help, name="lineage-digest", daemon=True)
                other.start()
                started.append(other)
        except RuntimeError:  # the system has no more of them, or the interpreter is about to end
            pass
        return started

    def _next(self) -> Item | None:
        try:
            return self._items.popleft()
        except IndexError:
            return None

    def _help(self) -> None:
        try:
            while not self._stopped.is_set() and (item := self._next()) is not None:
                self._work(item, self._counted_elsewhere)
        except _Stopped:
            pass
        except BaseException as error:  # noqa: BLE001  # it is raised in the caller's thread
            self._told.put(error)
        self._told.put(_Done())

    def _counted_here(self, size: int) -> None:
        self._count(size)
        while True:
            try:
                self._hear(self._told.get_nowait())
            except Empty:
                return

    def _counted_elsewhere(self, size: int) -> None:
        if self._stopped.is_set():
            raise _Stopped
        self._told.put(size)

    def _hear(self, told: int | BaseException | _Done) -> None:
        if isinstance(told, BaseException):
            raise told
        if isinstance(told, _Done):
            self._ended += 1
        else:
            self._count(told)

"""Work that nobody waits for any more: a server says when a call is to stop, and the work looks.

A server wraps each call in `stopping`. Loops that may be long call `go_on`, waits are made in short
turns (`waited`), and a backend has its storage break off what it is at: SQLite looks itself, every so
many steps of a statement, and a connection to Neo4j is cut (`Stop.breaking`). Outside a server there
is nothing to stop, and looking costs one look at a context variable.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, TypeVar

__all__ = ["Stop", "current", "go_on", "is_to_stop", "stopping", "waited", "while_wanted"]

LOOK_SECONDS: Final = 0.1
"""How often a wait looks whether it is wanted any more."""

T = TypeVar("T")


class Stop:
    """Whether one call is to stop; any thread may ask for it, once.

    `rest` is called at each look of work that computes, and may sleep to leave others their turn.
    """

    __slots__ = ("_breaks", "_guard", "_rest", "error")

    def __init__(self, rest: Callable[[], object] | None = None) -> None:
        self.error: Exception | None = None
        """What the call is to end with; None while it may go on."""
        self._rest = rest
        self._guard = threading.Lock()
        self._breaks: list[Callable[[], object]] = []

    def ask(self, error: Exception) -> None:
        """Let the call end with this error, soon."""
        with self._guard:
            if self.error is not None:
                return
            self.error = error
            for break_off in self._breaks:
                break_off()

    def look(self) -> Exception | None:
        """Return what the call is to end with, if it is to; else rest where others wait for their turn."""
        if self.error is None and self._rest is not None:
            self._rest()
        return self.error

    @contextmanager
    def breaking(self, break_off: Callable[[], object]) -> Iterator[None]:
        """Have this called, by whichever thread asks, while something goes on that cannot look itself.

        It must not wait, and is not called once the block is left.
        """
        go_on()
        with self._guard:
            self._breaks.append(break_off)
        try:
            yield
        finally:
            with self._guard:
                self._breaks.remove(break_off)


_CURRENT: ContextVar[Stop | None] = ContextVar("lineage_stop", default=None)


@contextmanager
def stopping(stop: Stop) -> Iterator[None]:
    """Let what runs inside, in this thread, end when it is asked to."""
    token = _CURRENT.set(stop)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def current() -> Stop | None:
    """Return what may stop the work at hand; None where nothing does."""
    return _CURRENT.get()


def go_on() -> None:
    """Raise what the work at hand is to end with, if it is to."""
    stop = _CURRENT.get()
    if stop is not None:
        error = stop.look()
        if error is not None:
            raise error


def is_to_stop() -> bool:
    """Whether the work at hand is to end, for what cannot raise it."""
    stop = _CURRENT.get()
    return stop is not None and stop.look() is not None


def while_wanted(items: Iterable[T]) -> Iterator[T]:
    """Yield the items, and look before each whether it is wanted any more."""
    for item in items:
        go_on()
        yield item


def waited(wait: Callable[[float], bool], seconds: float) -> bool:
    """Return whether a wait of so many seconds came to its end; it is made in short turns."""
    deadline = time.monotonic() + seconds
    stop = _CURRENT.get()
    while True:
        if stop is not None and stop.error is not None:
            raise stop.error
        left = max(0.0, deadline - time.monotonic())
        if wait(min(LOOK_SECONDS, left)):
            return True
        if left == 0:
            return False

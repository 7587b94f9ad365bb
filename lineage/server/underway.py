"""The calls that a server is answering: each stops when nobody waits for it, or when the server ends.

Calls that compute for long share `PROCESSORS` among them. All threads of Python compete for one lock,
and who needs it for a moment only, such as a health check, would stand in line with all of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from lineage.contract.stopping import Stop, stopping
from lineage.server.refusal import Refusal

__all__ = ["Underway"]


SHORT_SECONDS: Final = 0.02
"""How much of a processor's time a call may take before it shares."""
TURN_SECONDS: Final = 0.005
"""How long it computes at a time from then on."""
PROCESSORS: Final = 2
"""How many of those calls compute at a time, on average."""


class Ending(Protocol):
    """What tells that a call is over: the client has gone, or its deadline has passed."""

    def add_callback(self, callback: Callable[[], object]) -> bool:
        """Have this called then; False where it is over already."""


class Underway:
    """The calls under way, in any threads."""

    def __init__(self) -> None:
        self._stops: set[Stop] = set()
        self._changed = threading.Condition()
        self.long: set[Turns] = set()
        """Those that have computed for long."""

    @contextmanager
    def call(self, context: Ending) -> Iterator[None]:
        """Count a call as under way, and stop it once nobody waits for its answer."""
        turns = Turns(self)
        stop = Stop(turns.rest)
        gone = Refusal("CANCELLED", "nobody waits for the answer any more")
        with self._changed:
            self._stops.add(stop)
        try:
            if not context.add_callback(lambda: stop.ask(gone)):
                stop.ask(gone)
            with stopping(stop):
                yield
        finally:
            with self._changed:
                self._stops.discard(stop)
                self.long.discard(turns)
                self._changed.notify_all()

    def stop(self) -> None:
        """Let all calls end."""
        with self._changed:
            stops = list(self._stops)
        for stop in stops:
            stop.ask(Refusal("UNAVAILABLE", "the server ends; call another, or again"))

    def wait(self, seconds: float) -> bool:
        """Wait until no call is under way; return whether that came in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._stops, seconds)


class Turns:
    """How long a call has computed, in the thread that makes this."""

    def __init__(self, underway: Underway) -> None:
        self._underway = underway
        self._since = self._used = time.thread_time()
        self._next = time.monotonic() + SHORT_SECONDS

    def rest(self) -> None:
        """Sleep for as long as those that computed meanwhile are to have, if there are too many."""
        if time.monotonic() < self._next:
            return
        used = time.thread_time()
        if used - self._since >= SHORT_SECONDS:
            self._underway.long.add(self)
            others = len(self._underway.long) / PROCESSORS - 1
            if others > 0:
                time.sleep((used - self._used) * others)
        self._used = used
        self._next = time.monotonic() + TURN_SECONDS

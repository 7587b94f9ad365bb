"""Whether the store has changed: one thread asks for all who want to know, and only while somebody does."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import anyio
import anyio.to_thread

from lineage.answers.log import LogEntry, entries
from lineage.contract.backend import Backend
from lineage.formats.documents import json_text, plain
from lineage.server.refusal import Refusal

__all__ = ["LOOK_SECONDS", "Happened", "Reader", "Told", "Watcher"]

logger = logging.getLogger("lineage.server")

LOOK_SECONDS: Final = 0.5
"""How often the store is asked for its last transaction."""
READERS: Final = 1_000
"""How many may wait for changes at once."""
APART: Final = 100
"""Up to how many transactions are told one by one; of more the last stands for all."""
THREADS: Final = 2
"""How many threads read what is told."""


@dataclass(frozen=True, slots=True)
class Happened:
    """A transaction: who wrote how many records when, and the message, or in a few words what was done.

    `transactions` is how many it stands for: of many that came together only the last is told.
    """

    number: int
    time: datetime
    actor: str
    message: str
    records: int
    transactions: int


class Told(NamedTuple):
    """What is told of the transactions after one, up to the last: as a list, and as server-sent events."""

    items: tuple[Happened, ...]
    events: bytes

    @property
    def number(self) -> int:
        """The last transaction that is told of."""
        return self.items[-1].number


class Reader:
    """Somebody who waits for changes, in the event loop that makes this."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Let the wait end; any thread may."""
        with suppress(RuntimeError):  # the loop is closed, and nobody waits in it
            self._loop.call_soon_threadsafe(self._woken.set)

    async def wait(self, seconds: float) -> bool:
        """Return whether it was woken within some seconds, or since the last wait."""
        with anyio.move_on_after(seconds):
            await self._woken.wait()
        woken = self._woken.is_set()
        self._woken.clear()
        return woken


class Watcher:
    """Tells readers what is new in a store, whichever process wrote it."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._guard = threading.Lock()
        self._reading = threading.Lock()
        self._ending = threading.Event()
        self._readers: set[Reader] = set()
        self._thread: threading.Thread | None = None
        self._limiter: anyio.CapacityLimiter | None = None
        self._told: dict[int, Told] = {}
        """What is told of those after a number, up to the last that is known."""
        self.number = 0
        """The last transaction that is known."""

    @property
    def has_ended(self) -> bool:
        """Whether nothing more is told."""
        return self._ending.is_set()

    def stop(self) -> None:
        """Let all readers go."""
        self._ending.set()
        self._wake()

    def learn(self, number: int) -> None:
        """Take note of a transaction that is there."""
        with self._guard:
            if number <= self.number:
                return
            self.number = number
        self._wake()

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """Let somebody wait for changes; a refusal, UNAVAILABLE, where too many do."""
        reader = Reader()
        with self._guard:
            if len(self._readers) >= READERS or self.has_ended:
                raise Refusal(
                    "UNAVAILABLE",
                    "too many wait for changes, or the server ends; come again in a moment",
                )
            self._readers.add(reader)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._watch, name="lineage-changes", daemon=True
                )
                self._thread.start()
        try:
            yield reader
        finally:
            with self._guard:
                self._readers.discard(reader)

    async def told(self, after: int) -> Told:
        """Return what is told of the transactions after one, which is not the last that is known."""
        known = self._told.get(after)
        if known is not None and known.number == self.number:
            return known
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(THREADS)
        return await anyio.to_thread.run_sync(self._read, after, limiter=self._limiter)

    def _read(self, after: int) -> Told:
        with self._reading:
            number = self.number
            known = self._told.get(after)
            if known is not None and known.number == number:
                return known
            told = _told(self._backend, after, number)
            others = self._told.items()
            # What was told up to an earlier one nobody asks for again, and a purge may have changed it.
            self._told = {key: each for key, each in others if each.number == number}
            self._told[after] = told
            return told

    def _wake(self) -> None:
        with self._guard:
            readers = [*self._readers]
        for reader in readers:
            reader.wake()

    def _watch(self) -> None:
        """Ask for the last transaction until nobody wants to know."""
        failed = False
        while True:
            with self._guard:
                if not self._readers or self.has_ended:
                    self._thread = None
                    return
            try:
                self.learn(self._backend.now())
                failed = False
            except Exception:  # whatever it is, readers wait until it is over
                if not failed:
                    logger.exception("the store cannot be asked for changes")
                failed = True
            self._ending.wait(LOOK_SECONDS)


def _told(backend: Backend, after: int, number: int) -> Told:
    """Read what is told of the transactions after one, up to another that is there."""
    several = number - after
    limit = several if several <= APART else 1
    log = entries(backend, limit=limit, before=number + 1, as_of=number)
    stands_for = 1 if several <= APART else several
    items = tuple(_happened(each, stands_for) for each in reversed(log.items))
    return Told(items, b"".join(map(_event, items)))


def _happened(entry: LogEntry, transactions: int) -> Happened:
    said = entry.message or entry.summary
    return Happened(entry.number, entry.time, entry.actor, said, entry.records, transactions)


def _event(happened: Happened) -> bytes:
    data = json_text(plain(happened))
    return f"id: {happened.number}\nevent: transaction\ndata: {data}\n\n".encode()

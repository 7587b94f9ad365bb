"""Who records in this context: the autologs whose blocks are open, and what each has to tell.

A context is that of `contextvars`: of a thread, or of a task of asyncio. A new thread begins with an empty one,
a new task and a forked process with a copy. Of several autologs of one store the innermost records, alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import cast

from lineage.contract.backend import Backend
from lineage.contract.transaction import Author
from lineage.model.entities import Execution
from lineage.recording.autologging import Autologged
from lineage.recording.current import current
from lineage.recording.handle import Handle
from lineage.recording.run import Run

__all__ = ["Taker", "active", "busy", "entered", "left", "takers_of"]

_LOGGER = logging.getLogger("lineage")


class Taker:
    """What an autolog is to the calls that it records."""

    def __init__(
        self, backend: Backend, author: Author, *, only: frozenset[str] | None, run: Handle | None
    ) -> None:
        self.backend = backend
        self.author = author
        self.only = only
        self.recorded: list[Autologged] = []
        self.is_over = False
        self._run = run
        self._around: Handle | None = None
        self._notes: dict[str, None] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """What was said, each once."""
        return tuple(self._notes)

    def note(self, sentence: str) -> None:
        """Say something, unless it was said before."""
        if sentence not in self._notes:
            self._notes[sentence] = None
            _LOGGER.warning("%s", sentence)

    def begin(self) -> None:
        """See which run goes on where the block begins."""
        self._around = current(self.backend)

    def takes(self, library: str) -> bool:
        """Whether it records a library, by the name of its module."""
        return self.only is None or library in self.only

    def parent(self) -> Run[Execution] | None:
        """Return the run of which a call that is made now is a step; None where there is none.

        A run that was entered inside the block goes before the one that the block was begun for.
        """
        now = current(self.backend)
        named = self._run
        if named is not None and not named.has_ended and now in (None, self._around):
            return cast(Run[Execution], named)
        return cast("Run[Execution] | None", now)


_ACTIVE: ContextVar[tuple[Taker, ...]] = ContextVar("lineage_takers", default=())
"""The autologs whose blocks were entered in this context, the innermost last."""
_BUSY: ContextVar[bool] = ContextVar("lineage_busy", default=False)
"""Whether a call is being recorded in this context, so that those inside of it are a part of it."""


def entered(taker: Taker) -> None:
    """Let an autolog record in this context."""
    _ACTIVE.set((*_open(), taker))


def left(taker: Taker) -> None:
    """Let an autolog record no longer, in whichever context."""
    taker.is_over = True
    _ACTIVE.set(tuple(_open()))


def takers_of(library: str) -> Sequence[Taker]:
    """Return who records a call of a library that is made now: of each store one, the outermost first."""
    if _BUSY.get():
        return ()
    innermost: list[Taker] = []
    for taker in reversed(_open()):
        if all(taker.backend is not each.backend for each in innermost):
            innermost.append(taker)
    return [taker for taker in reversed(innermost) if taker.takes(library)]


def _open() -> list[Taker]:
    return [taker for taker in _ACTIVE.get() if not taker.is_over]


@contextmanager
def busy() -> Iterator[None]:
    """Take the calls of the block as parts of the one that is being recorded."""
    token = _BUSY.set(True)
    try:
        yield
    finally:
        _BUSY.reset(token)


@contextmanager
def active(takers: Sequence[Taker]) -> Iterator[None]:
    """Record the calls of the block by themselves, also in a thread of its own."""
    token, token_busy = _ACTIVE.set(tuple(takers)), _BUSY.set(False)
    try:
        yield
    finally:
        _ACTIVE.reset(token)
        _BUSY.reset(token_busy)

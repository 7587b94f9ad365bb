"""Autolog: a block in which calls of machine learning libraries are recorded by themselves.

`lineage.autolog(store)` and `run.autolog()` return one. It records the calls of the context that entered it: of
that thread or task, of tasks that are begun in it, and of processes that are forked in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from lineage.contract.backend import Backend
from lineage.contract.plugins import integration_names
from lineage.contract.transaction import Author
from lineage.errors import Invalid, NotFound, excerpt
from lineage.integrations.hooks import install, remove
from lineage.integrations.models import models_of
from lineage.integrations.takers import Taker, entered, left
from lineage.model.entities import Artifact
from lineage.recording.autologging import Autologged
from lineage.recording.handle import Handle

__all__ = ["Autolog"]


class Autolog:
    """What `lineage.autolog` and `Run.autolog` return."""

    def __init__(
        self,
        backend: Backend,
        author: Author,
        *,
        only: str | Iterable[str] | None,
        run: Handle | None,
    ) -> None:
        self._taker = Taker(backend, author, only=_libraries(only), run=run)
        self._entered = False

    def __repr__(self) -> str:
        return f"<Autolog of {len(self.recorded)} calls>"

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what is not recorded, or otherwise than it might seem; each once."""
        return self._taker.notes

    @property
    def recorded(self) -> tuple[Autologged, ...]:
        """What was recorded, in the order in which the calls ended."""
        return tuple(self._taker.recorded)

    def model(self, fitted: object) -> Artifact:
        """Return the artifact that a fitted object is; `NotFound` where its fit was not recorded in this store."""
        artifact = models_of(self._taker.backend).of(fitted)
        if artifact is None:
            raise NotFound(
                f"this {type(fitted).__name__} is no model that was recorded here; fit it inside the block, and see "
                "the notes"
            )
        return artifact

    def __enter__(self) -> Self:
        if self._entered:
            raise Invalid("this autolog was entered before; make another one for each block")
        self._entered = True
        self._say(install())
        self._taker.begin()
        entered(self._taker)
        return self

    def __exit__(
        self,
        _: type[BaseException] | None,
        __: BaseException | None,
        ___: TracebackType | None,
    ) -> None:
        left(self._taker)
        self._say(remove())

    def _say(self, notes: Iterable[str]) -> None:
        for note in notes:
            self._taker.note(note)


def _libraries(only: object) -> frozenset[str] | None:
    """Return the libraries that are to be recorded; `Invalid` for one that cannot be."""
    if only is None:
        return None
    names = {only} if isinstance(only, str) else set(only) if isinstance(only, Iterable) else {only}
    there = integration_names()
    for name in names:
        if name not in there:
            raise Invalid(
                f"only={excerpt(name)} is no library that is recorded by itself; there are {', '.join(there)}"
            )
    return frozenset(map(str, names))

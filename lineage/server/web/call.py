"""One request as its handler sees it: the store of the moment asked about, who calls, and what to say besides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from starlette.types import ASGIApp

from lineage.errors import NotFound
from lineage.server.callers import Caller
from lineage.server.web.idempotency import Keys
from lineage.server.web.watching import Watcher
from lineage.store import Store

__all__ = ["Call", "Reply", "Stream"]

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Call:
    """A request that is being answered."""

    store: Store
    """The store as of the moment that was asked about, or as of now: all of an answer is of one moment."""
    now: int
    """The number of the last transaction."""
    present: Store
    """The store of the present, which writes in the caller's name."""
    caller: Caller
    watcher: Watcher
    """What tells of later transactions."""
    keys: Keys
    """Which requests wrote already."""
    address: str
    """Method and path, as they were written."""
    headers: Mapping[str, str]
    """What the request's headers say, by their names in any letters."""
    path: Mapping[str, str] = field(default_factory=dict)
    """What the address says in the places of the route's names."""

    @property
    def node(self) -> str:
        """The node that the address names, as `store.get` takes it."""
        return self.path["key"]

    @property
    def number(self) -> int:
        """The transaction that the answer is as of."""
        return self.store.as_of or 0

    def whole(self, name: str) -> int:
        """Return a whole number that the address has in place of a name; NotFound where it is none."""
        text = self.path[name]
        if not (text.isascii() and text.isdecimal() and len(text) < 19):
            raise NotFound(f"{text[:80]!r} is no number of a transaction")
        return int(text)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is no JSON document, or has headers of its own."""

    body: bytes
    media: str
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class Stream(Generic[T_co]):
    """An answer that goes on, such as `T_co`: no thread of the pool is held while it is sent."""

    app: ASGIApp

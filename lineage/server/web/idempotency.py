"""Requests that are made again: what one with an `Idempotency-Key` wrote is written once, whatever becomes of its answer.

The key, hashed with the caller and the address, is the mark of the transaction that writes, and so it is stored
with what was written or not at all. Before such a transaction writes, with the lock taken, it looks for its
own mark in those before it: so two servers of one store, or one that was killed before it answered, write
nothing twice.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from lineage.contract.backend import Backend
from lineage.errors import Conflict, Invalid
from lineage.server.web.arguments import Faulty
from lineage.server.web.written import Written

__all__ = ["HELD", "Key", "Keys", "key_of"]

HELD: Final = 10_000
"""In how many of the last transactions a key is looked for."""
KEPT: Final = 1_000
"""How many answers are kept whole, with their notes."""
LONGEST: Final = 255
_PREFIX: Final = "http"


class Key(NamedTuple):
    """What tells a request from all others, and what it says."""

    name: str
    content: str

    @property
    def mark(self) -> str:
        """What the transaction is marked with."""
        return f"{_PREFIX} {self.name} {self.content}"

    def check(self, content: str) -> None:
        """Raise `Invalid` where the request that had this key said something else."""
        if content != self.content:
            raise Invalid(
                "the Idempotency-Key was that of a request with another body; give each request a key of its own"
            )


def key_of(header: str, caller: str, address: str, body: Any) -> Key:
    """Return the key of a request; a refusal for what is no key."""
    if not 0 < len(header) <= LONGEST or not header.isascii() or not header.isprintable():
        raise Faulty("Idempotency-Key", f"Idempotency-Key: give 1 to {LONGEST} characters of ASCII")
    content = json.dumps(body, sort_keys=True)
    return Key(_digest(f"{caller}\0{address}\0{header}"), _digest(content))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


class Keys:
    """The keys of requests that were made of late, or are being answered."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._underway: set[str] = set()
        self._kept: OrderedDict[str, tuple[str, Written]] = OrderedDict()
        self._marks: OrderedDict[str, tuple[str, int]] = OrderedDict()
        """The transactions that have keys, oldest first, with what the requests said."""
        self._read = 0
        """Up to which transaction those are read."""

    def once(self, key: Key, write: Callable[[], Written]) -> Written:
        """Return what a request with this key wrote, or what `write` writes now.

        `Conflict` while it is being written, and `Invalid` where the key was that of another request.
        """
        with self._guard:
            kept = self._kept.get(key.name)
            if kept is not None:
                key.check(kept[0])
                return kept[1]
            if key.name in self._underway:
                raise Conflict("the request with this Idempotency-Key is being answered")
            self._underway.add(key.name)
        try:
            answer = write()
            with self._guard:
                self._kept[key.name] = (key.content, answer)
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        finally:
            with self._guard:
                self._underway.discard(key.name)
        return answer

    def written(self, backend: Backend, key: Key) -> int | None:
        """Return the transaction that has a key; in a locked transaction, so that none comes in between."""
        with self._guard:
            self._read_on(backend)
            content, number = self._marks.get(key.name, ("", 0))
        if not number:
            return None
        key.check(content)
        return number

    def _read_on(self, backend: Backend) -> None:
        last = backend.now()
        if last == self._read:
            return
        heads = backend.log(before=last + 1, limit=min(HELD, last - self._read))
        for head in reversed(heads):
            prefix, _, rest = head.mark.partition(" ")
            name, _, content = rest.partition(" ")
            if prefix == _PREFIX and content:
                self._marks[name] = (content, head.number)
        self._read = last
        while self._marks and next(iter(self._marks.values()))[1] <= last - HELD:
            self._marks.popitem(last=False)

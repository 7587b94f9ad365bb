"""Which transactions a log shows: those of an actor, of some days, that wrote a type, that say a text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from lineage.contract.backend import Backend
from lineage.contract.registry import node_class, registry
from lineage.model.entities import Node
from lineage.model.keys import LARGEST_ID, Kind
from lineage.model.rows import Commit, Head
from lineage.model.times import Moment, first_instant, last_instant
from lineage.model.values import to_text

__all__ = ["EVERYTHING", "LogFilter"]

FIRST_HEADS, BATCH_HEADS = 50, 1_000
"""How many transactions are read at first, and at most, at a time: most logs are asked for a page."""


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What a transaction must be: None is no condition, and all that are given hold.

    `actor` is its actor's whole name, `text` a part of its message; capital and small letters differ. It was
    written at or after `since` and at or before `until`, whole days in UTC included. `type` is what it
    wrote, deleted or purged a node of: a class, a kind, or a type's name, which if it is a system type's stands for
    every type based on it.
    """

    actor: str | None = None
    since: Moment | None = None
    until: Moment | None = None
    type: type[Node] | str | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        for each in (self.actor, self.text):
            if each is not None:
                to_text(each)

    def heads(self, backend: Backend, *, before: int | None, as_of: int | None) -> Iterator[Head]:
        """Yield the transactions before one, newest first.

        They are read no further than they are asked for, a thousand at a time. `NotFound` where there is no
        such type.
        """
        ids = None if self.type is None else self._type_ids(backend, as_of)
        start, end = self.bounds(backend, before=before, as_of=as_of)
        return self._read(backend, ids, start, end)

    def bounds(self, backend: Backend, *, before: int | None, as_of: int | None) -> tuple[int, int]:
        """Return the number of the last transaction that is too old, and of the first that is too new."""
        start = 0 if self.since is None else backend.number_at(first_instant(self.since) - 1)
        ends = [each for each in (before, None if as_of is None else as_of + 1) if each is not None]
        if self.until is not None:
            ends.append(backend.number_at(last_instant(self.until)) + 1)
        return start, min(ends, default=LARGEST_ID)

    def accepts(self, head: Head) -> bool:
        """Whether a transaction is the actor's and says the text."""
        if self.actor is not None and (head.author is not None or head.actor != self.actor):
            return False
        return self.text is None or self.text in head.message

    def _type_ids(self, backend: Backend, as_of: int | None) -> frozenset[int]:
        types = registry(backend, as_of)
        assert self.type is not None
        if not isinstance(self.type, str):
            return types.ids(node_class(self.type))
        if self.type in tuple(Kind):
            return frozenset(
                number for number, each in types.by_id.items() if each.kind == self.type
            )
        return types.meant(to_text(self.type))

    def _read(
        self, backend: Backend, ids: frozenset[int] | None, start: int, end: int
    ) -> Iterator[Head]:
        size = FIRST_HEADS
        while end - 1 > start:
            heads = backend.log(before=end, limit=size)
            taken = [head for head in heads if head.number > start and self.accepts(head)]
            if ids is not None and taken:
                writers = _writers(backend, taken, ids)
                taken = [head for head in taken if head.number in writers]
            yield from taken
            if len(heads) < size:
                return
            end, size = heads[-1].number, min(2 * size, BATCH_HEADS)


EVERYTHING: Final = LogFilter()
"""The filter that accepts every transaction."""


def _writers(backend: Backend, heads: Sequence[Head], ids: frozenset[int]) -> set[int]:
    """Return the numbers of those transactions, newest first, that wrote or took away a node of some types."""
    numbers = {head.number for head in heads}
    commits = backend.changes(heads[-1].number - 1, until=heads[0].number)
    return {
        commit.head.number
        for commit in commits
        if commit.head.number in numbers and _has(backend, commit, ids)
    }


def _has(backend: Backend, commit: Commit, ids: frozenset[int]) -> bool:
    batch = commit.batch
    if any(row.type_id in ids for rows in (batch.nodes, batch.updates) for row in rows):
        return True
    gone = (
        backend.nodes({*commit.deleted, *commit.purged}) if commit.deleted or commit.purged else {}
    )
    return any(row.type_id in ids for row in gone.values())

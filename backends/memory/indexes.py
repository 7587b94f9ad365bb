"""The indexes of the memory backend: sorted ids by what nodes are looked up by.

Adding what is there and taking away what is not change nothing, so that half a change can be
undone like a whole one.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Final, Generic, Literal, TypeAlias, TypeVar

from lineage.contract.beginnings import last_part
from lineage.filters.tree import Field
from lineage.model.contents import digest_of
from lineage.model.keys import Kind
from lineage.model.rows import NodeRow

__all__ = [
    "CONTENT",
    "DIGEST",
    "INDEXED",
    "TEXTS",
    "Index",
    "Indexed",
    "Term",
    "TextOrders",
    "VersionOrder",
    "in_order",
    "terms",
]

DIGEST: Final = "digest"
"""What artifacts are found by beside their fields; its values are hashes, and rows are compared."""
Indexed: TypeAlias = Field | Literal["digest"]
Term: TypeAlias = tuple[Indexed, Hashable]
"""A field and a value of it; under the field `ID` and the value None are all ids."""

TEXTS: dict[str, Callable[[NodeRow], str | None]] = {
    "name": attrgetter("name"),
    "uri": attrgetter("uri"),
    "last part": lambda row: None if row.uri is None else last_part(row.uri),
}
"""The texts by whose beginnings nodes are found, and how a row is asked for each."""
INDEXED = (Field.ID, Field.TYPE_ID, Field.NAME, Field.EXTERNAL_ID, Field.URI)
CONTENT: frozenset[Indexed] = frozenset({Field.NAME, Field.EXTERNAL_ID, Field.URI, DIGEST})
"""What is indexed and erased by a purge."""
# A member of an enum is a slow look-up, and every write needs these.
_ID, _TYPE_ID, _NAME, _EXTERNAL_ID, _URI = INDEXED
_ARTIFACT = Kind.ARTIFACT

ItemT = TypeVar("ItemT", int, tuple[int, int])
ValueT = TypeVar("ValueT", int, str)


def terms(row: NodeRow) -> list[Term]:
    """Return what a version is found by."""
    found: list[Term] = [(_ID, None), (_TYPE_ID, row.type_id)]
    if row.name is not None:
        found.append((_NAME, row.name))
    if row.external_id is not None:
        found.append((_EXTERNAL_ID, row.external_id))
    if row.uri is not None:
        found.append((_URI, row.uri))
    if row[0][0] is _ARTIFACT:
        digest = digest_of(row)
        if digest is not None:
            found.append((DIGEST, hash(digest)))
    return found


class Index:
    """The ids of nodes of one kind by term; a value's only id stands bare, as most values have one."""

    __slots__ = ("_ids",)

    def __init__(self) -> None:
        self._ids: dict[Indexed, dict[Hashable, int | list[int]]] = {
            each: {} for each in (*INDEXED, DIGEST)
        }

    @property
    def fields(self) -> frozenset[Indexed]:
        """What there may be terms of."""
        return frozenset(field for field, by_value in self._ids.items() if type(by_value) is dict)

    def get(self, field: Indexed, value: Hashable) -> Sequence[int]:
        """Return the ids in order."""
        found = self._ids[field].get(value)
        if found is None:
            return ()
        return found if isinstance(found, list) else (found,)

    def has(self, term: Term, number: int) -> bool:
        """Whether an id is there."""
        ids = self.get(*term)
        place = bisect_left(ids, number)
        return place < len(ids) and ids[place] == number

    def add(self, some: Iterable[Term], number: int) -> None:
        """Put an id under terms."""
        for field, value in some:
            by_value = self._ids[field]
            found = by_value.setdefault(value, number)
            if found is number:
                continue
            if not isinstance(found, list):
                if found != number:
                    by_value[value] = [found, number] if found < number else [number, found]
            elif found[-1] < number:
                found.append(number)
            elif not self.has((field, value), number):
                insort(found, number)

    def discard(self, some: Iterable[Term], number: int) -> None:
        """Take an id from terms."""
        for field, value in some:
            if not self.has((field, value), number):
                continue
            found = self._ids[field][value]
            if isinstance(found, list) and len(found) > 1:
                del found[bisect_left(found, number)]
            else:
                del self._ids[field][value]

    def replace(self, old: NodeRow, new: NodeRow) -> None:
        """Move an id from the terms of one version to those of the next."""
        before, after = terms(old), terms(new)
        self.discard([term for term in before if term not in after], old.key.id)
        self.add([term for term in after if term not in before], new.key.id)

    def items(self) -> Iterator[tuple[Term, Sequence[int]]]:
        """Yield every term with its ids."""
        for field, by_value in self._ids.items():
            for value in by_value:
                yield (field, value), self.get(field, value)


class VersionOrder(Generic[ValueT]):
    """The (value, id) of every version of the nodes of one kind, in order: a time of it, or a text.

    Entries are only ever added, at the latest when the order is asked for: whoever reads it looks
    whether the version is the one of his moment. So one order serves all moments.
    """

    __slots__ = ("_entries", "_pending")

    def __init__(self, entries: Iterable[tuple[ValueT, int]]) -> None:
        self._entries: list[tuple[ValueT, int]] = []
        self._pending: list[tuple[ValueT, int]] = list(entries)

    def add(self, value: ValueT, number: int) -> None:
        """Add a version."""
        self._pending.append((value, number))

    def entries(self) -> Sequence[tuple[ValueT, int]]:
        """Return all entries in order."""
        while self._pending and len(self._pending) < 100:
            entry = self._pending[-1]
            place = bisect_left(self._entries, entry)
            if self._entries[place : place + 1] != [entry]:
                self._entries.insert(place, entry)
            self._pending.pop()
        if self._pending:
            # Two sorted runs are merged faster than a set is sorted.
            entries = [*self._entries, *sorted(self._pending)]
            entries.sort()
            self._entries = list(map(itemgetter(0), groupby(entries)))
            self._pending = []
        return self._entries


class TextOrders:
    """The texts by whose beginnings nodes are found, in order; rows that come are sorted at the next search."""

    __slots__ = ("_orders", "unsorted")

    def __init__(self, rows: Iterable[NodeRow]) -> None:
        self._orders = {(kind, which): VersionOrder[str](()) for kind in Kind for which in TEXTS}
        self.unsorted = [*rows]

    def entries(self, kind: Kind, which: str) -> Sequence[tuple[str, int]]:
        """Return one of `TEXTS` of all versions of the nodes of a kind, with their ids, in order."""
        for row in self.unsorted:
            own, number = row.key
            for each, text_of in TEXTS.items():
                text = text_of(row)
                if text is not None:
                    self._orders[own, each].add(text, number)
        self.unsorted.clear()
        return self._orders[kind, which].entries()


def in_order(
    runs: Sequence[Sequence[ItemT]], *, descending: bool = False, after: ItemT | None = None
) -> Iterator[ItemT]:
    """Merge sorted runs of distinct items lazily, each item once, from the first after `after`."""
    parts = [_part(run, descending=descending, after=after) for run in runs if run]
    if len(parts) < 2:
        return parts[0] if parts else iter(())
    return (item for item, _ in groupby(heapq.merge(*parts, reverse=descending)))


def _part(run: Sequence[ItemT], *, descending: bool, after: ItemT | None) -> Iterator[ItemT]:
    if descending:
        end = len(run) if after is None else bisect_left(run, after)
        return map(run.__getitem__, range(end - 1, -1, -1))
    start = 0 if after is None else bisect_right(run, after)
    return map(run.__getitem__, range(start, len(run)))

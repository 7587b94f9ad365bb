"""What the memory backend remembers beside its graph: types, and what each transaction wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKey, EdgeRow, TypeRow, types_with
from lineage.model.system import SYSTEM_TYPES

__all__ = ["OpenRecords", "TransactionRecords", "TypeHistory", "no_records"]


class TypeHistory:
    """Every version of every type, by id, oldest first."""

    def __init__(self) -> None:
        self._versions = {number: [TypeRow(each, 0)] for number, each in enumerate(SYSTEM_TYPES, 1)}
        self._present: tuple[TypeRow, ...] | None = None

    @property
    def present(self) -> tuple[TypeRow, ...]:
        """The latest version of each type: the same object until one changes."""
        if self._present is None:
            self._present = self.latest()
        return self._present

    def at(self, as_of: int) -> tuple[TypeRow, ...]:
        """Return the types of a moment."""
        found = (self.version(number, as_of) for number in sorted(self._versions))
        return tuple(row for row in found if row is not None)

    def version(self, number: int, as_of: int) -> TypeRow | None:
        """Return a type as it was at a moment."""
        for row in reversed(self._versions.get(number, ())):
            if row.since <= as_of:
                return row if row.until is None else TypeRow(row.type, row.since)
        return None

    def kind(self, number: int) -> Kind | None:
        """Return which kind of node a type is for."""
        versions = self._versions.get(number)
        return None if versions is None else versions[-1].type.kind

    def versions(self, number: int) -> Sequence[TypeRow]:
        """Return all versions of a type, oldest first."""
        return self._versions.get(number, ())

    def items(self) -> Iterator[tuple[int, Sequence[TypeRow]]]:
        """Yield every type with its versions."""
        yield from self._versions.items()

    def latest(self) -> tuple[TypeRow, ...]:
        """Return the latest version of each type, as they are kept."""
        return tuple(self._versions[number][-1] for number in sorted(self._versions))

    def written(self) -> Iterator[tuple[int, int]]:
        """Yield the transaction and the id of every version but the preloaded ones."""
        for number, versions in self._versions.items():
            yield from ((row.since, number) for row in versions if row.since)

    def put(self, row: TypeRow, number: int) -> None:
        """Add a type, or the next version of one."""
        assert row.type.id is not None
        old = self._versions.get(row.type.id, [])
        kept = [each for each in old if each.since != number]
        if kept and kept[-1].until is None:
            kept[-1] = kept[-1]._replace(until=number)
        self._versions[row.type.id] = [*kept, row]
        if self._present is not None:
            self._present = types_with(self._present, row)

    def undo_of(self, number: int) -> Callable[[], None]:
        """Return what brings back a type as it is now."""
        return partial(self._restore, number, self._versions.get(number), self._present)

    def _restore(
        self, number: int, versions: list[TypeRow] | None, present: tuple[TypeRow, ...] | None
    ) -> None:
        if versions is None:
            self._versions.pop(number, None)
        else:
            self._versions[number] = versions
        self._present = present


class TransactionRecords(NamedTuple):
    """What a transaction wrote, as `changes` finds it again.

    Nodes are here by key alone: their content is kept where a purge erases it.
    """

    types: Sequence[int]
    nodes: Sequence[NodeKey]
    edges: Sequence[EdgeRow]
    edge_updates: Sequence[EdgeRow]
    ended: Sequence[EdgeKey]
    deleted: Sequence[NodeKey]
    purged: Sequence[NodeKey]
    purged_heads: Sequence[int]


class OpenRecords(NamedTuple):
    """The records of an open transaction, as they are gathered."""

    types: list[int]
    nodes: list[NodeKey]
    edges: list[EdgeRow]
    edge_updates: list[EdgeRow]
    ended: list[EdgeKey]
    deleted: list[NodeKey]
    purged: list[NodeKey]
    purged_heads: list[int]

    def closed(
        self, edges: Iterable[EdgeRow], edge_updates: Iterable[EdgeRow]
    ) -> TransactionRecords:
        """Return the records, with those versions of edges that are still there."""
        return TransactionRecords(
            types=tuple(self.types),
            nodes=tuple(self.nodes),
            edges=tuple(edges),
            edge_updates=tuple(edge_updates),
            ended=tuple(self.ended),
            deleted=tuple(self.deleted),
            purged=tuple(dict.fromkeys(self.purged)),
            purged_heads=tuple(dict.fromkeys(self.purged_heads)),
        )


def no_records() -> OpenRecords:
    """Return the records of a transaction that has written nothing yet."""
    return OpenRecords([], [], [], [], [], [], [], [])

"""Walks over the edge tables, level by level, on packed keys.

The frontier goes in as a JSON array; CROSS JOIN fixes the order of the join, without which SQLite
scans all edges. A level is read up to a bound that follows the node limit; only where a hub goes
past it are its neighbours taken one by one, in key order, until enough are found.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from pydantic_core import to_json
from typing_extensions import override

from lineage.backends.sqlite.filters import Tables
from lineage.backends.sqlite.rows import CONTEXT_EDGES, EDGE_COLUMNS, edge_rows, keys_of
from lineage.contract.walking import (
    SLACK,
    Direction,
    LaterEdges,
    LevelWalk,
    Limits,
    Omitted,
    Walk,
)
from lineage.model.keys import NodeKey
from lineage.model.purposes import EVERY_USE
from lineage.model.rows import EdgeRow

__all__ = ["walk_tables"]

_SIDES = {
    Direction.UPSTREAM: (("dst", "src"),),
    Direction.DOWNSTREAM: (("src", "dst"),),
    Direction.BOTH: (("dst", "src"), ("src", "dst")),
}
Row = tuple[Any, ...]


def walk_tables(
    sql: sqlite3.Connection,
    source: Tables,
    starts: Collection[int],
    direction: Direction,
    *,
    limits: Limits,
    edges: bool,
    omitted: Omitted | None,
) -> Walk:
    """Walk as `Backend.walk` says, from packed keys; inside one read transaction."""
    walk = _Walk(sql, source, direction, limits, with_edges=edges, omitted=omitted)
    return walk.run(starts)


def _counts(omitted: Omitted | None) -> str:
    """Return the condition that an edge `e` is an event which is not omitted."""
    conditions = [f"e.kind < {CONTEXT_EDGES}"]
    if omitted is not None and omitted.without:
        # A bit that is not left out, or no bit at all.
        conditions.append(f"(e.uses = 0 OR e.uses & {EVERY_USE & ~omitted.without})")
    if omitted is not None and omitted != Omitted(omitted.without):
        untimed = f"e.time IS NULL AND coalesce(e.first, e.since) <= {omitted.number}"
        conditions.append(f"(e.time <= {omitted.happened_by} OR {untimed})")
    return " AND ".join(conditions)


class _Walk(LevelWalk[int]):
    """A walk over the tables of one moment."""

    def __init__(
        self,
        sql: sqlite3.Connection,
        source: Tables,
        direction: Direction,
        limits: Limits,
        *,
        with_edges: bool,
        omitted: Omitted | None,
    ) -> None:
        super().__init__(limits)
        self._sql = sql
        self._source = source
        self._sides = _SIDES[direction]
        self._with_edges = with_edges
        self._counts = _counts(omitted)
        self._met: list[Row] = []
        self._queries: dict[tuple[str, bool], str] = {}

    @override
    def _order(self, nodes: Collection[int]) -> list[int]:
        # Artifacts before executions, then by id.
        return sorted(nodes, key=lambda number: (number & 3, number))

    @override
    def _keys(self, nodes: list[int]) -> list[NodeKey]:
        return keys_of(nodes)

    @override
    def _neighbours(self, frontier: Sequence[int], room: int | None) -> set[int]:
        bound = -1 if room is None else SLACK + 8 * (room + len(frontier))
        found: set[int] = set()
        for own, other in self._sides:
            rows = self._read(own, other, frontier, bound)
            if bound >= 0 and len(rows) >= bound:
                assert room is not None
                first: set[int] = set()
                for number in frontier:
                    first.update(self._first_unseen(own, other, number, room + 1))
                if len(first) > room:
                    found |= first
                    continue
                rows = self._read(own, other, frontier, -1)
            if self._with_edges:
                self._met.extend(rows)
                position = 0 if other == "src" else 1
                found.update([row[position] for row in rows])
            else:
                found.update([number for (number,) in rows])
        return found - self._seen

    def _read(self, own: str, other: str, keys: Sequence[int], bound: int) -> list[Row]:
        """Return the edges at some nodes (or without edges the other ends), no more than the bound."""
        place = (own, self._with_edges)
        query = self._queries.get(place)
        if query is None:
            columns = EDGE_COLUMNS if self._with_edges else other
            names = ", ".join(f"e.{name.strip()}" for name in columns.split(","))
            arms = [
                f"SELECT {names} FROM json_each(?1) AS f CROSS JOIN {table} AS e ON e.{own} = f.value "
                f"WHERE {self._counts} AND {condition}"
                for table, condition in self._source.arms("edge")
            ]
            query = self._queries[place] = f"{' UNION ALL '.join(arms)} LIMIT ?2"
        return self._sql.execute(query, (to_json(keys).decode(), bound)).fetchall()

    def _each_neighbour(self, own: str, other: str, number: int) -> Iterator[int]:
        """Yield one node's neighbours in order, lazily; a neighbour may come more than once."""
        # Events join artifacts with executions, and within one kind of end the index is in order.
        other_kind = 1 - (number & 3)
        arms = [
            f"SELECT {other} FROM {table} AS e WHERE {own} = ?1 AND {other} & 3 = {other_kind} "
            f"AND {self._counts} AND {condition}"
            for table, condition in self._source.arms("edge")
        ]
        cursor = self._sql.execute(f"{' UNION ALL '.join(arms)} ORDER BY {other}", (number,))
        try:
            for (neighbour,) in cursor:
                yield neighbour
        finally:
            cursor.close()

    def _first_unseen(self, own: str, other: str, number: int, count: int) -> set[int]:
        unseen: set[int] = set()
        for neighbour in self._each_neighbour(own, other, number):
            if neighbour not in self._seen:
                unseen.add(neighbour)
                if len(unseen) >= count:
                    break
        return unseen

    @override
    def _look_beyond(self, unexpanded: Sequence[int]) -> set[int]:
        leading: set[int] = set()
        for own, other in self._sides:
            rows = self._at_the_end(own, other, unexpanded, SLACK + 16 * len(self._seen))
            if rows is not None:
                leading |= self._beyond(other, rows)
                continue
            for number in unexpanded:
                leading |= self._beyond_one(own, other, number)
        return leading

    def _beyond(self, other: str, rows: Iterable[Row]) -> set[int]:
        """Sort edges at the last nodes: gather those among kept ones, and return the ends that lead on."""
        position = 0 if other == "src" else 1
        leading: set[int] = set()
        for row in rows:
            if row[position] in self._seen:
                self._met.append(row)
            else:
                leading.add(row[1 - position])
        return leading

    def _beyond_one(self, own: str, other: str, number: int) -> set[int]:
        """Do the same for one node, whose edges are read only where they are no more than the kept nodes."""
        rows = self._at_the_end(own, other, [number], 1 + len(self._seen))
        if rows is not None:
            return self._beyond(other, rows)
        if self._with_edges:
            self._met.extend(self._among_kept(own, other, number))
        return {number} if self._first_unseen(own, other, number, 1) else set()

    def _at_the_end(
        self, own: str, other: str, keys: Sequence[int], bound: int
    ) -> list[Row] | None:
        """Return the edges at the last nodes, or None where they are more than the bound."""
        with_edges, self._with_edges = self._with_edges, True
        rows = self._read(own, other, keys, bound)
        self._with_edges = with_edges
        return rows if len(rows) < bound else None

    def _among_kept(self, own: str, other: str, number: int) -> Iterator[Row]:
        """Yield the edges between a node and kept ones, found from these."""
        names = ", ".join(f"e.{name.strip()}" for name in EDGE_COLUMNS.split(","))
        kept = to_json(list(self._seen)).decode()
        for table, condition in self._source.arms("edge"):
            yield from self._sql.execute(
                f"SELECT {names} FROM json_each(?1) AS f CROSS JOIN {table} AS e "
                f"ON e.{own} = ?2 AND e.{other} = f.value WHERE {self._counts} AND {condition}",
                (kept, number),
            )

    @override
    def _edges(self, *, whole: bool) -> Sequence[EdgeRow]:
        if not self._with_edges:
            return []
        met = self._met
        if not whole or len(self._sides) > 1:
            # Beside what was kept, or from both ends; otherwise each edge was met once.
            seen = self._seen
            distinct = {row[:3]: row for row in met if row[0] in seen and row[1] in seen}
            met = list(distinct.values())
        return LaterEdges(len(met), lambda: sorted(edge_rows(met)))

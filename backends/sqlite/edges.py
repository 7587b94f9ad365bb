"""The table of edges: new ones, new versions, endings; one node's edges by pages, and their numbers."""

from __future__ import annotations

import functools
import itertools
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from pydantic_core import to_json

from lineage.backends.sqlite.filters import Tables
from lineage.backends.sqlite.rows import (
    EDGE_COLUMNS,
    KIND_NUMBERS,
    edge_key_values,
    edge_kind,
    edge_rows,
    edge_values,
    number_of,
)
from lineage.contract.paging import RANKS, EdgeCounts, Page, capped
from lineage.contract.projection import Join, Link
from lineage.contract.refusals import no_edge
from lineage.contract.walking import Direction
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKey, EdgeKind, EdgeRow

__all__ = [
    "count_edges",
    "end_edges",
    "insert_edges",
    "read_edge_page",
    "read_joined",
    "update_edges",
]

_IS = "dst = ? AND src = ? AND kind = ?"
_INSERT = "INSERT INTO edge VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_UPDATE = (
    f"UPDATE edge SET uses = ?, time = ?, paths = ?, since = ?, place = ?, first = ? WHERE {_IS}"
)
_RETIRE = f"INSERT INTO edge_past SELECT *, ?, ? FROM edge WHERE {_IS} AND since < ?"
_END_REPLACED = f"UPDATE edge_past SET replaced = FALSE WHERE {_IS} AND until = ? AND replaced"
_ENDS = {Direction.UPSTREAM: ("dst", "src"), Direction.DOWNSTREAM: ("src", "dst")}
"""The columns of a node's own end and of the other one, on each of its sides."""


def insert_edges(sql: sqlite3.Connection, rows: Sequence[EdgeRow]) -> None:
    """Write new edges."""
    sql.executemany(_INSERT, map(edge_values, rows))


def update_edges(sql: sqlite3.Connection, number: int, rows: Sequence[EdgeRow]) -> None:
    """Give edges new versions; the ones before move to the past, replaced and not ended."""
    for row in rows:
        place, content = edge_key_values(row.key), edge_values(row)[3:]
        sql.execute(_RETIRE, (number, True, *place, number))
        if not sql.execute(_UPDATE, (*content, *place)).rowcount:
            raise no_edge(row.key)


def end_edges(sql: sqlite3.Connection, number: int, keys: Collection[EdgeKey]) -> None:
    """Move edges to the past, as `Backend.end` says."""
    for key in keys:
        place = edge_key_values(key)
        moved = sql.execute(_RETIRE, (number, False, *place, number)).rowcount
        if not sql.execute(f"DELETE FROM edge WHERE {_IS}", place).rowcount:
            raise no_edge(key)
        if not moved:
            # Its own update of this transaction goes, and the version before that has ended.
            sql.execute(_END_REPLACED, (*place, number))


def read_edge_page(sql: sqlite3.Connection, source: Tables, page: Page) -> list[EdgeRow]:
    """Return a page of a node's edges, as `Backend.edge_page` does."""
    values = [each for side in page.sides for each in _on_side(sql, source, page, side)]
    return page.of(edge_rows(values))


def _on_side(
    sql: sqlite3.Connection, source: Tables, page: Page, side: Direction
) -> list[Sequence[Any]]:
    """Return the edges on one side that may be in the page, by the other end's kind as keys are in order."""
    place, limit = page.place(side), page.limit
    values: list[Sequence[Any]] = []
    for end, kinds in page.by_end(side).items():
        left = -1 if limit is None else limit - len(values)
        if RANKS[end] < place.rank or not left:
            continue
        begins = RANKS[end] == place.rank
        parameters = {
            "own": number_of(page.key),
            "other": number_of(NodeKey(end, place.id)) if begins else -1,
            "kind": place.kind if begins else 0,
            "limit": left,
        }
        query = _page_query(source, side, end, tuple(kinds))
        values += sql.execute(query, parameters).fetchall()
    return values


@functools.lru_cache(maxsize=256)
def _page_query(source: Tables, side: Direction, end: Kind, kinds: tuple[EdgeKind, ...]) -> str:
    """Return the query for edges with other ends of a kind; the primary key and the index are in its order."""
    own, other = _ENDS[side]
    of_kinds = ", ".join(str(int(kind)) for kind in kinds)
    arms = [
        f"SELECT {EDGE_COLUMNS} FROM {table} WHERE {own} = :own AND ({other}, kind) > (:other, :kind) "
        f"AND {other} & 3 = {KIND_NUMBERS[end]} AND kind IN ({of_kinds}) AND {moment}"
        for table, moment in source.arms("edge")
    ]
    return f"{' UNION ALL '.join(arms)} ORDER BY {other}, kind LIMIT :limit"


def count_edges(sql: sqlite3.Connection, source: Tables, key: NodeKey) -> EdgeCounts:
    """Return the numbers of a node's edges, as `Backend.edge_counts` does."""
    return capped(dict(_counts(sql, source, key)))


def _counts(
    sql: sqlite3.Connection, source: Tables, key: NodeKey
) -> Iterator[tuple[tuple[Direction, EdgeKind], int]]:
    for side, (own, _) in _ENDS.items():
        arms = [
            f"SELECT kind FROM {table} WHERE {own} = :own AND {moment}"
            for table, moment in source.arms("edge")
        ]
        query = f"SELECT kind, count(*) FROM ({' UNION ALL '.join(arms)}) GROUP BY kind"
        for kind, count in sql.execute(query, {"own": number_of(key)}):
            yield (side, edge_kind(kind)), count


def read_joined(sql: sqlite3.Connection, source: Tables, join: Join) -> list[Link]:
    """Return the edges between nodes of some types, as `Backend.joined` does."""
    types = (to_json(sorted(ids)).decode() for ids in (join.sources, join.targets))
    return sql.execute(_joined_query(source, join.kinds), (*types,)).fetchall()


@functools.lru_cache(maxsize=64)
def _joined_query(source: Tables, kinds: frozenset[EdgeKind]) -> str:
    """Return the query for such edges, which takes the types of sources and of targets as JSON.

    It goes from the targets, by which edges are clustered.
    """
    numbers = ", ".join(str(int(kind)) for kind in sorted(kinds))
    arms = itertools.product(
        source.arms("node", "t"), source.arms("edge", "e"), source.arms("node", "s")
    )
    return " UNION ALL ".join(
        f"SELECT e.src >> 2, e.dst >> 2, e.paths FROM json_each(?2) AS f "
        f"CROSS JOIN {target} AS t ON t.type = f.value AND {target_then} "
        f"CROSS JOIN {edge} AS e ON e.dst = t.key AND e.kind IN ({numbers}) AND {edge_then} "
        f"CROSS JOIN {start} AS s ON s.key = e.src AND {start_then} "
        f"WHERE s.type IN (SELECT value FROM json_each(?1))"
        for (target, target_then), (edge, edge_then), (start, start_then) in arms
    )

"""Finding nodes of a SQLite store by the beginnings of their texts, by ranges of its indexes.

A range of names is sought within each type, for which they are indexed anyhow. All texts compare by
code points, as SQLite does by the bytes of UTF-8.
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from lineage.backends.sqlite.filters import Tables
from lineage.backends.sqlite.reading import read_nodes
from lineage.backends.sqlite.rows import HAS_LAST_PART, LAST_PART, key_of, number_of
from lineage.contract.beginnings import Beginning
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import NodeRow, TypeRow

__all__ = ["read_beginning_with"]

_COUNTERS = "SELECT artifacts, executions, contexts FROM txn WHERE number = ?"


def read_beginning_with(
    sql: sqlite3.Connection, source: Tables, beginning: Beginning, types: Iterable[TypeRow]
) -> list[NodeRow]:
    """Return the nodes with a text that begins so, as `Backend.beginning_with` does."""
    places = sorted(_places(sql, source, beginning, types))
    keys = [*dict.fromkeys(key for _, key in places)][: beginning.limit]
    rows = read_nodes(sql, source, keys)
    return [rows[key] for key in keys]


def _places(
    sql: sqlite3.Connection, source: Tables, beginning: Beginning, types: Iterable[TypeRow]
) -> Iterator[tuple[str, NodeKey]]:
    """Yield the first texts that begin so, each with its node, from each range of an index."""
    end, limit = beginning.end, beginning.limit
    given: dict[str, Any] = {
        "text": beginning.text,
        "end": end,
        "limit": -1 if limit is None else limit,
    }
    highest = _highest(sql, source)
    asked: list[tuple[str, Kind, int | None]] = [
        ("name", row.type.kind, row.type.id) for row in types if row.type.kind in beginning.kinds
    ]
    if beginning.has_artifacts:
        asked += [("uri", Kind.ARTIFACT, None), ("last part", Kind.ARTIFACT, None)]
    for which, kind, type_id in asked:
        parameters = {**given, "type": type_id, "highest": highest[kind]}
        for query in _queries(source, which, is_open=end is None):
            for text, number in sql.execute(query, parameters):
                yield text, key_of(number)


def _highest(sql: sqlite3.Connection, source: Tables) -> dict[Kind, int]:
    """Return the highest key that a node of each kind could have at a moment; 0 for the present."""
    row = sql.execute(_COUNTERS, (source.as_of,)).fetchone()
    counters = (0, 0, 0) if row is None else row
    return {kind: number_of(NodeKey(kind, last)) for kind, last in zip(Kind, counters, strict=True)}


@functools.lru_cache(maxsize=64)
def _queries(source: Tables, which: str, *, is_open: bool) -> list[str]:
    """Return the queries for a range of one text, which has an end unless it `is_open`."""
    text = LAST_PART.format("n.") if which == "last part" else f"n.{which}"
    narrowed = {"name": "n.type = :type", "uri": "TRUE", "last part": HAS_LAST_PART.format("n.")}
    until = "" if is_open else f"AND {text} < :end"
    # What came after the moment is told by its key, which is in the index: its row need not be read.
    early = "" if source.as_of is None else "AND +n.key <= :highest"
    return [
        f"SELECT {text}, n.key FROM {table} AS n WHERE {narrowed[which]} AND {text} >= :text {until} "
        f"{early} AND {moment} ORDER BY {text}, n.key LIMIT :limit"
        for table, moment in source.arms("node")
    ]

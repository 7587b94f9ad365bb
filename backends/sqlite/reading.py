"""Reading nodes and edges of a SQLite store by their keys and names, inside one moment."""

from __future__ import annotations

import functools
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from pydantic_core import to_json
from typing_extensions import override

from lineage.backends.sqlite.filters import Tables
from lineage.backends.sqlite.rows import (
    CURRENT_COLUMNS,
    DIGEST,
    DIGEST_END,
    EDGE_COLUMNS,
    HAS_DIGEST,
    KIND_NUMBERS,
    NODE_COLUMNS,
    PAST_COLUMNS,
    current_row,
    edge_key_values,
    edge_rows,
    key_of,
    node_rows,
    number_of,
    past_row,
    type_row,
)
from lineage.contract.backend import PRELOADED, Named, Reference
from lineage.contract.walking import Direction
from lineage.contract.writings import OUTPUT_KINDS, AtUri, Writing
from lineage.model.canonical import escape
from lineage.model.contents import digest_of
from lineage.model.keys import NodeKey
from lineage.model.rows import EdgeKey, EdgeKind, EdgeRow, NodeRow, TypeRow

__all__ = [
    "count_nodes",
    "existing",
    "live",
    "look_up",
    "read_edges",
    "read_nodes",
    "read_types",
    "read_with_digests",
    "read_writings",
]

MANY = 1_000
"""An answer of more nodes is kept as SQLite gave it, and becomes rows when it is looked at."""

FEW = 8
"""Fewer edges than this are looked for one by one."""

_NODE_NAMES, _PAST_NAMES, _EDGE_NAMES = (
    ", ".join(f"{alias}.{name.strip()}" for name in columns.split(","))
    for alias, columns in (("n", NODE_COLUMNS), ("n", PAST_COLUMNS), ("e", EDGE_COLUMNS))
)
_KIND_ORDER = "({} & 3) * 2 % 3"
"""Artifacts come first, then contexts, then executions: keys are sorted by their kinds' names."""
_ONE_NODE = f"SELECT {CURRENT_COLUMNS} FROM node AS n WHERE key = ?"
_LOOK_UP = f"SELECT {CURRENT_COLUMNS} FROM node AS n WHERE"


class LaterRows(Mapping[NodeKey, NodeRow]):
    """Many nodes, each of which becomes a row whenever it is asked for."""

    __slots__ = ("_found", "_made")

    def __init__(self, found: dict[int, Sequence[Any]], made: dict[NodeKey, NodeRow]) -> None:
        self._found = found
        self._made = made

    @override
    def __getitem__(self, key: NodeKey) -> NodeRow:
        values = self._found.get(number_of(key))
        return self._made[key] if values is None else current_row(values)

    @override
    def __iter__(self) -> Iterator[NodeKey]:
        yield from map(key_of, self._found)
        yield from self._made

    @override
    def __len__(self) -> int:
        return len(self._found) + len(self._made)


def read_types(sql: sqlite3.Connection, as_of: int, kept: Sequence[TypeRow]) -> tuple[TypeRow, ...]:
    """Return the types of a moment; those that were kept of another are not read again."""
    known: dict[int | None, TypeRow] = {row.type.id: row for row in kept}
    stored: dict[int, TypeRow] = {}
    rows = sql.execute(
        "SELECT id, kind, body, since FROM type WHERE since <= ?1 AND (until IS NULL OR until > ?1) ORDER BY id",
        (as_of,),
    )
    for number, kind, body, since in rows:
        row = known.get(number)
        same = row is not None and row.since == since
        stored[number] = row if row and same else type_row(kind, body, since, None)
    return tuple((PRELOADED | stored).values())


def count_nodes(sql: sqlite3.Connection, source: Tables) -> Mapping[int, int]:
    """Return how many live nodes there are of each type, as `Backend.node_counts` does."""
    counts: Counter[int] = Counter()
    for table, moment in source.arms("node"):
        query = f"SELECT type, count(*) FROM {table} WHERE {moment} GROUP BY type"
        counts.update(dict(sql.execute(query)))
    return counts


def read_nodes(
    sql: sqlite3.Connection, source: Tables, keys: Collection[NodeKey]
) -> Mapping[NodeKey, NodeRow]:
    """Return the given nodes that exist, as `Backend.nodes` does."""
    numbers = [number_of(key) for key in keys]
    if len(numbers) == 1 and source.as_of is None:
        found = {row[0]: row for row in node_rows(sql.execute(_ONE_NODE, numbers))}
        return found or _gone(sql, source, keys)
    wanted = to_json(numbers).decode()
    queries = _nodes_queries(source)
    if len(numbers) > MANY:
        kept = {row[0]: row for query in queries for row in sql.execute(query, (wanted,))}
        missing = [key for key in keys if number_of(key) not in kept]
        return LaterRows(kept, _gone(sql, source, missing))
    found = {row[0]: row for query in queries for row in node_rows(sql.execute(query, (wanted,)))}
    missing = [key for key in keys if key not in found]
    return found | _gone(sql, source, missing) if missing else found


@functools.lru_cache(maxsize=64)
def _nodes_queries(source: Tables) -> list[str]:
    """Return the queries for some nodes, each of which takes them as JSON."""
    return [
        f"SELECT {CURRENT_COLUMNS} FROM json_each(?) AS f CROSS JOIN {table} AS n ON n.key = f.value "
        f"WHERE {condition}"
        for table, condition in source.arms("node")
    ]


def _gone(
    sql: sqlite3.Connection, source: Tables, keys: Collection[NodeKey]
) -> dict[NodeKey, NodeRow]:
    """Return the last versions of those nodes that were not found alive, and are gone."""
    if not keys:
        return {}
    wanted = to_json([number_of(key) for key in keys]).decode()
    return {row.key: row for row in map(past_row, sql.execute(_gone_query(source), (wanted,)))}


@functools.lru_cache(maxsize=64)
def _gone_query(source: Tables) -> str:
    """Return the query for nodes that are gone, which takes them as JSON."""
    arms = [("node_past", _PAST_NAMES, source.gone)]
    if source.as_of is None:
        # One statement is of one moment: it finds a node that lives again since it was looked for.
        arms.append(("node", f"{_NODE_NAMES}, NULL, FALSE", "TRUE"))
    return " UNION ALL ".join(
        f"SELECT {names} FROM json_each(?1) AS f CROSS JOIN {table} AS n ON n.key = f.value WHERE {condition}"
        for table, names, condition in arms
    )


def read_edges(
    sql: sqlite3.Connection,
    source: Tables,
    keys: Collection[NodeKey],
    direction: Direction,
    kinds: frozenset[EdgeKind] | None,
) -> list[EdgeRow]:
    """Return the edges at some nodes, as `Backend.edges` does."""
    wanted = to_json([number_of(key) for key in set(keys)]).decode()
    found = sql.execute(_edges_query(source, direction, kinds), (wanted,))
    if direction is Direction.BOTH:
        # An edge with both ends among the keys is met at each of them; one alone may have a loop.
        return edge_rows({values[:3]: values for values in found}.values())
    return edge_rows(found)


@functools.lru_cache(maxsize=256)
def _edges_query(source: Tables, direction: Direction, kinds: frozenset[EdgeKind] | None) -> str:
    """Return the query for the edges at some nodes, which it takes as JSON."""
    ends = [
        end
        for end, other in (("dst", Direction.DOWNSTREAM), ("src", Direction.UPSTREAM))
        if direction is not other
    ]
    # CROSS JOIN, here as everywhere: a plain join from the JSON array may scan all edges instead.
    numbers = ", ".join(str(int(kind)) for kind in sorted(kinds or ()))
    of_kind = "TRUE" if kinds is None else f"e.kind IN ({numbers})"
    arms = [
        f"SELECT {_EDGE_NAMES} FROM json_each(?1) AS f CROSS JOIN {table} AS e ON e.{end} = f.value "
        f"WHERE {of_kind} AND {moment}"
        for table, moment in source.arms("edge")
        for end in ends
    ]
    order = f"{_KIND_ORDER.format('src')}, src, {_KIND_ORDER.format('dst')}, dst, kind"
    return f"SELECT * FROM ({' UNION ALL '.join(arms)}) ORDER BY {order}"


def live(sql: sqlite3.Connection, keys: Collection[NodeKey]) -> set[NodeKey]:
    """Return those of some nodes that are live."""
    by_number = {number_of(key): key for key in keys}
    wanted = to_json(list(by_number)).decode()
    found = sql.execute(
        "SELECT n.key FROM json_each(?) AS f CROSS JOIN node AS n ON n.key = f.value", (wanted,)
    )
    return {by_number[number] for (number,) in found}


def existing(sql: sqlite3.Connection, keys: Collection[EdgeKey]) -> set[EdgeKey]:
    """Return those of some edges that exist."""
    by_values = {edge_key_values(key): key for key in keys}
    if len(by_values) < FEW:
        query = "SELECT 1 FROM edge WHERE dst = ? AND src = ? AND kind = ?"
        return {key for place, key in by_values.items() if sql.execute(query, place).fetchone()}
    found = sql.execute(
        "SELECT e.dst, e.src, e.kind FROM json_each(?) AS f CROSS JOIN edge AS e "
        "ON e.dst = f.value ->> 0 AND e.src = f.value ->> 1 AND e.kind = f.value ->> 2",
        (to_json(list(by_values)).decode(),),
    )
    return {by_values[place] for place in found}


def look_up(sql: sqlite3.Connection, reference: Reference) -> list[NodeRow]:
    """Return the nodes of the present that a reference names, as `Backend.lookup` does."""
    if isinstance(reference, Named):
        return node_rows(sql.execute(f"{_LOOK_UP} type = ? AND name = ?", reference))
    parameters = (reference.external_id, KIND_NUMBERS[reference.kind])
    return node_rows(sql.execute(f"{_LOOK_UP} external_id = ? AND key & 3 = ?", parameters))


def read_with_digests(
    sql: sqlite3.Connection, source: Tables, digests: Collection[str], limit: int | None
) -> dict[str, list[NodeRow]]:
    """Return the artifacts that have each digest, as `Backend.with_digests` does."""
    query, most = _digest_query(source), -1 if limit is None else limit
    return {
        digest: [
            row
            for row in node_rows(sql.execute(query, (escape(digest), most)))
            if digest_of(row) == digest
        ]
        for digest in digests
    }


@functools.lru_cache(maxsize=64)
def _digest_query(source: Tables) -> str:
    """Return the query for the artifacts with a digest, which it takes as it stands at rest."""
    digest = DIGEST.format("n.")
    end = f"{DIGEST_END.format(digest)} = {DIGEST_END.format('?1')}"
    arms = [
        f"SELECT {CURRENT_COLUMNS} FROM {table} AS n WHERE {HAS_DIGEST.format('n.')} AND {end} "
        f"AND {digest} = ?1 AND {moment}"
        for table, moment in source.arms("node")
    ]
    return f"{' UNION ALL '.join(arms)} ORDER BY key LIMIT ?2"


def read_writings(
    sql: sqlite3.Connection,
    source: Tables,
    of: AtUri | Collection[NodeKey],
    *,
    now: int,
    limit: int | None,
) -> list[Writing]:
    """Return the writings of artifacts, as `Backend.writings` does; `now` is an open transaction's time."""
    at_uri = isinstance(of, AtUri)
    ids = of.type_ids if isinstance(of, AtUri) else None
    wanted = of.uri if isinstance(of, AtUri) else to_json([number_of(key) for key in of]).decode()
    query = _writings_query(source, at_uri=at_uri, of_type=ids is not None)
    parameters = {
        "of": wanted,
        "types": to_json(sorted(ids or ())).decode(),
        "now": now,
        "limit": -1 if limit is None else limit,
    }
    return [
        Writing(
            time,
            number,
            key_of(artifact),
            None if execution is None else key_of(execution),
            None if kind is None else EdgeKind(kind),
            state,
            artifact_state,
        )
        for time, number, artifact, execution, kind, state, artifact_state in sql.execute(
            query, parameters
        )
    ]


@functools.lru_cache(maxsize=64)
def _writings_query(source: Tables, *, at_uri: bool, of_type: bool) -> str:
    """Return the query for writings, which takes a URI or keys, and types, both as JSON."""
    arms = source.arms("node")
    if at_uri:
        # The sign keeps SQLite from going through all nodes of the types.
        types = "AND +n.type IN (SELECT value FROM json_each(:types))" if of_type else ""
        nodes = [
            f"SELECT key, state, created FROM {table} AS n WHERE uri = :of {types} AND {moment}"
            for table, moment in arms
        ]
    else:
        nodes = [
            f"SELECT n.key, n.state, n.created FROM json_each(:of) AS f CROSS JOIN {table} AS n "
            f"ON n.key = f.value WHERE {condition}"
            for table, condition in (*arms, ("node_past", source.gone))
        ]
    outputs = ", ".join(str(int(kind)) for kind in sorted(OUTPUT_KINDS))
    events = [
        (table, f"e.dst = a.key AND e.kind IN ({outputs}) AND {moment}")
        for table, moment in source.arms("edge")
    ]
    states = [
        f"(SELECT state FROM {table} WHERE key = e.src AND {moment})" for table, moment in arms
    ]
    states.append(f"(SELECT state FROM node_past WHERE key = e.src AND {source.gone})")
    own = "(SELECT time FROM txn WHERE number = coalesce(e.first, e.since))"
    written = [
        f"SELECT coalesce(e.time, {own}, :now) AS time, coalesce(e.first, e.since) AS number, a.key AS artifact, e.src AS execution, "
        f"e.kind AS kind, coalesce({', '.join(states)}), a.state FROM artifact AS a CROSS JOIN {table} AS e ON {joined}"
        for table, joined in events
    ]
    nobody = [f"NOT EXISTS (SELECT 1 FROM {table} AS e WHERE {joined})" for table, joined in events]
    made = f"SELECT a.created, 0, a.key, NULL, NULL, NULL, a.state FROM artifact AS a WHERE {' AND '.join(nobody)}"
    return (
        f"WITH artifact AS MATERIALIZED ({' UNION ALL '.join(nodes)}) {' UNION ALL '.join((*written, made))} "
        f"ORDER BY time DESC, number DESC, artifact DESC, execution DESC, kind DESC LIMIT :limit"
    )

"""Reading nodes, edges and transactions by their keys, as they were after a transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from lineage.backends.neo4j.connections import RunStatement
from lineage.backends.neo4j.rows import (
    EDGE,
    EDGE_TYPES,
    HEAD,
    KIND_NUMBERS,
    KIND_SHIFT,
    NODE,
    PAST,
    edge_rows,
    head_row,
    key_of,
    known_at,
    node_row,
    number_of,
    of_moment,
    version_row,
)
from lineage.contract.batches import batched
from lineage.contract.paging import RANKS, EdgeCounts, Page, capped
from lineage.contract.projection import Join, Link
from lineage.contract.walking import Direction
from lineage.model.keys import LARGEST_ID, NodeKey
from lineage.model.rows import EdgeKind, EdgeRow, Head, NodeRow

__all__ = [
    "edge_counts_at",
    "edge_page_at",
    "edges_at",
    "heads",
    "joined_now",
    "nodes_at",
    "versions_at",
]

BATCH_KEYS = 5_000
"""How many keys go into one statement."""

_NODES = f"""
UNWIND $keys AS key
MATCH (n:LineageNode {{lineage_key: key}}) USING INDEX n:LineageNode(lineage_key)
RETURN {NODE}
"""
_FORMER = f"""
UNWIND $keys AS key
MATCH (n:LineagePast {{lineage_key: key}}) USING INDEX n:LineagePast(lineage_key)
WHERE {known_at("n")}
RETURN {NODE}
"""
_VERSIONS = f"""
MATCH (n:LineageNode {{lineage_key: $key}}) USING INDEX n:LineageNode(lineage_key) RETURN {NODE}
UNION ALL
MATCH (n:LineagePast {{lineage_key: $key}}) USING INDEX n:LineagePast(lineage_key) RETURN {NODE}
"""
_HEADS = f"""
MATCH (t:LineageTransaction) WHERE t.number < $before
RETURN {HEAD} ORDER BY t.number DESC LIMIT $limit
"""
_ARROWS = {
    Direction.UPSTREAM: ("<-", "-"),
    Direction.DOWNSTREAM: ("-", "->"),
    Direction.BOTH: ("-", "-"),
}
_NUMBERS = {kind.name: int(kind) for kind in EdgeKind}
_RANKS = [RANKS[kind] for kind in KIND_NUMBERS]
"""Where a kind's keys stand among all keys, by its number in packed keys."""
_COUNTS = " UNION ALL ".join(
    f"""
MATCH (n:LineageNode {{lineage_key: $key}}) USING INDEX n:LineageNode(lineage_key)
MATCH (n){left}[r:{EDGE_TYPES}|{PAST}]{right}()
WHERE {of_moment("r")}
WITH coalesce(r.lineage_kind, type(r)) AS kind WHERE kind IN $kinds
RETURN '{side}' AS side, kind, count(*) AS number
"""
    for side, (left, right) in _ARROWS.items()
    if side is not Direction.BOTH
)
_SINCE = 9
"""Where `NODE` has the number of the transaction that wrote the version."""


def nodes_at(run: RunStatement, as_of: int, keys: Collection[NodeKey]) -> dict[NodeKey, NodeRow]:
    """Return the given nodes as `Backend.nodes` says, as of a transaction.

    The present is read first: a version that leaves it meanwhile is found in the past.
    """
    found: dict[NodeKey, NodeRow] = {}
    for some in batched(map(number_of, keys), BATCH_KEYS):
        newer = []
        for values in run(_NODES, keys=some):
            if _whole(values)[_SINCE] <= as_of:
                row = node_row(values).seen(as_of)
                found[row.key] = row
            else:
                newer.append(values[0])
        if newer:
            former = map(node_row, run(_FORMER, keys=newer, as_of=as_of))
            found.update((row.key, row.seen(as_of)) for row in former)
    return found


def _whole(values: Sequence[Any]) -> Sequence[Any]:
    """Return values whose time of writing is one; `node_row` says what is wrong with others."""
    if type(values[_SINCE]) is not int:
        node_row(values)
    return values


def edges_at(
    run: RunStatement,
    as_of: int,
    keys: Collection[NodeKey],
    direction: Direction,
    kinds: Collection[EdgeKind] | None,
) -> list[EdgeRow]:
    """Return the edges at the given nodes as `Backend.edges` says, as of a transaction."""
    query, names = _edges_query(direction, kinds)
    values = (
        each
        for some in batched({number_of(key) for key in keys}, BATCH_KEYS)
        for each in run(query, keys=some, as_of=as_of, kinds=names)
    )
    # An edge with both ends among the keys is met at each of them.
    return sorted(edge_rows({tuple(each[:3]): each for each in values}.values()))


def _edges_query(direction: Direction, kinds: Collection[EdgeKind] | None) -> tuple[str, list[str]]:
    """Return the statement for some kinds of edge, and their names; of a few kinds only those are expanded."""
    names = _names(kinds)
    left, right = _ARROWS[direction]
    query = f"""
UNWIND $keys AS key
MATCH (n:LineageNode {{lineage_key: key}}) USING INDEX n:LineageNode(lineage_key)
MATCH (n){left}[r:{"|".join([*names, PAST])}]{right}()
WHERE {of_moment("r")} AND (r.lineage_kind IS NULL OR r.lineage_kind IN $kinds)
RETURN {EDGE}
"""
    return query, names


def joined_now(run: RunStatement, join: Join) -> list[Link]:
    """Return the edges between nodes of some types, as `Backend.joined` says, of the present."""
    names = _names(join.kinds)
    # The literal spares a condition on each edge: the present has those of a kind by their type.
    query = f"""
UNWIND $targets AS type
MATCH (t:LineageNode) USING INDEX SEEK t:LineageNode(lineage_type, lineage_key)
WHERE t.lineage_type = type AND t.lineage_key >= 0 AND t.lineage_until IS NULL
MATCH (s:LineageNode)-[r:{"|".join(names)}]->(t)
WHERE s.lineage_type IN $sources AND s.lineage_until IS NULL
RETURN s.lineage_key, t.lineage_key, r.paths
"""
    found = run(query, targets=sorted(join.targets), sources=sorted(join.sources))
    return [(key_of(source).id, key_of(target).id, paths) for source, target, paths in found]


def _names(kinds: Collection[EdgeKind] | None) -> list[str]:
    return sorted(EDGE_TYPES.split("|") if kinds is None else {kind.name for kind in kinds})


def edge_page_at(run: RunStatement, as_of: int, page: Page) -> list[EdgeRow]:
    """Return a page of a node's edges as `Backend.edge_page` says; the server sorts, and sends no more than these."""
    values: list[Sequence[Any]] = []
    for side in page.sides:
        rank, number, kind = page.place(side)
        query, names = _page_query(side, page.kinds)
        values += run(
            query,
            key=number_of(page.key),
            as_of=as_of,
            kinds=names,
            numbers=_NUMBERS,
            place=[rank, number, kind],
            limit=LARGEST_ID if page.limit is None else page.limit,
        )
    return page.of(edge_rows(values))


def _page_query(side: Direction, kinds: Collection[EdgeKind] | None) -> tuple[str, list[str]]:
    """Return the statement for the edges on one side after a place, and the names of their kinds."""
    names = _names(kinds)
    left, right = _ARROWS[side]
    query = f"""
MATCH (n:LineageNode {{lineage_key: $key}}) USING INDEX n:LineageNode(lineage_key)
MATCH (n){left}[r:{"|".join([*names, PAST])}]{right}(m)
WHERE {of_moment("r")} AND (r.lineage_kind IS NULL OR r.lineage_kind IN $kinds)
WITH r, [{_RANKS}[m.lineage_key / {1 << KIND_SHIFT}], m.lineage_key % {1 << KIND_SHIFT},
  $numbers[coalesce(r.lineage_kind, type(r))]] AS place
WHERE place > $place
RETURN {EDGE} ORDER BY place LIMIT $limit
"""
    return query, names


def edge_counts_at(run: RunStatement, as_of: int, key: NodeKey) -> EdgeCounts:
    """Return how many edges of each kind a node has, as `Backend.edge_counts` says."""
    rows = run(_COUNTS, key=number_of(key), as_of=as_of, kinds=_names(None))
    return capped({(Direction(side), EdgeKind[kind]): count for side, kind, count in rows})


def versions_at(run: RunStatement, as_of: int, key: NodeKey) -> list[NodeRow]:
    """Return a node's versions as `Backend.versions` says, as of a transaction."""
    found: dict[int, NodeRow] = {}
    for values in run(_VERSIONS, key=number_of(key)):
        row = version_row(values)
        if row.since <= as_of:
            # Past the present, so that what left it meanwhile has its end.
            found[row.since] = row.seen(as_of)
    return [found[since] for since in sorted(found)]


def heads(run: RunStatement, *, before: int, limit: int | None) -> list[Head]:
    """Return the transactions with numbers below `before`, newest first."""
    rows = run(_HEADS, before=before, limit=LARGEST_ID if limit is None else limit)
    return [head_row(values) for values in rows]

"""What a store in Neo4j remembers: the stream of changes, and purging."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from lineage.backends.neo4j.connections import RunStatement
from lineage.backends.neo4j.rows import (
    EDGE,
    EDGE_TYPES,
    HEAD,
    NODE,
    PAST,
    edge_row,
    edge_rows,
    head_row,
    key_of,
    node_row,
    node_values,
    number_of,
    type_row,
    version_row,
)
from lineage.contract.batches import batched
from lineage.contract.commits import RecordsByNumber, head_batches
from lineage.contract.proof import purged, purged_head
from lineage.contract.refusals import missing_head, not_gone
from lineage.errors import Corrupt
from lineage.model.keys import NodeKey
from lineage.model.rows import Commit, Head, NodeRow
from lineage.model.schema import AnyType

__all__ = ["purge_heads", "purge_nodes", "read_commits", "stream"]

BATCH_HEADS = 1_000
"""How many transactions' own rows are read at a time."""
BATCH_KEYS = 1_000
"""How many nodes are purged at a time."""


def _in_range(number: str) -> str:
    return f"{number} >= $first AND {number} <= $last"


_HEADS = f"""
MATCH (t:LineageTransaction) WHERE {_in_range("t.number")}
RETURN t.purged, t.purged_heads, {HEAD} ORDER BY t.number
"""
_OWN_HEADS = f"""
MATCH (t:LineageTransaction) WHERE {_in_range("t.number")} RETURN {HEAD} ORDER BY t.number LIMIT {BATCH_HEADS}
"""
_TYPES = f"MATCH (y:LineageType) WHERE {_in_range('y.since')} RETURN y.kind, y.body, y.since"
_NODES = f"MATCH (n:LineageNode) USING INDEX n:LineageNode(lineage_since) WHERE {_in_range('n.lineage_since')} RETURN {NODE}"
_FORMER = f"MATCH (n:LineagePast) USING INDEX n:LineagePast(lineage_since) WHERE {_in_range('n.lineage_since')} RETURN {NODE}"
_PAST_UNTIL = f"MATCH (n:LineagePast) USING INDEX n:LineagePast(lineage_until) WHERE {_in_range('n.lineage_until')}"
_FOLLOWED = f"""
{_PAST_UNTIL} AND n.lineage_revived IS NULL RETURN n.lineage_key, n.lineage_until AS number
UNION ALL
MATCH (n:LineagePast) USING INDEX n:LineagePast(lineage_revived) WHERE {_in_range("n.lineage_revived")}
RETURN n.lineage_key, n.lineage_revived AS number
"""
_DELETED = f"""
MATCH (n:LineageNode) USING INDEX n:LineageNode(lineage_until) WHERE {_in_range("n.lineage_until")}
RETURN n.lineage_key, n.lineage_until
UNION ALL
{_PAST_UNTIL} AND n.lineage_revived IS NOT NULL RETURN n.lineage_key, n.lineage_until
"""
_EDGES = " UNION ALL ".join(
    f"MATCH ()-[r:{kind}]->() USING INDEX r:{kind}(lineage_since) WHERE {_in_range('r.lineage_since')} RETURN {EDGE}"
    for kind in EDGE_TYPES.split("|")
)
_FORMER_EDGES, _ENDED = (
    f"MATCH ()-[r:{PAST}]->() USING INDEX r:{PAST}({end}) WHERE {_in_range(f'r.{end}')} RETURN {EDGE}, r.lineage_until, r.lineage_replaced"
    for end in ("lineage_since", "lineage_until")
)

_VERSIONS = f"""
UNWIND $keys AS key MATCH (n:LineageNode {{lineage_key: key}}) USING INDEX n:LineageNode(lineage_key) RETURN {NODE}
UNION ALL
UNWIND $keys AS key MATCH (n:LineagePast {{lineage_key: key}}) USING INDEX n:LineagePast(lineage_key) RETURN {NODE}
"""
_GONE = "UNWIND $keys AS key MATCH (n:LineageGone&LineageNode {lineage_key: key}) RETURN key"
_BLANK = """
UNWIND $rows AS row
CALL (row) {
  MATCH (n:LineageNode {lineage_key: row.lineage_key}) USING INDEX n:LineageNode(lineage_key) WHERE n.lineage_since = row.lineage_since RETURN n
  UNION ALL
  MATCH (n:LineagePast {lineage_key: row.lineage_key}) USING INDEX n:LineagePast(lineage_key) WHERE n.lineage_since = row.lineage_since RETURN n
}
WITH n, row, n.create_time AS created, n.update_time AS updated, n.lineage_revived AS revived
SET n = row
SET n.create_time = created, n.update_time = updated, n.lineage_revived = revived
"""
_AUTHORS = (
    f"UNWIND $numbers AS number MATCH (t:LineageTransaction {{number: number}}) RETURN {HEAD}"
)
_ANONYMOUS = """
UNWIND $rows AS row
MATCH (t:LineageTransaction {number: row.number})
SET t.actor = '', t.message = '', t.author = row.author REMOVE t.salt
"""


def stream(run: RunStatement, after: int, last: int) -> Iterator[Commit]:
    """Yield the transactions after one number up to another."""
    for batch in head_batches(_heads(run, after, last)):
        yield from read_commits(run, batch[0].number, batch[-1].number)


def _heads(run: RunStatement, after: int, last: int) -> Iterator[Head]:
    # By the nodes that are there: numbers that somebody changed may be far apart.
    while batch := [head_row(values) for values in run(_OWN_HEADS, first=after + 1, last=last)]:
        yield from batch
        after = batch[-1].number


def read_commits(run: RunStatement, first: int, last: int) -> list[Commit]:
    """Return the transactions from one number to another.

    The present is read before the past: what moves there meanwhile is met twice, and kept once.
    """
    reader = _Reader(run, first, last)
    reader.types()
    reader.nodes()
    reader.edges()
    reader.endings()
    return reader.commits()


class _Reader:
    """Gathers the records of a range of transactions."""

    def __init__(self, run: RunStatement, first: int, last: int) -> None:
        self._query = run
        self._range = {"first": first, "last": last}
        self._found = RecordsByNumber()

    def _rows(self, query: str) -> list[list[Any]]:
        return self._query(query, **self._range)

    def commits(self) -> list[Commit]:
        found = []
        for purged_nodes, heads_purged, *values in self._rows(_HEADS):
            head = head_row(values)
            self._found.purged[head.number] = [key_of(each) for each in set(purged_nodes or ())]
            self._found.purged_heads[head.number] = list(set(heads_purged or ()))
            found.append(head)
        return self._found.commits(found)

    def types(self) -> None:
        for kind, body, since in self._rows(_TYPES):
            self._found.types[since].append(type_row(kind, body, since))

    def nodes(self) -> None:
        """Find new nodes and updates; an update is a version that followed another."""
        present = [_record(values) for values in self._rows(_NODES)]
        met = {(row.key, row.since) for row in present}
        former = [_record(values) for values in self._rows(_FORMER)]
        followed = {(key_of(number), since) for number, since in self._rows(_FOLLOWED)}
        moved = [row for row in former if (row.key, row.since) not in met]
        for row in (*present, *moved):
            is_update = (row.key, row.since) in followed
            (self._found.updates if is_update else self._found.nodes)[row.since].append(row)

    def edges(self) -> None:
        present = edge_rows(self._rows(_EDGES))
        met = {(row[:3], row.since) for row in present}
        former = [edge_row(values[:-2]) for values in self._rows(_FORMER_EDGES)]
        moved = [row for row in former if (row[:3], row.since) not in met]
        for row in (*present, *moved):
            self._found.add_edge(row)

    def endings(self) -> None:
        for *values, until, replaced in self._rows(_ENDED):
            if not replaced:
                self._found.ended[until].append(edge_row(values).key)
        for number, until in self._rows(_DELETED):
            self._found.deleted[until].append(key_of(number))


def _record(values: Sequence[Any]) -> NodeRow:
    """Return a version as it was written, whatever became of it later."""
    return _with_salt(node_row(values).open())


def _with_salt(row: NodeRow) -> NodeRow:
    """Return a row whose content has a digest, or what it takes to make it."""
    if row.digest is None and row.salt is None:
        raise Corrupt(
            f"{row.key} has lost its salt, so that nothing proves what it was; restore a backup"
        )
    return row


def purge_nodes(
    run: RunStatement, keys: Collection[NodeKey], type_of: Callable[[int], AnyType]
) -> None:
    """Erase the content of every version of nodes that are gone, as `Backend.purge` says."""
    numbers = [number_of(key) for key in keys]
    gone = {number for some in batched(numbers, BATCH_KEYS) for (number,) in run(_GONE, keys=some)}
    for number in numbers:
        if number not in gone:
            raise not_gone(key_of(number))
    for some in batched(numbers, BATCH_KEYS):
        rows = [_with_salt(version_row(values)) for values in run(_VERSIONS, keys=some)]
        run(_BLANK, rows=[node_values(purged(row), type_of(row.type_id)) for row in rows])


def purge_heads(run: RunStatement, numbers: Sequence[int]) -> None:
    """Erase actor and message of transactions, as `Backend.purge_heads` says."""
    for some in batched(numbers, BATCH_HEADS):
        heads = [purged_head(head_row(values)) for values in run(_AUTHORS, numbers=some)]
        for number in set(some).difference(head.number for head in heads):
            raise missing_head(number)
        run(_ANONYMOUS, rows=[{"number": head.number, "author": head.author} for head in heads])

"""What a SQLite store remembers: versions, the stream of changes and purging."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Collection, Iterator
from typing import Any

from lineage.backends.sqlite.rows import (
    EDGE_COLUMNS,
    HEAD_COLUMNS,
    NODE_COLUMNS,
    PAST_COLUMNS,
    edge_row,
    head_row,
    key_of,
    node_row,
    number_of,
    past_row,
    type_row,
    whole_row,
)
from lineage.contract.commits import RecordsByNumber
from lineage.contract.proof import purged, purged_head
from lineage.contract.refusals import missing_head, no_live_node, no_return, not_gone
from lineage.model.keys import NodeKey
from lineage.model.rows import Commit, Head, NodeRow

__all__ = [
    "node_versions",
    "purge_heads",
    "purge_nodes",
    "read_commits",
    "revive_node",
]


def node_versions(sql: sqlite3.Connection, key: NodeKey) -> list[NodeRow]:
    """Return all versions of a node, oldest first."""
    number = number_of(key)
    past = sql.execute(
        f"SELECT {PAST_COLUMNS} FROM node_past WHERE key = ? ORDER BY since, until", (number,)
    )
    rows = [past_row(values) for values in past]
    rows += [
        node_row(values)
        for values in sql.execute(f"SELECT {NODE_COLUMNS} FROM node WHERE key = ?", (number,))
    ]
    return [whole_row(row) for row in rows]


def read_commits(sql: sqlite3.Connection, first: int, last: int) -> list[Commit]:
    """Return the transactions from one number to another, inside one read transaction."""
    heads = sql.execute(
        f"SELECT {HEAD_COLUMNS} FROM txn WHERE number BETWEEN ? AND ? ORDER BY number",
        (first, last),
    )
    return _Reader(sql, first, last).commits([head_row(values) for values in heads])


class _Reader:
    """Gathers the records of a range of transactions, each list by number."""

    def __init__(self, sql: sqlite3.Connection, first: int, last: int) -> None:
        self._sql = sql
        self._range = (first, last)
        self._found = RecordsByNumber()

    def commits(self, heads: list[Head]) -> list[Commit]:
        self._types()
        self._nodes()
        self._edges()
        self._endings()
        return self._found.commits(heads)

    def _rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        return self._sql.execute(query.replace("RANGE", "BETWEEN ?1 AND ?2"), self._range)

    def _types(self) -> None:
        for kind, body, since in self._rows(
            "SELECT kind, body, since FROM type WHERE since RANGE ORDER BY id"
        ):
            self._found.types[since].append(type_row(kind, body, since, None))

    def _nodes(self) -> None:
        """Find new nodes and updates; an update is a version that followed another."""
        replaced = set(
            self._rows(
                "SELECT key, until FROM node_past WHERE until RANGE AND NOT gone "
                "UNION ALL SELECT key, revived FROM node_past WHERE revived RANGE"
            )
        )
        current = self._rows(f"SELECT {NODE_COLUMNS} FROM node WHERE since RANGE")
        past = self._rows(f"SELECT {NODE_COLUMNS} FROM node_past WHERE since RANGE")
        for values in itertools.chain(current, past):
            row = node_row(values)
            is_update = (values[0], row.since) in replaced
            (self._found.updates if is_update else self._found.nodes)[row.since].append(row)

    def _edges(self) -> None:
        for table in ("edge", "edge_past"):
            for values in self._rows(f"SELECT {EDGE_COLUMNS} FROM {table} WHERE since RANGE"):
                self._found.add_edge(edge_row(values))

    def _endings(self) -> None:
        for *values, until in self._rows(
            f"SELECT {EDGE_COLUMNS}, until FROM edge_past WHERE until RANGE AND NOT replaced"
        ):
            self._found.ended[until].append(edge_row(values).key)
        for key, until in self._rows("SELECT key, until FROM node_past WHERE until RANGE AND gone"):
            self._found.deleted[until].append(key_of(key))
        for key, number in self._rows("SELECT key, number FROM purge WHERE number RANGE"):
            self._found.purged[number].append(key_of(key))
        for head, number in self._rows("SELECT head, number FROM purge_head WHERE number RANGE"):
            self._found.purged_heads[number].append(head)


def revive_node(sql: sqlite3.Connection, row: NodeRow) -> None:
    """Let a gone node live again from a new version on, which is yet to be written."""
    versions = node_versions(sql, row.key)
    if not versions or not versions[-1].gone:
        raise no_live_node(row.key, "update")
    last = versions[-1]
    refusal = no_return(row, deleted=last.until, erased=last.digest is not None)
    if refusal is not None:
        raise refusal
    sql.execute(
        "UPDATE node_past SET revived = ? WHERE key = ? AND since = ?",
        (row.since, number_of(row.key), last.since),
    )


def purge_nodes(sql: sqlite3.Connection, number: int, keys: Collection[NodeKey]) -> None:
    """Erase the content of every version of nodes that are gone, and note who was erased when."""
    for key in keys:
        rows = node_versions(sql, key)
        if not rows or not rows[-1].gone:
            raise not_gone(key)
        for row in rows:
            blank = purged(row)
            sql.execute(
                "UPDATE node_past SET name = NULL, external_id = NULL, uri = NULL, state = NULL, properties = NULL, "
                "custom = NULL, salt = NULL, digest = ? WHERE key = ? AND since = ?",
                (blank.digest, number_of(key), blank.since),
            )
        sql.execute("INSERT OR IGNORE INTO purge VALUES (?, ?)", (number, number_of(key)))


def purge_heads(sql: sqlite3.Connection, number: int, heads: Collection[int]) -> None:
    """Erase actor and message of transactions, and note who was erased when."""
    for each in heads:
        found = sql.execute(f"SELECT {HEAD_COLUMNS} FROM txn WHERE number = ?", (each,)).fetchone()
        if found is None:
            raise missing_head(each)
        sql.execute(
            "UPDATE txn SET actor = '', message = '', salt = NULL, author = ? WHERE number = ?",
            (purged_head(head_row(found)).author, each),
        )
        sql.execute("INSERT OR IGNORE INTO purge_head VALUES (?, ?)", (number, each))

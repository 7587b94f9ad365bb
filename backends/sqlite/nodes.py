"""Writing nodes and types to a SQLite store: new ones, new versions of those there are, and deletions."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence

from pydantic_core import to_json

from lineage.backends.sqlite import history
from lineage.backends.sqlite.properties import property_index
from lineage.backends.sqlite.rows import (
    NODE_COLUMNS,
    PAST_COLUMNS,
    key_of,
    node_values,
    number_of,
    past_values,
    type_text,
)
from lineage.contract.refusals import no_live_node
from lineage.errors import AlreadyExists
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import NodeRow, TypeRow

__all__ = ["check_unused", "delete_nodes", "insert_nodes", "insert_type", "update_nodes"]

_INSERT_NODE = f"INSERT INTO node VALUES ({', '.join('?' * len(NODE_COLUMNS.split(',')))})"
_INSERT_PAST = f"INSERT INTO node_past ({PAST_COLUMNS}) VALUES ({', '.join('?' * len(PAST_COLUMNS.split(',')))})"
_RETIRE = (
    f"INSERT INTO node_past ({PAST_COLUMNS}) SELECT {NODE_COLUMNS}, ?, FALSE FROM node "
    "WHERE key = ? AND since < ?"
)
_UPDATE_NODE = f"UPDATE node SET {', '.join(f'{name} = ?' for name in NODE_COLUMNS.split(', ')[1:])} WHERE key = ?"
_END = (
    f"INSERT INTO node_past ({NODE_COLUMNS}, until, gone) SELECT {NODE_COLUMNS}, ?, TRUE FROM node "
    "WHERE key = ?"
)


def check_unused(sql: sqlite3.Connection, rows: Sequence[NodeRow], given: dict[Kind, int]) -> None:
    """Raise for a new node with the key of one that is gone; the table refuses all others.

    `given` has the highest ids that were given, and gets those of the rows.
    """
    unsure = []
    for row in rows:
        kind, number = row[0]
        if number <= given[kind]:
            unsure.append(number_of(row[0]))
        else:
            given[kind] = number
    if not unsure:
        return
    keys = to_json(unsure).decode()
    taken = sql.execute(
        "SELECT f.value FROM json_each(?) AS f CROSS JOIN node_past AS n ON n.key = f.value LIMIT 1",
        (keys,),
    ).fetchone()
    if taken is not None:
        raise AlreadyExists(f"there was a {key_of(taken[0])} before; ids are given once")


def insert_nodes(sql: sqlite3.Connection, rows: Sequence[NodeRow]) -> None:
    """Write new nodes; those that are gone at once go to the past."""
    gone = [row for row in rows if row.gone]
    if gone:
        sql.executemany(_INSERT_PAST, map(past_values, gone))
        rows = [row for row in rows if not row.gone]
    sql.executemany(_INSERT_NODE, map(node_values, rows))


def update_nodes(sql: sqlite3.Connection, number: int, rows: Sequence[NodeRow]) -> None:
    """Give nodes new versions; the ones before move to the past, or are there already."""
    keys = [number_of(row[0]) for row in rows]
    sql.executemany(_RETIRE, [(number, key, number) for key in keys])
    if len(rows) == 1 and not rows[0].gone:
        # Only the indexes of what differs are written, unlike by what follows.
        values = node_values(rows[0])
        if not sql.execute(_UPDATE_NODE, (*values[1:], values[0])).rowcount:
            history.revive_node(sql, rows[0])
            insert_nodes(sql, rows)
        return
    # All are taken away first, so that names may change hands among them.
    for key, row in zip(keys, rows, strict=True):
        if not sql.execute("DELETE FROM node WHERE key = ?", (key,)).rowcount:
            history.revive_node(sql, row)
    insert_nodes(sql, rows)


def delete_nodes(sql: sqlite3.Connection, number: int, keys: Collection[NodeKey]) -> None:
    """End nodes that live."""
    for key in keys:
        sql.execute(_END, (number, number_of(key)))
        if not sql.execute("DELETE FROM node WHERE key = ?", (number_of(key),)).rowcount:
            raise no_live_node(key, "delete")


def insert_type(sql: sqlite3.Connection, number: int, row: TypeRow) -> None:
    """Write a type, or its next version, and make the indexes of its properties."""
    sql.execute("DELETE FROM type WHERE id = ? AND since = ?", (row.type.id, number))
    sql.execute("UPDATE type SET until = ? WHERE id = ? AND until IS NULL", (number, row.type.id))
    values = (row.type.id, number, None, row.type.kind, type_text(row))
    sql.execute("INSERT INTO type VALUES (?, ?, ?, ?, ?)", values)
    for statement in map(property_index, row.type.indexed):
        if statement is not None:
            sql.execute(statement)

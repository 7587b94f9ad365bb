"""The `sqlite` backend: a whole store in one file, safe for many threads and processes.

The file is queried in place, so opening it costs the same at any size. See `sqlite_file` for
locking and durability, `sqlite_rows` for the tables.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic_core import to_json
from typing_extensions import override

from lineage.backend import EMPTY, LOOKUP_PAGE, AtUri, Backend, Named, Order, Reference
from lineage.backends import sqlite_history as history
from lineage.backends.commits import chain_faults, windows
from lineage.backends.evaluation import Met
from lineage.backends.sqlite_file import LARGE_LOG, SqliteFile, guarded
from lineage.backends.sqlite_filters import Source, packed
from lineage.backends.sqlite_find import Search
from lineage.backends.sqlite_opening import open_store
from lineage.backends.sqlite_place import check_version, split_url
from lineage.backends.sqlite_properties import property_path
from lineage.backends.sqlite_rows import (
    EDGE_COLUMNS,
    HEAD_COLUMNS,
    KIND_NUMBERS,
    NODE_COLUMNS,
    PAST_COLUMNS,
    edge_place,
    edge_rows,
    edge_values,
    head_row,
    key_of,
    node_row,
    node_rows,
    node_values,
    number_of,
    past_row,
    past_values,
    type_row,
    type_text,
)
from lineage.backends.sqlite_tidying import Tidying
from lineage.backends.sqlite_walk import walk_tables
from lineage.errors import AlreadyExists, Invalid, NotFound
from lineage.filters import Filter, Neighbour
from lineage.graph import Direction, Limits, Walk
from lineage.model import Kind, NodeKey
from lineage.rows import Batch, Commit, EdgeKey, EdgeKind, EdgeRow, Head, NodeRow, TypeRow
from lineage.schema import SYSTEM_TYPES
from lineage.walking import check_limits

__all__ = ["SqliteBackend"]

logger = logging.getLogger("lineage")

_PRELOADED = {number: TypeRow(each, 0) for number, each in enumerate(SYSTEM_TYPES, start=1)}
_INSERT_NODE = f"INSERT INTO node VALUES ({', '.join('?' * len(NODE_COLUMNS.split(',')))})"
_INSERT_PAST = f"INSERT INTO node_past ({PAST_COLUMNS}) VALUES ({', '.join('?' * len(PAST_COLUMNS.split(',')))})"
_LAST = f"SELECT {HEAD_COLUMNS} FROM txn ORDER BY number DESC LIMIT 1"
_NODE_NAMES, _PAST_NAMES, _EDGE_NAMES = (
    ", ".join(f"{alias}.{name.strip()}" for name in columns.split(","))
    for alias, columns in (("n", NODE_COLUMNS), ("n", PAST_COLUMNS), ("e", EDGE_COLUMNS))
)
_EDGE_IS = "dst = ? AND src = ? AND kind = ?"


class SqliteBackend(Backend):
    """A store in one SQLite file, given as a path or as `sqlite:PATH[?journal=rollback]`.

    The rollback journal is for file systems without shared memory, such as network ones; there
    readers wait while a transaction commits.
    """

    def __init__(
        self, url: str | Path, *, clock: Callable[[], int] | None = None, readonly: bool = False
    ) -> None:
        super().__init__(clock=clock, readonly=readonly)
        check_version()
        path, journal = split_url(str(url))
        self.lock_timeout = 30.0
        self.large_log = LARGE_LOG
        self._types: tuple[int, tuple[TypeRow, ...]] | None = None
        self._writes_types = False
        self._own_types: tuple[TypeRow, ...] | None = None
        self._file = SqliteFile(path, journal=journal, readonly=readonly)
        self._tidying = Tidying(self._file)
        try:
            self._open()
        except BaseException:
            self._file.close()
            raise

    # Opening

    @guarded
    def _open(self) -> None:
        open_store(self._file, lock_timeout=self.lock_timeout)

    # Reading

    @contextmanager
    def _snapshot(self, as_of: int | None) -> Iterator[tuple[sqlite3.Connection, Source]]:
        """Hold one moment of the file, and say from which tables to read it."""
        moment = self._moment(as_of)
        sql = self._file.connection
        if sql.in_transaction:
            yield sql, Source(moment)
            return
        sql.execute("BEGIN")
        try:
            past = moment is not None and moment < _last_number(sql)
            yield sql, Source(moment if past else None)
        finally:
            if sql.in_transaction:
                sql.execute("ROLLBACK")

    def _last(self, sql: sqlite3.Connection) -> Head:
        values = sql.execute(_LAST).fetchone()
        return EMPTY if values is None else head_row(values)

    @override
    @guarded
    def now(self) -> int:
        own = self._transaction
        if own is not None and own.locked:
            return own.number - 1
        return _last_number(self._file.connection)

    @override
    @guarded
    def types(self, *, as_of: int | None = None) -> Sequence[TypeRow]:
        moment = self._moment(as_of)
        sql = self._file.connection
        own = self._transaction
        if moment is None and self._writes_types and own is not None and own.locked:
            if self._own_types is None:
                self._own_types = self._read_types(sql, "until IS NULL")
            return self._own_types
        until = "" if moment is None else f"WHERE number <= {moment:d}"
        row = sql.execute(f"SELECT schema FROM txn {until} ORDER BY number DESC LIMIT 1").fetchone()
        schema = 0 if row is None else row[0]
        known = self._types
        if known is None or known[0] != schema:
            rows = self._read_types(
                sql, f"since <= {schema:d} AND (until IS NULL OR until > {schema:d})"
            )
            # The newest are kept, also where a pinned moment asked for them; older ones are asked for rarely.
            if known is not None and known[0] > schema:
                return rows
            self._types = known = (schema, rows)
        return known[1]

    def _read_types(self, sql: sqlite3.Connection, condition: str) -> tuple[TypeRow, ...]:
        """Return the types of a moment; those that are known already are not read again."""
        kept: Sequence[TypeRow] = () if self._types is None else self._types[1]
        known: dict[int | None, TypeRow] = {row.type.id: row for row in kept}
        stored: dict[int, TypeRow] = {}
        rows = sql.execute(f"SELECT id, kind, body, since FROM type WHERE {condition} ORDER BY id")
        for number, kind, body, since in rows:
            row = known.get(number)
            same = row is not None and row.since == since
            stored[number] = row if row and same else type_row(kind, body, since, None)
        return tuple((_PRELOADED | stored).values())

    @override
    @guarded
    def nodes(
        self, keys: Collection[NodeKey], *, as_of: int | None = None
    ) -> dict[NodeKey, NodeRow]:
        wanted = to_json([number_of(key) for key in keys]).decode()
        with self._snapshot(as_of) as (sql, source):
            found: dict[NodeKey, NodeRow] = {}
            for table, condition in source.arms("node"):
                rows = sql.execute(
                    f"SELECT {_NODE_NAMES} FROM json_each(?) AS f CROSS JOIN {table} AS n "
                    f"ON n.key = f.value WHERE {condition}",
                    (wanted,),
                )
                found |= node_rows(rows)
            missing = [key for key in keys if key not in found] if len(found) < len(keys) else ()
            if missing:
                found.update(self._gone(sql, missing, source.as_of))
        return found

    def _gone(
        self, sql: sqlite3.Connection, keys: Collection[NodeKey], as_of: int | None
    ) -> dict[NodeKey, NodeRow]:
        """Return the last versions of those nodes that were deleted."""
        deleted = sql.execute(
            f"SELECT {_PAST_NAMES} FROM json_each(?1) AS f CROSS JOIN node_past AS n ON n.key = f.value "
            f"WHERE gone AND (?2 IS NULL OR until <= ?2)",
            (to_json([number_of(key) for key in keys]).decode(), as_of),
        )
        return {row.key: row for row in map(past_row, deleted)}

    @override
    @guarded
    def find(
        self,
        kind: Kind,
        where: Filter | None = None,
        *,
        order: Order = Order(),
        after: tuple[int, int] | None = None,
        limit: int | None = None,
        as_of: int | None = None,
    ) -> list[NodeRow]:
        with self._snapshot(as_of) as (sql, source):
            search = Search(
                sql,
                source,
                kind,
                where,
                order,
                types=self.types(as_of=source.as_of),
                neighbours=lambda row, neighbour: self._neighbours(row, neighbour, source.as_of),
            )
            return search.rows(after, limit)

    def _neighbours(self, row: NodeRow, neighbour: Neighbour, as_of: int | None) -> Sequence[Met]:
        """Return what a node can be joined with, for filters that are evaluated row by row."""
        if neighbour is Neighbour.EVENTS:
            return self.edges([row.key], kinds=neighbour.edges, as_of=as_of)
        direction = Direction.UPSTREAM if neighbour.is_source else Direction.DOWNSTREAM
        edges = self.edges([row.key], direction, kinds=neighbour.edges, as_of=as_of)
        ends = [edge.source if neighbour.is_source else edge.target for edge in edges]
        return [each for each in self.nodes(ends, as_of=as_of).values() if not each.gone]

    @override
    @guarded
    def edges(
        self,
        keys: Collection[NodeKey],
        direction: Direction = Direction.BOTH,
        *,
        kinds: Collection[EdgeKind] | None = None,
        as_of: int | None = None,
    ) -> list[EdgeRow]:
        wanted = to_json([number_of(key) for key in set(keys)]).decode()
        ends = [
            end for end, other in (("dst", "downstream"), ("src", "upstream")) if direction != other
        ]
        of_kind = (
            "TRUE"
            if kinds is None
            else f"e.kind IN ({', '.join(str(int(kind)) for kind in kinds)})"
        )
        with self._snapshot(as_of) as (sql, source):
            arms = [
                f"SELECT {_EDGE_NAMES} FROM json_each(?1) AS f CROSS JOIN {table} AS e ON e.{end} = f.value "
                f"WHERE {of_kind} AND {moment}"
                for table, moment in source.arms("edge")
                for end in ends
            ]
            rows: Iterable[Sequence[Any]] = sql.execute(" UNION ALL ".join(arms), (wanted,))
            if len(ends) > 1:  # an edge with both ends among the keys is met at each of them
                rows = {values[:3]: values for values in rows}.values()
            return sorted(edge_rows(rows))

    @override
    @guarded
    def versions(self, key: NodeKey, *, as_of: int | None = None) -> list[NodeRow]:
        with self._snapshot(as_of) as (sql, source):
            rows = history.node_versions(sql, key)
        moment = source.as_of
        if moment is None:
            return rows
        return [
            row
            if row.until is not None and row.until <= moment
            else row._replace(until=None, gone=False)
            for row in rows
            if row.since <= moment
        ]

    @override
    @guarded
    def log(self, *, before: int | None = None, limit: int | None = None) -> list[Head]:
        last = self._moment(None)
        known = 2**62 if last is None else last + 1
        rows = self._file.connection.execute(
            f"SELECT {HEAD_COLUMNS} FROM txn WHERE number < ?1 ORDER BY number DESC LIMIT ?2",
            (known if before is None else min(before, known), -1 if limit is None else limit),
        )
        return [head_row(values) for values in rows]

    @override
    def changes(self, after: int = 0) -> Iterator[Commit]:
        if type(after) is not int or after < 0:
            raise Invalid(f"{after!r} is not a transaction's number")
        return self._stream(after, self.now())

    def _stream(self, after: int, last: int) -> Iterator[Commit]:
        for window in windows(self._heads(after, last)):
            yield from self._read_window(window[0].number, window[-1].number)

    def _heads(self, after: int, last: int) -> Iterator[Head]:
        """Yield the heads of a range, a thousand at a time, so that no statement stays open."""
        while after < last:
            until = min(last, after + 1000)
            yield from reversed(self._log_range(after, until))
            after = until

    @guarded
    def _log_range(self, after: int, until: int) -> list[Head]:
        return self.log(before=until + 1, limit=until - after)

    @guarded
    def _read_window(self, first: int, last: int) -> list[Commit]:
        with self._snapshot(None) as (sql, _):
            return history.read_commits(sql, first, last)

    @override
    @guarded
    def check(self) -> list[str]:
        with self._snapshot(None) as (sql, _):
            found = list(history.structural_faults(sql))
        return found + list(chain_faults(self.changes()))

    @override
    def close(self) -> None:
        self._file.close()

    @override
    @guarded
    def lookup(self, references: Collection[Reference]) -> dict[Reference, list[NodeRow]]:
        if self._moment(None) is not None:
            return super().lookup(references)
        sql = self._file.connection
        select = f"SELECT {NODE_COLUMNS} FROM node WHERE"
        answer = {}
        for reference in references:
            if isinstance(reference, Named):
                rows = sql.execute(f"{select} type = ? AND name = ?", reference)
            elif isinstance(reference, AtUri):
                type_id, uri, before = reference
                below = 2**62 if before is None else packed(before, Kind.ARTIFACT)
                # The sign keeps SQLite from going through all nodes of the type.
                rows = sql.execute(
                    f"{select} uri = ? AND +type = ? AND key < ? ORDER BY key DESC LIMIT {LOOKUP_PAGE}",
                    (uri, type_id, below),
                )
            else:
                parameters = (reference.external_id, KIND_NUMBERS[reference.kind])
                rows = sql.execute(f"{select} external_id = ? AND key & 3 = ?", parameters)
            answer[reference] = [node_row(values) for values in rows]
        return answer

    @override
    @guarded
    def existing_edges(self, keys: Collection[EdgeKey]) -> set[EdgeKey]:
        if self._moment(None) is not None:
            return super().existing_edges(keys)
        query = f"SELECT 1 FROM edge WHERE {_EDGE_IS}"
        sql = self._file.connection
        return {key for key in keys if sql.execute(query, edge_place(key)).fetchone()}

    @override
    @guarded
    def walk(
        self,
        starts: Collection[NodeKey],
        direction: Direction,
        *,
        limits: Limits = Limits(),
        edges: bool = True,
        as_of: int | None = None,
    ) -> Walk:
        check_limits(limits)
        with self._snapshot(as_of) as (sql, source):
            self.check_starts(starts, self.nodes(starts, as_of=as_of))
            numbers = {number_of(key) for key in starts}
            return walk_tables(sql, source, numbers, direction, limits=limits, edges=edges)

    # Writing

    @override
    def begin(self) -> Head:
        # The wait is not `guarded`: it may be long, and a close or a fork need not wait for it.
        self.refuse_readonly()
        deadline = time.monotonic() + self.lock_timeout
        self._file.slot.lock.acquire(self.lock_timeout)
        try:
            return self._begin(deadline - time.monotonic())
        except BaseException:
            self.rollback()
            raise

    @guarded
    def _begin(self, seconds: float) -> Head:
        with self._file.waiting(seconds) as sql:
            sql.execute("BEGIN IMMEDIATE")
        return self._last(sql)

    @property
    def _writing(self) -> sqlite3.Connection:
        """The connection, inside a transaction: without one, each statement would commit by itself."""
        sql = self._file.connection
        if not sql.in_transaction:
            raise Invalid(
                "the transaction is gone: an error undid it, or it is another process's that this one was forked from"
            )
        return sql

    @contextmanager
    def _whole(self) -> Iterator[sqlite3.Connection]:
        """Do all of a block's statements or none of them."""
        sql = self._writing
        sql.execute("SAVEPOINT verb")
        try:
            yield sql
        except BaseException:
            if sql.in_transaction:
                sql.execute("ROLLBACK TO verb")
                sql.execute("RELEASE verb")
            raise
        sql.execute("RELEASE verb")

    @override
    @guarded
    def write(self, number: int, batch: Batch) -> None:
        with self._whole() as sql:
            for row in batch.types:
                self._write_type(sql, number, row)
            if batch.nodes:
                self._check_unused(sql, batch.nodes)
            if batch.updates:
                self._retire(sql, number, batch.updates)
            new = (*batch.nodes, *batch.updates) if batch.updates else batch.nodes
            gone = [row for row in new if row.gone]
            if gone:
                sql.executemany(_INSERT_PAST, map(past_values, gone))
                new = [row for row in new if not row.gone]
            sql.executemany(_INSERT_NODE, map(node_values, new))
            if batch.edges:
                sql.executemany(
                    "INSERT INTO edge VALUES (?, ?, ?, ?, ?, ?)", map(edge_values, batch.edges)
                )

    def _write_type(self, sql: sqlite3.Connection, number: int, row: TypeRow) -> None:
        self._writes_types = True
        self._own_types = None
        sql.execute("DELETE FROM type WHERE id = ? AND since = ?", (row.type.id, number))
        sql.execute(
            "UPDATE type SET until = ? WHERE id = ? AND until IS NULL", (number, row.type.id)
        )
        values = (row.type.id, number, None, row.type.kind, type_text(row))
        sql.execute("INSERT INTO type VALUES (?, ?, ?, ?, ?)", values)
        for name in row.type.indexed:
            path = property_path(name)
            if path is not None:
                # Partial, so that nodes without the property cost nothing; queries imply its condition.
                index = f"property.{name}".replace('"', '""')
                value = f"json_extract(properties, {path})"
                sql.execute(
                    f'CREATE INDEX IF NOT EXISTS "{index}" ON node ({value}) WHERE {value} IS NOT NULL'
                )

    def _check_unused(self, sql: sqlite3.Connection, rows: Sequence[NodeRow]) -> None:
        """Raise for a new node with the key of one that is gone; the table refuses all others."""
        keys = to_json([number_of(row.key) for row in rows]).decode()
        taken = sql.execute(
            "SELECT f.value FROM json_each(?) AS f CROSS JOIN node_past AS n ON n.key = f.value LIMIT 1",
            (keys,),
        ).fetchone()
        if taken is not None:
            raise AlreadyExists(f"there was a {key_of(taken[0])} before; ids are given once")

    def _retire(self, sql: sqlite3.Connection, number: int, rows: Sequence[NodeRow]) -> None:
        """Take nodes' current versions away, so that names may change hands among the new ones."""
        keys = [number_of(row.key) for row in rows]
        sql.executemany(
            f"INSERT INTO node_past ({PAST_COLUMNS}) SELECT {NODE_COLUMNS}, ?, FALSE FROM node "
            f"WHERE key = ? AND since < ?",
            [(number, key, number) for key in keys],
        )
        for key, row in zip(keys, rows, strict=True):
            if not sql.execute("DELETE FROM node WHERE key = ?", (key,)).rowcount:
                raise NotFound(f"there is no live {row.key} to update")

    @override
    @guarded
    def end(self, number: int, keys: Collection[EdgeKey]) -> None:
        with self._whole() as sql:
            for key in keys:
                place = edge_place(key)
                sql.execute(
                    f"INSERT INTO edge_past SELECT *, ? FROM edge WHERE {_EDGE_IS} AND since < ?",
                    (number, *place, number),
                )
                if not sql.execute(f"DELETE FROM edge WHERE {_EDGE_IS}", place).rowcount:
                    raise NotFound(
                        f"there is no {key.kind.name} edge from {key.source} to {key.target}"
                    )

    @override
    @guarded
    def delete(self, number: int, keys: Collection[NodeKey]) -> None:
        with self._whole() as sql:
            for key in keys:
                sql.execute(
                    f"INSERT INTO node_past ({NODE_COLUMNS}, until, gone) SELECT {NODE_COLUMNS}, ?, TRUE FROM node "
                    f"WHERE key = ?",
                    (number, number_of(key)),
                )
                if not sql.execute("DELETE FROM node WHERE key = ?", (number_of(key),)).rowcount:
                    raise NotFound(f"there is no live {key} to delete")

    @override
    @guarded
    def purge(self, number: int, keys: Collection[NodeKey]) -> None:
        with self._whole() as sql:
            history.purge_nodes(sql, number, keys)
        self._tidying.note_purge()

    @override
    @guarded
    def append(self, head: Head) -> None:
        self._writing.execute(f"INSERT INTO txn VALUES ({', '.join('?' * len(head))})", head)

    @override
    @guarded
    def commit(self) -> None:
        self._writing.execute("COMMIT")
        self._writes_types = False
        try:
            self._tidying.after_commit(self.large_log)
        finally:
            self._file.slot.lock.release()

    @override
    def rollback(self) -> None:
        slot = self._file.slot
        try:
            with slot.busy:
                if slot.sql is not None and slot.sql.in_transaction:
                    slot.sql.execute("ROLLBACK")
        except sqlite3.Error as error:
            logger.warning(
                "a rollback failed (%s); SQLite undoes the transaction when the file is opened again",
                error,
            )
        finally:
            if slot.lock.held:
                self._writes_types = False
                slot.lock.release()


def _last_number(sql: sqlite3.Connection) -> int:
    row = sql.execute("SELECT number FROM txn ORDER BY number DESC LIMIT 1").fetchone()
    return 0 if row is None else int(row[0])

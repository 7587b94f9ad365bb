"""The `sqlite` backend: a whole store in one file, safe for many threads and processes.

The file is queried in place, so opening it costs the same at any size. See `connections` for
locking and durability, `rows` for the tables.
"""

from __future__ import annotations

import functools
import logging
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from typing_extensions import override

from lineage.backends.sqlite import history
from lineage.backends.sqlite.beginnings import read_beginning_with
from lineage.backends.sqlite.check import structural_faults
from lineage.backends.sqlite.cleanup import Tidying
from lineage.backends.sqlite.connections import LARGE_LOG, SqliteFile, guarded
from lineage.backends.sqlite.edges import (
    count_edges,
    end_edges,
    insert_edges,
    read_edge_page,
    read_joined,
    update_edges,
)
from lineage.backends.sqlite.filters import Tables
from lineage.backends.sqlite.find import Search, neighbours
from lineage.backends.sqlite.location import COMPANIONS, beside, check_version, split_url
from lineage.backends.sqlite.nodes import (
    check_unused,
    delete_nodes,
    insert_nodes,
    insert_type,
    update_nodes,
)
from lineage.backends.sqlite.opening import open_store
from lineage.backends.sqlite.reading import (
    count_nodes,
    existing,
    live,
    look_up,
    read_edges,
    read_nodes,
    read_types,
    read_with_digests,
    read_writings,
)
from lineage.backends.sqlite.rows import (
    HEAD_COLUMNS,
    head_row,
    number_of,
)
from lineage.backends.sqlite.walk import walk_tables
from lineage.contract.backend import EMPTY, Backend, Order, Reference
from lineage.contract.beginnings import Beginning
from lineage.contract.commits import chain_faults, head_batches
from lineage.contract.paging import EdgeCounts, Page
from lineage.contract.projection import Join, Link, Projected
from lineage.contract.refusals import lost_transaction
from lineage.contract.walking import Direction, Limits, Omitted, Walk, check_starts
from lineage.contract.writings import AtUri, Writing
from lineage.errors import BackendError
from lineage.filters.simplifying import simplified
from lineage.filters.tree import AnyColumn, Filter
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import (
    Batch,
    Commit,
    EdgeKey,
    EdgeKind,
    EdgeRow,
    Head,
    NodeRow,
    TypeRow,
    types_with,
)

__all__ = ["SqliteBackend"]

logger = logging.getLogger("lineage")

_INSERT_HEAD = f"INSERT INTO txn VALUES ({', '.join('?' * len(HEAD_COLUMNS.split(',')))})"
_LAST = f"SELECT {HEAD_COLUMNS} FROM txn ORDER BY number DESC LIMIT 1"
_HEADS = (
    f"SELECT {HEAD_COLUMNS} FROM txn WHERE number > ? AND number <= ? ORDER BY number LIMIT 1000"
)
_NEWEST = "SELECT number, schema FROM txn ORDER BY number DESC LIMIT 1"
_PRESENT = Tables()
T = TypeVar("T")


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
        self.large_log = LARGE_LOG
        self._types: tuple[int, tuple[TypeRow, ...]] | None = None
        self._seen = (0, 0)
        """The last transaction that was seen, and the one that wrote its types last."""
        self._own_types: tuple[TypeRow, ...] | None = None
        """The types as the open transaction has changed them."""
        self._given: dict[Kind, int] = {}
        """The highest ids that were given, by the open transaction too."""
        self._met = (0, b"")
        """The last transaction that a writer met here, by number and digest."""
        self._appended = EMPTY
        """The row of the transaction that was written last, committed or not."""
        self._file = SqliteFile(path, journal=journal, readonly=readonly)
        self._tidying = Tidying(self._file)
        try:
            self._open()
        except BaseException:
            self._file.close()
            raise

    @classmethod
    @override
    def file_of(cls, url: str) -> Path | None:
        return split_url(url)[0]

    @property
    @override
    def files(self) -> Sequence[Path]:
        return self._file.path, *(beside(self._file.path, suffix) for suffix in COMPANIONS)

    @property
    @override
    def place(self) -> str:
        return str(self._file.path)

    @guarded
    def _open(self) -> None:
        open_store(self._file, lock_timeout=self.lock_timeout)

    @contextmanager
    def _snapshot(self, as_of: int | None) -> Iterator[tuple[sqlite3.Connection, Tables]]:
        """Hold one moment of the file, and say from which tables to read it."""
        as_of = self._effective(as_of)
        sql = self._file.connection
        if sql.in_transaction:
            yield sql, Tables(as_of)
            return
        sql.execute("BEGIN")
        try:
            past = as_of is not None and as_of < self._look(sql)
            yield sql, Tables(as_of if past else None)
        finally:
            if sql.in_transaction:
                sql.execute("ROLLBACK")

    def _read(
        self,
        as_of: int | None,
        query: Callable[[sqlite3.Connection, Tables], T],
        *,
        single: bool = False,
    ) -> T:
        """Answer a query of one moment.

        The present is read without a transaction around it: a `single` statement is of one moment by
        itself, and where the last number is the same afterwards, nobody committed meanwhile.
        """
        as_of = self._effective(as_of)
        sql = self._file.connection
        if sql.in_transaction:
            return query(sql, Tables(as_of))
        if as_of is None:
            if single:
                return query(sql, _PRESENT)
            as_of = self._look(sql)
        if as_of >= self._newest:
            answer = query(sql, _PRESENT)
            if self._look(sql) == as_of:
                return answer
        with self._snapshot(as_of) as (sql, source):
            return query(sql, source)

    def _look(self, sql: sqlite3.Connection) -> int:
        """Return the last number, and remember with it which types are the newest."""
        row = sql.execute(_NEWEST).fetchone()
        if row is None:
            return 0
        number: int = row[0]
        self._seen = row
        self._newest = max(self._newest, number)
        return number

    def _last(self, sql: sqlite3.Connection) -> Head:
        values = sql.execute(_LAST).fetchone()
        return EMPTY if values is None else head_row(values)

    @override
    @guarded
    def now(self) -> int:
        own = self._transaction
        if own is not None and own.locked:
            return own.number - 1
        return self._look(self._file.connection)

    @override
    @guarded
    def types(self, *, as_of: int | None = None) -> Sequence[TypeRow]:
        as_of = self._effective(as_of)
        sql = self._file.connection
        own = self._transaction
        if as_of is None and self._own_types is not None and own is not None and own.locked:
            return self._own_types
        schema = self._schema(sql, as_of)
        known = self._types
        if known is None or known[0] != schema:
            rows = read_types(sql, schema, () if known is None else known[1])
            # The newest are kept, also where a pinned moment asked for them; older ones are asked for rarely.
            if known is not None and known[0] > schema:
                return rows
            self._types = known = (schema, rows)
        return known[1]

    def _schema(self, sql: sqlite3.Connection, as_of: int | None) -> int:
        """Return the number of the transaction that wrote the types of a moment last."""
        number, schema = self._seen
        if number == as_of:
            return schema
        until = "" if as_of is None else f"WHERE number <= {as_of:d}"
        row = sql.execute(f"SELECT schema FROM txn {until} ORDER BY number DESC LIMIT 1").fetchone()
        return 0 if row is None else row[0]

    @override
    @guarded
    def nodes(
        self, keys: Collection[NodeKey], *, as_of: int | None = None
    ) -> Mapping[NodeKey, NodeRow]:
        # A node that is not there any more is gone for good, so looking for it later does no harm.
        return self._read(
            as_of, lambda sql, source: read_nodes(sql, source, keys), single=len(keys) == 1
        )

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
        return self._search(kind, where, order, as_of, lambda search: search.rows(after, limit))

    @override
    @guarded
    def _values(
        self, kind: Kind, columns: Sequence[AnyColumn], where: Filter | None, as_of: int | None
    ) -> list[Projected]:
        return self._search(kind, where, Order(), as_of, lambda search: search.values(columns))

    def _search(
        self,
        kind: Kind,
        where: Filter | None,
        order: Order,
        as_of: int | None,
        answer: Callable[[Search], T],
    ) -> T:
        """Answer from a search for nodes at one moment."""
        tree = None if where is None else simplified(where)

        def search(sql: sqlite3.Connection, source: Tables) -> T:
            near = functools.partial(neighbours, self, as_of=source.as_of)
            return answer(Search(sql, source, kind, tree, order, self.types(as_of=as_of), near))

        return self._read(as_of, search)

    @override
    @guarded
    def _joined(self, join: Join, as_of: int | None) -> list[Link]:
        return self._read(as_of, lambda sql, source: read_joined(sql, source, join), single=True)

    @override
    @guarded
    def node_counts(self, *, as_of: int | None = None) -> Mapping[int, int]:
        return self._read(as_of, count_nodes)

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
        of_kinds = None if kinds is None else frozenset(kinds)
        return self._read(
            as_of,
            lambda sql, source: read_edges(sql, source, keys, direction, of_kinds),
            single=True,
        )

    @override
    @guarded
    def _edge_page(self, page: Page, as_of: int | None) -> list[EdgeRow]:
        return self._read(as_of, lambda sql, source: read_edge_page(sql, source, page))

    @override
    @guarded
    def edge_counts(self, key: NodeKey, *, as_of: int | None = None) -> EdgeCounts:
        return self._read(as_of, lambda sql, source: count_edges(sql, source, key))

    @override
    @guarded
    def versions(self, key: NodeKey, *, as_of: int | None = None) -> list[NodeRow]:
        with self._snapshot(as_of) as (sql, source):
            rows = history.node_versions(sql, key)
        if (as_of := source.as_of) is None:
            return rows
        return [row.seen(as_of) for row in rows if row.since <= as_of]

    @override
    @guarded
    def log(self, *, before: int | None = None, limit: int | None = None) -> list[Head]:
        last = self._effective(None)
        known = 2**62 if last is None else last + 1
        rows = self._file.connection.execute(
            f"SELECT {HEAD_COLUMNS} FROM txn WHERE number < ?1 ORDER BY number DESC LIMIT ?2",
            (known if before is None else min(before, known), -1 if limit is None else limit),
        )
        return [head_row(values) for values in rows]

    @override
    def _changes(self, after: int, last: int) -> Iterator[Commit]:
        for batch in head_batches(self._heads(after, last)):
            yield from self._read_batch(batch[0].number, batch[-1].number)

    def _heads(self, after: int, last: int) -> Iterator[Head]:
        """Yield the heads of a range, a thousand at a time, so that no statement stays open."""
        # By the rows that are there: numbers that somebody changed may be far apart.
        while heads := self._log_range(after, last):
            yield from heads
            after = heads[-1].number

    @guarded
    def _log_range(self, after: int, last: int) -> list[Head]:
        return [*map(head_row, self._file.connection.execute(_HEADS, (after, last)))]

    @guarded
    def _read_batch(self, first: int, last: int) -> list[Commit]:
        with self._snapshot(None) as (sql, _):
            return history.read_commits(sql, first, last)

    @override
    @guarded
    def check(self) -> list[str]:
        own = self._transaction
        with self._snapshot(None) as (sql, _):
            last = own.number if own is not None and own.locked else self._look(sql)
            found = list(structural_faults(sql, last))
        return found + list(chain_faults(self.changes, self._transaction))

    @override
    def close(self) -> None:
        self._file.close()

    @override
    @guarded
    def lookup(self, references: Collection[Reference]) -> dict[Reference, list[NodeRow]]:
        if self._effective(None) is not None:
            return super().lookup(references)
        sql = self._file.connection
        return {reference: look_up(sql, reference) for reference in references}

    @override
    @guarded
    def with_digests(
        self, digests: Collection[str], *, limit: int | None = None, as_of: int | None = None
    ) -> dict[str, list[NodeRow]]:
        return self._read(as_of, lambda sql, source: read_with_digests(sql, source, digests, limit))

    @override
    @guarded
    def _beginning_with(self, beginning: Beginning, as_of: int | None) -> list[NodeRow]:
        return self._read(
            as_of,
            lambda sql, source: read_beginning_with(
                sql, source, beginning, self.types(as_of=as_of)
            ),
        )

    @override
    @guarded
    def _writings(
        self, of: AtUri | Collection[NodeKey], as_of: int | None, limit: int | None
    ) -> Sequence[Writing]:
        now = 0 if self._transaction is None else self._transaction.time
        return self._read(
            as_of, lambda sql, source: read_writings(sql, source, of, now=now, limit=limit)
        )

    @override
    @guarded
    def live(self, keys: Collection[NodeKey]) -> set[NodeKey]:
        if self._effective(None) is not None:
            return super().live(keys)
        return live(self._file.connection, keys)

    @override
    @guarded
    def existing_edges(self, keys: Collection[EdgeKey]) -> set[EdgeKey]:
        if self._effective(None) is not None:
            return super().existing_edges(keys)
        return existing(self._file.connection, keys)

    @override
    @guarded
    def _walk(
        self,
        starts: Collection[NodeKey],
        direction: Direction,
        *,
        limits: Limits,
        edges: bool,
        as_of: int | None,
        omitted: Omitted | None,
    ) -> Walk:
        with self._snapshot(as_of) as (sql, source):
            check_starts(starts, read_nodes(sql, source, starts))
            numbers = {number_of(key) for key in starts}
            return walk_tables(
                sql, source, numbers, direction, limits=limits, edges=edges, omitted=omitted
            )

    @override
    def _begin(self) -> Head:
        # The wait is not `guarded`: it may be long, and a close or a fork need not wait for it.
        deadline = time.monotonic() + self.lock_timeout
        self._file.slot.lock.acquire(self.lock_timeout)
        try:
            return self._begin_immediate(deadline - time.monotonic())
        except BaseException:
            self.rollback()
            raise

    @guarded
    def _begin_immediate(self, seconds: float) -> Head:
        with self._file.waiting(seconds) as sql:
            sql.execute("BEGIN IMMEDIATE")
        self._file.check_writable()
        last = self._last(sql)
        self._check_history(sql, last)
        self._file.bear_witness()
        self._own_types = None  # those of a transaction that ended with its thread
        self._given = dict(zip(Kind, (last.artifacts, last.executions, last.contexts), strict=True))
        return last

    def _check_history(self, sql: sqlite3.Connection, last: Head) -> None:
        """Raise where the last transaction that this store met is not there: the file was written over."""
        number, digest = self._met
        if number and number != last.number:
            row = sql.execute("SELECT digest FROM txn WHERE number = ?", (number,)).fetchone()
            found = None if row is None else row[0]
        else:
            found = last.digest
        if number and found != digest:
            raise BackendError(
                f"{self._file.path} has another history than it had, without transaction {number} as it was: it was "
                f"restored or written over while the store was open; close the store and connect again"
            )
        self._met = last.number, last.digest

    @property
    def _write_connection(self) -> sqlite3.Connection:
        """The connection, inside a transaction: without one, each statement would commit by itself."""
        sql = self._file.connection
        if not sql.in_transaction:
            raise lost_transaction()
        return sql

    @contextmanager
    def _whole(self) -> Iterator[sqlite3.Connection]:
        """Do all of a block's statements or none of them."""
        sql = self._write_connection
        own_types = self._own_types
        sql.execute("SAVEPOINT verb")
        try:
            yield sql
        except BaseException:
            self._own_types = own_types
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
                check_unused(sql, batch.nodes, self._given)
            if batch.updates:
                update_nodes(sql, number, batch.updates)
            if batch.nodes:
                insert_nodes(sql, batch.nodes)
            if batch.edges:
                insert_edges(sql, batch.edges)
            if batch.edge_updates:
                update_edges(sql, number, batch.edge_updates)

    def _write_type(self, sql: sqlite3.Connection, number: int, row: TypeRow) -> None:
        own = self._own_types
        self._own_types = types_with(self.types() if own is None else own, row)
        insert_type(sql, number, row)

    @override
    @guarded
    def end(self, number: int, keys: Collection[EdgeKey]) -> None:
        with self._whole() as sql:
            end_edges(sql, number, keys)

    @override
    @guarded
    def delete(self, number: int, keys: Collection[NodeKey]) -> None:
        with self._whole() as sql:
            delete_nodes(sql, number, keys)

    @override
    @guarded
    def purge(self, number: int, keys: Collection[NodeKey]) -> None:
        with self._whole() as sql:
            history.purge_nodes(sql, number, keys)
        self._tidying.note_purge()

    @override
    @guarded
    def _purge_heads(self, number: int, heads: Sequence[int]) -> None:
        with self._whole() as sql:
            history.purge_heads(sql, number, heads)
        self._tidying.note_purge()

    @override
    @guarded
    def append(self, head: Head) -> None:
        self._write_connection.execute(_INSERT_HEAD, head)
        self._appended = head

    @override
    @guarded
    def commit(self) -> None:
        sql = self._write_connection
        self._file.check_committable()
        sql.execute("COMMIT")
        self._met = self._appended.number, self._appended.digest
        if self._own_types is not None:
            self._types = (self._appended.schema, self._own_types)
            self._own_types = None
        try:
            self._tidying.after_commit(self.large_log)
            self._file.bear_witness()
        finally:
            self._file.slot.lock.release()

    @override
    def rollback(self) -> None:
        slot = self._file.writers_slot
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
                self._own_types = None
                slot.lock.release()

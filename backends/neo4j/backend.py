"""The `neo4j` backend: a store in a Neo4j database, for when one machine is not enough.

A person reads and queries the graph without this library; `rows` says what it looks like.
All writers lock one node first, so that transactions are numbered in the order of their commits.
Readers ask for the number of the last one, and leave out what came later; see `_steadily`.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar
from weakref import WeakValueDictionary

from typing_extensions import override

from lineage.backends.neo4j import history
from lineage.backends.neo4j.beginnings import beginning_with
from lineage.backends.neo4j.check import check_graph
from lineage.backends.neo4j.connections import Rows, RunStatement, Server, Work
from lineage.backends.neo4j.find import find_nodes, node_counts_at
from lineage.backends.neo4j.lookup import with_digests
from lineage.backends.neo4j.opening import index_properties, keep_property_indexes, open_store
from lineage.backends.neo4j.reading import (
    edge_counts_at,
    edge_page_at,
    edges_at,
    heads,
    joined_now,
    nodes_at,
    versions_at,
)
from lineage.backends.neo4j.rows import HEAD, head_row, type_row
from lineage.backends.neo4j.walk import walk_graph
from lineage.backends.neo4j.writing import WriteBuffer
from lineage.backends.neo4j.writings import writings_at
from lineage.contract.backend import EMPTY, PRELOADED, Backend, Order, Reference
from lineage.contract.beginnings import Beginning
from lineage.contract.owner import current_owner
from lineage.contract.paging import EdgeCounts, Page
from lineage.contract.projection import Join, Link
from lineage.contract.refusals import deadlock, lost_transaction
from lineage.contract.tree import HeadTree, subtree
from lineage.contract.walking import Direction, Limits, Omitted, Walk, check_starts
from lineage.contract.writings import AtUri, Writing
from lineage.errors import (
    BackendError,
    Conflict,
    Corrupt,
    LineageError,
    NotFound,
    Unavailable,
    excerpt,
)
from lineage.filters.tree import Filter
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import Batch, Commit, EdgeKey, EdgeKind, EdgeRow, Head, NodeRow, TypeRow

__all__ = ["Neo4jBackend"]

logger = logging.getLogger("lineage")
T = TypeVar("T")

TRIES = 3
"""How often a read may be disturbed before it keeps commits away; the first may only show that others wrote."""
_WRITING: WeakValueDictionary[tuple[str, int], Work] = WeakValueDictionary()
"""What each thread writes where with: it would wait for itself in vain, by whichever connection."""
RECONNECT = 0.5
"""Seconds between attempts to ask what became of a commit."""

_NOW = "MATCH (g:LineageGate) SET g.held = true WITH g RETURN g.number, g.schema"
"""To set what is set changes nothing, but waits for a commit that is on its way to be done."""
_LOCK = f"""
MATCH (s:LineageStore), (:LineageGate) SET s.lock = $token
WITH s OPTIONAL MATCH (t:LineageTransaction {{number: s.number}})
RETURN CASE WHEN t.digest <> $known THEN COLLECT {{
  UNWIND $powers AS power
  WITH power, s.number - s.number % power AS last WHERE last / power % 2 = 1
  MATCH (whole:LineageTransaction {{number: last}})
  RETURN [last, whole.digest, whole.nodes, power] ORDER BY last
}} END, {HEAD}
"""
"""With the whole subtrees of the tree over heads, where this process has not kept them: no more round trips."""
_POWERS = [1 << height for height in range(62)]
_SCHEMA_AT = """
OPTIONAL MATCH (t:LineageTransaction {number: $as_of})
WITH coalesce(t.schema, 0) AS schema
RETURN schema, CASE WHEN schema <> $known THEN COLLECT {
  MATCH (y:LineageType) WHERE y.since <= schema AND (y.until IS NULL OR y.until > schema)
  RETURN [y.kind, y.body, y.since]
} END
"""
_DONE = "MATCH (t:LineageTransaction {number: $number}) RETURN t.token"


class _Types(NamedTuple):
    """The newest types known, and the transactions that they are surely of."""

    schema: int
    rows: tuple[TypeRow, ...]
    until: int


class Neo4jBackend(Backend):
    """A store in one Neo4j database, given as `neo4j[+s|+ssc]://[user:password@]host[:port][/database]`.

    What the URL leaves out comes from NEO4J_USERNAME, NEO4J_PASSWORD and NEO4J_DATABASE. A
    database that holds anything but a store is refused.
    """

    def __init__(
        self, url: str, *, clock: Callable[[], int] | None = None, readonly: bool = False
    ) -> None:
        super().__init__(clock=clock, readonly=readonly)
        self._own = threading.local()
        self._types = _Types(0, tuple(PRELOADED.values()), 0)
        self._last = 0
        """The highest number that is known to be committed."""
        self._server = Server(url)
        try:
            open_store(self._server, readonly=readonly)
            if not readonly:
                keep_property_indexes(self._server, lambda: [row.type for row in self.types()])
        except BaseException:
            self._server.close()
            raise

    @property
    @override
    def place(self) -> str:
        return self._server.place

    @property
    def _buffer(self) -> WriteBuffer | None:
        """What the transaction of this thread and task writes with, once it is locked."""
        writing: WriteBuffer | None = getattr(self._own, "writing", None)
        return writing if writing is None or self._own.writer == current_owner() else None

    def _number(self, as_of: int | None) -> int:
        """Return the number of the transaction that this thread's read is as of."""
        as_of = self._effective(as_of)
        writing = self._buffer
        if as_of is not None:
            return as_of
        return self.now() if writing is None else self._own_number(writing)

    def _steadily(self, as_of: int | None, read: Callable[[RunStatement, int], T]) -> T:
        """Return what a read finds in a graph that nobody changes meanwhile.

        `read` is given the number of the transaction that it is as of: for the present the last one
        known, which the gate confirms afterwards.
        Neo4j applies a commit record by record, while others read: a reader may see an edge leave
        the present before it is in the past. So a read during which a transaction was committed
        is made again, and at last under the lock that commits need.
        """
        as_of, writing = self._effective(as_of), self._buffer
        if writing is not None:  # it has the lock that all writers need
            return read(writing.run, self._own_number(writing) if as_of is None else as_of)
        for _ in range(TRIES):
            before = self._last
            try:
                answer = read(self._server.read, before if as_of is None else as_of)
            except (Corrupt, NotFound):
                if self.now() == before:
                    raise
            else:
                if self.now() == before:
                    return answer
        work, rows = self._server.begin(first=_NOW, seconds=self.lock_timeout)
        try:
            number, schema = self._gate(rows)
            self._reached(number, schema)
            return read(work.run, number if as_of is None else as_of)
        finally:
            work.rollback()

    def _run(self, query: str, /, **parameters: Any) -> Rows:
        """Run one statement steadily, which says itself what it is as of."""
        return self._steadily(0, lambda run, _: run(query, **parameters))

    def _own_number(self, writing: WriteBuffer) -> int:
        own = self._transaction
        return writing.head.number + 1 if own is None else own.number

    @override
    def _is_reached(self, number: int) -> bool:
        return number <= self._last or super()._is_reached(number)

    @override
    def now(self) -> int:
        own = self._transaction
        if own is not None and own.locked:
            return own.number - 1
        number, schema = self._gate(self._server.write(_NOW))
        self._reached(number, schema)
        return number

    def _is_past(self, as_of: int, *, own: bool) -> bool:
        """Whether a steady read as of a transaction needs more than the present.

        False is sure only because a read during which others commit is made again.
        """
        return as_of != self._last if self._buffer is None else not own

    def _reached(self, number: int, schema: int) -> None:
        """Keep that a transaction is committed, and which was the last to write a type then."""
        self._last = max(self._last, number)
        known = self._types
        if known.schema == schema and known.until < number:
            self._types = known._replace(until=number)

    @override
    def types(self, *, as_of: int | None = None) -> Sequence[TypeRow]:
        return self._types_seen(self._number(as_of), own=as_of is None)

    def _types_seen(self, as_of: int, *, own: bool) -> tuple[TypeRow, ...]:
        """Return the types of a moment; with `own` those that this thread's transaction sees."""
        writing = self._buffer
        if writing is None:
            return self._types_at(self._server.read, as_of)
        return writing.types if own else self._types_at(writing.run, as_of)

    def _types_at(self, run: RunStatement, as_of: int) -> tuple[TypeRow, ...]:
        known = self._types
        if known.schema <= as_of <= known.until:
            return known.rows
        ((schema, found),) = run(_SCHEMA_AT, as_of=as_of, known=known.schema)
        if found is None:
            self._types = known._replace(until=max(as_of, known.until))
            return known.rows
        stored = [type_row(kind, body, since) for kind, body, since in found]
        by_id = PRELOADED | {row.type.id or 0: row for row in stored}
        rows = tuple(sorted(by_id.values(), key=lambda row: row.type.id or 0))
        # The newest are kept, also where a pinned moment asked for them; older ones are asked for rarely.
        if schema > known.schema:
            self._types = _Types(schema, rows, as_of)
        return rows

    @override
    def nodes(
        self, keys: Collection[NodeKey], *, as_of: int | None = None
    ) -> Mapping[NodeKey, NodeRow]:
        found = self._steadily(as_of, lambda run, number: nodes_at(run, number, keys))
        if self._buffer is not None and as_of is None:
            self._buffer.saw(found.values())
        return found

    @override
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
        own = as_of is None

        def read(run: RunStatement, number: int) -> list[NodeRow]:
            types = [row.type for row in self._types_seen(number, own=own)]
            return find_nodes(
                run,
                number,
                kind,
                where,
                order=order,
                after=after,
                limit=limit,
                is_past=self._is_past(number, own=own),
                types=types,
            )

        return self._steadily(as_of, read)

    @override
    def node_counts(self, *, as_of: int | None = None) -> Mapping[int, int]:
        own = as_of is None

        def read(run: RunStatement, number: int) -> Mapping[int, int]:
            return node_counts_at(run, number, is_past=self._is_past(number, own=own))

        return self._steadily(as_of, read)

    @override
    def edges(
        self,
        keys: Collection[NodeKey],
        direction: Direction = Direction.BOTH,
        *,
        kinds: Collection[EdgeKind] | None = None,
        as_of: int | None = None,
    ) -> list[EdgeRow]:
        return self._steadily(
            as_of, lambda run, number: edges_at(run, number, keys, direction, kinds)
        )

    @override
    def _joined(self, join: Join, as_of: int | None) -> list[Link]:
        own, as_of = as_of is None, self.pin(as_of)

        def read(run: RunStatement, number: int) -> list[Link] | None:
            return None if self._is_past(number, own=own) else joined_now(run, join)

        found = self._steadily(as_of, read)
        return super()._joined(join, as_of) if found is None else found

    @override
    def _edge_page(self, page: Page, as_of: int | None) -> list[EdgeRow]:
        return self._steadily(as_of, lambda run, number: edge_page_at(run, number, page))

    @override
    def edge_counts(self, key: NodeKey, *, as_of: int | None = None) -> EdgeCounts:
        return self._steadily(as_of, lambda run, number: edge_counts_at(run, number, key))

    @override
    def versions(self, key: NodeKey, *, as_of: int | None = None) -> list[NodeRow]:
        return self._steadily(as_of, lambda run, number: versions_at(run, number, key))

    @override
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
        def read(run: RunStatement, number: int) -> Walk:
            check_starts(starts, nodes_at(run, number, starts))
            return walk_graph(
                run, number, starts, direction, limits=limits, edges=edges, omitted=omitted
            )

        return self._steadily(as_of, read)

    @override
    def lookup(self, references: Collection[Reference]) -> dict[Reference, list[NodeRow]]:
        if self._buffer is None:
            return super().lookup(references)
        return self._buffer.look_up(references)

    @override
    def with_digests(
        self, digests: Collection[str], *, limit: int | None = None, as_of: int | None = None
    ) -> dict[str, list[NodeRow]]:
        return self._steadily(as_of, lambda run, number: with_digests(run, number, digests, limit))

    @override
    def existing_edges(self, keys: Collection[EdgeKey]) -> set[EdgeKey]:
        if self._buffer is None:
            return super().existing_edges(keys)
        return self._buffer.existing(keys)

    @override
    def _beginning_with(self, beginning: Beginning, as_of: int | None) -> list[NodeRow]:
        own = as_of is None

        def read(run: RunStatement, number: int) -> list[NodeRow]:
            return beginning_with(run, number, beginning, is_past=self._is_past(number, own=own))

        return self._steadily(as_of, read)

    @override
    def _writings(
        self, of: AtUri | Collection[NodeKey], as_of: int | None, limit: int | None
    ) -> Sequence[Writing]:
        own, transaction = as_of is None, self._transaction
        now = None if transaction is None else transaction.time

        def read(run: RunStatement, number: int) -> list[Writing]:
            is_past = self._is_past(number, own=own)
            return writings_at(run, number, of, now=now, limit=limit, is_past=is_past)

        return self._steadily(as_of, read)

    @override
    def log(self, *, before: int | None = None, limit: int | None = None) -> list[Head]:
        number, writing = self._number(None), self._buffer
        run = self._server.read if writing is None else writing.run
        beyond = number + 1  # a writer's own comes after all that are there
        return heads(run, before=beyond if before is None else min(before, beyond), limit=limit)

    @override
    def _changes(self, after: int, last: int) -> Iterator[Commit]:
        return history.stream(self._run, after, last)

    @override
    def check(self) -> list[str]:
        return list(check_graph(self._run, self._transaction))

    @override
    def close(self) -> None:
        self._server.close()

    @override
    def _begin(self) -> Head:
        self.rollback()  # what an interrupt has left, between the lock and whoever wanted it
        mine = (self._server.place, threading.get_ident())
        other = _WRITING.get(mine)
        if other is not None and other.is_open:
            raise deadlock(
                f"this thread is writing to {self._server.place} already, by another connection; end that transaction "
                f"first, or write with one connection"
            )
        token = secrets.token_hex(16)
        work, rows = self._lock(self.lock_timeout, token)
        _WRITING[mine] = work
        try:
            head = self._head_of(rows)
            self._own.writer = current_owner()
            self._own.writing = WriteBuffer(
                work, head, lambda: self._types_at(work.run, head.number), token=token
            )
            self._reached(head.number, head.schema)
        except BaseException:
            self._own.writing = None
            work.rollback()
            raise
        return head

    def _lock(self, seconds: float, token: str) -> tuple[Work, Rows]:
        known = self._tree.digest
        return self._server.begin(
            first=_LOCK, seconds=seconds, token=token, known=known, powers=_POWERS
        )

    def _head_of(self, rows: Rows) -> Head:
        """Read what `_LOCK` returns, and keep the tree over heads."""
        whole, *values = self._only(rows)
        head = EMPTY if values[0] is None else head_row(values)
        if whole is not None and len(whole) == head.number.bit_count():
            roots = [
                subtree(
                    EMPTY._replace(number=last, digest=digest, nodes=nodes), power.bit_length() - 1
                )
                for last, digest, nodes, power in whole
            ]
            self._tree = HeadTree(head.number, head.digest, tuple(roots))
        return head

    def _only(self, rows: Rows) -> list[Any]:
        """Return what the one node of its kind in a store says; raise where there is not one."""
        if len(rows) != 1:
            raise Corrupt(f"{self._server.place} holds {len(rows)} stores; restore a backup")
        return rows[0]

    def _gate(self, rows: Rows) -> tuple[int, int]:
        """Return what readers are told: the last transaction, and the last that wrote a type."""
        number, schema = self._only(rows)
        if type(number) is not int or type(schema) is not int:
            raise Corrupt(
                f"{self._server.place} says that its last transaction is {excerpt(number)}, of the types of {excerpt(schema)}; "
                f"restore a backup"
            )
        return number, schema

    def _locked(self) -> WriteBuffer:
        writing = self._buffer
        if writing is None or not writing.work.is_open:
            raise lost_transaction()
        return writing

    @override
    def write(self, number: int, batch: Batch) -> None:
        self._locked().write(batch)

    @override
    def end(self, number: int, keys: Collection[EdgeKey]) -> None:
        self._locked().end(number, keys)

    @override
    def delete(self, number: int, keys: Collection[NodeKey]) -> None:
        self._locked().delete(number, keys)

    @override
    def purge(self, number: int, keys: Collection[NodeKey]) -> None:
        writing = self._locked()
        history.purge_nodes(writing.run, keys, writing.type)
        writing.note_purge(keys)

    @override
    def _purge_heads(self, number: int, heads: Sequence[int]) -> None:
        writing = self._locked()
        history.purge_heads(writing.run, heads)
        writing.note_purged_heads(heads)

    @override
    def append(self, head: Head) -> None:
        self._locked().append(head)

    @override
    def commit(self) -> None:
        writing = self._locked()
        writing.finish()
        try:
            writing.work.commit()
        except Unavailable as error:
            logger.warning(
                "the connection broke during a commit; asking what became of it: %s", error
            )
            if not self._was_committed(writing):
                raise
        self._own.writing = None
        head = writing.head
        self._reached(head.number, head.schema)
        if writing.new_types and self._types.schema < head.schema:
            self._types = _Types(head.schema, writing.types, head.number)
        self._index(writing)

    def _was_committed(self, writing: WriteBuffer) -> bool:
        """Find out what became of a commit whose answer was lost.

        The lock shows that the server is done with it, whichever way.
        """
        number, deadline = writing.head.number, time.monotonic() + self.lock_timeout
        while True:
            try:
                work, _ = self._lock(max(0.1, deadline - time.monotonic()), writing.token)
                try:
                    return work.run(_DONE, number=number) == [[writing.token]]
                finally:
                    work.rollback()
            except (Unavailable, Conflict) as error:
                if time.monotonic() > deadline:
                    raise BackendError(
                        f"{self._server.place}: the connection broke while transaction {number} was committed, and the "
                        f"server does not say whether it was; look at the log before you write it again"
                    ) from error
                time.sleep(RECONNECT)

    def _index(self, writing: WriteBuffer) -> None:
        """Make the indexes that the types just written ask for; the commit stands without them."""
        try:
            index_properties(self._server, [row.type for row in writing.new_types.values()])
        except LineageError as error:
            logger.warning("an index was not made, and will be when the store is opened: %s", error)

    @override
    def rollback(self) -> None:
        writing: WriteBuffer | None = getattr(self._own, "writing", None)
        if writing is not None:
            self._own.writing = None
            writing.work.rollback()

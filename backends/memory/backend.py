"""The `memory` backend: a store in a NetworkX graph, for notebooks, tests and analysis.

It lives as long as the process does. Readers see the last committed transaction while another
thread's is open, and wait for nothing longer than one verb; `graph` holds present and past.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from operator import attrgetter
from threading import get_ident
from typing import NamedTuple

from typing_extensions import override

from lineage.backends.memory.check import (
    check_edge_updates,
    check_edges,
    check_nodes,
    graph_faults,
    record_faults,
    type_faults,
)
from lineage.backends.memory.find import beginning_with, search
from lineage.backends.memory.graph import TimedGraph
from lineage.backends.memory.history import TransactionRecords, TypeHistory, no_records
from lineage.backends.memory.indexes import in_order
from lineage.backends.memory.reading import (
    read_edge_page,
    read_joined,
    read_writings,
    with_digest,
)
from lineage.backends.memory.walk import walk_graph
from lineage.contract.backend import EMPTY, Backend, Named, Order, Reference
from lineage.contract.beginnings import Beginning
from lineage.contract.commits import chain_faults
from lineage.contract.owner import current_owner
from lineage.contract.paging import EdgeCounts, Page, count_edges
from lineage.contract.plugins import parse_url
from lineage.contract.projection import Join, Link
from lineage.contract.proof import purged_head
from lineage.contract.refusals import no_edge, no_live_node, not_gone
from lineage.contract.stopping import waited
from lineage.contract.walking import Direction, Limits, Omitted, Walk, check_starts
from lineage.contract.writings import AtUri, Writing
from lineage.errors import Conflict, Invalid, excerpt
from lineage.filters.tree import Field, Filter
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import Batch, Commit, EdgeKey, EdgeKind, EdgeRow, Head, NodeRow, TypeRow

__all__ = ["MemoryBackend"]


class _Committed(NamedTuple):
    """What all threads see; it is replaced at once, so that an interrupt cannot halve it."""

    last: Head
    types: tuple[TypeRow, ...]
    typed: int
    """The last transaction that wrote a type."""


class MemoryBackend(Backend):
    """A store in memory, given as `memory:`; each is its own.

    `graph` is a NetworkX multi-digraph to read and not to change: its nodes are keys, its edges'
    keys are their kinds, and each holds its row as the attribute `row`. Deleted nodes are there
    too, their rows marked `gone`, and so is what an open transaction has written.
    """

    def __init__(
        self,
        url: str = "memory:",
        *,
        clock: Callable[[], int] | None = None,
        readonly: bool = False,
    ) -> None:
        super().__init__(clock=clock, readonly=readonly)
        if parse_url(url) not in (("memory", ""), ("memory", "//")):
            raise Invalid(f"{url!r}: a store in memory has no place; connect to 'memory:'")
        self.graph = TimedGraph()
        self._lock = threading.RLock()
        # Its owner alone can release it, so that an interrupted release may be tried again.
        self._write_lock = threading.RLock()
        self._types = TypeHistory()
        self._committed = _Committed(EMPTY, self._types.present, 0)
        # Both by number, from 1; an open transaction's own row comes after the committed ones.
        self._log: list[Head] = []
        self._spared: dict[int, Head] = {}
        """What an uncommitted purge erased from the log, for all but the writer."""
        self._records: list[TransactionRecords] = []
        self._open_records = no_records()
        self._vanished = False
        """Whether versions of edges that the open transaction wrote are no longer there."""
        self._typed = 0
        self._begun = 0
        self._closed = False

    def _check_open(self) -> None:
        if self._closed:
            raise Invalid("the store is closed")

    @property
    def _is_writer(self) -> bool:
        """Whether the open transaction is that of whoever asks."""
        return self.graph.writer is not None and self.graph.writer == current_owner()

    def _see(self, as_of: int | None) -> int | None:
        """Return the moment that this reader sees; None where that is the latest of everything."""
        self._check_open()
        as_of = self._effective(as_of)
        if as_of is None and self._is_writer:
            return None
        last = self._committed.last.number
        if as_of is None:
            as_of = last
        return None if as_of == last and not self.graph.undo else as_of

    @override
    def now(self) -> int:
        self._check_open()
        return self._committed.last.number

    @override
    def types(self, *, as_of: int | None = None) -> Sequence[TypeRow]:
        with self._lock:
            as_of = self._see(as_of)
            if as_of is None:
                return self._types.present
            if as_of >= self._committed.typed:
                return self._committed.types
            return self._types.at(as_of)

    @override
    def nodes(
        self, keys: Collection[NodeKey], *, as_of: int | None = None
    ) -> Mapping[NodeKey, NodeRow]:
        with self._lock:
            as_of = self._see(as_of)
            at = self.graph.at
            return {key: row for key in keys if (row := at(key, as_of)) is not None}

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
        with self._lock:
            as_of = self._see(as_of)
            return search(
                self.graph, kind, where, order=order, after=after, limit=limit, as_of=as_of
            )

    @override
    def _joined(self, join: Join, as_of: int | None) -> list[Link]:
        with self._lock:
            return read_joined(self.graph, join, self._see(as_of))

    @override
    def node_counts(self, *, as_of: int | None = None) -> Mapping[int, int]:
        with self._lock:
            as_of = self._see(as_of)
            types = [row.type for row in self.types(as_of=as_of)]
            counts = {
                each.id: self.graph.count_of_type(each.kind, each.id, as_of)
                for each in types
                if each.id is not None
            }
            return {number: count for number, count in counts.items() if count}

    @override
    def edges(
        self,
        keys: Collection[NodeKey],
        direction: Direction = Direction.BOTH,
        *,
        kinds: Collection[EdgeKind] | None = None,
        as_of: int | None = None,
    ) -> list[EdgeRow]:
        with self._lock:
            as_of = self._see(as_of)
            found = {
                row[:3]: row
                for key in set(keys)
                for row in self.graph.edges_at(key, direction, as_of)
                if kinds is None or row.kind in kinds
            }
        return sorted(found.values())

    @override
    def _edge_page(self, page: Page, as_of: int | None) -> list[EdgeRow]:
        with self._lock:
            return read_edge_page(self.graph, page, self._see(as_of))

    @override
    def edge_counts(self, key: NodeKey, *, as_of: int | None = None) -> EdgeCounts:
        with self._lock:
            as_of = self._see(as_of)
            sides = (Direction.UPSTREAM, Direction.DOWNSTREAM)
            return count_edges(*(self.graph.edges_at(key, side, as_of) for side in sides))

    @override
    def versions(self, key: NodeKey, *, as_of: int | None = None) -> list[NodeRow]:
        with self._lock:
            as_of = self._see(as_of)
            rows = self.graph.versions(key)
        if as_of is None:
            return rows
        return [row.seen(as_of) for row in rows if row.since <= as_of]

    @override
    def log(self, *, before: int | None = None, limit: int | None = None) -> list[Head]:
        with self._lock:
            self._check_open()
            last = self._effective(None)
            if last is None:
                last = self._committed.last.number
            end = last if before is None else max(0, min(last, before - 1))
            start = 0 if limit is None else max(0, end - limit)
            found = self._log[start:end][::-1]
            return [self._seen(head) for head in found] if self._spared else found

    def _seen(self, head: Head) -> Head:
        """Return a transaction's row as whoever asks sees it."""
        return head if self._is_writer else self._spared.get(head.number, head)

    @override
    def _changes(self, after: int, last: int) -> Iterator[Commit]:
        return map(self._commit_of, range(after + 1, last + 1))

    def _commit_of(self, number: int) -> Commit:
        """Return a committed transaction as it was sealed; only purged content is missing."""
        with self._lock:
            self._check_open()
            records = self._records[number - 1]
            nodes: list[NodeRow] = []
            updates: list[NodeRow] = []
            for key in sorted(set(records.nodes)):
                row, first = self.graph.written(key, number)
                if row is not None:
                    (nodes if first else updates).append(row)
            types = (self._types.version(each, number) for each in sorted(set(records.types)))
            return Commit(
                self._seen(self._log[number - 1]),
                Batch(
                    [row for row in types if row is not None and row.since == number],
                    nodes,
                    updates,
                    sorted(records.edges),
                    sorted(records.edge_updates),
                ),
                ended=sorted(records.ended),
                deleted=sorted(records.deleted),
                purged=sorted(records.purged),
                purged_heads=sorted(records.purged_heads),
            )

    @override
    def check(self) -> list[str]:
        with self._lock:
            self._check_open()
            try:
                found = [*self._state_faults()]
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                found = [f"what the store consists of cannot be read: {excerpt(error, 200)}"]
        return found + list(chain_faults(self.changes, self._transaction))

    def _state_faults(self) -> Iterator[str]:
        """Yield what in the graph, in the log and beside them is not what the transactions have made."""
        last, types, typed = self._committed
        log = self._log[: last.number]
        if len(log) != last.number or any(head.number != at for at, head in enumerate(log, 1)):
            yield "the log does not hold each transaction once, in order"
        # An open transaction may have purged who wrote it.
        if repr(purged_head(log[-1] if log else EMPTY)) != repr(purged_head(last)):
            yield "the transaction that readers are told is the last is not the last of the log"
        if self._newest > last.number:
            yield f"transaction {self._newest} is taken to be there, and the last one is {last.number}"
        idle = self.graph.writer is None
        if idle and (len(self._log) > last.number or len(self._records) > last.number):
            yield "there are transactions that were never committed"
        if idle and (self.graph.undo or self.graph.spared or self._spared):
            yield "what a transaction keeps until it commits is there, and none is open"
        yield from graph_faults(self.graph)
        yield from record_faults(self.graph, self._types, self._records[: last.number])
        yield from type_faults(self._types, types, last.number)
        if typed != max(
            (number for number, _ in self._types.written() if number <= last.number), default=0
        ):
            yield f"the types that readers are given are told to be of transaction {typed}"

    @override
    def close(self) -> None:
        with self._lock:
            self._closed = True
            writer, self.graph = self.graph.writer, TimedGraph()
            self.graph.writer = writer
            self._log, self._records, self._types = [], [], TypeHistory()
            self._committed = _Committed(EMPTY, (), 0)

    @override
    def lookup(self, references: Collection[Reference]) -> dict[Reference, list[NodeRow]]:
        with self._lock:
            as_of = self._see(None)
            return {each: self._named(each, as_of) for each in references}

    def _named(self, reference: Reference, as_of: int | None) -> list[NodeRow]:
        if isinstance(reference, Named):
            of_type, name = reference
            kind = self._types.kind(of_type)
            rows = iter(()) if kind is None else self._with(kind, Field.NAME, name, as_of)
            return [row for row in rows if row.type_id == of_type]
        return list(self._with(reference.kind, Field.EXTERNAL_ID, reference.external_id, as_of))

    def _with(self, kind: Kind, field: Field, value: str, as_of: int | None) -> Iterator[NodeRow]:
        """Yield the live nodes that have a value in a field, newest first."""
        runs = self.graph.runs(kind, field, value, as_of)
        has = attrgetter(field)
        for number in in_order(runs, descending=True):
            row = self.graph.at((kind, number), as_of)
            if row is not None and not row.gone and has(row) == value:
                yield row

    @override
    def with_digests(
        self, digests: Collection[str], *, limit: int | None = None, as_of: int | None = None
    ) -> dict[str, list[NodeRow]]:
        with self._lock:
            as_of = self._see(as_of)
            return {
                digest: [*islice(with_digest(self.graph, digest, as_of), limit)]
                for digest in digests
            }

    @override
    def _beginning_with(self, beginning: Beginning, as_of: int | None) -> list[NodeRow]:
        with self._lock:
            return beginning_with(self.graph, beginning, self._see(as_of))

    @override
    def _writings(
        self, of: AtUri | Collection[NodeKey], as_of: int | None, limit: int | None
    ) -> Sequence[Writing]:
        with self._lock:
            return read_writings(self.graph, of, self._see(as_of), limit, self.time_of)

    @override
    def existing_edges(self, keys: Collection[EdgeKey]) -> set[EdgeKey]:
        with self._lock:
            as_of = self._see(None)
            return {key for key in keys if self.graph.has_edge_at(key, as_of)}

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
        with self._lock:
            as_of = self._see(as_of)
            check_starts(starts, self.nodes(starts, as_of=as_of))
            return walk_graph(
                self.graph,
                starts,
                direction,
                limits=limits,
                edges=edges,
                as_of=as_of,
                omitted=omitted,
            )

    @override
    def _begin(self) -> Head:
        self._check_open()
        # Something is left where an interrupt came between this thread's last `begin` and its caller.
        self.rollback()
        try:
            self._take_write_lock()
            with self._lock:
                self._check_open()
                self._begun = self._committed.last.number
                self._open_records = no_records()
                self.graph.writer = current_owner()
                return self._committed.last
        except BaseException:
            with self._lock:
                self._release()
            raise

    def _take_write_lock(self) -> None:
        if not waited(lambda seconds: self._write_lock.acquire(timeout=seconds), self.lock_timeout):
            raise Conflict(
                f"another transaction has held the write lock for {self.lock_timeout:g} s; run this one again"
            )

    def _check_writer(self) -> None:
        self._check_open()
        if not self._is_writer:
            raise Invalid("no transaction is open in this thread and task; call begin() first")

    @contextmanager
    def _changing(self) -> Iterator[TimedGraph]:
        """Do all of a block's changes or none of them."""
        with self._lock:
            self._check_writer()
            mark = len(self.graph.undo)
            try:
                yield self.graph
            except BaseException:
                self.graph.take_back(mark)
                raise

    @override
    def write(self, number: int, batch: Batch) -> None:
        with self._changing() as graph:
            check_nodes(graph, batch)
            check_edges(graph, batch)
            check_edge_updates(graph, batch)
            for type_row in batch.types:
                assert type_row.type.id is not None
                graph.undo.append(self._types.undo_of(type_row.type.id))
                self._types.put(type_row, number)
            gone = [row.key for rows in (batch.nodes, batch.updates) for row in rows if row.gone]
            for row in batch.nodes:
                graph.put_node(row.open() if row.gone else row)
            for row in batch.updates:
                graph.replace_node(row.open() if row.gone else row, number)
            for key in gone:
                graph.delete_node(key, number)
            for edge in batch.edges:
                graph.put_edge(edge)
            for edge in batch.edge_updates:
                graph.replace_edge(edge, number)
            records = self._open_records
            records.types.extend(row.type.id for row in batch.types if row.type.id is not None)
            records.nodes.extend(row.key for rows in (batch.nodes, batch.updates) for row in rows)
            records.edges.extend(batch.edges)
            for edge in batch.edge_updates:
                (records.edges if edge.first == number else records.edge_updates).append(edge)
            self._vanished = self._vanished or bool(batch.edge_updates)
            records.deleted.extend(gone)

    @override
    def end(self, number: int, keys: Collection[EdgeKey]) -> None:
        with self._changing() as graph:
            rows = {key: graph.edge(key) for key in keys}
            for key, row in rows.items():
                if row is None:
                    raise no_edge(key)
            for key in rows:
                graph.end_edge(key, number)
            old = [key for key, row in rows.items() if row is not None and row.first != number]
            self._open_records.ended.extend(old)
            fresh = (row for row in rows.values() if row is not None and row.since == number)
            self._vanished = self._vanished or any(fresh)

    @override
    def delete(self, number: int, keys: Collection[NodeKey]) -> None:
        with self._changing() as graph:
            distinct = dict.fromkeys(keys)
            for key in distinct:
                row = graph.at(key, None)
                if row is None or row.gone:
                    raise no_live_node(key, "delete")
            for key in distinct:
                graph.delete_node(key, number)
            self._open_records.deleted.extend(distinct)

    @override
    def purge(self, number: int, keys: Collection[NodeKey]) -> None:
        with self._changing() as graph:
            distinct = dict.fromkeys(keys)
            for key in distinct:
                row = graph.at(key, None)
                if row is None or not row.gone:
                    raise not_gone(key)
            for key in distinct:
                graph.purge_node(key)
            self._open_records.purged.extend(distinct)

    @override
    def _purge_heads(self, number: int, heads: Sequence[int]) -> None:
        with self._changing() as graph:
            for each in heads:
                head = self._log[each - 1]
                self._spared.setdefault(each, head)
                graph.undo.append(partial(self._log.__setitem__, each - 1, head))
                self._log[each - 1] = purged_head(head)
            self._open_records.purged_heads.extend(heads)

    @override
    def append(self, head: Head) -> None:
        with self._lock:
            self._check_writer()
            if head.number != len(self._log) + 1:
                raise Invalid(f"transaction {head.number} does not follow {len(self._log)}")
            opened, self._open_records = self._open_records, no_records()
            edges: Collection[EdgeRow] = opened.edges
            edge_updates: Collection[EdgeRow] = opened.edge_updates
            if self._vanished:
                edges, edge_updates = (
                    {row[:3]: row for row in rows if self.graph.edge(row[:3]) is row}.values()
                    for rows in (edges, edge_updates)
                )
                self._vanished = False
            if opened.types:
                self._typed = head.number
            self._records.append(opened.closed(edges, edge_updates))
            self._log.append(head)

    @override
    def commit(self) -> None:
        with self._lock:
            self._check_writer()
            if self.graph.undo and len(self._log) == self._begun:
                raise Invalid("the transaction has no row of its own yet; append it, then commit")
            self.graph.settle()
            if len(self._log) > self._begun:
                types, typed = self._types.present, max(self._typed, self._committed.typed)
                self._committed = _Committed(self._log[-1], types, typed)
            self._release()

    @override
    def rollback(self) -> None:
        with self._lock:
            writer = self.graph.writer
            if writer is None or writer.thread != get_ident():
                return
            try:
                self._undo()
            finally:
                # Again, for an interrupt that came meanwhile; otherwise nothing is left to undo.
                self._undo()
                self._release()

    def _undo(self) -> None:
        """Take back what was written since `begin`, unless a commit already made it visible."""
        if self._committed.last.number == self._begun:
            self.graph.take_back()
            del self._log[self._begun :]
            del self._records[self._begun :]

    def _release(self) -> None:
        """Forget the open transaction, if there is one, and let go of the lock."""
        with suppress(RuntimeError):
            writer = self.graph.writer
            if writer is not None and writer.thread == get_ident():
                self.graph.undo.clear()
                self.graph.spared.clear()
                self._spared.clear()
                self._typed = 0
                self._vanished = False
            self._write_lock.release()
            self.graph.writer = None

"""A transaction: the write lock, the ids it gives, and the records that its digest covers."""

from __future__ import annotations

import getpass
import os
import threading
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple, Protocol

from lineage.contract.clock import Timekeeper
from lineage.contract.owner import Owner, current_owner
from lineage.contract.proof import NO_DIGEST, seal
from lineage.contract.refusals import deadlock
from lineage.contract.tree import HeadTree
from lineage.errors import Conflict, Invalid, NotFound
from lineage.model.keys import LARGEST_ID, Kind, NodeKey
from lineage.model.rows import Batch, Commit, EdgeKey, EdgeRow, Head, NodeRow, TypeRow

__all__ = ["Author", "Block", "OpenTransactions", "Storage", "Transaction", "current_actor"]

SALT_BYTES = 16


class Author(NamedTuple):
    """Who writes, and what they say about it."""

    actor: str
    message: str = ""


def current_actor() -> str:
    """Return who writes, unless it is said: LINEAGE_ACTOR, else the user of the operating system."""
    named = os.environ.get("LINEAGE_ACTOR")
    if named:
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"


class Storage(Protocol):
    """What a transaction needs of a backend; `Backend` says what each verb guarantees."""

    @property
    def clock(self) -> Timekeeper:
        """What tells the time, in microseconds since 1970."""

    def now(self) -> int:
        """Return the number of the last committed transaction."""

    def nodes(self, keys: Collection[NodeKey]) -> Mapping[NodeKey, NodeRow]:
        """Return the nodes that exist, live or gone."""

    def live(self, keys: Collection[NodeKey]) -> set[NodeKey]:
        """Return those of the nodes that are live."""

    def begin(self) -> Head:
        """Take the write lock and return the last transaction."""

    def write(self, number: int, batch: Batch) -> None:
        """Write types, nodes, new versions and edges."""

    def end(self, number: int, keys: Collection[EdgeKey]) -> None:
        """End edges."""

    def delete(self, number: int, keys: Collection[NodeKey]) -> None:
        """End nodes."""

    def purge(self, number: int, keys: Collection[NodeKey]) -> None:
        """Erase the content of nodes that are gone."""

    def purge_heads(self, number: int, heads: Collection[int]) -> None:
        """Erase who wrote earlier transactions, and their messages."""

    def head_tree(self, head: Head) -> HeadTree:
        """Return the tree over all heads up to a committed one."""

    def grow_tree(self, last: Head, digest: bytes) -> bytes:
        """Return the inner nodes of the tree over heads that the one after `last` completes."""

    def append(self, head: Head) -> None:
        """Write the transaction's own row."""

    def commit(self) -> None:
        """Make all since `begin` durable and visible, and let go of the lock."""

    def rollback(self) -> None:
        """Undo all since `begin` and let go of the lock."""


class Transaction:
    """What `Backend.transaction` opens: the verbs that write.

    Every verb takes the lock first; `lock` does just that. The rows it writes bear `number` as
    their `since`, ids come from `next_id`, orders of edges from `next_order` and salts from `salt`. Within one
    transaction each node, edge and type has one record, its last.
    """

    def __init__(self, storage: Storage, actor: str, message: str, mark: str = "") -> None:
        self._storage = storage
        self.owner = current_owner()
        self._actor = actor
        self._message = message
        self.mark = mark
        """What says which part of which import it is, or which request; it may be set until the commit."""
        self._last: Head | None = None
        self._read_at: int | None = None
        self._failure: BaseException | None = None
        self.abandoned = False
        """Whether its block is left, so that nobody commits it any more."""
        self.committed = False
        """Whether what it wrote is stored; never again False once it is."""
        self.number = 0
        """The number that the transaction will have, once it is locked."""
        self.time = 0
        """Its time in microseconds, later than that of every one before, once it is locked."""
        self._highest: dict[Kind | None, int] = {}
        self._last_order = 0
        self._types: dict[int, TypeRow] = {}
        self._nodes: dict[NodeKey, NodeRow] = {}
        self._updates: dict[NodeKey, NodeRow] = {}
        self._edges: dict[tuple[object, ...], EdgeRow] = {}
        self._edge_updates: dict[tuple[object, ...], EdgeRow] = {}
        self._ended: dict[tuple[object, ...], EdgeKey] = {}
        self._deleted: dict[NodeKey, None] = {}
        self.purged: dict[NodeKey, None] = {}
        self.purged_heads: dict[int, None] = {}
        """What it has purged so far: nodes, and earlier transactions' actors and messages."""

    @property
    def locked(self) -> bool:
        """Whether the transaction holds the write lock."""
        return self._last is not None

    def lock(self) -> Head:
        """Take the write lock, if it is not taken yet, and return the transaction before this one."""
        if self._last is not None and self._failure is None and self.owner == current_owner():
            return self._last
        self.check_usable()
        last = self._storage.begin()
        self._last = last
        if self._read_at not in (None, last.number):
            # What it read is outdated for good, also where the caller swallows the error.
            self._failure = Conflict(
                f"transaction {last.number} was committed after this one first read, at {self._read_at}; "
                f"run it again, or let store.transact(function) do so"
            )
            self.rollback()
            raise self._failure
        try:
            self.time = self._storage.clock.next_time(last)
        except BaseException as error:
            self._failure = error
            self.rollback()
            raise
        self.number = last.number + 1
        self._highest = {
            None: last.types,
            Kind.ARTIFACT: last.artifacts,
            Kind.EXECUTION: last.executions,
            Kind.CONTEXT: last.contexts,
        }
        self._last_order = last.edges
        return last

    def snapshot(self) -> int | None:
        """Return what reads inside this transaction are as of: None once it may have written."""
        self._check_owner()
        if self._last is not None:
            return None
        if self._read_at is None:
            self._read_at = self._storage.now()
        return self._read_at

    def next_id(self, kind: Kind | None) -> int:
        """Give the next id of a kind of node, or of types for None; the transaction must be locked.

        `Invalid` once the highest id that may be given is taken, which an import can bring.
        """
        number = self._highest[kind] + 1
        if number >= LARGEST_ID:
            raise Invalid(
                f"the ids of {kind or 'type'}s are used up, the highest is {number - 1}; copy the graph into a "
                f"new store with new ids"
            )
        self._highest[kind] = number
        return number

    def next_order(self) -> int:
        """Give the next order of an edge; the transaction must be locked."""
        self._last_order += 1
        return self._last_order

    def salt(self) -> bytes:
        """Return a fresh salt for a node's version, or for the transaction's own row."""
        return os.urandom(SALT_BYTES)

    def wrote_edge(self, row: EdgeRow) -> bool:
        """Whether this transaction wrote the edge already."""
        return row[:3] in self._edges

    def made_end(self, row: EdgeRow) -> bool:
        """Whether this transaction made a node at the edge, so that nobody else can have written it."""
        return row.source in self._nodes or row.target in self._nodes

    def write(self, batch: Batch, *, live: Collection[NodeKey] = ()) -> None:
        """Write types, new nodes, new versions of nodes, edges between live nodes, and new versions of edges.

        A gone node lives again with its new version. `live` are nodes that the caller has seen alive in
        this transaction; others are looked up. A new node marked `gone`, with this transaction as its
        `until`, is written and deleted at once.
        """
        self.lock()
        if batch.edges:
            self._check_ends(batch, live)
        self._storage.write(self.number, batch)
        for type_row in batch.types:
            assert type_row.type.id is not None
            self._types[type_row.type.id] = type_row
            self._highest[None] = max(self._highest[None], type_row.type.id)
        for row in batch.nodes:
            kind, number = row.key
            self._nodes[row.key] = row
            self._highest[kind] = max(self._highest[kind], number)
            if row.gone:
                self._deleted[row.key] = None
        for row in batch.updates:
            known = self._nodes if row.key in self._nodes else self._updates
            known[row.key] = row
        for edge in batch.edges:
            self._edges[edge[:3]] = edge
        for edge in batch.edge_updates:
            records = self._edges if edge[:3] in self._edges else self._edge_updates
            records[edge[:3]] = edge

    def _check_ends(self, batch: Batch, live: Collection[NodeKey]) -> None:
        """Raise `NotFound` for an edge at a node that does not exist, or no longer."""
        ends = {end for row in batch.edges for end in (row.source, row.target)}
        ends.difference_update(live, [row.key for rows in batch[1:3] for row in rows])
        unsure = [key for key in ends if key not in self._nodes or key in self._deleted]
        missing = set(unsure).difference(self._storage.live(unsure)) if unsure else ()
        for key in sorted(missing):
            row = self._storage.nodes([key]).get(key)
            if row is None:
                raise NotFound(f"there is no {key}; put it before its edges")
            raise NotFound(
                f"{key} was deleted in transaction {row.until}; an edge needs a live node"
            )

    def end(self, keys: Collection[EdgeKey]) -> None:
        """End edges that exist."""
        self.lock()
        self._storage.end(self.number, keys)
        for key in keys:
            if self._edges.pop(key, None) is None:
                self._edge_updates.pop(key, None)
                self._ended[key] = key

    def delete(self, keys: Collection[NodeKey]) -> None:
        """Delete live nodes; their edges stay."""
        self.lock()
        self._storage.delete(self.number, keys)
        self._deleted.update(dict.fromkeys(keys))

    def purge(self, keys: Collection[NodeKey]) -> None:
        """Erase the content of gone nodes, in every version and for good."""
        self.lock()
        self._storage.purge(self.number, keys)
        self.purged.update(dict.fromkeys(keys))

    def purge_heads(self, heads: Collection[int]) -> None:
        """Erase actors and messages of transactions before this one, by their numbers and for good."""
        self.lock()
        self._storage.purge_heads(self.number, heads)
        self.purged_heads.update(dict.fromkeys(heads))

    def fail(self, error: BaseException) -> None:
        """Let nothing but a rollback follow, for an error of an inner block."""
        self._failure = self._failure or error

    def check_usable(self) -> None:
        """Raise where this is another thread's or task's transaction, or one that can only roll back."""
        self._check_owner()
        if self._failure is not None:
            raise Invalid(
                f"a block inside this transaction failed ({type(self._failure).__name__}: {self._failure}), so it can "
                f"only roll back; let the error pass, or open the inner block on its own"
            ) from self._failure

    def _check_owner(self) -> None:
        if self.owner != current_owner():
            raise Invalid("a transaction belongs to the thread and the task that opened it")

    def commit(self) -> None:
        """Seal what was written and make it durable; nothing happens where nothing was written."""
        self.check_usable()
        if self._last is None:
            return
        if not self._count():
            self.rollback()
            return
        self._storage.append(self._sealed(self._last))
        # Before the commit lets go of the lock: the next writer may ask at once.
        self.committed = True
        try:
            self._storage.commit()
        except BaseException:
            self.committed = False
            raise
        self._last = None

    def rollback(self) -> None:
        """Undo everything and let go of the lock; in another thread nothing: it goes with its own."""
        if self._last is not None and self.owner.thread == threading.get_ident():
            self._last = None
            self._storage.rollback()

    def _count(self) -> int:
        written = len(self._types) + len(self._nodes) + len(self._updates)
        written += len(self._edges) + len(self._edge_updates) + len(self._ended)
        return written + len(self._deleted) + len(self.purged) + len(self.purged_heads)

    def _sealed(self, last: Head) -> Head:
        """Return the transaction's own row, with the digest of all that it wrote."""
        head = self._head(last)
        digest = seal(self._storage.head_tree(last).root, self._commit(head))
        return head._replace(digest=digest, nodes=self._storage.grow_tree(last, digest))

    def _head(self, last: Head) -> Head:
        """Return the transaction's own row without its digest."""
        return Head(
            self.number,
            self.time,
            self._actor,
            self._message,
            NO_DIGEST,
            self._count(),
            self.number if self._types else last.schema,
            self._highest[None],
            self._highest[Kind.ARTIFACT],
            self._highest[Kind.EXECUTION],
            self._highest[Kind.CONTEXT],
            self._last_order,
            self.mark,
            self.salt(),
        )

    def _commit(self, head: Head) -> Commit:
        """Return all that it wrote, in the order of a `Commit`."""
        return Commit(
            head,
            Batch(
                types=[self._types[number] for number in sorted(self._types)],
                nodes=sorted(self._nodes.values()),
                updates=sorted(self._updates.values()),
                edges=sorted(self._edges.values()),
                edge_updates=sorted(self._edge_updates.values()),
            ),
            ended=sorted(self._ended.values()),
            deleted=sorted(self._deleted),
            purged=sorted(self.purged),
            purged_heads=sorted(self.purged_heads),
        )


class OpenTransactions(threading.local):
    """The transactions that a thread's tasks have open, of which one at most is locked."""

    def __init__(self) -> None:
        self._by_owner: dict[Owner, Transaction] = {}

    @property
    def current(self) -> Transaction | None:
        """The one of what runs now."""
        # At nearly every read there is none, and telling tasks apart costs more than to see that.
        if not self._by_owner:
            return None
        owner = current_owner()
        transaction = self._by_owner.get(owner)
        if transaction is not None and transaction.abandoned:
            self.close(transaction)
            return None
        return transaction

    def open(self, transaction: Transaction) -> None:
        """Take in one of what runs now, which has none."""
        self._by_owner[transaction.owner] = transaction

    def close(self, transaction: Transaction) -> None:
        """Undo what is left of one, and forget it; it is this thread's."""
        transaction.rollback()
        if self._by_owner.get(transaction.owner) is transaction:
            del self._by_owner[transaction.owner]

    def refuse_deadlock(self) -> None:
        """Raise `Conflict` where another task of this thread holds the lock, and so cannot let go of it."""
        if not self._by_owner:
            return
        owner = current_owner()
        for transaction in [*self._by_owner.values()]:
            if not transaction.locked or transaction.owner == owner:
                continue
            if transaction.abandoned or transaction.owner.is_over:
                self.close(transaction)
                continue
            raise deadlock(
                "another task of this thread is inside a transaction that has written, and can only go on once this "
                "one waits for something; end that transaction before its task awaits anything, or let an "
                "asyncio.Lock keep the tasks apart"
            )


class Block:
    """The block of a transaction: commits at its end, or undoes everything where it raises.

    Inside the transaction that this thread and task have open, which `own` keeps, it joins that one; if
    it raises then, the outer one can only roll back.
    """

    __slots__ = ("_begin", "_joined", "_left", "_own", "_transaction")

    def __init__(self, own: OpenTransactions, begin: Callable[[], Transaction]) -> None:
        self._own = own
        self._begin = begin
        self._transaction: Transaction | None = None
        self._joined = self._left = False

    def __enter__(self) -> Transaction:
        if self._transaction is not None:
            raise Invalid("this block was entered before; call transaction() for each")
        outer = self._own.current
        if outer is not None:
            outer.check_usable()
            self._joined = True
            self._transaction = outer
            return outer
        self._transaction = self._begin()
        self._own.open(self._transaction)
        return self._transaction

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        transaction = self._transaction
        assert transaction is not None
        if self._joined:
            if error is not None:
                transaction.fail(error)
            self._left = True
            return
        try:
            if error is None:
                transaction.commit()
        finally:
            self._leave(transaction)

    def _leave(self, transaction: Transaction) -> None:
        """Undo what was not committed, and forget the transaction."""
        # A generator may be finalized in another thread, which cannot reach what this one has open.
        transaction.abandoned = True
        if transaction.owner.thread == threading.get_ident():
            self._own.close(transaction)
        self._left = True

    def __del__(self) -> None:
        # An interrupt came on the way into the block or out of it.
        transaction = self._transaction
        if transaction is None or self._left:
            return
        if self._joined:
            transaction.fail(Invalid("a block inside it was cut short by an interrupt"))
            return
        self._leave(transaction)

"""The contract of a backend: a property graph with transactions, history and proof.

A backend stores rows and answers with rows; what they mean (type checks, evolution, reuse, masks)
is decided above, in `recording`. What only a storage can guarantee is decided here: atomicity, order
under concurrency, ids, unique keys and that nothing acknowledged is lost. `docs/contract.md` tells
how to write one.

**Reading.** Every reading verb takes `as_of`, a transaction's number: the answer is of the moment
after it. Without one the answer is of the present; inside a transaction that has written, of what
it has written so far; inside one that has only read, of the moment of its first read. A number
beyond the last transaction is `NotFound`. Answers are in the order that each verb states, and each
is of one moment, whatever others write meanwhile.

**Threads and tasks.** All verbs may be called from several threads. A transaction belongs to the thread that
opened it, and in an event loop to the task: the `Owner`. All others see the state before it until it commits,
so a backend that keeps something for the writer keeps it by `owner.current_owner()`. One thread has one locked
transaction at most, which `rollback` undoes whichever task calls it: the other may never run again.

**Errors** are those of `lineage.errors` alone; after any of them the store is as before the call. So it
is after an interrupt, which may come at any line: what undoes or lets go does so for every
`BaseException`, and raises it again.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar, Final, Self

from lineage.contract.beginnings import Beginning
from lineage.contract.clock import Timekeeper
from lineage.contract.lookups import looked_up, with_digest, writings_by_rows
from lineage.contract.paging import EdgeCounts, Page, count_edges
from lineage.contract.projection import Projections
from lineage.contract.proof import NO_DIGEST, Chain
from lineage.contract.references import External, Named, Order, Reference
from lineage.contract.refusals import missing_head, no_earlier_head
from lineage.contract.replaying import follow
from lineage.contract.transaction import Block, OpenTransactions, Transaction
from lineage.contract.tree import NO_TREE, HeadTree, subtree, subtrees
from lineage.contract.walking import (
    Direction,
    Limits,
    Omitted,
    Walk,
    check_limits,
    check_mask,
    check_starts,
    check_time,
    walk_levels,
)
from lineage.contract.writings import AtUri, Writing
from lineage.errors import Invalid, NotFound, excerpt
from lineage.filters.tree import Filter
from lineage.model.contents import digest_of
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import (
    EVENT_KINDS,
    Batch,
    Commit,
    EdgeKey,
    EdgeKind,
    EdgeRow,
    Head,
    NodeRow,
    TypeRow,
)
from lineage.model.system import SYSTEM_TYPES

__all__ = [
    "CONTRACT_VERSION",
    "EMPTY",
    "PRELOADED",
    "Backend",
    "External",
    "Named",
    "Order",
    "Reference",
]

CONTRACT_VERSION: Final = 2
FIRST_WRITINGS: Final = 64
"""How many writings are read before all others are: the first that counts is nearly always among them."""
BATCH_RECORDS: Final = 20_000
"""How many records `replay` writes before it makes them durable."""

EMPTY: Final = Head(0, 0, "", "", NO_DIGEST, 0, 0, len(SYSTEM_TYPES), 0, 0, 0, 0)
"""What comes before the first transaction."""
PRELOADED: Final = {number: TypeRow(each, 0) for number, each in enumerate(SYSTEM_TYPES, start=1)}
"""The rows of the system types, by id; no storage keeps them."""


class Backend(Projections):
    """A property graph that forgets nothing. Subclasses implement what is abstract here."""

    contract: ClassVar[int] = CONTRACT_VERSION

    def __init__(self, *, clock: Callable[[], int] | None = None, readonly: bool = False) -> None:
        self.clock = Timekeeper(clock)
        self.readonly = readonly
        self.lock_timeout = 30.0
        """How many seconds `begin` waits for the write lock."""
        self._transactions = OpenTransactions()
        self._newest = 0
        self._tree = NO_TREE
        """The tree over heads as it was last grown or read, which is nearly always the one asked for."""

    @classmethod
    def file_of(cls, url: str) -> Path | None:  # noqa: ARG003  # backends that keep a file override it
        """Return the file that keeps the store at a URL of this backend; None where no file does."""
        return None

    @property
    def files(self) -> Sequence[Path]:
        """That file of this store, and all that are kept beside it, there or not; nobody else may touch them."""
        return ()

    @property
    def place(self) -> str:
        """Where the store is, as messages about the storage say it, such as a path; "" if nowhere else."""
        return ""

    @abstractmethod
    def now(self) -> int:
        """Return the number of the last committed transaction; 0 for an empty store."""

    @abstractmethod
    def types(self, *, as_of: int | None = None) -> Sequence[TypeRow]:
        """Return all types by id, the nine system types first.

        While no type changes, the answer for the present is the same object, so that a caller may
        keep what it derives from it.
        """

    @abstractmethod
    def nodes(
        self, keys: Collection[NodeKey], *, as_of: int | None = None
    ) -> Mapping[NodeKey, NodeRow]:
        """Return the given nodes that exist, in no order.

        A deleted node is there with its last version, marked `gone`; a purged one has no content.
        Rows may be made as they are looked at, from what was read at the call.
        """

    @abstractmethod
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
        """Return the live nodes of a kind that a bound filter accepts, in the order asked for.

        A filter that mentions whether nodes are gone (`asks_for_gone`) finds deleted ones, too, by
        what their last version says. `after` is the (order value, id) of the last row of the page before; for an order by id
        both are the id.
        """

    def node_counts(self, *, as_of: int | None = None) -> Mapping[int, int]:
        """Return how many live nodes there are of each type that has some, by the type's id."""
        as_of = self.pin(as_of)
        return Counter(row.type_id for kind in Kind for row in self.find(kind, as_of=as_of))

    @abstractmethod
    def edges(
        self,
        keys: Collection[NodeKey],
        direction: Direction = Direction.BOTH,
        *,
        kinds: Collection[EdgeKind] | None = None,
        as_of: int | None = None,
    ) -> list[EdgeRow]:
        """Return the edges at the given nodes, each once, by source, target and kind.

        Upstream are those that end at one of the keys, downstream those that start there.
        """

    def edge_page(
        self,
        key: NodeKey,
        direction: Direction = Direction.BOTH,
        *,
        kinds: Collection[EdgeKind] | None = None,
        after: EdgeKey | None = None,
        limit: int | None = None,
        as_of: int | None = None,
    ) -> list[EdgeRow]:
        """Return the edges at one node that come after an edge, in the order of `edges`, up to a limit.

        `after` is the key of the last edge of the page before; whether there is such an edge does not
        matter. Pages with one `as_of` are of one moment.
        """
        page = Page(key, direction, kinds, after, limit)
        page.check()
        return self._edge_page(page, as_of)

    def _edge_page(self, page: Page, as_of: int | None) -> list[EdgeRow]:
        key, direction, kinds, *_ = page
        return page.of(self.edges([key], direction, kinds=kinds, as_of=as_of))

    def edge_counts(self, key: NodeKey, *, as_of: int | None = None) -> EdgeCounts:
        """Return how many edges of each kind end at a node (upstream) and start there (downstream).

        No more than 1,000 of a kind and a side are counted; a count says where there are more.
        """
        rows = self.edges([key], as_of=as_of)
        return count_edges(
            (row for row in rows if row.target == key), (row for row in rows if row.source == key)
        )

    @abstractmethod
    def versions(self, key: NodeKey, *, as_of: int | None = None) -> list[NodeRow]:
        """Return every version of a node, oldest first; empty where it never existed."""

    @abstractmethod
    def log(self, *, before: int | None = None, limit: int | None = None) -> list[Head]:
        """Return the transactions with numbers below `before`, newest first."""

    @abstractmethod
    def check(self) -> list[str]:
        """Read everything; return a sentence for each thing that is not as it was written."""

    @abstractmethod
    def close(self) -> None:
        """Let go of all resources; closing again does nothing, any other verb is `Invalid`."""

    # Writing: what a transaction calls, under the write lock, with input that was checked

    @abstractmethod
    def write(self, number: int, batch: Batch) -> None:
        """Write types (new or changed), new nodes, new versions of nodes, edges, and new versions of edges.

        A gone node lives again from its new version on; in between it stays gone. It is `Invalid` where it was
        purged or deleted by this same transaction (`refusals.no_return`). Unique keys hold for the state
        after the whole batch. A row marked `gone` was written and deleted by the same transaction: it goes
        to the past at once and holds no unique key. An updated edge does not end: its version before is
        replaced, or vanishes if it is of this transaction.
        """

    @abstractmethod
    def end(self, number: int, keys: Collection[EdgeKey]) -> None:
        """End edges; one that this transaction wrote is as if it had never been, and so is its update of one."""

    @abstractmethod
    def delete(self, number: int, keys: Collection[NodeKey]) -> None:
        """End nodes: their last version becomes `gone`, even if it was written just now."""

    @abstractmethod
    def purge(self, number: int, keys: Collection[NodeKey]) -> None:
        """Erase every version's content (`proof.purged`) of nodes that are gone."""

    @abstractmethod
    def append(self, head: Head) -> None:
        """Write the transaction's own row."""

    @abstractmethod
    def commit(self) -> None:
        """Make all since `begin` durable and visible at once, and let go of the lock."""

    @abstractmethod
    def rollback(self) -> None:
        """Undo all since `begin` and let go of the lock; also after a failed `commit`."""

    # What `changes`, `begin` and `purge_heads` ask of a backend, once the checks are made

    @abstractmethod
    def _changes(self, after: int, last: int) -> Iterator[Commit]:
        """Yield the transactions after one number, up to another that is committed."""

    @abstractmethod
    def _begin(self) -> Head:
        """Wait up to `lock_timeout` for the write lock (then `Conflict`) and return the last transaction."""

    @abstractmethod
    def _purge_heads(self, number: int, heads: Sequence[int]) -> None:
        """Erase actor, message and salt (`proof.purged_head`) of distinct heads that come before a number."""

    def purge_heads(self, number: int, heads: Collection[int]) -> None:
        """Erase actors and messages of transactions before the open one, for good; again is as once.

        `NotFound` for a number that is not of an earlier transaction.
        """
        for head in heads:
            if type(head) is not int or not 0 < head < number:
                raise no_earlier_head(head, number)
        self._purge_heads(number, list(dict.fromkeys(heads)))

    def changes(self, after: int = 0, *, until: int | None = None) -> Iterator[Commit]:
        """Yield every transaction after that number, oldest first, up to another or the last one at the call."""
        for number in (after, 0 if until is None else until):
            if type(number) is not int or number < 0:
                raise Invalid(f"{excerpt(number)} is not a transaction's number")
        last = self.now()
        return self._changes(after, last if until is None else min(last, until))

    def begin(self) -> Head:
        """Wait up to 30 s for the write lock (then `Conflict`) and return the last transaction.

        `Invalid` on a backend that was opened for reading only. Where another task of this thread
        holds the lock it is a `Conflict` at once, and one that is not retryable.
        """
        self.refuse_readonly()
        self._transactions.refuse_deadlock()
        return self._begin()

    def transaction(
        self, *, actor: str = "", message: str = "", mark: str = ""
    ) -> AbstractContextManager[Transaction]:
        """Open a transaction, or join the one that this thread has open in this task.

        It takes the write lock at the first write. If another transaction committed between its
        first read and then, that write is a `Conflict`. Without a write it leaves no trace. When
        an inner block raises, the outermost can only roll back, and says so if it goes on. `mark`
        says which part of which import it is; actor, message and mark are those of the outermost.
        """
        return Block(self._transactions, lambda: Transaction(self, actor, message, mark))

    def lookup(self, references: Collection[Reference]) -> dict[Reference, list[NodeRow]]:
        """Return the live node that each reference names, if there is one.

        Of the present, or inside a transaction of what that sees; so are `live` and `existing_edges`.
        """
        return {reference: looked_up(self, reference) for reference in references}

    def with_digests(
        self, digests: Collection[str], *, limit: int | None = None, as_of: int | None = None
    ) -> dict[str, list[NodeRow]]:
        """Return the live artifacts that have each digest (`contents.digest_of`), by id, the first of it up to `limit`."""
        as_of = self.pin(as_of)
        return {digest: self._with_digest(digest, as_of)[:limit] for digest in digests}

    def _with_digest(self, digest: str, as_of: int | None) -> list[NodeRow]:
        rows = self.find(Kind.ARTIFACT, with_digest(digest), as_of=as_of)
        return [row for row in rows if digest_of(row) == digest]

    def beginning_with(
        self,
        text: str,
        *,
        kind: Kind | None = None,
        limit: int | None = None,
        as_of: int | None = None,
    ) -> list[NodeRow]:
        """Return the live nodes, of a kind or of all, whose name, URI or last part of it begins with a text.

        They are in the order of the first of these texts that does so, by code points, and then of keys: that of
        an index, so that a `limit` spares reading the rest. What the last part is `beginnings.last_part` says.
        `Invalid` for an empty text.
        """
        beginning = Beginning(text, kind, limit)
        beginning.check()
        return self._beginning_with(beginning, as_of)

    def _beginning_with(self, beginning: Beginning, as_of: int | None) -> list[NodeRow]:
        as_of = self.pin(as_of)
        rows = (row for kind in beginning.kinds for row in self.find(kind, as_of=as_of))
        return beginning.of(rows)

    def writings(
        self, of: AtUri | Collection[NodeKey], *, as_of: int | None = None
    ) -> Iterator[Writing]:
        """Yield the events by which artifacts were written, newest first, each with its states.

        Of the live artifacts of a URI, or of given ones, gone or not. They are in descending order
        of time, transaction, artifact, execution and kind of event; what nobody wrote is there by its
        creation. `standing` tells which of them count.
        """
        as_of = self.pin(as_of)
        first = self._writings(of, as_of, FIRST_WRITINGS)
        return self._all_writings(of, as_of, first)

    def _all_writings(
        self, of: AtUri | Collection[NodeKey], as_of: int | None, first: Sequence[Writing]
    ) -> Iterator[Writing]:
        yield from first
        if len(first) == FIRST_WRITINGS:
            yield from self._writings(of, as_of, None)[FIRST_WRITINGS:]

    def _writings(
        self, of: AtUri | Collection[NodeKey], as_of: int | None, limit: int | None
    ) -> Sequence[Writing]:
        """Return the first writings, or all."""
        return writings_by_rows(self, of, as_of)[:limit]

    def time_of(self, number: int) -> int:
        """Return the time of a transaction, of the open one as well, in microseconds."""
        own = self._transaction
        if own is not None and own.locked and own.number == number:
            return own.time
        for head in self.log(before=number + 1, limit=1):
            return head.time
        raise missing_head(number)

    def live(self, keys: Collection[NodeKey]) -> set[NodeKey]:
        """Return those of the given nodes that exist and are not gone."""
        return {key for key, row in self.nodes(keys).items() if not row.gone}

    def existing_edges(self, keys: Collection[EdgeKey]) -> set[EdgeKey]:
        """Return those of the given edges that exist."""
        ends = {key.target for key in keys}
        return {row.key for row in self.edges(ends, Direction.UPSTREAM)}.intersection(keys)

    def walk(
        self,
        starts: Collection[NodeKey],
        direction: Direction,
        *,
        limits: Limits = Limits(),
        edges: bool = True,
        as_of: int | None = None,
        without: int = 0,
        happened_by: int | None = None,
    ) -> Walk:
        """Walk the edges of events breadth first from artifacts and executions.

        Levels hold distinct nodes in key order, the starts (which must exist) being the first.
        Contexts are not walked. The edges of the answer are all those among its nodes that the
        direction goes along. Where a limit cuts a level, its first nodes are kept, executions together
        with what they lead to. Without `edges` the answer has none. `without` is a mask of uses
        (`lineage.model.purposes`): events that were for these alone are neither walked nor in the answer.
        Nor are those that happened after `happened_by`, in microseconds; an event without a time
        happened with the transaction that first wrote it.
        """
        check_limits(limits)
        check_mask(without)
        check_time(happened_by)
        if happened_by is not None:
            # Before the bound is looked up: a transaction that commits now may have a time within it.
            as_of = self.pin(as_of)
        omitted = self._omitted(without, happened_by)
        return self._walk(
            starts, direction, limits=limits, edges=edges, as_of=as_of, omitted=omitted
        )

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
        # Several reads, and so of one moment that is pinned first.
        as_of = self.pin(as_of)
        check_starts(starts, self.nodes(starts, as_of=as_of))
        return walk_levels(
            starts,
            lambda keys: self.edges(keys, direction, kinds=EVENT_KINDS, as_of=as_of),
            direction,
            limits=limits,
            edges=edges,
            omitted=omitted,
        )

    def _omitted(self, without: int, happened_by: int | None) -> Omitted | None:
        """Return what a walk passes over; the number of the bound may be that of the open transaction."""
        if happened_by is None:
            return Omitted(without) if without else None
        own = self._transaction
        if own is not None and own.locked and own.time <= happened_by:
            return Omitted(without, happened_by, own.number)
        return Omitted(without, happened_by, self.number_at(happened_by))

    def number_at(self, micros: int) -> int:
        """Return the number of the last transaction at or before a time; 0 where there is none."""
        low, high = 0, self.now()
        while low < high:
            middle = (low + high + 1) // 2
            (head,) = self.log(before=middle + 1, limit=1)
            low, high = (middle, high) if head.time <= micros else (low, middle - 1)
        return low

    def pin(self, as_of: int | None = None) -> int | None:
        """Return the `as_of` that makes several reads be of one moment.

        None inside a transaction that has written: nobody else can, and it sees its own writes.
        """
        if as_of is not None:
            return as_of
        own = self._transaction
        return own.snapshot() if own is not None else self.now()

    def replay(self, commits: Iterable[Commit]) -> int:
        """Write transactions that `changes` of another store yielded; return the last number.

        Numbers, ids, times, salts and digests stay; each transaction must follow this store's
        last, which its digest proves. An interruption leaves whole transactions.
        """
        if self._transaction is not None:
            raise Invalid("replay writes whole transactions; call it outside of one")
        stream = iter(commits)
        going = True
        while going:
            going = self._replay_group(stream)
        return self.now()

    def _replay_group(self, stream: Iterator[Commit]) -> bool:
        """Replay some transactions in one storage transaction; return whether there may be more."""
        head = self.begin()
        records = 0
        try:
            chain = Chain(self.head_tree(head))
            while records < BATCH_RECORDS:
                commit = next(stream, None)
                if commit is None:
                    break
                follow(self, head.number, commit, chain)
                head = commit.head
                records += head.records
            if records:
                self.commit()
        except BaseException:
            self.rollback()
            raise
        if not records:
            self.rollback()
        self._tree = chain.tree
        return records >= BATCH_RECORDS

    def head_tree(self, head: Head) -> HeadTree:
        """Return the tree over all heads up to a committed one, from the inner nodes stored with them."""
        tree = self._tree
        if tree.digest == head.digest:
            return tree
        roots = (self._subtree(*each) for each in subtrees(head.number))
        return HeadTree(head.number, head.digest, tuple(roots))

    def _subtree(self, number: int, height: int) -> bytes:
        """Return the root of the whole subtree of a height that a head completed."""
        for head in self.log(before=number + 1, limit=1):
            if head.number == number:
                return subtree(head, height)
        raise missing_head(number)

    def grow_tree(self, last: Head, digest: bytes) -> bytes:
        """Return the inner nodes of the tree over heads that the one after `last`, of this digest, completes."""
        self._tree, nodes = self.head_tree(last).grown(digest)
        return nodes

    @property
    def in_transaction(self) -> bool:
        """Whether this thread, in this task, has a transaction open."""
        return self._transaction is not None

    @property
    def _transaction(self) -> Transaction | None:
        """The transaction that this thread has open, in this task."""
        return self._transactions.current

    def _effective(self, as_of: int | None) -> int | None:
        """Return what a reading verb must read as of; None for the present, own writes included."""
        own = self._transaction
        if as_of is None:
            return None if own is None else own.snapshot()
        if type(as_of) is not int or as_of < 0:
            raise Invalid(f"{excerpt(as_of)} is not a transaction's number")
        locked = own is not None and own.locked
        if not (as_of < own.number if locked and own else self._is_reached(as_of)):
            raise NotFound(
                f"there is no transaction {excerpt(as_of)} yet; the last one is {self.now()}"
            )
        return as_of

    def _is_reached(self, number: int) -> bool:
        """Whether a transaction of this number, or a later one, is committed; once so, it stays so."""
        if number > self._newest:
            self._newest = self.now()
        return number <= self._newest

    def refuse_readonly(self) -> None:
        """Raise `Invalid` on a backend that was opened for reading only."""
        if self.readonly:
            raise Invalid("the store was opened read-only; connect without readonly=True to write")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

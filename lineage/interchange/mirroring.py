"""Following another system's database: bringing in what it has, and later what is new there.

A pass reads the whole database, compares it with the store and writes what differs, in parts, a
transaction each. Passes are made until one finds nothing to write, so that the last one has
compared everything that was written with where it came from.

Ids stay, so that the store must be empty or hold nothing but what was brought in before: the mark
of every part says so, with its transaction's number. An interruption leaves whole parts, and the
next call goes on.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Final

from lineage.contract.backend import EMPTY, Backend, Order
from lineage.contract.files import refuse_one_of
from lineage.contract.format import Connector, Database, connector
from lineage.contract.registry import registry
from lineage.contract.transaction import Author, Transaction
from lineage.contract.walking import Direction
from lineage.errors import Conflict, Invalid, excerpt
from lineage.interchange.importing import Imported, import_graph, marked, read_file
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import Batch, EdgeKind, EdgeRow, Head, NodeRow, TypeRow
from lineage.model.schema import AnyType, evolve
from lineage.model.system import OWN_CLASSES, SYSTEM_NAMES, SYSTEM_TYPES, is_reserved, type_of
from lineage.model.times import from_micros
from lineage.progress import Progress, Report
from lineage.recording.edges import new_edges, stamp_edge
from lineage.recording.nodes import SINCE, stamp
from lineage.recording.types import put_type

__all__ = ["follow", "import_from", "opened"]


BATCH_RECORDS: Final = 20_000
"""How many records one transaction writes at most, about."""
MOST_PASSES: Final = 5
RECENT: Final = 20
"""How many nodes of a kind tell whether a store was filled from a database."""
_SAID = {"description", "external_id", "base", "input_type", "output_type"}


def opened(
    format: Connector, location: object, *, new_ids: bool = False
) -> AbstractContextManager[Database]:
    """Open a database by where it is; raise `Invalid` for an open file, and for new ids."""
    if not isinstance(location, str | os.PathLike):
        raise Invalid(
            f"{excerpt(location)}: a database is named by its path or URL, not read as a file"
        )
    if new_ids:
        raise Invalid(
            "a database that is followed keeps its ids; import it into a store of its own"
        )
    return format.connect(os.fspath(location))


def import_from(
    backend: Backend,
    source: str | Path | IO[bytes],
    format: str | None,
    author: Author,
    *,
    new_ids: bool = False,
    progress: Report | None = None,
) -> Imported:
    """Follow the database at a location, or write the graph that a file holds, as the format has it."""
    refuse_one_of(source, backend.files, "imported into itself")
    if format is not None and (database := connector(format)) is not None:
        with opened(database, source, new_ids=new_ids) as there:
            return follow(backend, there, format, author, progress=progress)
    return read_file(
        source,
        format,
        lambda file, name: import_graph(
            backend, file, name, author, new_ids=new_ids, progress=progress
        ),
    )


def follow(
    backend: Backend,
    database: Database,
    name: str,
    author: Author,
    *,
    progress: Report | None = None,
) -> Imported:
    """Bring in what a database has more than a store that was filled from it, or all for an empty one.

    `name` is the format's. What changed there is updated, and the earlier version is history; what
    is no longer there stays. Invalid where the store holds anything else, or was filled from
    another database.
    """
    backend.refuse_readonly()
    if backend.in_transaction:
        raise Invalid("this import writes transactions of its own; call it outside of one")
    head = next(iter(backend.log(limit=1)), EMPTY)
    _check_filled_by(backend, database, name, head)
    following = _Following(backend, name, author, head.number)
    tell = progress or (lambda _: None)
    # The first pass writes; the others compare what was written, and write what changed meanwhile.
    for stage in ("writing", *["verifying"] * (MOST_PASSES - 1)):
        written, records = following.written, 0
        for number in following.make_pass(database.batches()):
            records += number
            tell(Progress(stage, records, database.total))
        if following.written == written:
            return following.answer(database, verified=records)
    return following.answer(database, verified=0)


def _check_filled_by(backend: Backend, database: Database, name: str, head: Head) -> None:
    """Raise `Invalid` for a store that holds anything but what was brought in from the database."""
    if not head.number:
        return
    # Each part was written where it is the transaction of its own number, so all before it were parts too.
    if head.mark != _mark(name, head.number):
        raise Invalid(
            f"ids are kept only in an empty store, or in one that holds nothing but what this import wrote; "
            f"this one has {head.number} transactions, the last of which is another: import into a new store"
        )
    others = _own_types(row.type for row in backend.types())
    others -= _own_types(row.type for row in next(database.batches()).types)
    if others:
        raise Invalid(
            f"the store was filled from another database: there is no {min(others)} there; import into a new store"
        )
    for kind in Kind:
        # A copy that went its own way differs in what is newest; some of that may have been deleted by hand.
        newest = backend.find(kind, order=Order(descending=True), limit=RECENT)
        made = [database.created(row.key) for row in newest]
        for row, time in zip(newest, made, strict=True):
            if time not in (None, row.created):
                raise Invalid(
                    f"the store was filled from another database: {row.key}, made at {_shown(row.created)}, is "
                    "another node there; import into a new store"
                )
        if newest and not any(time is not None for time in made):
            raise Invalid(
                f"the store was filled from another database, or from a newer state of this one: of the "
                f"newest {kind}s, {newest[0].key} among them, none is there; import into a new store"
            )


def _mark(name: str, number: int) -> str:
    """Return what marks a transaction that brought in a part of a database."""
    return f"{name}, transaction {number}"


def _own_types(types: Iterable[AnyType]) -> set[str]:
    """Return the types that are a database's own, in words."""
    return {
        f"{each.kind} type {each.type_name}"
        for each in types
        if not is_reserved(each.name) or each.name in OWN_CLASSES
    }


def _shown(micros: int) -> str:
    return from_micros(micros).isoformat(timespec="milliseconds")


class _Following:
    """The passes of one call."""

    def __init__(self, backend: Backend, name: str, author: Author, last: int) -> None:
        self._backend = backend
        self._name = name
        self._author = author
        self._last = last
        self._numbers: list[int] = []
        self._types = self._nodes = self._updates = self._edges = 0

    def answer(self, database: Database, *, verified: int) -> Imported:
        """Return what all passes wrote."""
        return Imported(
            self._types,
            self._nodes,
            self._edges,
            tuple(self._numbers),
            updates=self._updates,
            verified=verified,
            losses=tuple(database.losses()),
        )

    @property
    def written(self) -> int:
        """How many transactions there were."""
        return len(self._numbers)

    def make_pass(self, batches: Iterable[Batch]) -> Iterator[int]:
        """Write what differs; yield how many records were read, a piece at a time."""
        part = _Part(self._backend)
        for batch in batches:
            if batch.types:
                self._write_types(part, batch.types)
            part.compare(batch)
            # Updates stay together until all nodes came, for one may take a name that another lets go.
            if part.records >= BATCH_RECORDS and (batch.edges or not part.updates):
                self._write(part)
            yield sum(map(len, batch))
        self._write(part)

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        """Open a transaction for a part, and take the lock; nobody else may write to the store."""
        mark = _mark(self._name, self._last + 1)
        with marked(self._backend, self._author, mark) as transaction:
            last = transaction.lock().number
            if last != self._last:
                raise Conflict(f"transaction {last} was written by another meanwhile; import again")
            yield transaction
        if transaction.committed:
            self._last = transaction.number
            self._numbers.append(transaction.number)

    def _write_types(self, part: _Part, rows: Iterable[TypeRow]) -> None:
        # Types that may keep their ids come before those that get the next ones.
        ordered = sorted(rows, key=lambda row: (row.type.id or 0) <= len(SYSTEM_TYPES))
        with self._transaction() as transaction:
            self._types += sum([part.put_type(transaction, row.type) for row in ordered])

    def _write(self, part: _Part) -> None:
        if not part.records:
            return
        with self._transaction() as transaction:
            part.write(transaction)
        self._nodes += len(part.nodes)
        self._updates += len(part.updates)
        self._edges += len(part.edges)
        part.clear()


class _Part:
    """What one pass found to differ and has not written yet."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        head = next(iter(backend.log(limit=1)), EMPTY)
        self._highest = {
            Kind.ARTIFACT: head.artifacts,
            Kind.EXECUTION: head.executions,
            Kind.CONTEXT: head.contexts,
        }
        """The ids above which nothing was there when the pass began."""
        self._type_ids: dict[int, int] = {}
        self._type_names: set[tuple[Kind, str, str | None]] = set()
        self._seen: dict[Kind, set[int]] = {kind: set() for kind in Kind}
        self.nodes: list[NodeRow] = []
        self.updates: list[NodeRow] = []
        self.edges: list[EdgeRow] = []

    @property
    def records(self) -> int:
        """How many records there are to write."""
        return len(self.nodes) + len(self.updates) + len(self.edges)

    def clear(self) -> None:
        """Forget what was written."""
        self.nodes, self.updates, self.edges = [], [], []

    def put_type(self, transaction: Transaction, given: AnyType) -> bool:
        """Write a type that is new or says more; return whether it did. Its id stays where it is free."""
        assert given.id is not None
        known = registry(self._backend)
        name = (given.kind, given.name, given.version)
        stored = known.by_name.get(name)
        if stored is None:
            _check_new_type(given)
            number = given.id if given.id not in known.by_id else transaction.next_id(None)
            time = from_micros(transaction.time)
            now = given.replace(id=number, create_time=time, update_time=time)
            transaction.write(Batch(types=[TypeRow(now, transaction.number)]))
        else:
            number = stored.id or 0
            now = self._evolved(transaction, stored, given)
        self._type_ids[given.id] = number
        self._type_names.add(name)
        return now is not stored

    def _evolved(self, transaction: Transaction, stored: AnyType, given: AnyType) -> AnyType:
        """Return what a stored type becomes; of two types of one name the first says what it is."""
        again = (given.kind, given.name, given.version) in self._type_names
        forgotten = _SAID & type(given).model_fields.keys() if again else set()
        more = given.replace(id=None, **dict.fromkeys(forgotten))
        if stored.name in (*SYSTEM_NAMES[given.kind], *OWN_CLASSES):
            return evolve(stored, more, can_omit=True)  # which refuses what ours does not have
        return put_type(self._backend, transaction, more, can_add=True, can_omit=True)

    def compare(self, batch: Batch) -> None:
        """Take what of a batch the store does not have, or has otherwise."""
        self._compare_nodes(batch.nodes)
        self._compare_edges(batch.edges)

    def _compare_nodes(self, rows: Iterable[NodeRow]) -> None:
        given = [self._with_own_type(row) for row in rows]
        for row in given:
            self._seen[row.key.kind].add(row.key.id)
        old = [row.key for row in given if self._was_there(row.key)]
        stored = self._backend.nodes(old) if old else {}
        for row in given:
            before = stored.get(row.key)
            if before is None:
                self.nodes.append(row)
            elif not row.gone and before[:SINCE] != row[:SINCE]:
                self.updates.append(_updated(before, row))

    def _with_own_type(self, row: NodeRow) -> NodeRow:
        number = self._type_ids.get(row.type_id)
        if number is None:
            raise Invalid(f"{row.key} is of the type {row.type_id}, which did not come before it")
        return row if number == row.type_id else row._replace(type_id=number)

    def _was_there(self, key: NodeKey) -> bool:
        return key.id <= self._highest[key.kind]

    def _compare_edges(self, rows: Iterable[EdgeRow]) -> None:
        old: list[EdgeRow] = []
        for row in rows:
            for end in (row.source, row.target):
                if end.id not in self._seen[end.kind]:
                    raise Invalid(f"an edge's {end} did not come before it")
            if self._was_there(row.source) and self._was_there(row.target):
                old.append(row)
            else:
                self.edges.append(row)
        stored = self._stored_edges(old)
        same = {row[:5] for row in stored}
        others = {row[:3] for row in stored} if same else same
        for row in old:
            if row[:5] in same:
                continue
            if row[:3] not in others:
                self.edges.append(row)
            else:
                raise Invalid(
                    f"the store was filled from another database: the edge {row.kind.name} from {row.source} to "
                    f"{row.target} is another there; import into a new store"
                )

    def _stored_edges(self, rows: Iterable[EdgeRow]) -> list[EdgeRow]:
        """Return the stored edges with the targets of some."""
        targets = {row.target for row in rows}
        if not targets:
            return []
        kinds = {row.kind for row in rows}
        return self._backend.edges(targets, Direction.UPSTREAM, kinds=kinds)

    def write(self, transaction: Transaction) -> None:
        """Write what differs in a locked transaction."""
        nodes, updates = (
            [stamp(transaction, row, gone=row.gone) for row in rows]
            for rows in (self.nodes, self.updates)
        )
        edges = [stamp_edge(transaction, row.key, row.time, row.paths) for row in self.edges]
        parents = [row for row in edges if row.kind is EdgeKind.PARENT]
        if parents:
            new_edges(self._backend, transaction, parents)  # refuses circles
        ends = {end for row in edges for end in (row.source, row.target)}
        transaction.write(Batch(nodes=nodes, updates=updates, edges=edges), live=ends)


def _check_new_type(given: AnyType) -> None:
    """Raise `Invalid` for a type that has the name of one of the library's own, and is another."""
    own = OWN_CLASSES.get(given.name)
    taken = any(given.name in names for names in SYSTEM_NAMES.values())
    if taken or (own is not None and type_of(own).properties != given.properties):
        raise Invalid(
            f"the {given.kind} type {given.type_name} has the name of one of this library's own, and is another; "
            "give it another name there"
        )


def _updated(before: NodeRow, row: NodeRow) -> NodeRow:
    """Return the next version of a stored node; raise `Invalid` where it is another node."""
    if before.gone:
        raise Invalid(
            f"{row.key} was missing when its edges came in, and is there now; import into a new store"
        )
    if (before.type_id, before.created) != (row.type_id, row.created):
        raise Invalid(
            f"the store was filled from another database: {row.key} is another node there; "
            "import into a new store"
        )
    return row

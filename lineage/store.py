"""The store, the front door of the engine: `connect` opens one, its methods do everything else."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Self, TypeAlias, TypeVar, cast, overload

from lineage import writing
from lineage.backend import Backend, Order
from lineage.errors import Invalid, LineageError, NotFound
from lineage.filters import Column, Field, Filter, In, all_of, bind
from lineage.graph import Limits, Subgraph
from lineage.journal import (
    Change,
    LogEntry,
    Page,
    change_of,
    entries_of,
    entry_of,
    number_at,
    read_token,
    write_token,
)
from lineage.model import Edge, Entity, Kind, Node, NodeKey
from lineage.parsing import parse
from lineage.plugins import backend_factory
from lineage.queries import naming, provenance
from lineage.recording import Artifacts, Contexts, ExecutionT, Recorded, record
from lineage.registry import registry
from lineage.rows import edge_of, entity_of
from lineage.schema import AnyType, NodeType
from lineage.writing import Author

__all__ = ["Store", "connect"]

NodeT = TypeVar("NodeT", bound=Node)
EntityT = TypeVar("EntityT", bound=Entity)
T = TypeVar("T")
Reference: TypeAlias = Node | NodeKey | str
ATTEMPTS = 5
_ORDERS = {"id": Field.ID, "create_time": Field.CREATED, "update_time": Field.UPDATED}


def connect(
    url: str | Path = "lineage.db",
    *,
    readonly: bool = False,
    actor: str | None = None,
    clock: Callable[[], int] | None = None,
) -> Store:
    """Open the store at a URL: a path or `sqlite:PATH` (a file, made if need be), or `memory:`.

    `actor` is who writes: by default LINEAGE_ACTOR, else the user of the operating system. `clock`
    returns microseconds since 1970.
    """
    factory = backend_factory(str(url))
    backend = factory(str(url), readonly=readonly, clock=clock)
    if not isinstance(backend, Backend):
        raise Invalid(f"the backend of {url} is not a lineage Backend")
    return Store(backend, actor=actor)


def _current_actor() -> str:
    named = os.environ.get("LINEAGE_ACTOR")
    if named:
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"


class Store:
    """A lineage store: of the present, or as `at` returns it, read-only, of an earlier moment."""

    def __init__(
        self, backend: Backend, *, actor: str | None = None, as_of: int | None = None
    ) -> None:
        self.backend = backend
        self.actor = actor or _current_actor()
        self.as_of = as_of

    # Writing

    @overload
    def put(
        self, item: EntityT, *, message: str = "", can_add: bool = False, can_omit: bool = False
    ) -> EntityT: ...
    @overload
    def put(
        self,
        item: Iterable[EntityT],
        *,
        message: str = "",
        can_add: bool = False,
        can_omit: bool = False,
    ) -> list[EntityT]: ...
    def put(
        self,
        item: EntityT | Iterable[EntityT],
        *,
        message: str = "",
        can_add: bool = False,
        can_omit: bool = False,
    ) -> EntityT | list[EntityT]:
        """Write something new, or many things in one transaction, and return it as it is stored.

        Nodes are always new: a taken name or external id is `AlreadyExists`. Of edges, an event
        that exists is `AlreadyExists`. A type that exists is changed, if `can_add` (properties
        that the stored one lacks) and `can_omit` (properties that it has beyond these) allow it.
        """
        items = [item] if isinstance(item, Entity) else list(item)
        types = [each for each in items if isinstance(each, NodeType)]
        nodes = [each for each in items if isinstance(each, Node)]
        edges = [each for each in items if not isinstance(each, NodeType | Node)]
        for each in edges:
            if not isinstance(each, Edge):
                raise Invalid(
                    f"{each!r:.80} cannot be put; give types, artifacts, executions, contexts or edges"
                )
        author = self._author(message)
        with self.backend.transaction(actor=author.actor, message=author.message):
            put_types = writing.put_types(
                self.backend, cast(list[AnyType], types), author, can_add=can_add, can_omit=can_omit
            )
            rows = writing.put_nodes(self.backend, nodes, author)
            known = registry(self.backend).by_id
            put_nodes = [
                entity_of(row, known, type(node)) for row, node in zip(rows, nodes, strict=True)
            ]
            put_edges = [
                edge_of(row)
                for row in writing.put_edges(self.backend, cast(list[Edge], edges), author)
            ]
        stored = {
            id(old): new
            for old, new in zip(
                (*types, *nodes, *edges), (*put_types, *put_nodes, *put_edges), strict=True
            )
        }
        answer = cast(list[EntityT], [stored[id(each)] for each in items])
        return answer[0] if isinstance(item, Entity) else answer

    def record(
        self,
        execution: ExecutionT,
        *,
        inputs: Artifacts = (),
        outputs: Artifacts = (),
        within: Contexts = (),
        message: str = "",
    ) -> Recorded[ExecutionT]:
        """Write a finished run, what it read and wrote and what it belongs to, in one transaction.

        An input or context that is stored already (by id, external id, name, or URI and digest; an
        input also by URI and equal properties) is used as it is; outputs are new unless identified.
        """
        return record(
            self.backend,
            execution,
            self._author(message),
            inputs=inputs,
            outputs=outputs,
            within=within,
        )

    def update(
        self, node: NodeT, *, fields: Collection[str] | None = None, message: str = ""
    ) -> NodeT:
        """Replace a stored node's content with this one's, or only some `fields` of it.

        `Stale` where the stored node is newer than the one given: get it again first. Fields are
        `name`, `external_id`, `uri`, `state`, `properties`, `custom_properties`, `properties.<name>`
        and `custom_properties.<name>`.
        """
        row = writing.update(self.backend, node, self._author(message), fields=fields)
        return cast(NodeT, entity_of(row, registry(self.backend).by_id, type(node)))

    def delete(self, *things: Reference | Edge, message: str = "") -> None:
        """End nodes and edges. A node's edges stay, and walks go on through it; its name is free."""
        author = self._author(message)
        edges = [each for each in things if isinstance(each, Edge)]
        with self.backend.transaction(actor=author.actor, message=author.message):
            writing.end_edges(self.backend, edges, author)
            keys = [self.key_of(each) for each in things if not isinstance(each, Edge)]
            writing.delete(self.backend, keys, author)

    def purge(self, *nodes: Reference, reason: str) -> None:
        """Erase nodes' content for good, in every version; key, type, times and edges stay.

        The log keeps who did so and the reason, which must not be empty.
        """
        if not reason.strip():
            raise Invalid("a purge needs a reason, which the log keeps")
        author = self._author(reason)
        writing.purge(self.backend, [self.key_of(each) for each in nodes], author)

    @contextmanager
    def transaction(self, *, message: str = "") -> Iterator[Self]:
        """Make everything that the block writes one transaction: all of it or nothing.

        Never retried: where another writer was faster, it is a `Conflict`. Inside another
        transaction it joins that one.
        """
        author = self._author(message)
        with self.backend.transaction(actor=author.actor, message=author.message):
            yield self

    def transact(self, function: Callable[[Self], T], *, message: str = "") -> T:
        """Call `function(store)` in a transaction, and again, up to five times, if that may help."""
        author = self._author(message)
        for attempt in range(ATTEMPTS):
            try:
                with self.backend.transaction(
                    actor=author.actor, message=author.message
                ) as transaction:
                    if attempt:
                        transaction.lock()
                    return function(self)
            except LineageError as error:
                if not error.retryable or attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError

    # Reading

    @overload
    def get(self, wanted: type[NodeT], reference: int | Reference) -> NodeT: ...
    @overload
    def get(self, wanted: Reference) -> Node: ...
    def get(
        self, wanted: type[NodeT] | Reference, reference: int | Reference | None = None
    ) -> Node:
        """Return one node: by key, by `kind:id`, `Type:name` or URI, or of a class by id or name.

        `NotFound` where there is none, or where it was deleted.
        """
        if isinstance(wanted, type):
            if reference is None:
                raise Invalid(f"get({wanted.__name__}, …) needs an id, a name or a key")
            return self._get_of(wanted, reference)
        return self._get(self.key_of(wanted), None)

    def _get_of(self, cls: type[NodeT], reference: int | Reference) -> Node:
        if isinstance(reference, int) or (isinstance(reference, str) and ":" not in reference):
            key = naming.resolve_in(self.backend, cls, reference, as_of=self.as_of)
        else:
            key = self.key_of(reference)
        return self._get(key, cls)

    def _get(self, key: NodeKey, cls: type[Node] | None) -> Node:
        pinned = self.backend.pin(self.as_of)
        row = self.backend.nodes([key], as_of=pinned).get(key)
        if row is None:
            raise NotFound(f"there is no {key}")
        if row.gone:
            raise NotFound(
                f"{key} was deleted in transaction {row.until}; look at the store at an earlier one"
            )
        types = registry(self.backend, pinned)
        if cls is not None and row.type_id not in types.ids(cls):
            raise NotFound(f"{key} is a {types.by_id[row.type_id].type_name}, not a {cls.__name__}")
        return entity_of(row, types.by_id, cls)

    def find(
        self,
        wanted: type[NodeT],
        where: str | Filter | None = None,
        *,
        order_by: str = "id",
        descending: bool = False,
        limit: int | None = None,
        page: str | None = None,
    ) -> Page[NodeT]:
        """Return the nodes of a kind or class that a filter accepts.

        `wanted` is `Artifact`, `Execution`, `Context` or a subclass. `order_by` is `id`,
        `create_time` or `update_time`. With a `limit` the answer is a page, whose `next` goes in as
        `page` for the one after it; all pages are of the moment of the first.
        """
        order = _order(order_by, descending=descending, limit=limit)
        number, after = (
            (self.backend.pin(self.as_of), None) if page is None else read_token(page, order)
        )
        types = registry(self.backend, number)
        tree = parse(where, wanted.kind) if isinstance(where, str) else where
        if wanted.type_name is not None:
            tree = all_of(In(Column(Field.TYPE_ID), tuple(sorted(types.ids(wanted)))), tree)
        rows = self.backend.find(
            wanted.kind,
            None if tree is None else bind(tree, types.by_id.values()),
            order=order,
            after=after,
            limit=None if limit is None else limit + 1,
            as_of=number,
        )
        more = limit is not None and len(rows) > limit
        rows = rows[:limit]
        token = (
            write_token(self.backend.now() if number is None else number, order, rows[-1])
            if more
            else None
        )
        return Page(tuple(cast(NodeT, entity_of(row, types.by_id, wanted)) for row in rows), token)

    @overload
    def upstream(
        self, *of: Reference, type: type[NodeT], limits: Limits = ...
    ) -> Subgraph[NodeT]: ...
    @overload
    def upstream(
        self, *of: Reference, type: str | None = None, limits: Limits = ...
    ) -> Subgraph[Node]: ...
    def upstream(
        self, *of: Reference, type: type[Node] | str | None = None, limits: Limits = Limits()
    ) -> Subgraph[Node]:
        """Return everything that the nodes were made from, however indirectly.

        `type` marks the answer's `matches`; it does not disconnect the answer.
        """
        keys = [self.key_of(each) for each in of]
        return provenance.upstream(self.backend, keys, type=type, limits=limits, as_of=self.as_of)

    @overload
    def downstream(
        self, *of: Reference, type: type[NodeT], limits: Limits = ...
    ) -> Subgraph[NodeT]: ...
    @overload
    def downstream(
        self, *of: Reference, type: str | None = None, limits: Limits = ...
    ) -> Subgraph[Node]: ...
    def downstream(
        self, *of: Reference, type: type[Node] | str | None = None, limits: Limits = Limits()
    ) -> Subgraph[Node]:
        """Return everything that was made from the nodes, however indirectly."""
        keys = [self.key_of(each) for each in of]
        return provenance.downstream(self.backend, keys, type=type, limits=limits, as_of=self.as_of)

    def types(self, kind: Kind | None = None) -> list[AnyType]:
        """Return the types by id, the nine system types first."""
        known = registry(self.backend, self.as_of)
        return [each for each in known.by_id.values() if kind in (None, each.kind)]

    def at(self, moment: datetime | date | str | int) -> Store:
        """Return this store as it was: read-only, after the last transaction at or before a moment.

        A moment is a transaction's number, an aware time, or a day, which means its first instant
        in UTC.
        """
        number = number_at(self.backend, moment)
        self.backend.nodes((), as_of=number)
        if self.as_of is not None and number > self.as_of:
            raise NotFound(
                f"this is the store as of transaction {self.as_of}; it does not know {number}"
            )
        return Store(self.backend, actor=self.actor, as_of=number)

    def log(
        self, node: Reference | None = None, *, limit: int | None = None, before: int | None = None
    ) -> list[LogEntry]:
        """Return the transactions, or those that wrote or deleted one node, newest first."""
        if node is not None:
            entries = entries_of(self.backend, self.key_of(node), as_of=self.as_of)
            return [each for each in entries if before is None or each.number < before][:limit]
        known = [
            number
            for number in (before, None if self.as_of is None else self.as_of + 1)
            if number is not None
        ]
        return [
            entry_of(head)
            for head in self.backend.log(before=min(known, default=None), limit=limit)
        ]

    def changes(self, after: int = 0) -> Iterator[Change]:
        """Yield what each transaction after that number wrote, oldest first: the store's change feed."""
        for commit in self.backend.changes(after):
            if self.as_of is not None and commit.head.number > self.as_of:
                return
            yield change_of(self.backend, commit)

    def check(self) -> list[str]:
        """Read everything and return a sentence for each thing that is not as it was written."""
        return self.backend.check()

    def key_of(self, reference: Reference) -> NodeKey:
        """Return the key of an entity, or of what `kind:id`, `Type:name` or a URI names."""
        if isinstance(reference, NodeKey):
            return reference
        if isinstance(reference, Node):
            return reference.key
        return naming.resolve(self.backend, reference, as_of=self.as_of)

    def close(self) -> None:
        """Close the store; on one that `at` returned, nothing happens."""
        if self.as_of is None:
            self.backend.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _author(self, message: str) -> Author:
        if self.as_of is not None:
            raise Invalid(
                f"this is the store as of transaction {self.as_of}, which cannot be changed"
            )
        return Author(self.actor, message)


def _order(order_by: str, *, descending: bool, limit: int | None) -> Order:
    if order_by not in _ORDERS:
        raise Invalid(f"{order_by!r} is not an order; there are {', '.join(_ORDERS)}")
    if limit is not None and limit < 1:
        raise Invalid(f"limit={limit}: give 1 or more, or None for everything")
    return Order(_ORDERS[order_by], descending)

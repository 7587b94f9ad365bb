"""The store, the front door of the engine: `connect` opens one, its methods do everything else."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self, TypeVar, cast, overload

from lineage.answers.log import Change, LogEntry, change_of, entries_of, entry_of, transaction_at
from lineage.answers.subgraph import Subgraph
from lineage.contract.backend import Backend
from lineage.contract.plugins import backend_factory, shown_url, store_address
from lineage.contract.registry import node_class, registry
from lineage.contract.transaction import Author, current_actor
from lineage.contract.walking import Limits
from lineage.errors import Invalid, LineageError, NotFound
from lineage.filters.tree import Filter
from lineage.model.entities import Edge, Entity, Event, Node
from lineage.model.keys import LARGEST_ID, Kind, NodeKey, to_kind
from lineage.model.progress import Report
from lineage.model.rows import EVENT_KINDS, edge_of, entity_of
from lineage.model.schema import AnyType
from lineage.model.values import to_text
from lineage.queries import naming, provenance
from lineage.queries.find import Page, find, get, get_named, order_of
from lineage.queries.naming import Reference
from lineage.recording.edges import end_edges
from lineage.recording.nodes import delete_nodes, end_runs, purge_nodes, update_node
from lineage.recording.put import put
from lineage.recording.record import Artifacts, Contexts, ExecutionT, Recorded, record
from lineage.recording.run import Run

if TYPE_CHECKING:
    from lineage.interchange.copying import Copied
    from lineage.interchange.importing import Imported
    from lineage.queries.comparison import Comparison
    from lineage.queries.differences import Diff
    from lineage.queries.impact import Impact
    from lineage.queries.paths import Paths
    from lineage.queries.peers import Peers
    from lineage.queries.summary import Summary
    from lineage.queries.versions import Versions

__all__ = ["Store", "connect"]

NodeT = TypeVar("NodeT", bound=Node)
EntityT = TypeVar("EntityT", bound=Entity)
T = TypeVar("T")
ATTEMPTS = 5


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
    address = store_address(url)
    factory = backend_factory(address)
    backend = factory(address, readonly=readonly, clock=clock)
    if not isinstance(backend, Backend):
        raise Invalid(f"the backend of {shown_url(address)} is not a lineage Backend")
    return Store(backend, actor=actor)


class Store:
    """A lineage store: of the present, or as `at` returns it, read-only, of an earlier moment."""

    def __init__(
        self, backend: Backend, *, actor: str | None = None, as_of: int | None = None
    ) -> None:
        self.backend = backend
        self.actor = to_text(actor or current_actor())
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
        single = isinstance(item, Entity)
        stored = put(
            self.backend,
            [item] if single else _several(item),
            self._author(message),
            can_add=can_add,
            can_omit=can_omit,
        )
        answer = cast(list[EntityT], stored)
        return answer[0] if single else answer

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

    def run(
        self,
        execution: ExecutionT,
        *,
        within: Contexts = (),
        environment: bool = True,
        message: str = "",
    ) -> Run[ExecutionT]:
        """Record a run while it goes on: `with store.run(Trainer(...)) as run:`.

        The run is stored as RUNNING on entry; each `run.input` and `run.output` is stored when it
        returns. On exit the run is COMPLETE, after an exception FAILED, with its type and message,
        after an interrupt CANCELED; exceptions always propagate. `environment` says whether
        the Python, platform, commit and library versions are recorded too.
        """
        author = self._author(message)
        return Run(self.backend, execution, author, within=within, environment=environment)

    def update(
        self, node: NodeT, *, fields: Collection[str] | None = None, message: str = ""
    ) -> NodeT:
        """Replace a stored node's content with this one's, or only some `fields` of it.

        `Stale` where the stored node is newer than the one given: get it again first. Fields are
        `name`, `external_id`, `uri`, `state`, `properties`, `custom_properties`, `properties.<name>`
        and `custom_properties.<name>`.
        """
        row = update_node(self.backend, node, self._author(message), fields=fields)
        return cast(NodeT, entity_of(row, registry(self.backend).by_id, type(node)))

    def end(self, *runs: Reference, state: str, message: str = "") -> None:
        """Give runs that died without a word, and so stayed RUNNING, the state in which they ended.

        That is COMPLETE, FAILED, CANCELED or CACHED. `Invalid` for a run that has ended, and for what
        is no execution.
        """
        keys = self._asked(*runs).keys
        end_runs(self.backend, keys, state, self._author(message))

    def delete(self, *things: Reference | Edge, message: str = "") -> None:
        """End nodes and edges. A node's edges stay, and walks go on through it; its name is free."""
        author = self._author(message)
        edges = [each for each in things if isinstance(each, Edge)]
        with self.backend.transaction(actor=author.actor, message=author.message):
            end_edges(self.backend, edges, author)
            keys = [self.key_of(each) for each in things if not isinstance(each, Edge)]
            delete_nodes(self.backend, keys, author)

    def purge(self, *nodes: Reference, reason: str) -> None:
        """Erase nodes' content for good, in every version; key, type, times and edges stay.

        The log keeps who did so and the reason, which must not be empty.
        """
        author = self._author(reason)
        if not reason.strip():
            raise Invalid("a purge needs a reason, which the log keeps")
        purge_nodes(self.backend, self._asked(*nodes).keys, author)

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
                # Inside another transaction only that one as a whole can be tried again.
                last = attempt == ATTEMPTS - 1 or self.backend.in_transaction
                if last or not error.retryable:
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
        """Return one node: by key, by `kind:id`, `Type:name` or URI; of a class also by id or name.

        `NotFound` where there is none, or where it was deleted.
        """
        if not isinstance(wanted, type):
            return get(self.backend, self.key_of(wanted), as_of=self.as_of)
        cls = node_class(wanted)
        if reference is None:
            raise Invalid(f"get({cls.__name__}, …) needs an id, a name or a key")
        if type(reference) is str:
            return get_named(self.backend, cls, reference, as_of=self.as_of)
        if type(reference) is int:
            key = NodeKey(cls.kind, reference)
        else:
            key = self.key_of(cast(Reference, reference))
        return get(self.backend, key, cls, as_of=self.as_of)

    @overload
    def find(
        self,
        wanted: type[NodeT],
        where: str | Filter | None = None,
        *,
        order_by: str = "id",
        descending: bool = False,
        limit: int | None = None,
        page: str | None = None,
    ) -> Page[NodeT]: ...
    @overload
    def find(
        self,
        wanted: str,
        where: str | Filter | None = None,
        *,
        kind: Kind | None = None,
        order_by: str = "id",
        descending: bool = False,
        limit: int | None = None,
        page: str | None = None,
    ) -> Page[Node]: ...
    def find(
        self,
        wanted: type[Node] | str,
        where: str | Filter | None = None,
        *,
        kind: Kind | None = None,
        order_by: str = "id",
        descending: bool = False,
        limit: int | None = None,
        page: str | None = None,
    ) -> Page[Node]:
        """Return the nodes of a class, a kind or a type that a filter accepts.

        `wanted` is `Artifact`, `Execution`, `Context` or a subclass, a kind such as "artifact", or a
        type's name such as "Model" or "Model@2"; the name of a system type stands for every type
        based on it. `kind` says which, where types of several kinds have one name; without it that
        is `Invalid`. `NotFound` where there is no such type. `order_by` is `id`, `create_time` or
        `update_time`. With a `limit` the answer is a page, whose `next` goes in as
        `page` for the one after it; all pages are of the moment of the first.
        """
        target = to_text(wanted) if isinstance(wanted, str) else node_class(wanted)
        _check_count("limit", limit)
        return find(
            self.backend,
            target,
            where,
            order=order_of(order_by, descending=descending),
            limit=limit,
            page=page,
            as_of=self.as_of,
            kind=None if kind is None else to_kind(kind),
        )

    def events(self, *nodes: Reference) -> list[Event]:
        """Return the events of some artifacts and executions, each once, by source, target and type."""
        keys = self._asked(*nodes).keys
        rows = self.backend.edges(keys, kinds=EVENT_KINDS, as_of=self.as_of)
        return [cast(Event, edge_of(row)) for row in rows]

    def types(self, kind: Kind | None = None, *, name: str | None = None) -> list[AnyType]:
        """Return the types by id, the nine system types first; with a name all versions of one."""
        known = registry(self.backend, self.as_of)
        return list(known.of(None if kind is None else to_kind(kind), name))

    @overload
    def upstream(
        self, *of: Reference, type: type[NodeT], limits: Limits = ..., through_copies: bool = ...
    ) -> Subgraph[NodeT]: ...
    @overload
    def upstream(
        self,
        *of: Reference,
        type: str | None = None,
        limits: Limits = ...,
        through_copies: bool = ...,
    ) -> Subgraph[Node]: ...
    def upstream(
        self,
        *of: Reference,
        type: type[Node] | str | None = None,
        limits: Limits = Limits(),
        through_copies: bool = False,
    ) -> Subgraph[Node]:
        """Return everything that the nodes were made from, however indirectly.

        `type` marks the answer's `matches`; it does not disconnect the answer. `through_copies`, here and
        below, goes on from an artifact that nobody wrote to those with its digest that runs wrote.
        """
        asked = self._asked(*of)
        walk = partial(provenance.upstream, self.backend, asked.keys, type=type, limits=limits)
        return walk(through_copies=through_copies, as_of=self.as_of).saying(asked.remarks)

    @overload
    def downstream(
        self, *of: Reference, type: type[NodeT], limits: Limits = ..., through_copies: bool = ...
    ) -> Subgraph[NodeT]: ...
    @overload
    def downstream(
        self,
        *of: Reference,
        type: str | None = None,
        limits: Limits = ...,
        through_copies: bool = ...,
    ) -> Subgraph[Node]: ...
    def downstream(
        self,
        *of: Reference,
        type: type[Node] | str | None = None,
        limits: Limits = Limits(),
        through_copies: bool = False,
    ) -> Subgraph[Node]:
        """Return everything that was made from the nodes, however indirectly."""
        asked = self._asked(*of)
        walk = partial(provenance.downstream, self.backend, asked.keys, type=type, limits=limits)
        return walk(through_copies=through_copies, as_of=self.as_of).saying(asked.remarks)

    # Questions: each is imported when it is first asked, so that importing the library is quick

    def show(
        self, node: Reference, *, limits: Limits = Limits(), through_copies: bool = False
    ) -> Summary:
        """Return what is known of a node; of a model its data, parameters, metrics, run and frameworks.

        What was not recorded is said in the answer's `notes`.
        """
        from lineage.queries.summary import summary

        asked = self._asked(node)
        answer = partial(summary, self.backend, *asked.keys, limits=limits, as_of=self.as_of)
        return asked.noted_in(answer(through_copies=through_copies))

    def peers(
        self,
        node: Reference,
        *,
        any_version: bool = False,
        limits: Limits = Limits(),
        through_copies: bool = False,
    ) -> Peers:
        """Return the models trained on a data set; of a model, the others trained on its data.

        With `any_version` other versions of the data count too.
        """
        from lineage.queries.peers import peers

        asked = self._asked(node)
        answer = partial(peers, self.backend, *asked.keys, limits=limits, as_of=self.as_of)
        return asked.noted_in(answer(any_version=any_version, through_copies=through_copies))

    def compare(
        self, *models: Reference, limits: Limits = Limits(), through_copies: bool = False
    ) -> Comparison:
        """Return a table of models: data, parameters, metrics, frameworks, run; differences first."""
        from lineage.queries.comparison import compare

        asked = self._asked(*models)
        answer = partial(compare, self.backend, asked.keys, limits=limits, as_of=self.as_of)
        return asked.noted_in(answer(through_copies=through_copies))

    def impact(
        self, *of: Reference, limits: Limits = Limits(), through_copies: bool = False
    ) -> Impact:
        """Return every artifact made from the nodes, with the reason; what is deployed comes first."""
        from lineage.queries.impact import impact

        asked = self._asked(*of)
        answer = partial(impact, self.backend, asked.keys, limits=limits, as_of=self.as_of)
        return asked.noted_in(answer(through_copies=through_copies))

    def paths(self, one: Reference, other: Reference, *, limits: Limits = Limits()) -> Paths:
        """Return the ways that data took between two nodes, and a shortest one."""
        from lineage.queries.paths import paths

        ends = self._asked(one, other).keys
        return paths(self.backend, *ends, limits=limits, as_of=self.as_of)

    def diff(self, left: Reference, right: Reference, *, limits: Limits = Limits()) -> Diff:
        """Return how what two nodes were made from differs, nearest first."""
        from lineage.queries.differences import diff

        ends = self._asked(left, right).keys
        return diff(self.backend, *ends, limits=limits, as_of=self.as_of)

    def versions(self, artifact: Reference) -> Versions:
        """Return the versions of what an artifact is a version of, oldest first."""
        from lineage.queries.versions import versions

        return versions(self.backend, self.key_of(artifact), as_of=self.as_of)

    # History

    def at(self, moment: datetime | date | str | int) -> Store:
        """Return this store as it was: read-only, after the last transaction at or before a moment.

        A moment is a transaction's number, an aware time, or a day, which means its first instant
        in UTC.
        """
        number = transaction_at(self.backend, moment)
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
        _check_count("limit", limit)
        _check_count("before", before)
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
        commits = self.backend.changes(after)
        last = self.backend.now() if self.as_of is None else self.as_of
        known = takewhile(lambda commit: commit.head.number <= last, commits)
        return (change_of(self.backend, commit) for commit in known)

    # The store as a whole

    def export_to(
        self, target: str | Path | IO[bytes], *, format: str | None = None
    ) -> tuple[str, ...]:
        """Write the whole store to a file; return a sentence for each thing that the format lost.

        The format is that of the file's suffix, unless given.
        """
        from lineage.interchange.exporting import export, write_file

        return write_file(
            target, format, lambda file, name: export(self.backend, file, name, as_of=self.as_of)
        )

    def import_from(
        self,
        source: str | Path | IO[bytes],
        *,
        format: str | None = None,
        new_ids: bool = False,
        message: str = "",
        progress: Report | None = None,
    ) -> Imported:
        """Write the graph that a file holds, checked wholly before; ids stay, which needs an empty store.

        With `new_ids` the nodes become new ones of a store that may hold others. A database (`mlmd`)
        is followed: another call brings what is new there. `progress` is told of records written
        and, from a database, verified.
        """
        from lineage.interchange.mirroring import import_from

        author = self._author(message)
        return import_from(self.backend, source, format, author, new_ids=new_ids, progress=progress)

    def copy_to(self, target: Store, *, progress: Report | None = None) -> Copied:
        """Write this store's transactions that a copy lacks, with ids and history; read them back.

        The target is empty, or holds what an earlier copy wrote; else nothing is written. `progress`
        is told of transactions copied, then of those verified.
        """
        from lineage.interchange.copying import copy

        if not isinstance(cast(object, target), Store) or target.as_of is not None:
            raise Invalid(f"{target!r:.80} is no store to write to; give one that connect opened")
        return copy(self.backend, target.backend, as_of=self.as_of, progress=progress)

    def check(self) -> list[str]:
        """Read everything and return a sentence for each thing that is not as it was written."""
        return self.backend.check()

    def key_of(self, reference: Reference) -> NodeKey:
        """Return the key of an entity, or of what `kind:id`, `Type:name` or a URI names."""
        return self._asked(reference).keys[0]

    def _asked(self, *references: Reference) -> naming.Asked:
        return naming.asked(self.backend, references, as_of=self.as_of)

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
        return Author(self.actor, to_text(message))


def _several(items: Any) -> list[Any]:
    """Return the items of an iterable, or the one thing that is given; the caller checks what they are."""
    return list(items) if isinstance(items, Iterable) else [items]


def _check_count(name: str, number: object) -> None:
    """Raise `Invalid` for what is not a whole number that a backend can take."""
    if number is not None and not (type(number) is int and 0 < number < LARGEST_ID):
        raise Invalid(f"{name}={number!r:.80}: give a whole number, 1 or more, or None for all")

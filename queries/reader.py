"""Reads a store at one moment on behalf of a question: each node once, neighbours up to a bound."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar, cast

from lineage.contract.backend import Backend
from lineage.contract.registry import registry
from lineage.contract.roles import Role, Roles
from lineage.contract.standing import (
    Standing,
    Weight,
    newest_first,
    remarks_on,
    running_for,
    weight_of,
)
from lineage.contract.walking import Direction, Limits, Walk, check_starts
from lineage.errors import Corrupt, Invalid, NotFound
from lineage.filters.tree import Column, Field, Filter, In
from lineage.model.entities import Artifact, Context, Execution, Node
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKey, EdgeKind, EdgeRow, NodeRow, entity_of
from lineage.model.schema import AnyType

__all__ = ["CONTEXT_KINDS", "Neighbours", "Reader"]

NodeT = TypeVar("NodeT", bound=Node)
CONTEXT_KINDS = frozenset({EdgeKind.ATTRIBUTION, EdgeKind.ASSOCIATION, EdgeKind.PARENT})


class Neighbours(NamedTuple):
    """The events between some nodes and their neighbours on one side; `cut` where there are more."""

    edges: tuple[EdgeRow, ...] = ()
    cut: bool = False


class Reader:
    """A store as of one transaction, `number`, and the nodes that were read of it so far.

    Events that happened after `happened_by`, in microseconds, are passed over.
    """

    def __init__(self, backend: Backend, as_of: int | None, happened_by: int | None = None) -> None:
        self._backend = backend
        self._as_of = backend.pin(as_of)
        self._happened_by = happened_by
        self._rows: dict[NodeKey, NodeRow] = {}
        self.types = registry(backend, self._as_of)
        self.roles = Roles(self.types)
        self.number = backend.now() if self._as_of is None else self._as_of

    def when_happened(self) -> Reader:
        """Return a reader of what was written by the time until which events count; this one, where all do."""
        if self._happened_by is None:
            return self
        number = min(self.number, self._backend.number_at(self._happened_by))
        return Reader(self._backend, number)

    def read(self, keys: Iterable[NodeKey]) -> None:
        """Read those of the nodes that were not read yet, in one call."""
        missing = {key for key in keys if key not in self._rows}
        if missing:
            self._rows |= self._backend.nodes(missing, as_of=self._as_of)

    def check(self, keys: Collection[NodeKey]) -> None:
        """Raise `NotFound` for a node that was asked about and is not there."""
        self.read(keys)
        for key in keys:
            if key not in self._rows:
                raise NotFound(f"there is no {key}")

    def check_starts(self, keys: Collection[NodeKey]) -> None:
        """Raise for starts of a walk that do not exist or do not walk."""
        self.read(keys)
        check_starts(keys, self._rows)

    def check_artifacts(self, keys: Collection[NodeKey], question: str) -> None:
        """Raise for what is not there, and `Invalid` for what is no artifact."""
        for key in keys:
            if key.kind is not Kind.ARTIFACT:
                raise Invalid(f"{key} is not an artifact; {question}")
        self.check(keys)

    def row(self, key: NodeKey) -> NodeRow:
        """Return a node that an edge leads to."""
        if key not in self._rows:
            self.read((key,))
        try:
            return self._rows[key]
        except KeyError as error:
            raise Corrupt(
                f"an edge leads to {key}, which is not there; run a check of the store"
            ) from error

    def rows(self, keys: Iterable[NodeKey]) -> list[NodeRow]:
        """Return several nodes that edges lead to."""
        some = [*keys]
        self.read(some)
        return [self.row(key) for key in some]

    def node(self, key: NodeKey, cls: type[Node] | None = None) -> Node:
        """Return a node as an entity, a plain one unless a class is given."""
        return entity_of(self.row(key), self.types.by_id, cls)

    def artifact(self, key: NodeKey) -> Artifact:
        """Return an artifact."""
        return cast(Artifact, self.node(key))

    def execution(self, key: NodeKey) -> Execution:
        """Return an execution."""
        return cast(Execution, self.node(key))

    def context(self, key: NodeKey) -> Context:
        """Return a context."""
        return cast(Context, self.node(key))

    def type(self, key: NodeKey) -> AnyType:
        """Return a node's type."""
        return self.types.by_id[self.row(key).type_id]

    def role(self, key: NodeKey) -> Role | None:
        """Return what a node is to machine learning; None where nothing says it."""
        return self.roles.of(self.row(key).type_id)

    def gone(self, key: NodeKey) -> bool:
        """Whether a node was deleted or purged."""
        return self.row(key).gone

    def find_artifacts(self, where: Filter) -> list[NodeKey]:
        """Return the artifacts that a filter accepts, by id."""
        rows = self._backend.find(Kind.ARTIFACT, where, as_of=self._as_of)
        self._rows |= {row.key: row for row in rows}
        return [row.key for row in rows]

    def contexts_of(self, type_ids: Collection[int], limit: int) -> list[NodeKey]:
        """Return the live contexts of some types, the first by id."""
        of_types = In(Column(Field.TYPE_ID), tuple(sorted(type_ids)))
        rows = self._backend.find(Kind.CONTEXT, of_types, limit=limit, as_of=self._as_of)
        self._rows |= {row.key: row for row in rows}
        return [row.key for row in rows]

    def with_digests(self, digests: Collection[str], limit: int) -> Mapping[str, Sequence[NodeRow]]:
        """Return the live artifacts that have each digest, the first by id."""
        if not digests:
            return {}
        return self._backend.with_digests(digests, limit=limit, as_of=self._as_of)

    def newest_first(self, keys: Collection[NodeKey]) -> Iterator[Standing]:
        """Yield artifacts by who wrote them last, the newest first; those that do not count come last."""
        return newest_first(self._backend.writings(keys, as_of=self._as_of))

    def remarks_on(self, standing: Standing) -> list[str]:
        """Return sentences on why an artifact is taken for the newest, where states decided that."""
        return remarks_on(self._backend, standing, as_of=self._as_of)

    def weight(self, execution: NodeKey) -> Weight:
        """Return what the state of a run makes of what it wrote."""
        return weight_of(self.row(execution).state)

    def failed_runs(self, walk: Walk) -> frozenset[NodeKey]:
        """Return the runs of a walk, whose nodes were read, that failed.

        Without those where it starts, which were asked about.
        """
        return frozenset(
            key
            for level in walk.levels[1:]
            for key in level
            if key.kind is Kind.EXECUTION and self.weight(key) is Weight.FAILED
        )

    @staticmethod
    def behind(
        walk: Walk,
        edges: Iterable[EdgeRow],
        direction: Direction,
        is_left_out: Callable[[EdgeRow], bool],
    ) -> frozenset[NodeKey]:
        """Return what a walk over edges met only by way of some of them."""
        steps: dict[NodeKey, list[NodeKey]] = {}
        for row in edges:
            if not is_left_out(row):
                ends = (row.source, row.target)
                own, other = ends if direction is Direction.DOWNSTREAM else ends[::-1]
                steps.setdefault(own, []).append(other)
        reached, waiting = {*walk.levels[0]}, [*walk.levels[0]]
        while waiting:
            for key in steps.get(waiting.pop(), ()):
                if key not in reached:
                    reached.add(key)
                    waiting.append(key)
        return frozenset(key for key in walk.keys if key not in reached)

    def behind_failures(self, walk: Walk) -> frozenset[NodeKey]:
        """Return what a walk downstream, with its edges, met only behind runs that failed."""
        failed = self.failed_runs(walk)
        if not failed:
            return frozenset()
        return self.behind(walk, walk.edges, Direction.DOWNSTREAM, lambda row: row.target in failed)

    def time_of(self, number: int) -> int:
        """Return a transaction's time."""
        return self._backend.time_of(number)

    def open_since(self, execution: NodeKey) -> str:
        """Return a run that has not ended, and for how long it had been so at this moment."""
        return running_for(self._backend, self.row(execution), as_of=self._as_of)

    def edges(
        self,
        keys: Collection[NodeKey],
        direction: Direction,
        kinds: Collection[EdgeKind] = CONTEXT_KINDS,
    ) -> list[EdgeRow]:
        """Return the edges at some nodes, however many there are."""
        if not keys:
            return []
        return self._backend.edges(keys, direction, kinds=kinds, as_of=self._as_of)

    def edge_page(
        self,
        key: NodeKey,
        direction: Direction,
        kinds: Collection[EdgeKind],
        *,
        after: EdgeKey | None = None,
        limit: int | None,
    ) -> list[EdgeRow]:
        """Return the first edges at a node, or those after one, by the key of the other end."""
        return self._backend.edge_page(
            key, direction, kinds=kinds, after=after, limit=limit, as_of=self._as_of
        )

    def neighbours(
        self, keys: Collection[NodeKey], direction: Direction, limits: Limits
    ) -> Neighbours:
        """Return the events that lead to (upstream) or from (downstream) some nodes.

        No more neighbours than the limit of nodes, the first by key: hubs are not read wholly.
        """
        if not keys:
            return Neighbours()
        room = None if limits.nodes is None else limits.nodes + len(set(keys))
        walk = self.walk(keys, direction, Limits(hops=1, nodes=room), edges=True)
        own = set(keys)
        upstream = direction is Direction.UPSTREAM
        edges = tuple(row for row in walk.edges if (row.target if upstream else row.source) in own)
        return Neighbours(edges, walk.cut is not None and walk.cut.limit == "nodes")

    def walk(
        self,
        keys: Collection[NodeKey],
        direction: Direction,
        limits: Limits,
        *,
        edges: bool,
        without: int = 0,
    ) -> Walk:
        """Walk the edges of events from some nodes, without those that were only for some uses."""
        return self._backend.walk(
            keys,
            direction,
            limits=limits,
            edges=edges,
            without=without,
            happened_by=self._happened_by,
            as_of=self._as_of,
        )

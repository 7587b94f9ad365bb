"""What a backend stores and answers: rows, each valid from one transaction until another.

Rows are plain tuples, so that hundreds of thousands of them are cheap; they become entities when
somebody looks at them. Property maps are canonical JSON text (`canonical`), times are microseconds
since 1970, states and event types are MLMD's numbers.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from functools import cache
from typing import Any, NamedTuple, get_args

from lineage.errors import Corrupt, Invalid
from lineage.model.canonical import decode
from lineage.model.entities import (
    Artifact,
    ArtifactState,
    Association,
    Attribution,
    Context,
    Edge,
    Event,
    EventType,
    Execution,
    ExecutionState,
    Node,
    ParentContext,
)
from lineage.model.keys import Kind, NodeKey
from lineage.model.paths import paths_of
from lineage.model.purposes import mask_of
from lineage.model.schema import AnyType
from lineage.model.times import from_micros
from lineage.model.values import NO_PROPERTIES

__all__ = [
    "EDGE_ENDS",
    "EDGE_KINDS",
    "EVENT_KINDS",
    "INPUT_KINDS",
    "NODE_CLASSES",
    "STATE_NUMBERS",
    "Batch",
    "Commit",
    "EdgeKey",
    "EdgeKind",
    "EdgeRow",
    "Head",
    "NodeRow",
    "TypeRow",
    "as_stored",
    "edge_between",
    "edge_key",
    "edge_of",
    "entities_of",
    "entity_of",
    "types_with",
    "uses_of",
]


class EdgeKind(IntEnum):
    """The kinds of edge: MLMD's numbers for the seven event types, then the edges of contexts."""

    DECLARED_OUTPUT = 1
    DECLARED_INPUT = 2
    INPUT = 3
    OUTPUT = 4
    INTERNAL_INPUT = 5
    INTERNAL_OUTPUT = 6
    PENDING_OUTPUT = 7
    ATTRIBUTION = 8
    ASSOCIATION = 9
    PARENT = 10


EVENT_KINDS = frozenset(EdgeKind(number) for number in range(1, 8))
EDGE_KINDS: dict[EventType, EdgeKind] = {event: EdgeKind[event.name] for event in EventType}
EDGE_ENDS: dict[EdgeKind, tuple[Kind, Kind]] = {
    EdgeKind.ATTRIBUTION: (Kind.CONTEXT, Kind.ARTIFACT),
    EdgeKind.ASSOCIATION: (Kind.CONTEXT, Kind.EXECUTION),
    EdgeKind.PARENT: (Kind.CONTEXT, Kind.CONTEXT),
} | {
    kind: (Kind.EXECUTION, Kind.ARTIFACT) if event.is_output else (Kind.ARTIFACT, Kind.EXECUTION)
    for event, kind in EDGE_KINDS.items()
}
"""The kinds of node that each kind of edge goes from and to."""
INPUT_KINDS = frozenset(kind for event, kind in EDGE_KINDS.items() if not event.is_output)
"""The kinds of event by which an execution reads an artifact."""
_EVENTS = {event: (kind, event.is_output) for event, kind in EDGE_KINDS.items()}
_EVENT_TYPES = {kind: event for event, kind in EDGE_KINDS.items()}
_STATES: dict[Kind, dict[int, ArtifactState] | dict[int, ExecutionState]] = {
    Kind.ARTIFACT: dict(enumerate(ArtifactState)),
    Kind.EXECUTION: dict(enumerate(ExecutionState)),
}
STATE_NUMBERS: dict[ArtifactState | ExecutionState, int] = {
    state: number for states in _STATES.values() for number, state in states.items()
}


class NodeRow(NamedTuple):
    """One version of a node. Its keeper is its key; everything between `type_id` and `salt` is content.

    `until` is None while the version is current. `salt` goes into the content's digest; a purged
    version has neither content nor salt but keeps that `digest`. `gone` marks the last version before
    a deletion: the node was gone from `until` on, for good or until the `since` of its next version.
    """

    key: NodeKey
    type_id: int
    name: str | None
    external_id: str | None
    uri: str | None
    state: int | None
    properties: str
    custom: str
    created: int
    updated: int
    since: int
    salt: bytes | None
    digest: bytes | None = None
    until: int | None = None
    gone: bool = False

    def open(self) -> NodeRow:
        """Return the version as it was written, whatever became of it later."""
        return NodeRow(*self[:-2])

    def seen(self, as_of: int) -> NodeRow:
        """Return the version as it was after a transaction: not ended, if it ended later."""
        return self if self.until is None or self.until <= as_of else self.open()


class EdgeKey(NamedTuple):
    """What makes an edge one: its ends, in its direction, and its kind.

    Events point along the flow of data (artifact to execution where it is read, execution to
    artifact where it is written); the others from the containing context to what it contains.
    """

    source: NodeKey
    target: NodeKey
    kind: EdgeKind


class EdgeRow(NamedTuple):
    """One version of an edge; `time` is an event's own, and `paths` their text (`lineage.model.paths`).

    `first` is the transaction that first wrote the edge and `order` its place among all edges ever
    written; later versions, which add paths, keep both. A row that no transaction has written yet
    has zeros there.
    """

    source: NodeKey
    target: NodeKey
    kind: EdgeKind
    time: int | None
    paths: str | None
    since: int
    order: int
    first: int
    until: int | None = None

    @property
    def key(self) -> EdgeKey:
        """The edge's identity."""
        return EdgeKey(self.source, self.target, self.kind)

    @property
    def uses(self) -> int:
        """The mask of what an input's paths say that the artifact was used for; 0 for other edges."""
        try:
            return uses_of(self.kind, self.paths)
        except (TypeError, ValueError) as error:
            raise _unreadable_edge(self.source, self.target) from error


def _unreadable_edge(source: NodeKey, target: NodeKey) -> Corrupt:
    return Corrupt(f"the edge from {source} to {target} cannot be read; run a check of the store")


def uses_of(kind: int, paths: str | None) -> int:
    """Return the mask that is kept beside an edge; where an execution writes, paths say nothing about a use."""
    return mask_of(paths) if kind in INPUT_KINDS else 0


class TypeRow(NamedTuple):
    """One version of a type; `type` carries the id."""

    type: AnyType
    since: int
    until: int | None = None


class Head(NamedTuple):
    """A transaction as the log keeps it; number 0 is the empty store.

    `records` counts what it wrote. `types`, `artifacts`, `executions` and `contexts` are the
    highest ids given so far, `edges` the highest order of an edge, and `schema` the last transaction
    that wrote a type. `mark` says which part of which import it is, or which
    request with a key, if it is one.

    `salt` goes into the digest of actor and message; a head that was purged has neither these nor the
    salt, but keeps that digest as `author`. `nodes` are the inner nodes of the tree over all heads that this
    one completes (`lineage.contract.tree`), lowest first, 32 bytes each.
    """

    number: int
    time: int
    actor: str
    message: str
    digest: bytes
    records: int
    schema: int
    types: int
    artifacts: int
    executions: int
    contexts: int
    edges: int
    mark: str = ""
    salt: bytes | None = None
    author: bytes | None = None
    nodes: bytes = b""


class Batch(NamedTuple):
    """A piece of a stream, in dependency order: types, then nodes, then edges.

    `nodes` are new, `updates` replace the last version of nodes that exist; a gone one lives again. So do
    `edge_updates` with edges: `time`, `order` and `first` stay.
    """

    types: Sequence[TypeRow] = ()
    nodes: Sequence[NodeRow] = ()
    updates: Sequence[NodeRow] = ()
    edges: Sequence[EdgeRow] = ()
    edge_updates: Sequence[EdgeRow] = ()


class Commit(NamedTuple):
    """A whole transaction, as `changes` yields and `replay` takes it.

    Everything is in key order and was written in this order: types, ended edges, new nodes,
    updated nodes, new edges, updated edges, deleted nodes, purged nodes, purged heads by their numbers.
    """

    head: Head
    batch: Batch
    ended: Sequence[EdgeKey] = ()
    deleted: Sequence[NodeKey] = ()
    purged: Sequence[NodeKey] = ()
    purged_heads: Sequence[int] = ()


def types_with(rows: Sequence[TypeRow], row: TypeRow) -> tuple[TypeRow, ...]:
    """Return types by id with one more, or with its next version in the place of the one before."""
    place = bisect_left(rows, row.type.id or 0, key=_type_id)
    there = place < len(rows) and rows[place].type.id == row.type.id
    return (*rows[:place], row, *rows[place + there :])


def _type_id(row: TypeRow) -> int:
    assert row.type.id is not None
    return row.type.id


NODE_CLASSES: dict[Kind, type[Node]] = {cls.kind: cls for cls in (Artifact, Execution, Context)}
"""The plain class of each kind of node."""


def entity_of(row: NodeRow, types: Mapping[int, AnyType], cls: type[Node] | None = None) -> Node:
    """Turn a row into an entity: a plain one, or one of the subclass that is asked for."""
    return entities_of((row,), types, cls)[0]


def entities_of(
    rows: Iterable[NodeRow], types: Mapping[int, AnyType], cls: type[Node] | None = None
) -> list[Node]:
    """Turn rows into entities, in order: plain ones, or of the subclass that is asked for."""
    made = []
    for row in rows:
        try:
            fields = _fields(row, types[row[1]])
        except (Corrupt, LookupError, TypeError, ValueError) as error:
            raise Corrupt(f"{row.key}: its row cannot be read; run a check of the store") from error
        if cls is None or cls.type_name is None:
            kind = row[0][0]
            made.append((cls or NODE_CLASSES[kind]).of_valid(fields, _GIVEN[kind].copy()))
        else:
            made.append(cls.stored(fields))
    return made


_GIVEN = {kind: set(cls.model_fields) - {"gone"} for kind, cls in NODE_CLASSES.items()}
"""The fields of a stored node that count as given."""


def _fields(row: NodeRow, node_type: AnyType) -> dict[str, Any]:
    key, _, name, external_id, uri, state, properties, custom, created, updated, *_, gone = row
    kind, number = key
    create_time = from_micros(created)
    fields: dict[str, Any] = {
        "id": number,
        "type": node_type.name,
        "type_version": node_type.version,
        "name": name,
        "external_id": external_id,
        "properties": decode(properties),
        "custom_properties": NO_PROPERTIES if custom == "{}" else decode(custom),
        "create_time": create_time,
        "update_time": create_time if updated == created else from_micros(updated),
        "gone": gone,
    }
    states = _STATES.get(kind)
    if states is not None:
        if kind is Kind.ARTIFACT:
            fields["uri"] = uri
        fields["state"] = None if state is None else states[state]
    return fields


def edge_of(row: EdgeRow) -> Edge:
    """Turn a row into an edge of the kind it is."""
    source, target, kind, time, text, *_ = row
    try:
        if (source[0], target[0]) != EDGE_ENDS[kind]:
            raise Invalid(f"{kind} does not join {source} and {target}")
        event = _EVENT_TYPES.get(kind)
        if event is None:
            cls, one, other = _MEMBERSHIPS[kind]
            return cls.of_valid({one: source, other: target}, {one, other})
        artifact, execution = (source, target) if source[0] is Kind.ARTIFACT else (target, source)
        paths = () if text is None else paths_of(text)
        fields = {
            "artifact": artifact,
            "execution": execution,
            "type": event,
            "path": paths[0] if paths else (),
            "paths": paths,
            "time": None if time is None else from_micros(time),
        }
    except (LookupError, TypeError, ValueError) as error:
        raise _unreadable_edge(source, target) from error
    return Event.of_valid(fields, _OF_EVENT.copy())


_OF_EVENT = set(Event.model_fields) - {"path"}
"""The fields of a stored event that count as given: the first path is one of all."""
_MEMBERSHIPS: dict[EdgeKind, tuple[type[Edge], str, str]] = {
    EdgeKind.ATTRIBUTION: (Attribution, "context", "artifact"),
    EdgeKind.ASSOCIATION: (Association, "context", "execution"),
    EdgeKind.PARENT: (ParentContext, "parent", "child"),
}
"""The classes of the other edges, and what their source and their target are in them."""


def as_stored(edge: Edge, row: EdgeRow) -> Edge:
    """Return an edge as its row has it, which differs by the time of an event that gave none."""
    fields = vars(edge)
    if row[3] is None or fields["time"] is not None:
        return edge
    stored = {**fields, "time": from_micros(row[3])}
    return type(edge).of_valid(stored, edge.model_fields_set | {"time"})


def edge_key(edge: Edge) -> EdgeKey:
    """Return the key of an edge: its ends, in its direction, and its kind."""
    fields, cls = vars(edge), _edge_class(type(edge))
    if cls is Event:
        kind, is_output = _EVENTS[fields["type"]]
        if is_output:
            return EdgeKey(fields["execution"], fields["artifact"], kind)
        return EdgeKey(fields["artifact"], fields["execution"], kind)
    if cls is Attribution:
        return EdgeKey(fields["context"], fields["artifact"], EdgeKind.ATTRIBUTION)
    if cls is Association:
        return EdgeKey(fields["context"], fields["execution"], EdgeKind.ASSOCIATION)
    return EdgeKey(fields["parent"], fields["child"], EdgeKind.PARENT)


@cache
def _edge_class(cls: type[Edge]) -> type[Edge]:
    """Return which of the four classes of edges a class is; Pydantic's `isinstance` is slow."""
    classes: tuple[type[Edge], ...] = get_args(Edge)
    return next(each for each in classes if issubclass(cls, each))


def edge_between(kind: EdgeKind, one: NodeKey, other: NodeKey) -> EdgeKey:
    """Return the key of an edge between nodes of different kinds, whichever is given first."""
    if one.kind is EDGE_ENDS[kind][0]:
        return EdgeKey(one, other, kind)
    return EdgeKey(other, one, kind)

"""What a backend stores and answers: rows, each valid from one transaction until another.

Rows are plain tuples, so that hundreds of thousands of them are cheap; they become entities when
somebody looks at them. Property maps are canonical JSON text (`values`), times are microseconds
since 1970, states and event types are MLMD's numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from lineage.errors import Corrupt
from lineage.model import (
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
    Kind,
    Node,
    NodeKey,
    ParentContext,
)
from lineage.schema import AnyType
from lineage.values import decode, from_micros

__all__ = [
    "EDGE_ENDS",
    "EDGE_KINDS",
    "EVENT_KINDS",
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
    "entity_of",
    "path_text",
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
_EVENT_TYPES = {kind: event for event, kind in EDGE_KINDS.items()}
_ARTIFACT_STATES = dict(enumerate(ArtifactState))
_EXECUTION_STATES = dict(enumerate(ExecutionState))
STATE_NUMBERS: dict[ArtifactState | ExecutionState, int] = {
    state: number
    for states in (_ARTIFACT_STATES, _EXECUTION_STATES)
    for number, state in states.items()
}


class NodeRow(NamedTuple):
    """One version of a node. Its keeper is its key; everything between `type_id` and `salt` is content.

    `until` is None while the version is current. `salt` goes into the content's digest; a purged
    version has neither content nor salt but keeps that `digest`. `gone` marks the last version of
    a node that was deleted or purged.
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


class EdgeKey(NamedTuple):
    """What makes an edge one: its ends, in its direction, and its kind.

    Events point along the flow of data (artifact to execution where it is read, execution to
    artifact where it is written); the others from the containing context to what it contains.
    """

    source: NodeKey
    target: NodeKey
    kind: EdgeKind


class EdgeRow(NamedTuple):
    """One edge; `path` is canonical JSON (a list of keys and indices), `time` an event's own."""

    source: NodeKey
    target: NodeKey
    kind: EdgeKind
    time: int | None
    path: str | None
    since: int
    until: int | None = None

    @property
    def key(self) -> EdgeKey:
        """The edge's identity."""
        return EdgeKey(self.source, self.target, self.kind)


class TypeRow(NamedTuple):
    """One version of a type; `type` carries the id."""

    type: AnyType
    since: int
    until: int | None = None


class Head(NamedTuple):
    """A transaction as the log keeps it; number 0 is the empty store.

    `records` counts what it wrote. `types`, `artifacts`, `executions` and `contexts` are the
    highest ids given so far, and `schema` the last transaction that wrote a type.
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


class Batch(NamedTuple):
    """A piece of a stream, in dependency order: types, then nodes, then edges.

    `nodes` are new, `updates` replace the current version of nodes that exist.
    """

    types: Sequence[TypeRow] = ()
    nodes: Sequence[NodeRow] = ()
    updates: Sequence[NodeRow] = ()
    edges: Sequence[EdgeRow] = ()


class Commit(NamedTuple):
    """A whole transaction, as `changes` yields and `replay` takes it.

    Everything is in key order and was written in this order: types, ended edges, new nodes,
    updated nodes, edges, deleted nodes, purged nodes.
    """

    head: Head
    batch: Batch
    ended: Sequence[EdgeKey] = ()
    deleted: Sequence[NodeKey] = ()
    purged: Sequence[NodeKey] = ()


_CLASSES: dict[Kind, type[Node]] = {cls.kind: cls for cls in (Artifact, Execution, Context)}


def entity_of(row: NodeRow, types: Mapping[int, AnyType], cls: type[Node] | None = None) -> Node:
    """Turn a row into an entity: a plain one, or one of the subclass that is asked for."""
    try:
        fields = _fields(row, types[row.type_id])
    except (LookupError, TypeError, ValueError) as error:
        raise Corrupt(f"{row.key}: its row cannot be read; run a check of the store") from error
    return (cls or _CLASSES[row.key.kind]).stored(fields)


def _fields(row: NodeRow, node_type: AnyType) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "id": row.key.id,
        "type": node_type.name,
        "type_version": node_type.version,
        "name": row.name,
        "external_id": row.external_id,
        "properties": decode(row.properties),
        "custom_properties": decode(row.custom),
        "create_time": from_micros(row.created),
        "update_time": from_micros(row.updated),
        "gone": row.gone,
    }
    if row.key.kind is Kind.ARTIFACT:
        fields["uri"] = row.uri
        fields["state"] = None if row.state is None else _ARTIFACT_STATES[row.state]
    elif row.key.kind is Kind.EXECUTION:
        fields["state"] = None if row.state is None else _EXECUTION_STATES[row.state]
    return fields


def edge_of(row: EdgeRow) -> Edge:
    """Turn a row into an edge of the kind it is."""
    if row.kind is EdgeKind.ATTRIBUTION:
        return Attribution(context=row.source, artifact=row.target)
    if row.kind is EdgeKind.ASSOCIATION:
        return Association(context=row.source, execution=row.target)
    if row.kind is EdgeKind.PARENT:
        return ParentContext(parent=row.source, child=row.target)
    try:
        return _event(row)
    except (LookupError, TypeError, ValueError) as error:
        raise Corrupt(
            f"the edge from {row.source} to {row.target} cannot be read; run a check of the store"
        ) from error


def _event(row: EdgeRow) -> Event:
    artifact, execution = sorted((row.source, row.target))
    return Event(
        artifact=artifact,
        execution=execution,
        type=_EVENT_TYPES[row.kind],
        path=() if row.path is None else tuple(from_json(row.path)),
        time=None if row.time is None else from_micros(row.time),
    )


def as_stored(edge: Edge, row: EdgeRow) -> Edge:
    """Return an edge as its row has it, which differs by the time of an event that gave none."""
    if not isinstance(edge, Event) or edge.time is not None or row.time is None:
        return edge
    stored = object.__new__(type(edge))
    object.__setattr__(stored, "__dict__", {**vars(edge), "time": from_micros(row.time)})
    object.__setattr__(stored, "__pydantic_fields_set__", edge.model_fields_set | {"time"})
    object.__setattr__(stored, "__pydantic_extra__", None)
    object.__setattr__(stored, "__pydantic_private__", None)
    return stored


def edge_key(edge: Edge) -> EdgeKey:
    """Return the key of an edge: its ends, in its direction, and its kind."""
    if isinstance(edge, Event):
        kind = EDGE_KINDS[edge.type]
        if edge.type.is_output:
            return EdgeKey(edge.execution, edge.artifact, kind)
        return EdgeKey(edge.artifact, edge.execution, kind)
    if isinstance(edge, Attribution):
        return EdgeKey(edge.context, edge.artifact, EdgeKind.ATTRIBUTION)
    if isinstance(edge, Association):
        return EdgeKey(edge.context, edge.execution, EdgeKind.ASSOCIATION)
    return EdgeKey(edge.parent, edge.child, EdgeKind.PARENT)


def edge_between(kind: EdgeKind, one: NodeKey, other: NodeKey) -> EdgeKey:
    """Return the key of an edge between nodes of different kinds, whichever is given first."""
    if one.kind is EDGE_ENDS[kind][0]:
        return EdgeKey(one, other, kind)
    return EdgeKey(other, one, kind)


def path_text(path: Sequence[int | str]) -> str | None:
    """Return an event's path as it is stored."""
    return to_json(list(path)).decode() if path else None

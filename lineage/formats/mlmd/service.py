"""Reads MLMD's databases through a running service, wherever that keeps them.

Only calls are made that old releases have, too, in pages of 100, which is MLMD's most. What is written
meanwhile comes with the next stream.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from lineage.contract.batches import batched
from lineage.errors import BackendError, Invalid, MissingExtra, Unavailable, excerpt
from lineage.formats.losses import Losses
from lineage.formats.mlmd.nodes import Found, own_type, row_of
from lineage.mlmd.conversion import (
    path_of,
    state_field,
    text_or_none,
    to_micros,
    type_of,
    value_of,
    wire_name,
)
from lineage.mlmd.messages import SERVICE, Message, message
from lineage.mlmd.missing import missing_node, missing_types
from lineage.model.keys import LARGEST_ID, Kind, NodeKey
from lineage.model.paths import path_text
from lineage.model.rows import Batch, EdgeKind, EdgeRow, NodeRow, TypeRow, edge_between
from lineage.model.schema import AnyType
from lineage.model.system import SYSTEM_NAMES
from lineage.model.values import Value

try:
    import grpc
except ImportError as error:
    raise MissingExtra("MLMD's services need grpcio: pip install 'lineage-graph[mlmd]'") from error

__all__ = ["open_service"]

BATCH_IDS: Final = 100
PATIENCE: Final = 120.0
"""How many seconds a call may take."""
_MEMBERS = {Kind.ARTIFACT: EdgeKind.ATTRIBUTION, Kind.EXECUTION: EdgeKind.ASSOCIATION}


@contextmanager
def open_service(location: str) -> Iterator[_Service]:
    """Give the database behind the service at `grpc://HOST:PORT`, or `grpcs://` with TLS."""
    scheme, _, address = location.partition("://")
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdecimal():
        raise Invalid(f"{excerpt(location, 200)} is no service; write grpc://HOST:PORT")
    options = [("grpc.max_receive_message_length", -1)]
    if scheme == "grpcs":
        channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(), options)
    else:
        channel = grpc.insecure_channel(address, options)
    with channel:
        service = _Service(channel, location)
        service.check()
        yield service


class _Service:
    """A running MLMD."""

    total = None

    def __init__(self, channel: grpc.Channel, location: str) -> None:
        self._channel = channel
        self._location = location
        self._losses = Losses()
        self._types: dict[int, AnyType] = {}
        self._seen: set[NodeKey] = set()

    def check(self) -> None:
        """Raise `Unavailable` where nobody answers, and `Invalid` where it is not MLMD that does."""
        self._call("GetArtifactTypes")

    def _call(self, call: str, **fields: Any) -> Message:
        request = message(f"{call}Request")(**fields)
        try:
            answer: bytes = self._channel.unary_unary(f"/{SERVICE}/{call}")(
                request.SerializeToString(), timeout=PATIENCE
            )
        except grpc.RpcError as error:
            raise self._translated(call, error) from error
        return message(f"{call}Response").FromString(answer)

    def _translated(self, call: str, error: grpc.RpcError) -> Exception:
        code, said = error.code(), error.details()
        if code is grpc.StatusCode.UNIMPLEMENTED:
            return Invalid(f"{self._location} does not answer {call}: it is no ML Metadata service")
        if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            return Unavailable(f"{self._location} cannot be reached: {said}")
        return BackendError(f"{self._location} ended {call} with {code.name}: {said}")

    def created(self, key: NodeKey) -> int | None:
        """Return when a node was made."""
        for wire in self._by_id(key.kind, [key.id]):
            return to_micros(wire.create_time_since_epoch)
        return None

    def losses(self) -> Collection[str]:
        """Return what of the last stream could not be kept."""
        return self._losses.sentences()

    def batches(self) -> Iterator[Batch]:
        """Yield types, nodes by kind and id, and edges with those nodes that only they name."""
        self._losses = Losses()
        self._seen = set()
        self._types = {}
        for kind in Kind:
            self._read_types(kind)
        types = [TypeRow(each, 0) for _, each in sorted(self._types.items())]
        yield Batch(types=types)
        contexts: list[int] = []
        executions: list[int] = []
        for kind in Kind:
            for page in self._pages(f"Get{kind.capitalize()}s", kind):
                yield Batch(nodes=self._nodes(kind, page))
                if kind is Kind.CONTEXT:
                    contexts.extend(wire.id for wire in page)
                elif kind is Kind.EXECUTION:
                    executions.extend(wire.id for wire in page)
        for edges in (self._events(executions), self._members(contexts), self._parents(contexts)):
            for rows in edges:
                yield from self._late(rows)
                yield Batch(edges=rows)

    def _read_types(self, kind: Kind) -> None:
        """Read the types of a kind, the system's too, which lists of all types leave out."""
        name = kind.capitalize()
        listed = self._call(f"Get{name}Types")
        ids = [wire.id for wire in getattr(listed, f"{kind}_types")]
        for system in SYSTEM_NAMES[kind]:
            found = self._named_type(kind, wire_name(system))
            ids += [] if found is None else [found]
        for some in batched(sorted(set(ids)), BATCH_IDS):
            # Of a list of all types MLMD leaves the external ids out.
            whole = self._call(f"Get{name}TypesByID", type_ids=some)
            for wire in getattr(whole, f"{kind}_types"):
                self._types[wire.id] = self._type(kind, wire)

    def _named_type(self, kind: Kind, name: str) -> int | None:
        try:
            answer = self._call(f"Get{kind.capitalize()}Type", type_name=name)
        except BackendError as error:
            cause = error.__cause__
            if isinstance(cause, grpc.RpcError) and cause.code() is grpc.StatusCode.NOT_FOUND:
                return None
            raise
        number: int = getattr(answer, f"{kind}_type").id
        return number

    def _type(self, kind: Kind, wire: Message) -> AnyType:
        try:
            return own_type(type_of(wire, kind)).replace(id=wire.id)
        except Invalid as error:
            raise Invalid(
                f"{self._location}: type {excerpt(wire.name)} cannot be read: {error}"
            ) from error

    def _pages(self, call: str, kind: Kind, **fields: Any) -> Iterator[list[Message]]:
        """Yield lists of nodes in the order of their ids."""
        options: dict[str, Any] = {
            "max_result_size": BATCH_IDS,
            "order_by_field": {"field": 3, "is_asc": True},
        }
        while True:
            answer = self._call(call, options=options, **fields)
            page = list(getattr(answer, f"{kind}s"))
            if page:
                yield page
            if not answer.next_page_token:
                return
            options = {**options, "next_page_token": answer.next_page_token}

    def _by_id(self, kind: Kind, ids: Iterable[int]) -> list[Message]:
        answer = self._call(f"Get{kind.capitalize()}sByID", **{f"{kind}_ids": ids})
        return list(getattr(answer, f"{kind}s"))

    def _nodes(self, kind: Kind, wires: Iterable[Message]) -> list[NodeRow]:
        """Return the nodes that are new to this stream."""
        rows = []
        for wire in wires:
            key = NodeKey(kind, wire.id)
            if key not in self._seen:
                self._seen.add(key)
                rows.append(self._node(key, wire))
        return rows

    def _node(self, key: NodeKey, wire: Message) -> NodeRow:
        state = state_field(key.kind)
        node_type = self._types.get(wire.type_id)
        if node_type is None:
            raise Unavailable(
                f"{self._location}: the type of {key} was made just now; import again"
            )
        found = Found(
            text_or_none(wire, "name"),
            text_or_none(wire, "external_id"),
            wire.uri if key.kind is Kind.ARTIFACT else None,
            getattr(wire, state) if state is not None and wire.HasField(state) else None,
            self._values(key, wire.properties),
            self._values(key, wire.custom_properties),
            wire.create_time_since_epoch,
            wire.last_update_time_since_epoch,
        )
        try:
            return row_of(key, node_type, found, self._losses)
        except Invalid as error:
            raise Invalid(f"{self._location}: {error}") from error

    def _values(self, key: NodeKey, given: Any) -> dict[str, Value]:
        values = {}
        for name, wire in given.items():
            if wire.WhichOneof("value") is None:
                self._losses.note("a property without a value was left out", str(key))
            else:
                values[name] = value_of(wire)
        return values

    def _late(self, edges: Iterable[EdgeRow]) -> Iterator[Batch]:
        """Yield nodes of edges that did not come yet: made just now, or missing, which come as gone."""
        ends = {end for row in edges for end in (row.source, row.target)} - self._seen
        for kind in Kind:
            ids = sorted(end.id for end in ends if end.kind is kind)
            for some in batched(ids, BATCH_IDS):
                yield Batch(nodes=self._nodes(kind, self._by_id(kind, some)))
        lost = sorted(ends - self._seen)
        if lost:
            self._seen.update(lost)
            for key in lost:
                self._losses.note("an edge's node does not exist and came as gone", str(key))
            yield Batch(
                types=missing_types(key.kind for key in lost),
                nodes=[missing_node(key) for key in lost],
            )

    def _events(self, executions: Iterable[int]) -> Iterator[list[EdgeRow]]:
        for some in batched(executions, BATCH_IDS):
            answer = self._call("GetEventsByExecutionIDs", execution_ids=some)
            yield [self._event(wire) for wire in answer.events if self._are_ids(wire.artifact_id)]

    def _event(self, wire: Message) -> EdgeRow:
        ends = NodeKey(Kind.ARTIFACT, wire.artifact_id), NodeKey(Kind.EXECUTION, wire.execution_id)
        if not wire.type:
            raise Invalid(
                f"{self._location}: the event between {ends[0]} and {ends[1]} has no type"
            )
        key = edge_between(EdgeKind(wire.type), *ends)
        path = path_text(path_of(wire))
        return EdgeRow(*key, to_micros(wire.milliseconds_since_epoch), path, 0, 0, 0)

    def _are_ids(self, *ids: int) -> bool:
        if all(0 < number < LARGEST_ID for number in ids):
            return True
        self._losses.note(
            "an edge to an id that no node can have was left out", f"artifact:{ids[0]}"
        )
        return False

    def _members(self, contexts: Iterable[int]) -> Iterator[list[EdgeRow]]:
        for number in contexts:
            context = NodeKey(Kind.CONTEXT, number)
            for kind, edge in _MEMBERS.items():
                call = f"Get{kind.capitalize()}sByContext"
                for page in self._pages(call, kind, context_id=number):
                    yield [
                        EdgeRow(context, NodeKey(kind, wire.id), edge, None, None, 0, 0, 0)
                        for wire in page
                    ]

    def _parents(self, contexts: Iterable[int]) -> Iterator[list[EdgeRow]]:
        for number in contexts:
            child = NodeKey(Kind.CONTEXT, number)
            answer = self._call("GetParentContextsByContext", context_id=number)
            yield [
                EdgeRow(NodeKey(Kind.CONTEXT, wire.id), child, EdgeKind.PARENT, None, None, 0, 0, 0)
                for wire in answer.contexts
            ]

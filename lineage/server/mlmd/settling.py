"""What MLMD's calls write: nodes with masks, reuse and concurrency control, and their edges.

A call is settled as a whole and then written as one batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from lineage.contract.backend import External, Named, Reference
from lineage.contract.transaction import Transaction
from lineage.errors import AlreadyExists, Invalid, NotFound, excerpt
from lineage.mlmd.conversion import (
    VALUE_FIELDS,
    fill_value,
    path_of,
    state_field,
    text_or_none,
    to_micros,
    to_millis,
    value_of,
)
from lineage.mlmd.messages import Message, message
from lineage.mlmd.missing import MISSING
from lineage.model.canonical import encode, stored_values
from lineage.model.keys import Kind, NodeKey
from lineage.model.paths import path_text
from lineage.model.rows import (
    EVENT_KINDS,
    Batch,
    EdgeKey,
    EdgeKind,
    EdgeRow,
    NodeRow,
    edge_between,
)
from lineage.model.schema import AnyType
from lineage.model.values import Struct, Value
from lineage.recording.edges import new_edges, stamp_edge
from lineage.recording.nodes import check_free, references_of, stamp
from lineage.server.refusal import Refusal
from lineage.server.session import Session

__all__ = ["Options", "Settling"]

_MAPS = (("properties", "properties"), ("custom_properties", "custom"))


class Options(NamedTuple):
    """How nodes are to be written."""

    fields: frozenset[str] | None = None
    """The paths of an update mask; None for all fields."""
    abort_if_changed: bool = False
    """Refuse a node that was updated since it was read."""
    force_update_time: bool = False
    """Let the time of an update grow even where nothing changes."""
    reuse_by_name: bool = False
    """A context that exists is used as it is."""
    reuse_by_external_id: bool = False
    """An artifact that exists is updated rather than made."""
    by_id_alone: bool = False
    """A context with an id is used as it is."""


class Settling:
    """One call's nodes and edges, gathered under the write lock."""

    def __init__(self, session: Session, transaction: Transaction) -> None:
        self._session = session
        self._transaction = transaction
        self._types = session.types
        self._rows: dict[NodeKey, NodeRow] = {}
        """Every node that the call names, as it is to be."""
        self._stored: dict[NodeKey, NodeRow] = {}
        """Those of them that were there before, as they were."""
        self._holders: dict[Reference, NodeKey] = {}
        """Which of these nodes has a name or an external id, as far as the call is settled."""
        self._edges: list[EdgeRow] = []

    def nodes(
        self, kind: Kind, wires: Sequence[Message], options: Options = Options()
    ) -> list[NodeKey]:
        """Settle nodes: those with an id are updates, others new, unless they may be reused."""
        self.see(kind, [wire.id for wire in wires if wire.HasField("id")])
        references = [_reference(kind, wire, options) for wire in wires]
        reusable = self._reusable(references)
        keys = []
        for wire, reference in zip(wires, references, strict=True):
            key = self._one(
                kind, wire, options, None if reference is None else reusable.get(reference)
            )
            if reference is not None:
                reusable[reference] = key  # the next one of this call that is the same
            keys.append(key)
        return keys

    def see(self, kind: Kind, ids: Iterable[int]) -> None:
        """Read nodes that a call names by their ids, so that they are known to be there."""
        unknown = [number for number in ids if NodeKey(kind, number) not in self._rows]
        for row in self._session.live(kind, unknown).values():
            self._keep(row)

    def _keep(self, row: NodeRow) -> None:
        self._stored[row.key] = row
        self._set(row)

    def _set(self, row: NodeRow) -> None:
        """Let a node be so; a call's nodes are settled one after the other, as in MLMD."""
        before = self._rows.get(row.key)
        for reference in () if before is None else references_of(before):
            self._holders.pop(reference, None)
        for reference in references_of(row):
            holder = self._holders.setdefault(reference, row.key)
            if holder != row.key:
                raise AlreadyExists(f"{holder} has the name or external id of {row.key} already")
        self._rows[row.key] = row

    def known(self, kind: Kind, number: int) -> NodeKey:
        """Return the key of a node that was seen or settled; INVALID_ARGUMENT for another."""
        key = NodeKey(kind, number)
        if key not in self._rows:
            raise Invalid(f"there is no {kind} with the id {number}")
        return key

    def _reusable(self, references: Iterable[Reference | None]) -> dict[Reference, NodeKey]:
        """Return the nodes that are there already by what they are looked up by."""
        wanted = {reference for reference in references if reference is not None}
        found = {}
        for reference, rows in self._session.backend.lookup(wanted).items() if wanted else ():
            for row in rows:
                if row.key not in self._rows:
                    self._keep(row)
                found[reference] = row.key
        return found

    def _one(self, kind: Kind, wire: Message, options: Options, reused: NodeKey | None) -> NodeKey:
        if kind is Kind.CONTEXT and options.by_id_alone and wire.HasField("id"):
            key = NodeKey(kind, wire.id)
            if key not in self._rows:
                raise NotFound(f"there is no context with the id {wire.id}")
            return key
        if reused is not None and kind is Kind.CONTEXT:
            return reused
        if wire.HasField("id") or reused is not None:
            key = reused or self.known(kind, wire.id)
            self._update(self._rows[key], wire, options)
            return key
        return self._create(kind, wire)

    def _create(self, kind: Kind, wire: Message) -> NodeKey:
        if not wire.HasField("type_id"):
            raise Invalid("Type id is missing.")
        node_type = self._types.by_id.get(wire.type_id)
        if node_type is None or node_type.kind is not kind or node_type.name == MISSING:
            raise NotFound(f"there is no {kind} type with the id {wire.type_id}")
        now, own = self._transaction.time, self._transaction
        custom = {name: _custom(name, value) for name, value in wire.custom_properties.items()}
        content = (
            NodeKey(kind, own.next_id(kind)),
            wire.type_id,
            _name(kind, wire),
            text_or_none(wire, "external_id"),
            _uri(kind, wire),
            _state(kind, wire),
            encode(_declared(node_type, wire.properties)),
            encode(custom),
            now,
            now,
        )
        row = stamp(own, content)
        self._set(row)
        return row.key

    def _update(self, row: NodeRow, wire: Message, options: Options) -> None:
        if wire.HasField("type_id") and wire.type_id != row.type_id:
            raise Invalid(f"{row.key} is of type {row.type_id} and cannot become {wire.type_id}")
        was_seen = wire.last_update_time_since_epoch == to_millis(row.updated)
        if options.abort_if_changed and not was_seen:
            raise Refusal(
                "FAILED_PRECONDITION",
                f"{row.key} was updated at {to_millis(row.updated)}, and not last at "
                f"{wire.last_update_time_since_epoch}; read it again",
            )
        changed = self._changed(row, wire, options.fields)
        if changed != row or options.force_update_time:
            self._set(changed._replace(updated=self._later(row)))

    def _later(self, row: NodeRow) -> int:
        """Return the time of an update; in milliseconds, too, it is later than the one before."""
        return max(self._transaction.time, (to_millis(row.updated) + 1) * 1000)

    def _changed(self, row: NodeRow, wire: Message, fields: frozenset[str] | None) -> NodeRow:
        """Return a node with what a message says, as far as the mask goes."""
        kind = row.key.kind
        changes: dict[str, object] = {}
        if fields is None or "external_id" in fields:
            changes["external_id"] = text_or_none(wire, "external_id")
        if kind is Kind.ARTIFACT and (fields is None or "uri" in fields):
            changes["uri"] = _uri(kind, wire)
        if fields is None or state_field(kind) in fields:
            changes["state"] = _state(kind, wire)
        if kind is Kind.CONTEXT and (fields is None or "name" in fields):
            changes["name"] = _name(kind, wire)
        for field, column in _MAPS:
            kept = None if fields is None or field in fields else _named_in(fields, field)
            if kept is None or kept:
                changes[column] = self._merged(row, wire, field, column, kept)
        return row._replace(**changes)  # type: ignore[arg-type]

    def _merged(
        self, row: NodeRow, wire: Message, field: str, column: str, keys: set[str] | None
    ) -> str:
        """Return a map of properties; of the stored one all but `keys` stay, where there are any."""
        before = stored_values(getattr(row, column))
        given = {
            name: value
            for name, value in getattr(wire, field).items()
            if keys is None or name in keys
        }
        values: dict[str, Value | Struct] = {}
        if field == "properties":
            values |= _declared(self._types.by_id[row.type_id], given)
        else:
            values |= {name: _custom(name, value) for name, value in given.items()}
        for name, value in values.items():
            # Its numbers are doubles on the wire, and may be whole ones here.
            if (
                isinstance(value, dict)
                and name in before
                and _is_shown_so(before[name], given[name])
            ):
                values[name] = before[name]
        left = {} if keys is None else {k: v for k, v in before.items() if k not in keys}
        return encode({**left, **values})

    def event(self, wire: Message, artifact: NodeKey, execution: NodeKey) -> None:
        """Settle an event between two nodes."""
        if not wire.type:
            raise Invalid("an event needs a type other than UNKNOWN")
        time = self._transaction.time
        if wire.HasField("milliseconds_since_epoch"):
            time = to_micros(wire.milliseconds_since_epoch)
        self._join(EdgeKind(wire.type), artifact, execution, time, path_text(path_of(wire)))

    def member(self, context: NodeKey, node: NodeKey) -> None:
        """Settle that a node belongs to a context."""
        kind = EdgeKind.ASSOCIATION if node.kind is Kind.EXECUTION else EdgeKind.ATTRIBUTION
        self._join(kind, context, node)

    def parent(self, parent: NodeKey, child: NodeKey) -> None:
        """Settle that a context is part of another."""
        if parent == child:
            raise Invalid(f"{parent} cannot be a part of itself")
        key = EdgeKey(parent, child, EdgeKind.PARENT)
        self._edges.append(stamp_edge(self._transaction, key))

    def _join(
        self,
        kind: EdgeKind,
        one: NodeKey,
        other: NodeKey,
        time: int | None = None,
        path: str | None = None,
    ) -> None:
        key = edge_between(kind, one, other)
        self._edges.append(stamp_edge(self._transaction, key, time, path))

    def write(self) -> None:
        """Check what only the whole shows, then write it."""
        new = [row for key, row in self._rows.items() if key not in self._stored]
        updates = [
            stamp(self._transaction, row)
            for key, row in self._rows.items()
            if key in self._stored and row != self._stored[key]
        ]
        backend = self._session.backend
        check_free(backend, [*new, *updates], self._types)
        self._check_events_and_parents()
        edges = new_edges(backend, self._transaction, self._edges, {row.key for row in new})
        if new or updates or edges:
            self._transaction.write(
                Batch(nodes=new, updates=updates, edges=edges), live=self._rows.keys()
            )

    def _check_events_and_parents(self) -> None:
        """Raise where an edge that is to be new is given twice, or is a parent that exists."""
        once: set[EdgeKey] = set()
        for row in self._edges:
            if row.kind in EVENT_KINDS or row.kind is EdgeKind.PARENT:
                if row.key in once:
                    raise AlreadyExists(
                        f"the {row.kind.name} edge from {row.source} to {row.target} is given twice"
                    )
                once.add(row.key)
        parents = [key for key in once if key.kind is EdgeKind.PARENT]
        taken = self._session.backend.existing_edges(parents) if parents else ()
        for source, target, _ in taken:
            raise AlreadyExists(f"{source} is a parent of {target} already")


def _reference(kind: Kind, wire: Message, options: Options) -> Reference | None:
    """Return what a node may be reused by; None where it is an update, or has to be new."""
    if wire.HasField("id"):
        return None
    if options.reuse_by_name and wire.name:
        return Named(wire.type_id, wire.name)
    if options.reuse_by_external_id and wire.external_id:
        return External(kind, wire.external_id)
    return None


def _name(kind: Kind, wire: Message) -> str | None:
    name = text_or_none(wire, "name")
    if kind is Kind.CONTEXT and not name:
        raise Invalid("a context needs a name")
    return name


def _uri(kind: Kind, wire: Message) -> str | None:
    """Return an artifact's URI; an empty one is none, as clients cannot tell them apart."""
    return (text_or_none(wire, "uri") or None) if kind is Kind.ARTIFACT else None


def _state(kind: Kind, wire: Message) -> int | None:
    field = state_field(kind)
    if field is None or not wire.HasField(field):
        return None
    number: int = getattr(wire, field)
    return number


def _declared(node_type: AnyType, given: dict[str, Message]) -> dict[str, Value]:
    """Return declared properties; clients know MLMD's words for what does not fit the type."""
    values = {}
    for name, wire in given.items():
        wanted = node_type.properties.get(name)
        if wanted is None:
            raise Invalid(f"Found unknown property: {name:.200}")
        if VALUE_FIELDS.get(wire.WhichOneof("value") or "") is not wanted:
            raise Invalid(f"Found unmatched property type: {name:.200}")
        values[name] = _custom(name, wire)
    return values


def _custom(name: str, wire: Message) -> Value:
    try:
        return value_of(wire)
    except Invalid as error:
        raise Invalid(f"property {excerpt(name, 200)}: {error}") from None


def _named_in(fields: frozenset[str], prefix: str) -> set[str]:
    """Return the keys of a map that a mask names, as in `properties.accuracy`."""
    return {field.partition(".")[2] for field in fields if field.startswith(f"{prefix}.")}


def _is_shown_so(value: Value | Struct, wire: Message) -> bool:
    """Whether a stored value is, on the wire, what was given."""
    shown = message("Value")()
    fill_value(shown, value)
    return bool(shown == wire)

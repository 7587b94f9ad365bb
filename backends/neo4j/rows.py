"""The graph that a store is in Neo4j, and rows in and out of it.

A node is a `:LineageNode` with the label of its kind and that of its type; an edge is a
relationship of its own kind, in its own direction. What a person reads stands under its own name;
what only the engine reads begins with `lineage_`. Deleted nodes are `:LineageNode:LineageGone`,
former versions `:LineagePast`, ended edges and former versions of edges `:LINEAGE_PAST`, so that no plain
query meets them. The last version before a deletion is a former one as well once the node lives again:
`lineage_revived` says from which transaction on, and `lineage_until` still when it was deleted.

Properties are kept twice: natively, for people, queries and indexes, as far as Neo4j can hold
them, and as canonical JSON in `lineage_values`, which says what they are.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic_core import from_json

from lineage.contract.beginnings import last_part
from lineage.errors import Corrupt, excerpt
from lineage.model.canonical import unescape
from lineage.model.contents import digest_number, digest_of
from lineage.model.entities import ArtifactState, ExecutionState
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EVENT_KINDS, EdgeKey, EdgeKind, EdgeRow, Head, NodeRow, TypeRow
from lineage.model.schema import TYPE_CLASSES, AnyType
from lineage.model.values import ValueType

__all__ = [
    "EDGE",
    "EDGE_TYPES",
    "ENDED",
    "EVENT_TYPES",
    "FOUND_BY",
    "HEAD",
    "HELD_BYTES",
    "KIND_LABELS",
    "KIND_NUMBERS",
    "KIND_SHIFT",
    "NODE",
    "PAST",
    "START_CHARACTERS",
    "edge_key_map",
    "edge_row",
    "edge_rows",
    "edge_values",
    "external_digest",
    "head_row",
    "head_values",
    "instant",
    "key_of",
    "known_at",
    "name_digest",
    "name_start",
    "native_name",
    "node_labels",
    "node_row",
    "node_values",
    "number_of",
    "of_moment",
    "quoted",
    "state_number",
    "state_value",
    "type_label",
    "type_row",
    "type_values",
    "unheld",
    "uri_digest",
    "version_row",
]

_KINDS = (Kind.ARTIFACT, Kind.CONTEXT, Kind.EXECUTION)
"""In the order of keys, so that packed keys have it too."""
KIND_NUMBERS = {kind: number for number, kind in enumerate(_KINDS)}
KIND_SHIFT = 61
"""A packed key is kind << 61 | id: one kind's keys are one range."""
KIND_LABELS = {kind: kind.capitalize() for kind in _KINDS}

PAST = "LINEAGE_PAST"
"""The type of relationships of the past; `lineage_kind` says what they were.

`lineage_replaced` is there where another version of the edge follows.
"""
EDGE_TYPES = "|".join(kind.name for kind in EdgeKind)
EVENT_TYPES = "|".join(kind.name for kind in sorted(EVENT_KINDS))

NODE = (
    "n.lineage_key, n.lineage_type, n.name, n.external_id, n.uri, n.state, n.lineage_values, n.lineage_created, "
    "n.lineage_updated, n.lineage_since, n.lineage_salt, n.lineage_digest, n.lineage_until, "
    "(n:LineageGone OR n.lineage_revived IS NOT NULL)"
)
"""What a query returns of a node `n`, for `node_row`."""
EDGE = (
    "startNode(r).lineage_key, endNode(r).lineage_key, coalesce(r.lineage_kind, type(r)), r.lineage_time, "
    "r.paths, r.lineage_since, r.lineage_order, r.lineage_first"
)
"""What a query returns of a relationship `r`, for `edge_row`."""
HEAD = (
    "t.number, t.time, t.actor, t.message, t.digest, t.records, t.schema, t.types, t.artifacts, t.executions, "
    "t.contexts, t.edges, t.mark, t.salt, t.author, t.nodes"
)
"""What a query returns of a transaction `t`, for `head_row`."""


def of_moment(name: str) -> str:
    """Return the condition that a version of a node, or a relationship, is of the moment `$as_of`."""
    return (
        f"{name}.lineage_since <= $as_of AND "
        f"({name}.lineage_until IS NULL OR {name}.lineage_until > $as_of)"
    )


def known_at(name: str) -> str:
    """Return the condition that a former version is what is known of a node at the moment `$as_of`.

    It is of the moment, or the last before the node was gone then, which has come back since.
    """
    return f"({of_moment(name)} OR ({name}.lineage_since <= $as_of AND {name}.lineage_revived > $as_of))"


def instant(micros: str) -> str:
    """Return the expression of the time that a number of microseconds is, in years that drivers can read."""
    # A duration of microseconds alone is one of nanoseconds to Neo4j, and wraps round after 292 years.
    return (
        f"CASE WHEN NOT {micros} IS :: INTEGER NOT NULL THEN null WHEN abs({micros}) < 250000000000000000 "
        f"THEN datetime({{epochSeconds: 0}}) + "
        f"duration({{seconds: {micros} / 1000000, microseconds: {micros} % 1000000}}) END"
    )


_BUILT_IN = frozenset(
    {
        "id",
        "type",
        "type_version",
        "name",
        "external_id",
        "uri",
        "state",
        "create_time",
        "update_time",
    }
)
_OURS = ("lineage_", "properties.", "custom.")
FOUND_BY = ("lineage_name", "lineage_external")
"""What stands for a live node's name and external id; both are unique."""
ENDED = {name: name.replace("_", "_was_", 1) for name in FOUND_BY}
"""Under which names deleted nodes and former versions keep that, to be found as of their time."""
START_CHARACTERS = 1_000
"""How many characters of a text are indexed, for the same reason as `HELD_BYTES` is what it is."""
HELD_BYTES = 4096
"""Longer strings stay in `lineage_values` alone: Neo4j's indexes refuse those over about 8,000 bytes."""

_STATES: dict[Kind, list[str]] = {
    Kind.ARTIFACT: [state.value for state in ArtifactState],
    Kind.EXECUTION: [state.value for state in ExecutionState],
    Kind.CONTEXT: [],
}
_STATE_NUMBERS = {
    kind: {text: number for number, text in enumerate(texts)} for kind, texts in _STATES.items()
}
_new = tuple.__new__


def number_of(key: NodeKey) -> int:
    """Return the integer that a node's key is in the graph."""
    return KIND_NUMBERS[key[0]] << KIND_SHIFT | key[1]


def key_of(number: int) -> NodeKey:
    """Undo `number_of`."""
    try:
        return _new(NodeKey, (_KINDS[number >> KIND_SHIFT], number & (1 << KIND_SHIFT) - 1))
    except (LookupError, TypeError) as error:
        raise _damaged("a node", number) from error


def name_digest(type_id: int, name: str) -> str:
    """Return what stands for a name within its type in a unique index, whatever its length."""
    return _digest(f"{type_id} {name}")


def external_digest(kind: Kind, external_id: str) -> str:
    """Return what stands for an external id within its kind."""
    return _digest(f"{kind} {external_id}")


def uri_digest(uri: str) -> str:
    """Return what stands for a URI."""
    return _digest(uri)


def _digest(text: str) -> str:
    raw = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return base64.b64encode(raw).decode().rstrip("=")


def _damaged(what: str, found: object) -> Corrupt:
    return Corrupt(
        f"the graph was changed from outside: {excerpt(found)} is not {what}; run a check of the store"
    )


def type_label(node_type: AnyType) -> str | None:
    """Return the label of a type's nodes: its name, but `type.<name>` where that is one of ours.

    None where Neo4j can hold no such label.
    """
    name = node_type.name
    if not name or "\0" in name:
        return None
    taken = name in KIND_LABELS.values() or name.startswith("Lineage")
    return f"type.{name}" if taken else name


def node_labels(row: NodeRow, node_type: AnyType) -> list[str]:
    """Return a node's labels beside `LineageNode`."""
    if row.gone:
        return ["LineageGone"]
    label = type_label(node_type)
    kind = KIND_LABELS[row.key.kind]
    return [kind] if label is None else [kind, label]


def native_name(name: str, *, custom: bool) -> str | None:
    """Return under which name Neo4j holds a property; None where it can hold none of that name."""
    if "\0" in name:
        return None
    if custom:
        return f"custom.{name}"
    taken = not name or name in _BUILT_IN or name.startswith(_OURS)
    return f"properties.{name}" if taken else name


def quoted(name: str) -> str:
    """Return a label's or a property's name as Cypher takes it.

    Cypher replaces Unicode escapes before it reads names, so that a backslash must be one.
    """
    escaped = name.replace("\\", "\\u005C").replace("`", "``")
    return f"`{escaped}`"


def unheld(name: str, kind: ValueType, *, custom: bool) -> str:
    """Return the entry of `lineage_other` for a value that is only in `lineage_values`."""
    return f"{kind} {'custom' if custom else 'properties'}.{name}"


def node_values(row: NodeRow, node_type: AnyType) -> dict[str, Any]:
    """Return a node's properties in the graph; a None is a property that is not there.

    Its two times come from `lineage_created` and `lineage_updated` when it is written.
    """
    values: dict[str, Any] = {}
    other: list[str] = []
    for text, custom in ((row.properties, False), (row.custom, True)):
        if text != "{}":
            _add_native(values, other, text, custom=custom)
    plain = row.properties == "{}" and row.custom == "{}"
    values.update(
        id=row.key.id,
        type=node_type.name,
        type_version=node_type.version,
        name=row.name,
        external_id=row.external_id,
        uri=row.uri,
        state=state_value(row.key.kind, row.state),
        lineage_key=number_of(row.key),
        lineage_type=row.type_id,
        lineage_values=None if plain else [row.properties, row.custom],
        lineage_other=other or None,
        lineage_created=row.created,
        lineage_updated=row.updated,
        lineage_since=row.since,
        lineage_until=row.until,
        lineage_salt=row.salt,
        lineage_digest=row.digest,
        lineage_content=_content_number(row),
    )
    values.update(_digests(row))
    values.update(_starts(row))
    return values


def _content_number(row: NodeRow) -> int | None:
    """Return what stands for an artifact's digest; versions that have ended keep it, to be found as of their time."""
    digest = digest_of(row) if row.key.kind is Kind.ARTIFACT else None
    return None if digest is None else digest_number(digest)


def _digests(row: NodeRow) -> dict[str, str]:
    """Return what a version is found by; one that has ended must not hold what is unique among those that live."""
    found = {}
    name, external = FOUND_BY if row.until is None else map(ENDED.__getitem__, FOUND_BY)
    if row.name is not None:
        found[name] = name_digest(row.type_id, row.name)
    if row.external_id is not None:
        found[external] = external_digest(row.key.kind, row.external_id)
    if row.uri is not None:
        found["lineage_uri"] = uri_digest(row.uri)
    return found


def _starts(row: NodeRow) -> dict[str, str]:
    """Return by which first characters of its texts a version is found, one that has ended as well."""
    found = {}
    if row.name is not None:
        found["lineage_name_start"] = name_start(row.key.kind, row.name)
    if row.uri is not None:
        found["lineage_uri_start"] = row.uri[:START_CHARACTERS]
        last = last_part(row.uri)
        if last:
            found["lineage_last_start"] = last[:START_CHARACTERS]
    return found


def name_start(kind: Kind, name: str) -> str:
    """Return the first characters of a name, after the kind of node, within which they are sought."""
    return f"{kind} {name[:START_CHARACTERS]}"


def _add_native(values: dict[str, Any], other: list[str], text: str, *, custom: bool) -> None:
    """Put what Neo4j can hold of a map of properties into `values`, and name the rest in `other`."""
    for escaped, at_rest in from_json(text).items():
        name = unescape(escaped)
        value, kind = _plain(at_rest)
        native = native_name(name, custom=custom)
        too_long = kind is ValueType.STRING and len(value.encode()) > HELD_BYTES
        if native is None or value is None or too_long:
            other.append(unheld(name, kind, custom=custom))
        else:
            values[native] = value


def _plain(at_rest: Any) -> tuple[Any, ValueType]:
    """Return a value as Neo4j holds it, None where it cannot, and the value's type."""
    if type(at_rest) is str:
        return unescape(at_rest), ValueType.STRING
    if type(at_rest) is dict:
        if "float" in at_rest:
            return float(at_rest["float"]), ValueType.DOUBLE
        return None, ValueType.STRUCT if "struct" in at_rest else ValueType.PROTO
    if type(at_rest) is bool:
        return at_rest, ValueType.BOOLEAN
    return at_rest, ValueType.INT if type(at_rest) is int else ValueType.DOUBLE


def state_value(kind: Kind, number: int | None) -> str | int | None:
    """Return a state's name; the number of one that has none."""
    names = _STATES[kind]
    return names[number] if number is not None and 0 <= number < len(names) else number


def state_number(kind: Kind, value: str | int | None) -> int | None:
    """Undo `state_value`."""
    try:
        return _STATE_NUMBERS[kind][value] if isinstance(value, str) else value
    except LookupError as error:
        raise _damaged("the state of a node", value) from error


def node_row(values: Sequence[Any]) -> NodeRow:
    """Read what `NODE` returns: with `until` only where the node was gone from then on."""
    key, type_id, name, external_id, uri, state, texts, created, *rest = values
    node = key_of(key)
    updated, since, salt, digest, until, gone = rest
    try:
        properties, custom = texts or ("{}", "{}")
    except (TypeError, ValueError) as error:
        raise _damaged("the properties of a node", texts) from error
    number = state_number(node.kind, state)
    if not (type(type_id) is type(created) is type(updated) is type(since) is int):
        raise _damaged("a node's row", values)
    content = (name, external_id, uri, number, properties, custom, created, updated, since)
    ending = (until, True) if gone else (None, False)
    return _new(NodeRow, (node, type_id, *content, salt, digest, *ending))


def version_row(values: Sequence[Any]) -> NodeRow:
    """Read what `NODE` returns, with its end also where it is a former version."""
    return node_row(values)._replace(until=values[-2])


def edge_key_map(key: EdgeKey) -> dict[str, Any]:
    """Return where an edge is: its ends' packed keys and its relationship's type."""
    return {"source": number_of(key[0]), "target": number_of(key[1]), "kind": key[2].name}


def edge_values(row: EdgeRow) -> dict[str, Any]:
    """Return a relationship's properties; its time comes from `lineage_time` when it is written.

    Absent are a mask of uses that is 0 and a first transaction that wrote this version, too.
    """
    return {
        "lineage_since": row.since,
        "lineage_time": row.time,
        "lineage_order": row.order,
        "lineage_first": None if row.first == row.since else row.first,
        "lineage_uses": row.uses or None,
        "paths": row.paths,
    }


def edge_row(values: Sequence[Any]) -> EdgeRow:
    """Read what `EDGE` returns."""
    return edge_rows([values])[0]


def edge_rows(rows: Iterable[Sequence[Any]]) -> list[EdgeRow]:
    """Read what `EDGE` returns of many relationships, whose ends are few."""
    keys = _Keys()
    try:
        return [
            _new(
                EdgeRow,
                (
                    keys[source],
                    keys[target],
                    EdgeKind[kind],
                    time,
                    paths,
                    since,
                    order,
                    first or since,
                    None,
                ),
            )
            for source, target, kind, time, paths, since, order, first in rows
        ]
    except KeyError as error:
        raise _damaged("a kind of edge", error.args[0]) from error


class _Keys(dict[int, NodeKey]):
    """Keys of nodes by their numbers, each made once."""

    def __missing__(self, number: int) -> NodeKey:
        key = self[number] = key_of(number)
        return key


def head_values(head: Head) -> dict[str, Any]:
    """Return a transaction's properties."""
    return head._asdict()


def head_row(values: Sequence[Any]) -> Head:
    """Read what `HEAD` returns."""
    number, time, actor, message, digest, *counts, mark, salt, author, nodes = values
    whole = all(type(each) is int for each in (number, time, *counts))
    texts = all(type(each) is str for each in (actor, message, mark))
    blobs = all(isinstance(each, bytes | None) for each in (salt, author))
    if not (whole and texts and blobs and isinstance(digest, bytes) and isinstance(nodes, bytes)):
        raise _damaged("the node of a transaction", values)
    return Head(*values)


def type_values(row: TypeRow) -> dict[str, Any]:
    """Return the properties of a version of a type."""
    return {
        "id": row.type.id,
        "kind": str(row.type.kind),
        "name": row.type.name,
        "version": row.type.version,
        "body": row.type.model_dump_json(exclude_none=True),
        "since": row.since,
    }


def type_row(kind: str, body: str, since: int) -> TypeRow:
    """Read a version of a type."""
    try:
        return TypeRow(TYPE_CLASSES[Kind(kind)].read(body), since)
    except (ValueError, LookupError) as error:
        raise _damaged("a type", body) from error

"""Reads types, nodes and edges from JSON objects as `entries` writes them, each with all of its fields checked.

A fault names its place inside the object, to which a reader adds where the object stands.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from pydantic_core import from_json

from lineage.errors import Invalid, excerpt
from lineage.model.canonical import encode, unescape
from lineage.model.entities import ArtifactState, ExecutionState
from lineage.model.keys import Kind, NodeKey, TypeName, to_kind, to_step
from lineage.model.paths import path_text, paths_text
from lineage.model.rows import (
    EDGE_ENDS,
    EVENT_KINDS,
    STATE_NUMBERS,
    EdgeKind,
    EdgeRow,
    NodeRow,
    TypeRow,
)
from lineage.model.schema import TYPE_CLASSES, AnyType, conform
from lineage.model.system import SYSTEM_NAMES, SYSTEM_TYPES
from lineage.model.texts import printable
from lineage.model.times import to_micros, to_time
from lineage.model.values import ProtoAny, Value, to_text, to_value

__all__ = [
    "Fault",
    "Records",
    "at",
    "checked",
    "each",
    "fields_of",
    "has_twins",
    "in_order",
    "is_tagged",
    "property_place",
    "value_at_rest",
]

T = TypeVar("T")
_CONTENT = frozenset({"name", "external_id", "uri", "state", "properties", "custom_properties"})
_EDGE_FIELDS = ("source", "target", "key", "time", "path", "paths", "order")
_NODE_FIELDS = frozenset(
    {"id", "kind", "type", "type_version", "name", "external_id", "properties"}
    | {"custom_properties", "create_time", "update_time", "gone", "purged"}
)
_OWN_FIELDS = {
    Kind.ARTIFACT: frozenset({"uri", "state"}),
    Kind.EXECUTION: frozenset({"state"}),
    Kind.CONTEXT: frozenset[str](),
}
_STATES: dict[Kind, type[ArtifactState] | type[ExecutionState]] = {
    Kind.ARTIFACT: ArtifactState,
    Kind.EXECUTION: ExecutionState,
}


class Fault(Exception):
    """What is wrong, and where; the place grows from the inside out."""

    def __init__(self, place: str, said: str) -> None:
        super().__init__(f"{place}: {said}")
        self.place = place
        self.said = said


def at(place: str, error: Fault | Invalid) -> Fault:
    """Put a place before the one that a fault has."""
    if isinstance(error, Fault):
        return Fault(place + error.place, error.said)
    return Fault(place, str(error))


def checked(place: str, check: Callable[[Any], T], raw: object) -> T:
    """Return what a check returns; its fault gets the place."""
    try:
        return check(raw)
    except (Fault, Invalid) as error:
        raise at(place, error) from error


def has_twins(text: str | bytes) -> bool:
    """Whether an object has a field twice, one of which readers of JSON silently drop."""
    found = False

    def look(fields: list[tuple[str, Any]]) -> None:
        nonlocal found
        found = found or len(dict(fields)) < len(fields)

    # What is no JSON is told better by the reader proper.
    with suppress(ValueError, RecursionError):
        json.loads(text, object_pairs_hook=look, parse_int=str, parse_float=str)
    return found


def fields_of(raw: object, required: Collection[str], allowed: Collection[str]) -> dict[str, Any]:
    """Return an object's fields that are not null, all of which are known and none missing."""
    if not isinstance(raw, dict):
        raise Invalid(f"{excerpt(raw)} is not an object")
    for name in raw:
        if name not in allowed:
            raise Invalid(
                f"{excerpt(name)} is not a field here; there are {', '.join(sorted(allowed))}"
            )
    for name in required:
        if raw.get(name) is None:
            raise Invalid(f"{name!r} is missing")
    return {name: value for name, value in raw.items() if value is not None}


def _list(raw: object) -> list[Any]:
    if not isinstance(raw, list):
        raise Invalid(f"{excerpt(raw)} is not a list")
    return raw


def _flag(raw: object) -> bool:
    if not isinstance(raw, bool):
        raise Invalid(f"{excerpt(raw)} is neither true nor false")
    return raw


def _micros(raw: object) -> int:
    return to_micros(to_time(raw))


def _key(raw: object) -> NodeKey:
    return NodeKey.parse(to_text(raw))


def each(place: str, check: Callable[[Any], T], raw: object) -> list[T]:
    """Return what a check returns for each item of a list."""
    items = checked(place, _list, raw)
    done: list[T] = []
    try:
        for item in items:
            done.append(check(item))  # noqa: PERF401  # its length is the place of a fault
    except (Fault, Invalid) as error:
        raise at(f"{place}[{len(done)}]", error) from error
    return done


class Records:
    """Reads the objects of one file; remembers its types, keys and edges."""

    def __init__(self) -> None:
        self._types: dict[tuple[Kind, str, str | None], AnyType] = {}
        self._type_ids: set[int] = set()
        self._keys: set[NodeKey] = set()
        self._edges: set[tuple[object, ...]] = set()
        self._orders: set[int] = set()

    def type(self, raw: Any) -> TypeRow:
        """Return a type, which may be none that was read before."""
        fields = {name for cls in TYPE_CLASSES.values() for name in cls.model_fields}
        data = fields_of(raw, ("id", "kind", "name"), {"kind", *fields})
        found = TYPE_CLASSES[checked(".kind", to_kind, data.pop("kind"))](**data)
        assert found.id is not None
        name = (found.kind, found.name, found.version)
        if found.id in self._type_ids or name in self._types:
            raise Invalid(
                f"there is a {found.kind} type {found.type_name} with id {found.id} already"
            )
        if found.id <= len(SYSTEM_TYPES) or found.name in SYSTEM_NAMES[found.kind]:
            found = _system_type(found)
        self._type_ids.add(found.id or 0)
        self._types[name] = found
        return TypeRow(found, 0)

    def node(self, raw: Any) -> NodeRow:
        """Return a node, whose type was read before."""
        key = checked(".id", _key, raw.get("id")) if isinstance(raw, dict) else None
        allowed = _NODE_FIELDS if key is None else _NODE_FIELDS | _OWN_FIELDS[key.kind]
        data = fields_of(raw, ("id", "type", "create_time", "update_time"), allowed)
        assert key is not None
        if data.get("kind", key.kind) != key.kind:
            raise Invalid(f"{key} is of kind {excerpt(data['kind'])}")
        if key in self._keys:
            raise Invalid(f"there are two nodes {key}")
        node_type = self._type_of(key, data)
        row = NodeRow(
            key,
            node_type.id or 0,
            name=_text("name", data),
            external_id=_text("external_id", data),
            uri=_text("uri", data),
            state=checked(".state", lambda state: _state(key.kind, state), data.get("state")),
            properties=_properties(data.get("properties", {}), node_type),
            custom=_custom(data.get("custom_properties", {})),
            created=checked(".create_time", _micros, data["create_time"]),
            updated=checked(".update_time", _micros, data["update_time"]),
            since=0,
            salt=None if checked(".purged", _flag, data.get("purged", False)) else b"",
            gone=checked(".gone", _flag, data.get("gone", False)),
        )
        if row.salt is None and any(data.get(name) for name in _CONTENT):
            raise Invalid(f"{key} is purged but has content; leave one of them out")
        self._keys.add(key)
        return row

    def _type_of(self, key: NodeKey, data: dict[str, Any]) -> AnyType:
        name = checked(".type", to_text, data["type"])
        version = checked(".type_version", to_text, data.get("type_version", "")) or None
        found = self._types.get((key.kind, name, version))
        if found is None:
            raise Fault(
                ".type",
                f"graph.types has no {key.kind} type {TypeName(name, version)!s:.80}; add it",
            )
        return found

    def edge(self, raw: Any) -> EdgeRow:
        """Return an edge, whose ends were read before."""
        data = fields_of(raw, _EDGE_FIELDS[:3], _EDGE_FIELDS)
        source, target = (checked(f".{end}", self._end, data[end]) for end in ("source", "target"))
        kind = checked(".key", _edge_kind, data["key"])
        if (source.kind, target.kind) != EDGE_ENDS[kind]:
            begin, end = EDGE_ENDS[kind]
            raise Invalid(
                f"{kind.name} edges go from {begin}s to {end}s, not from {source} to {target}"
            )
        if kind not in EVENT_KINDS and data.keys() & {"time", "path", "paths"}:
            raise Invalid(f"{kind.name} edges have neither time nor path")
        if (source, target, kind) in self._edges:
            raise Invalid(f"there are two edges {kind.name} from {source} to {target}")
        self._edges.add((source, target, kind))
        time = checked(".time", _micros, data["time"]) if "time" in data else None
        order = checked(".order", self._order, data["order"]) if "order" in data else 0
        return EdgeRow(source, target, kind, time, _paths(data), 0, order, 0)

    def _order(self, raw: object) -> int:
        """Return an edge's place among all of the file, which is no other's."""
        if type(raw) is not int or raw < 1:
            raise Invalid(f"{excerpt(raw)} is not an order; orders are whole numbers from 1")
        if raw in self._orders:
            raise Invalid(f"there are two edges of the order {raw}")
        self._orders.add(raw)
        return raw

    def _end(self, raw: object) -> NodeKey:
        key = _key(raw)
        if key not in self._keys:
            raise Invalid(f"there is no node {key} in the file")
        return key


def in_order(rows: list[EdgeRow]) -> list[EdgeRow]:
    """Return edges by their order, those without one last and as they came; in a store they get others."""
    if any(row.order for row in rows):
        rows.sort(key=lambda row: (not row.order, row.order))
    return [row._replace(order=0) if row.order else row for row in rows]


def _paths(data: Mapping[str, Any]) -> str | None:
    """Return the text of an event's paths, the first of which may stand by itself."""
    path = tuple(each(".path", to_step, data.get("path", [])))
    if "paths" not in data:
        return path_text(path)
    paths = [tuple(each) for each in each(".paths", _steps, data["paths"])]
    if "path" in data and paths[:1] != [path]:
        raise Invalid("'path' is not the first of 'paths'; leave one of them out")
    if len({*paths}) < len(paths) or () in paths[1:]:
        raise Fault(".paths", "a path is there twice, or is empty and not the first; leave it out")
    return paths_text(paths)


def _steps(raw: object) -> list[int | str]:
    return each("", to_step, raw)


def _system_type(given: AnyType) -> AnyType:
    for own in SYSTEM_TYPES:
        if (own.id, own.kind, own.type_name) == (given.id, given.kind, given.type_name):
            return own
    raise Invalid(
        f"{given.kind} type {given.type_name} has id {given.id}; 1 to {len(SYSTEM_TYPES)} are the system types "
        f"{', '.join(own.name for own in SYSTEM_TYPES)}, in this order"
    )


def _text(name: str, data: dict[str, Any]) -> str | None:
    return checked(f".{name}", to_text, data[name]) if name in data else None


def _state(kind: Kind, raw: object) -> int | None:
    if raw is None:
        return None
    for state in _STATES[kind]:
        if state.value == raw:
            return STATE_NUMBERS[state]
    raise Invalid(f"{excerpt(raw)} is not a state of {kind}s; there are {', '.join(_STATES[kind])}")


def _edge_kind(raw: object) -> EdgeKind:
    for kind in EdgeKind:
        if kind.name == raw:
            return kind
    known = ", ".join(kind.name for kind in EdgeKind)
    raise Invalid(f"{excerpt(raw)} is not a kind of edge; there are {known}")


def _properties(raw: object, node_type: AnyType) -> str:
    values = _values(".properties", raw)
    try:
        return conform(node_type, values)
    except Invalid:
        for name, value in values.items():
            checked(
                property_place(".properties", name),
                lambda one: conform(node_type, one),
                {name: value},
            )
        raise


def _custom(raw: object) -> str:
    return encode(_values(".custom_properties", raw))


def property_place(place: str, name: str) -> str:
    """Return the place of a property in a map."""
    return f"{place}.{printable(name, limit=80)}"


def _values(place: str, raw: object) -> dict[str, Value]:
    """Return a map of values from their notation at rest."""
    if not isinstance(raw, dict):
        raise Fault(place, f"{excerpt(raw)} is not an object")
    return {
        checked(property_place(place, name), to_text, unescape(name)): checked(
            property_place(place, name), _value, value
        )
        for name, value in raw.items()
    }


def _value(raw: object) -> Value:
    if isinstance(raw, list):
        raise Invalid(
            f'{excerpt(raw)} is a list; a struct stands as {{"struct": "<its JSON text>"}}'
        )
    if isinstance(raw, dict) and not is_tagged(raw):
        raise Invalid(
            f'{excerpt(raw)} is no value; one that is not plain stands as {{"float": "nan"}}, '
            f'{{"struct": "<JSON text>"}} or {{"any": ["<type URL>", "<base64>"]}}'
        )
    return value_at_rest(raw)


def is_tagged(raw: object) -> bool:
    """Whether this is how a value that is not plain stands at rest."""
    if not isinstance(raw, dict) or len(raw) != 1:
        return False
    ((tag, content),) = raw.items()
    if tag == "any":
        return isinstance(content, list) and len(content) == 2
    return (tag == "float" and content == "nan") or (tag == "struct" and isinstance(content, str))


def value_at_rest(raw: object) -> Value:
    """Undo what `lineage.model.canonical` does to a value at rest; what is not tagged is a value itself."""
    if isinstance(raw, str):
        return to_text(unescape(raw))
    if not is_tagged(raw):
        return to_value(raw)
    assert isinstance(raw, dict)
    ((tag, content),) = raw.items()
    if tag == "float":
        return float("nan")
    return _struct(content) if tag == "struct" else _any(*content)


def _struct(text: str) -> Value:
    if has_twins(text):
        raise Invalid(f"the struct {excerpt(text)} has a field twice; leave one of them out")
    try:
        return to_value(from_json(text))
    except ValueError as error:
        raise Invalid(f"the struct {excerpt(text)} cannot be read: {error}") from error


def _any(type_url: object, content: object) -> ProtoAny:
    try:
        return ProtoAny(to_text(type_url), base64.b64decode(to_text(content), validate=True))
    except binascii.Error as error:
        raise Invalid(f"{excerpt(content)} is not base64: {error}") from error

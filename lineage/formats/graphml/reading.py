"""Reads GraphML: our own whole, and that of other programs as far as it says what its nodes are."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import IO, Any, NamedTuple

from pydantic_core import from_json

from lineage.contract.clock import Timekeeper
from lineage.contract.format import Reading
from lineage.errors import Invalid, excerpt
from lineage.formats.entries import time_text, type_data
from lineage.formats.graphml.parsing import Element, Key, elements
from lineage.formats.graphml.writing import FORMAT, VERSION
from lineage.formats.losses import Losses
from lineage.formats.markup import legal
from lineage.formats.records import Fault, Records, checked, each, has_twins, in_order
from lineage.model.canonical import escape
from lineage.model.keys import Kind, NodeKey, to_kind
from lineage.model.rows import EDGE_ENDS, Batch, EdgeKind, EdgeRow, NodeRow, TypeRow
from lineage.model.schema import AnyType
from lineage.model.system import OWN_CLASSES, SYSTEM_TYPES, type_of
from lineage.model.texts import printable
from lineage.model.times import from_micros
from lineage.model.values import ValueType

__all__ = ["load"]

_FIELDS = frozenset(
    {"kind", "type", "type_version", "name", "external_id", "uri", "state"}
    | {"create_time", "update_time", "gone", "purged"}
)
_EDGE_FIELDS = ("kind", "time", "path", "paths", "order")
_GROUPS = ("properties", "custom_properties")
_VALUE_TYPES = {
    "boolean": ValueType.BOOLEAN,
    "int": ValueType.INT,
    "long": ValueType.INT,
    "float": ValueType.DOUBLE,
    "double": ValueType.DOUBLE,
    "string": ValueType.STRING,
}
_WHOLE = re.compile(r"\s*[+-]?[0-9]+\s*", re.ASCII)
_NUMBER = re.compile(
    r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*|\s*(NaN|[+-]?INF(inity)?)\s*",
    re.ASCII | re.IGNORECASE,  # NetworkX writes Python's `nan` and `inf`
)
LONGEST_NUMBER = 100
"""How many characters a whole number may have, blanks around it included."""
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def load(source: IO[bytes]) -> Reading:
    """Return a graph's types, nodes and edges; the file is read and checked wholly before.

    `Invalid` names the line of what is malformed. A file that we wrote, also one that NetworkX read and
    wrote again, comes back as it was. In others each node says its `kind` and its `type`, and an edge
    without a `kind` is the plain one between its ends; docs/formats.md has the rules.
    """
    losses = Losses()
    graph = _Graph(losses)
    try:
        for element in elements(source, losses):
            graph.take(element)
        graph.end()
    except Fault as fault:
        raise Invalid(str(fault)) from fault
    batches = (
        Batch(types=graph.types), Batch(nodes=graph.nodes), Batch(edges=in_order(graph.edges)),
    )  # fmt: skip
    return Reading(iter(batches), losses.sentences())


class _Meaning(NamedTuple):
    """What data stand for: a field, or a value in one of the maps of properties."""

    name: str
    type: ValueType
    group: str
    is_described: bool
    """Whether the file says outright what the value is, which NetworkX does not keep."""


class _Draft(NamedTuple):
    """A node before its type is known: its fields, and its properties as texts."""

    place: str
    id: str
    fields: dict[str, Any]
    values: list[tuple[_Meaning, str]]


class _Graph:
    """Turns elements into rows: nodes of our own files at once, of others when all their types are known."""

    def __init__(self, losses: Losses) -> None:
        self.types: list[TypeRow] = []
        self.nodes: list[NodeRow] = []
        self.edges: list[EdgeRow] = []
        self._losses = losses
        self._records = Records()
        self._header: dict[str, object] = {}
        self._types: dict[tuple[object, ...], AnyType] = {}
        """By kind, name and version, as XML can hold them."""
        self._meanings: dict[Key, _Meaning] = {}
        self._is_ours = False
        self._nodes: list[Element] = []
        self._edges: list[Element] = []
        """Edges, which may stand before their nodes."""
        self._foreign = _ForeignNodes()

    def take(self, element: Element) -> None:
        """Add an element, or keep it for the end: NetworkX writes the graph's own data after all others."""
        if element.tag == "graph":
            ((key, text),) = element.data.items()
            place = f"line {element.line}.{key.name:.80}"
            self._header[key.name] = checked(place, _plain(_VALUE_TYPES[key.type]), text)
        elif element.tag == "edge":
            self._edges.append(element)
        elif self._is_ours or self._begin():
            self._add(self._draft(element))
        else:
            self._nodes.append(element)

    def end(self) -> None:
        """Add what waited for the end of the file."""
        if not self._is_ours and not self._begin():
            for element in self._nodes:
                self._foreign.add(self._draft(element))
            self._add_types(self._foreign.types())
            for draft in self._foreign.drafts():
                self._add(draft)
        else:
            for element in self._nodes:
                self._add(self._draft(element))
        for element in self._edges:
            place = f"line {element.line}, an edge"
            self.edges.append(checked(place, self._records.edge, self._edge(element, place)))

    def _begin(self) -> bool:
        """Whether the file says by now that it is ours; then its types are read."""
        self._is_ours = self._header.get("format") == FORMAT and "types" in self._header
        if not self._is_ours:
            return False
        version, text = self._header.get("version"), str(self._header["types"])
        if version != VERSION:
            raise Invalid(
                f"version {excerpt(version)} of the format is unknown, this library reads {VERSION}; update it"
            )
        if has_twins(text):
            raise Invalid("the graph's types: a field is there twice; leave one of them out")
        try:
            raw = from_json(text)
        except ValueError as error:
            raise Invalid(f"the graph's types are not JSON: {error}") from error
        self._add_types(raw)
        return True

    def _add_types(self, raw: object) -> None:
        self.types += each("the graph's types", self._records.type, raw)
        for row in self.types:
            version = row.type.version
            name = (
                row.type.kind,
                legal(row.type.name),
                None if version is None else legal(version),
            )
            self._types.setdefault(name, row.type)

    def _draft(self, element: Element) -> _Draft:
        """Take a node's data apart."""
        number = _required(element, "id")
        place = f"line {element.line}, {printable(number, limit=80)}"
        draft = _Draft(place, number, {"id": number}, [])
        for key, text in element.data.items():
            meaning = self._meaning(key)
            if meaning.group:
                draft.values.append((meaning, text))
            elif meaning.name in draft.fields:
                raise Fault(place, f"{excerpt(meaning.name)} is there twice; leave one of them out")
            else:
                value = checked(f"{place}.{meaning.name:.80}", _plain(meaning.type), text)
                draft.fields[meaning.name] = value
        return draft

    def _meaning(self, key: Key) -> _Meaning:
        found = self._meanings.get(key)
        if found is None:
            found = self._meanings[key] = self._meaning_of(key)
        return found

    def _meaning_of(self, key: Key) -> _Meaning:
        if self._is_ours and key.about:
            return _described(key)
        group, dot, name = key.name.partition(".")
        if dot and group in _GROUPS:
            return _Meaning(name, _VALUE_TYPES[key.type], group, is_described=False)
        is_field = self._is_ours or key.name in _FIELDS
        group = "" if is_field else "custom_properties"
        return _Meaning(key.name, _VALUE_TYPES[key.type], group, is_described=False)

    def _add(self, draft: _Draft) -> None:
        fields = draft.fields
        raw: dict[str, Any] = {**fields, **{group: {} for group in _GROUPS}}
        name = (fields.get("kind"), fields.get("type"), fields.get("type_version"))
        node_type = self._types.get(name)
        if node_type is not None:
            raw |= {"type": node_type.name, "type_version": node_type.version}
        schema = {} if node_type is None else node_type.properties
        for meaning, text in draft.values:
            held = raw[meaning.group]
            place = f"{draft.place}.{meaning.group}.{printable(meaning.name, limit=80)}"
            if escape(meaning.name) in held:
                raise Fault(place, "this property is there twice; leave one of them out")
            read_as = meaning.type
            if not meaning.is_described and meaning.group == "properties":
                read_as = _as_declared(meaning, schema)
            held[escape(meaning.name)] = checked(place, _at_rest(read_as), text)
        self.nodes.append(checked(draft.place, self._records.node, raw))

    def _edge(self, element: Element, place: str) -> dict[str, object]:
        """Return an edge's object, whose ends are there."""
        raw: dict[str, object] = {}
        for key, text in element.data.items():
            if key.name not in _EDGE_FIELDS and not self._is_ours:
                what = f"the attribute {excerpt(key.name)} of edges, which hold no properties,"
                self._losses.note(f"{what} was left out", f"line {element.line}")
                continue
            name = "key" if key.name == "kind" else key.name
            is_json = name in ("path", "paths")
            read = _json if is_json else _plain(_VALUE_TYPES[key.type])
            raw[name] = checked(f"{place}.{name:.80}", read, text)
        raw["source"], raw["target"] = (
            self._end(element, place, end) for end in ("source", "target")
        )
        if not self._is_ours and "key" not in raw:
            raw["key"] = _plain_kind(place, str(raw["source"]), str(raw["target"]))
        return raw

    def _end(self, element: Element, place: str, end: str) -> str:
        given = _required(element, end)
        return given if self._is_ours else self._foreign.key(given, f"{place}.{end}")


class _ForeignNodes:
    """Nodes that another program wrote: gives them keys, names and times, and gathers their types."""

    def __init__(self) -> None:
        self._now = time_text(from_micros(Timekeeper()()))
        self._drafts: dict[str, _Draft] = {}
        self._types: dict[tuple[Kind, str, str | None], dict[str, ValueType]] = {}
        self._keys: dict[str, str] = {}

    def add(self, draft: _Draft) -> None:
        """Take a node, which says its kind, but where its id is a key, and its type."""
        fields, number = draft.fields, draft.id
        if number in self._drafts:
            raise Fault(draft.place, "there is a node with this id already")
        key = _key_or_none(number)
        if key is None:
            fields.setdefault("name", number)
        else:
            fields.setdefault("kind", key.kind.value)
        for name, example in (("kind", ", ".join(Kind)), ("type", "lineage.Model or your own")):
            if name not in fields:
                raise Fault(
                    draft.place,
                    f"the node has no attribute {name!r} ({example}); add it to each node",
                )
        kind = checked(f"{draft.place}.kind", to_kind, fields["kind"])
        schema = self._types.setdefault((kind, str(fields["type"]), fields.get("type_version")), {})
        for meaning, _ in draft.values:
            if meaning.group == "properties":
                _add_property(schema, meaning, draft.place)
        fields.setdefault("create_time", self._now)
        fields.setdefault("update_time", fields["create_time"])
        self._drafts[number] = draft

    def types(self) -> list[dict[str, object]]:
        """Return the objects of the types of all nodes, our own as they are and others as they are used."""
        raw = [type_data(each) for each in SYSTEM_TYPES]
        there = {(each.kind, each.name, each.version) for each in SYSTEM_TYPES}
        for (kind, name, version), schema in self._types.items():
            if (kind, name, version) in there:
                continue
            own = OWN_CLASSES.get(name)
            if own is not None and own.kind is kind:
                raw.append({**type_data(type_of(own)), "id": len(raw) + 1})
                continue
            raw.append(
                {"id": len(raw) + 1, "kind": kind.value, "name": name, "properties": schema}
                | ({} if version is None else {"version": version})
            )
        return raw

    def drafts(self) -> Iterator[_Draft]:
        """Yield the nodes with keys: their ids where these are keys, and else the next free ones."""
        taken = [key for key in map(_key_or_none, self._drafts) if key is not None]
        last = {
            kind: max((key.id for key in taken if key.kind is kind), default=0) for kind in Kind
        }
        for number, draft in self._drafts.items():
            kind = Kind(draft.fields["kind"])
            if _key_or_none(number) is None:
                last[kind] += 1
                draft.fields["id"] = f"{kind}:{last[kind]}"
            self._keys[number] = draft.fields["id"]
            yield draft

    def key(self, number: str, place: str) -> str:
        """Return the key of the node with an id."""
        if number not in self._keys:
            raise Fault(place, f"there is no node {excerpt(number)} in the file")
        return self._keys[number]


def _add_property(schema: dict[str, ValueType], meaning: _Meaning, place: str) -> None:
    """Let a type declare a property; whole numbers and others are both numbers."""
    before = schema.setdefault(meaning.name, meaning.type)
    if {before, meaning.type} == {ValueType.INT, ValueType.DOUBLE}:
        schema[meaning.name] = ValueType.DOUBLE
    elif before is not meaning.type:
        raise Fault(
            place,
            f"the property {excerpt(meaning.name)} is {meaning.type}, and {before} in a node of this type before",
        )


def _required(element: Element, name: str) -> str:
    if name not in element.attributes:
        raise Invalid(f"line {element.line}: <{element.tag}> has no {name!r}")
    return element.attributes[name]


def _key_or_none(text: str) -> NodeKey | None:
    with suppress(Invalid):
        return NodeKey.parse(text)
    return None


def _described(key: Key) -> _Meaning:
    """Return what the description of a property's key says that its values are."""
    with suppress(ValueError, TypeError, KeyError):
        about = from_json(key.about)
        if about["group"] in _GROUPS and isinstance(about["name"], str):
            return _Meaning(
                about["name"], ValueType(about["value"]), about["group"], is_described=True
            )
    raise Invalid(
        f"the key {excerpt(key.name)} has a description that is not ours: {excerpt(key.about)}; export again"
    )


def _as_declared(meaning: _Meaning, schema: Mapping[str, ValueType]) -> ValueType:
    """Return what a text is by its type's schema; all else goes by what the key says."""
    wanted = schema.get(meaning.name)
    is_text = meaning.type is ValueType.STRING
    return wanted if wanted in (ValueType.STRUCT, ValueType.PROTO) and is_text else meaning.type


def _plain_kind(place: str, source: str, target: str) -> str:
    ends = (NodeKey.parse(source).kind, NodeKey.parse(target).kind)
    for kind in (
        EdgeKind.INPUT, EdgeKind.OUTPUT, EdgeKind.ATTRIBUTION, EdgeKind.ASSOCIATION, EdgeKind.PARENT,
    ):  # fmt: skip
        if EDGE_ENDS[kind] == ends:
            return kind.name
    raise Fault(
        place,
        f"no edge goes from {ends[0]}s to {ends[1]}s: lineage leads from artifacts through executions to "
        f"artifacts, and from contexts to what they contain",
    )


def _json(text: str) -> object:
    try:
        return from_json(text)
    except ValueError as error:
        raise Invalid(f"{excerpt(text)} is not JSON: {error}") from error


def _plain(of: ValueType) -> Callable[[str], bool | int | float | str]:
    """Return what reads texts as values of a type that GraphML has."""
    return _READERS.get(of, str)


def _at_rest(of: ValueType) -> Callable[[str], object]:
    """Return what reads texts as values of a type, which stand as they are kept at rest."""
    if of is ValueType.STRUCT:
        return lambda text: {"struct": text}
    if of is ValueType.PROTO:
        return _json
    if of is ValueType.STRING:
        return escape
    if of is ValueType.DOUBLE:
        return _resting_number
    return _plain(of)


def _flag(text: str) -> bool:
    found = _FLAGS.get(text.strip().lower())
    if found is None:
        raise Invalid(f"{excerpt(text)} is neither true nor false")
    return found


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text) or len(text) > LONGEST_NUMBER:
        raise Invalid(f"{excerpt(text)} is not a whole number of 64 bits")
    return int(text)


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise Invalid(f"{excerpt(text)} is not a number")
    return float(text)


def _resting_number(text: str) -> object:
    number = _number(text)
    return {"float": "nan"} if math.isnan(number) else number


_READERS: dict[ValueType, Callable[[str], bool | int | float | str]] = {
    ValueType.BOOLEAN: _flag,
    ValueType.INT: _whole,
    ValueType.DOUBLE: _number,
}

"""Nodes and edges as named plain values, for notations that hold nothing nested.

A node has its fields by their names, then its properties as `properties.<name>` and
`custom_properties.<name>`. Structs and protobuf messages, and the paths of events, are texts of JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

from pydantic_core import to_json

from lineage.errors import Corrupt
from lineage.formats.entries import STATES, time_text
from lineage.model.canonical import encode, stored_values
from lineage.model.paths import path_text, paths_of
from lineage.model.rows import EdgeRow, NodeRow
from lineage.model.schema import AnyType
from lineage.model.times import from_micros
from lineage.model.values import JSON, ProtoAny, Struct, Value, ValueType

__all__ = ["Field", "Group", "Plain", "edge_fields", "edge_place", "node_fields", "type_of_row"]

Plain: TypeAlias = bool | int | float | str
Group: TypeAlias = Literal["", "properties", "custom_properties"]


class Field(NamedTuple):
    """A named value; `type` says how to read it back, and `group` which map of properties it is in."""

    name: str
    value: Plain
    type: ValueType = ValueType.STRING
    group: Group = ""

    @property
    def title(self) -> str:
        """The name among all fields of a node."""
        return f"{self.group}.{self.name}" if self.group else self.name


def type_of_row(row: NodeRow, types: Mapping[int, AnyType]) -> AnyType:
    """Return a node's type; `Corrupt` where there is none."""
    found = types.get(row.type_id)
    if found is None:
        raise Corrupt(f"there is no type {row.type_id}; run a check of the store")
    return found


def node_fields(row: NodeRow, node_type: AnyType) -> list[Field]:
    """Return what there is of a node but for its key, in an order that is the same for all nodes."""
    state = None if row.state is None else STATES[row.key.kind][row.state].value
    texts = {
        "kind": row.key.kind.value,
        "type": node_type.name,
        "type_version": node_type.version,
        "name": row.name,
        "external_id": row.external_id,
        "uri": row.uri,
        "state": state,
        "create_time": time_text(from_micros(row.created)),
        "update_time": time_text(from_micros(row.updated)),
    }
    fields = [Field(name, text) for name, text in texts.items() if text is not None]
    marks = {"gone": row.gone, "purged": row.salt is None}
    fields += [Field(name, mark, ValueType.BOOLEAN) for name, mark in marks.items() if mark]
    return fields + _values("properties", row.properties) + _values("custom_properties", row.custom)


def _values(group: Group, text: str) -> list[Field]:
    if text == "{}":
        return []
    return [Field(name, *_plain(value), group) for name, value in stored_values(text).items()]


def _plain(value: Value | Struct) -> tuple[Plain, ValueType]:
    if isinstance(value, bool):
        return value, ValueType.BOOLEAN
    if isinstance(value, int):
        return value, ValueType.INT
    if isinstance(value, float):
        return value, ValueType.DOUBLE
    if isinstance(value, str):
        return value, ValueType.STRING
    if isinstance(value, ProtoAny):
        return _json_text(encode({"": value})[len('{"":') : -1]), ValueType.PROTO
    return _struct_text(value.content if isinstance(value, Struct) else value), ValueType.STRUCT


def _struct_text(content: JSON) -> str:
    return _json_text(to_json(content, inf_nan_mode="constants").decode())


def _json_text(text: str) -> str:
    # Of what JSON writes as it is, XML cannot hold these two, and JSON can escape them.
    return text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def edge_fields(row: EdgeRow) -> list[Field]:
    """Return what there is of an edge but for its ends: all of its paths only where it has several."""
    fields = [Field("kind", row.kind.name)]
    if row.time is not None:
        fields.append(Field("time", time_text(from_micros(row.time))))
    paths = paths_of(row.paths)
    if paths and paths[0]:
        fields.append(Field("path", _json_text(path_text(paths[0]) or ""), ValueType.STRUCT))
    if len(paths) > 1:
        fields.append(Field("paths", _json_text(row.paths or ""), ValueType.STRUCT))
    if row.order:
        fields.append(Field("order", row.order, ValueType.INT))
    return fields


def edge_place(row: EdgeRow) -> str:
    """Return how a sentence names an edge."""
    return f"the edge {row.kind.name} from {row.source} to {row.target}"

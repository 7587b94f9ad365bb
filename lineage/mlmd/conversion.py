"""Rows and types as MLMD's messages, and what its messages say.

MLMD's times are milliseconds, its values of numbers inside structs doubles, and its nine system
types have names that begin with `mlmd.`. A URI that was never given is there as "".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from lineage.errors import Invalid, excerpt
from lineage.mlmd.messages import Message, MessageToDict, ParseDict, ParseError, message, type_class
from lineage.model.canonical import encode, stored_values
from lineage.model.entities import ArtifactState, ExecutionState
from lineage.model.keys import Kind
from lineage.model.paths import first_path
from lineage.model.rows import EdgeKind, EdgeRow, NodeRow
from lineage.model.schema import TYPE_CLASSES, AnyType, ExecutionType
from lineage.model.system import SYSTEM_NAMES
from lineage.model.times import from_micros
from lineage.model.times import to_micros as to_stored
from lineage.model.values import JSON, ProtoAny, Struct, Value, ValueType

__all__ = [
    "DEEPEST",
    "NONE",
    "VALUE_FIELDS",
    "attribution_message",
    "fill_event",
    "fill_node",
    "fill_value",
    "is_deep",
    "own_name",
    "path_of",
    "property_numbers",
    "state_field",
    "state_numbers",
    "struct_of",
    "structure_of",
    "text_or_none",
    "to_micros",
    "to_millis",
    "type_message",
    "type_of",
    "value_of",
    "wire_name",
]

DEEPEST: Final = 28
"""How many levels of a struct are messages on the wire: readers of protobuf refuse more than 100 in all."""
NONE = encode({})
"""A property map that holds nothing, as it is stored."""
_VALUE_TYPES = dict(enumerate(ValueType, start=1))
_TYPE_NUMBERS = {each: number for number, each in _VALUE_TYPES.items()}
VALUE_FIELDS: Mapping[str, ValueType] = {
    "int_value": ValueType.INT,
    "double_value": ValueType.DOUBLE,
    "string_value": ValueType.STRING,
    "struct_value": ValueType.STRUCT,
    "proto_value": ValueType.PROTO,
    "bool_value": ValueType.BOOLEAN,
}
"""The fields of a value, one of which is set, and what each holds."""
_STATES = {Kind.ARTIFACT: ArtifactState, Kind.EXECUTION: ExecutionState}
_SYSTEM = {name for names in SYSTEM_NAMES.values() for name in names}
_FOREIGN = {name.replace("lineage.", "mlmd.", 1): name for name in _SYSTEM}


def own_name(name: str) -> str:
    """Return what we call a type of MLMD's: `lineage.Model` for `mlmd.Model`."""
    return _FOREIGN.get(name, name)


def wire_name(name: str) -> str:
    """Return what MLMD calls a type of ours: the opposite of `own_name`."""
    return name.replace("lineage.", "mlmd.", 1) if name in _SYSTEM else name


_FAR = to_stored(datetime(9999, 1, 1, tzinfo=UTC))


def to_millis(micros: int) -> int:
    """Return a stored time as MLMD's, rounded down."""
    return micros // 1000


def to_micros(millis: int) -> int:
    """Return a time of MLMD's as it is stored; raise `Invalid` outside the years 1 to 9999."""
    micros = millis * 1000
    if not 0 <= micros < _FAR:
        from_micros(micros)
    return micros


def text_or_none(holder: Message, field: str) -> str | None:
    """Return a message's text; None where it is not set, which is not the empty one."""
    return getattr(holder, field) if holder.HasField(field) else None


def value_of(wire: Message) -> Value:
    """Return a value; raise `Invalid` for one in which nothing is set."""
    field = wire.WhichOneof("value")
    if field is None:
        raise Invalid("a value is empty; set one of its fields, or leave the property out")
    if field == "struct_value":
        return struct_of(wire.struct_value)
    if field == "proto_value":
        return ProtoAny(wire.proto_value.type_url, wire.proto_value.value)
    value: Value = getattr(wire, field)
    return value


def struct_of(wire: Message) -> dict[str, Any]:
    """Return a `google.protobuf.Struct` as JSON."""
    return {name: _json_of(item) for name, item in wire.fields.items()}


def _json_of(wire: Message) -> JSON:
    field = wire.WhichOneof("kind")
    if field == "struct_value":
        return struct_of(wire.struct_value)
    if field == "list_value":
        return [_json_of(item) for item in wire.list_value.values]
    value: JSON = None if field in (None, "null_value") else getattr(wire, field)
    return value


def fill_value(wire: Message, value: Value | Struct) -> None:
    """Write a value into an empty message.

    A struct that is no object, which MLMD cannot have, becomes one with the field `value`.
    """
    kind = type(value)
    if kind is str:
        wire.string_value = value
    elif kind is bool:
        wire.bool_value = value
    elif kind is int:
        wire.int_value = value
    elif kind is float:
        wire.double_value = value
    elif isinstance(value, ProtoAny):
        wire.proto_value.type_url, wire.proto_value.value = value
    else:
        content = value.content if isinstance(value, Struct) else value
        top = content if isinstance(content, dict) else {"value": content}
        wire.struct_value.SetInParent()
        _fill_struct(wire.struct_value, top, 1)


def _fill_struct(wire: Message, content: Mapping[str, Any], depth: int) -> None:
    for name, item in content.items():
        _fill_json(wire.fields[name], item, depth)


def _fill_json(wire: Message, item: JSON, depth: int) -> None:
    if item is None:
        wire.null_value = 0
    elif isinstance(item, bool):
        wire.bool_value = item
    elif isinstance(item, str):
        wire.string_value = item
    elif isinstance(item, int | float):
        wire.number_value = _double(item)
    elif depth >= DEEPEST:
        wire.string_value = json.dumps(item)
    elif isinstance(item, dict):
        wire.struct_value.SetInParent()
        _fill_struct(wire.struct_value, item, depth + 1)
    else:
        wire.list_value.SetInParent()
        for each in item:
            _fill_json(wire.list_value.values.add(), each, depth + 1)


def is_deep(content: object) -> bool:
    """Whether a struct is deeper than `DEEPEST` on the wire, and has JSON text below that."""
    return _levels_reach(content, 0 if isinstance(content, dict) else 1)


def _levels_reach(item: object, depth: int) -> bool:
    if not isinstance(item, dict | list):
        return False
    inner = item.values() if isinstance(item, dict) else item
    return depth >= DEEPEST or any(_levels_reach(each, depth + 1) for each in inner)


def _double(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")


def state_field(kind: Kind) -> str | None:
    """Return the name of the field that holds a node's state."""
    return {Kind.ARTIFACT: "state", Kind.EXECUTION: "last_known_state"}.get(kind)


def state_numbers(kind: Kind) -> range:
    """Return the numbers of a kind's states; none of contexts."""
    return range(len(_STATES.get(kind, ())))


def fill_node(wire: Message, row: NodeRow, types: Mapping[int, AnyType]) -> None:
    """Write a node into an empty message."""
    kind, wire.id = row.key
    wire.type_id = row.type_id
    wire.type = wire_name(types[row.type_id].name)
    wire.create_time_since_epoch = to_millis(row.created)
    wire.last_update_time_since_epoch = to_millis(row.updated)
    if row.name is not None:
        wire.name = row.name
    if row.external_id is not None:
        wire.external_id = row.external_id
    if kind is Kind.ARTIFACT:
        wire.uri = row.uri or ""
    if row.state is not None:
        setattr(wire, state_field(kind) or "", row.state)
    if row.properties != NONE:
        _fill_map(wire.properties, row.properties)
    if row.custom != NONE:
        _fill_map(wire.custom_properties, row.custom)


def _fill_map(target: Message, values: str) -> None:
    for name, value in stored_values(values).items():
        fill_value(target[name], value)


def type_message(each: AnyType) -> Message:
    """Return a type's message; of a system type nothing but its id and name, as MLMD has it."""
    wire = type_class(each.kind)(id=each.id, name=wire_name(each.name))
    if each.name in _SYSTEM:
        return wire
    for field in ("version", "description", "external_id"):
        value = getattr(each, field)
        if value is not None:
            setattr(wire, field, value)
    wire.properties.update(property_numbers(each))
    if each.base is not None:
        wire.base_type = SYSTEM_NAMES[each.kind].index(each.base) + 1
    if isinstance(each, ExecutionType):
        for field in ("input_type", "output_type"):
            content = getattr(each, field)
            if content is not None:
                _fill_structure(wire, field, content)
    return wire


def _fill_structure(wire: Message, field: str, content: Any) -> None:
    """Write the structure of an execution's inputs or outputs; what is none of MLMD's is left out."""
    if not isinstance(content, dict):  # of a list, protobuf would take the items to be names
        return
    getattr(wire, field).SetInParent()
    try:
        ParseDict(content, getattr(wire, field), ignore_unknown_fields=True)
    except (ParseError, TypeError, ValueError, AttributeError, RecursionError):
        wire.ClearField(field)


def property_numbers(each: AnyType) -> dict[str, int]:
    """Return a type's declared properties with MLMD's numbers of their types."""
    return {name: _TYPE_NUMBERS[value_type] for name, value_type in each.properties.items()}


def type_of(wire: Message, kind: Kind) -> AnyType:
    """Return the type that a message describes, without an id."""
    if not wire.name:
        raise Invalid(f"{kind} type: name is missing")
    if wire.name in _SYSTEM:
        raise Invalid(
            f"{kind} type {wire.name}: the name is this library's own for {wire_name(wire.name)}; choose another"
        )
    fields: dict[str, Any] = {
        "name": own_name(wire.name),
        "version": text_or_none(wire, "version"),
        "description": text_or_none(wire, "description"),
        "external_id": text_or_none(wire, "external_id"),
        "properties": {name: _value_type(name, number) for name, number in wire.properties.items()},
    }
    if wire.HasField("base_type") and wire.base_type:
        fields["base"] = SYSTEM_NAMES[kind][wire.base_type - 1]
    if kind is Kind.EXECUTION:
        for field in ("input_type", "output_type"):
            if wire.HasField(field):
                fields[field] = structure_of(getattr(wire, field))
    return TYPE_CLASSES[kind](**fields)


def _value_type(name: str, number: int) -> ValueType:
    found = _VALUE_TYPES.get(number)
    if found is None:
        raise Invalid(
            f"property {excerpt(name)}: its type is UNKNOWN; there are {', '.join(ValueType)}"
        )
    return found


def structure_of(wire: Message) -> JSON:
    """Return the structure of an execution's inputs or outputs as JSON, to be kept as it is."""
    try:
        content: JSON = json.loads(json.dumps(MessageToDict(wire)))
    except (ParseError, ValueError, RecursionError) as error:
        raise Invalid(f"a type's structure cannot be read: {error}") from error
    return content


def fill_event(wire: Message, row: EdgeRow) -> None:
    """Write an event into an empty message."""
    one, other = row.source, row.target
    artifact, execution = (one, other) if one.kind is Kind.ARTIFACT else (other, one)
    wire.artifact_id, wire.execution_id, wire.type = artifact.id, execution.id, int(row.kind)
    if row.time is not None:
        wire.milliseconds_since_epoch = to_millis(row.time)
    for step in first_path(row.paths):  # a client sees one path for an event
        if isinstance(step, int):
            wire.path.steps.add(index=step)
        else:
            wire.path.steps.add(key=step)


def path_of(wire: Message) -> list[int | str]:
    """Return an event's path; steps that say nothing are left out."""
    steps: list[int | str] = []
    for step in wire.path.steps:
        field = step.WhichOneof("value")
        if field is not None:
            steps.append(step.index if field == "index" else step.key)
    return steps


def attribution_message(row: EdgeRow) -> Message:
    """Return an attribution's or an association's message."""
    context, member = row.source.id, row.target.id
    if row.kind is EdgeKind.ATTRIBUTION:
        return message("Attribution")(context_id=context, artifact_id=member)
    return message("Association")(context_id=context, execution_id=member)

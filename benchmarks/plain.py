"""Answers of both systems as the same plain values, without times, and requests from plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.message import Message

from lineage import Event
from lineage.mlmd.conversion import value_of, wire_name
from lineage.model.entities import Entity, Node
from lineage.model.rows import EDGE_KINDS, STATE_NUMBERS
from lineage.model.schema import NodeType

VALUES = {int: "int_value", float: "double_value", str: "string_value"}
PROPERTY_TYPES = {"INT": 1, "DOUBLE": 2, "STRING": 3}


def wire_values(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return properties as a request has them."""
    return {name: {VALUES[type(value)]: value} for name, value in values.items()}


def wire_types(properties: Mapping[str, str]) -> dict[str, int]:
    """Return the types of properties as a request has them."""
    return {name: PROPERTY_TYPES[each] for name, each in properties.items()}


def plain(answer: Any) -> list[tuple[Any, ...]]:
    """Return what an answer says, in an order of its own."""
    if isinstance(answer, Entity):
        return [_entity(answer)]
    if isinstance(answer, Iterable):
        return sorted(map(_entity, answer), key=repr)
    assert isinstance(answer, Message)
    found = []
    for descriptor, value in answer.ListFields():
        if descriptor.message_type is not None:
            found += map(_message, value if descriptor.is_repeated else [value])
    return sorted(found, key=repr)


def _entity(each: Entity) -> tuple[Any, ...]:
    if isinstance(each, NodeType):
        return each.id, wire_name(each.name), dict(each.properties)
    if isinstance(each, Node):
        state = None if getattr(each, "state", None) is None else STATE_NUMBERS[each.state]  # type: ignore[attr-defined]
        uri = getattr(each, "uri", None) or ""
        maps = dict(each.properties), dict(each.custom_properties)
        return each.id, each.type, each.name, uri, state, *maps
    assert isinstance(each, Event)
    return each.artifact.id, each.execution.id, int(EDGE_KINDS[each.type])


def _message(wire: Message) -> tuple[Any, ...]:
    kind = wire.DESCRIPTOR.name
    if kind.endswith("Type"):
        names = {number: name for name, number in PROPERTY_TYPES.items()}
        return wire.id, wire.name, {name: names[each] for name, each in wire.properties.items()}
    if kind == "Event":
        return wire.artifact_id, wire.execution_id, wire.type
    state = next((field for field in ("state", "last_known_state") if hasattr(wire, field)), None)
    return (
        wire.id,
        wire.type,
        wire.name if wire.HasField("name") else None,
        getattr(wire, "uri", ""),
        getattr(wire, state) if state and wire.HasField(state) else None,
        {name: value_of(each) for name, each in wire.properties.items()},
        {name: value_of(each) for name, each in wire.custom_properties.items()},
    )

"""Values and types as MLMD's messages, at their edges: what is empty, too large, too deep or no message."""

from __future__ import annotations

import math
from typing import Any

import pytest

from lineage.mlmd.conversion import (
    DEEPEST,
    fill_value,
    is_deep,
    path_of,
    struct_of,
    type_message,
    value_of,
)
from lineage.mlmd.messages import Message, message
from lineage.model.schema import ExecutionType
from lineage.model.values import ProtoAny, Value


def wire_of(value: Value) -> Message:
    wire = message("Value")()
    fill_value(wire, value)
    return message("Value").FromString(wire.SerializeToString())


@pytest.mark.parametrize("value", [{}, ProtoAny("", b""), "", 0, 0.0, False], ids=repr)
def test_a_value_that_holds_nothing_is_there(value: Value) -> None:
    found = value_of(wire_of(value))
    assert (found, type(found)) == (value, type(value))


def test_numbers_beyond_doubles_are_infinite() -> None:
    wire = wire_of({"more": 10**400, "less": -(10**400)})
    assert struct_of(wire.struct_value) == {"more": math.inf, "less": -math.inf}


def nested(kind: type, levels: int) -> Any:
    """Return empty dicts or lists, one in the other, so many levels deep."""
    item: Any = kind()
    for _ in range(levels - 1):
        item = {"a": item} if kind is dict else [item]
    return item


@pytest.mark.parametrize("levels", [1, DEEPEST - 1, DEEPEST, DEEPEST + 1])
@pytest.mark.parametrize("kind", [dict, list])
def test_what_is_deep_has_text_on_the_wire(kind: type, levels: int) -> None:
    value = nested(kind, levels)
    wire = wire_of(value)
    whole = value if kind is dict else {"value": value}
    assert is_deep(value) == (struct_of(wire.struct_value) != whole)


@pytest.mark.parametrize("structure", [["no", "structure"], {"dict": {"properties": 7}}])
def test_a_structure_that_is_none_of_mlmds_is_left_out(structure: Any) -> None:
    wire = type_message(ExecutionType(id=10, name="T", input_type=structure, output_type={}))
    assert not wire.HasField("input_type")
    assert wire.HasField("output_type")


def test_steps_that_say_nothing_are_left_out() -> None:
    steps = [{}, {"key": ""}, {}, {"index": 0}]
    assert path_of(message("Event")(path={"steps": steps})) == ["", 0]

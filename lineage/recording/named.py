"""Nodes that are given by the name of their type, and values that find their places by it.

Such a type is made where it is used first. It declares nothing, so that all of its nodes' properties are custom
ones; a type that is there, of a class or of another program, has in its own properties what it declares.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineage.errors import Invalid, excerpt
from lineage.model.canonical import decode, encode
from lineage.model.entities import Node
from lineage.model.keys import Kind
from lineage.model.marks import DETAILS_PREFIX, is_own_property
from lineage.model.rows import NODE_CLASSES, NodeRow
from lineage.model.schema import AnyType, conform
from lineage.model.system import WHY
from lineage.model.values import NO_PROPERTIES, Properties, to_properties, to_text

__all__ = ["check_type_name", "named_node", "to_parameters", "with_values"]

_PLAIN = {
    Kind.ARTIFACT: frozenset({"name", "external_id", "uri", "state"}),
    Kind.EXECUTION: frozenset({"name", "external_id"}),
}
"""The fields of nodes of each kind that are no properties."""
_PLACES = frozenset("/:\\")


def check_type_name(name: str, example: str) -> str:
    """Return the name of a type that is to be used; `Invalid` for a URI, a path or a key in its place."""
    if not to_text(name).strip() or _PLACES.intersection(name):
        raise Invalid(f"{excerpt(name)} is no name of a type; give one, as in {example}")
    return name


def named_node(kind: Kind, type_name: str, fields: Mapping[str, object]) -> Node:
    """Return a node of a type that is given by its name: what is no field of its kind is a custom property for now."""
    plain = {name: value for name, value in fields.items() if name in _PLAIN[kind]}
    values = to_properties({name: fields[name] for name in fields if name not in plain})
    _check_free(values)
    return NODE_CLASSES[kind](type=type_name, custom_properties=values, **plain)


def to_parameters(values: Mapping[str, object] | None, more: Mapping[str, object]) -> Properties:
    """Return the parameters that a run is given, checked; those that are None are left out."""
    if not isinstance(values, Mapping | None):
        raise Invalid(f"{excerpt(values)} holds no parameters; give a mapping of names to values")
    if not values and not more:
        return NO_PROPERTIES
    checked = to_properties({**(values or {}), **more})
    _check_free(checked)
    for name in WHY:
        if name in checked:
            raise Invalid(
                f"{name!r} says why a run did not end well; give the parameter another name"
            )
    return checked


def _check_free(values: Mapping[str, object]) -> None:
    for name in values:
        if is_own_property(name):
            raise Invalid(
                f"{excerpt(name)}: names that begin with {DETAILS_PREFIX!r} are the engine's own; choose another"
            )


def with_values(node_type: AnyType, row: NodeRow, values: Mapping[str, Any]) -> NodeRow:
    """Return a row with values more, or in place of those it has: what its type declares as its properties."""
    if not values:
        return row
    declared = {name: value for name, value in values.items() if name in node_type.properties}
    custom = {name: value for name, value in values.items() if name not in declared}
    changes: dict[str, str] = {}
    if declared:
        whole = Properties({**decode(row.properties), **declared})
        changes["properties"] = conform(node_type, whole)
    if custom:
        changes["custom"] = encode({**decode(row.custom), **custom})
    return row._replace(**changes)  # type: ignore[arg-type]  # the names are columns of texts

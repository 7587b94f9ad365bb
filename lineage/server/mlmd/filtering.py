"""Filters as MLMD's clients mean them: what a `filter_query` says of nodes on the wire."""

from __future__ import annotations

from dataclasses import replace
from weakref import WeakKeyDictionary

from lineage.contract.evaluation import holds
from lineage.contract.registry import Registry, registry
from lineage.errors import Invalid
from lineage.filters.parsing import parse
from lineage.filters.tree import (
    And,
    Column,
    Compare,
    CompareColumns,
    Exists,
    Field,
    Filter,
    Not,
    OnColumn,
    Operator,
    Or,
    Present,
    bind,
)
from lineage.mlmd.conversion import wire_name
from lineage.model.keys import Kind
from lineage.model.schema import AnyType
from lineage.server.session import Session

__all__ = ["filtered"]


def filtered(session: Session, kind: Kind, text: str, as_of: int | None) -> Filter | None:
    """Return what a `filter_query` says; None where it is empty.

    `state != LIVE` holds for what has no state, too, and the URI of an artifact without one is "".
    """
    if not text:
        return None
    try:
        tree = parse(text, kind)
    except Invalid as error:
        raise Invalid(f"Invalid `filter_query`: {error}") from None
    return _on_wire(bind(tree, _wire_types(registry(session.backend, as_of))))


def _on_wire(tree: Filter) -> Filter:
    if isinstance(tree, And | Or):
        return type(tree)(tuple(_on_wire(item) for item in tree.items))
    if isinstance(tree, Not):
        return Not(_on_wire(tree.item))
    if isinstance(tree, Exists):
        return replace(tree, condition=_on_wire(tree.condition))
    return _columns_on_wire(tree) if isinstance(tree, CompareColumns) else _leaf_on_wire(tree)


def _columns_on_wire(tree: CompareColumns) -> Filter:
    sides = ((tree.left, tree.op.flipped, tree.right), (tree.right, tree.op, tree.left))
    absent = (
        And((Not(Present(column)), _on_wire(Compare(other, op, ""))))
        for column, op, other in sides
        if isinstance(column, Column) and column.field is Field.URI
    )
    return Or((tree, *absent))


def _leaf_on_wire(tree: OnColumn) -> Filter:
    if not isinstance(tree.column, Column):
        return tree
    if tree.column.field is Field.URI and holds(tree)(""):
        return Or((tree, Not(Present(tree.column))))
    if tree.column.field is Field.STATE and isinstance(tree, Compare) and tree.op is Operator.NE:
        return Not(replace(tree, op=Operator.EQ))
    return tree


_WIRE_TYPES: WeakKeyDictionary[Registry, list[AnyType]] = WeakKeyDictionary()


def _wire_types(types: Registry) -> list[AnyType]:
    """Return the types under the names that filters give them."""
    known = _WIRE_TYPES.get(types)
    if known is None:
        known = _WIRE_TYPES[types] = [
            each.stored({**vars(each), "name": wire_name(each.name)})
            if each.name != wire_name(each.name)
            else each
            for each in types.by_id.values()
        ]
    return known

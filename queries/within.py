"""Conditions on contexts that count for the contexts within them, too."""

from __future__ import annotations

from dataclasses import replace

from lineage.contract.backend import Backend
from lineage.contract.walking import Direction
from lineage.errors import Invalid
from lineage.filters.tree import (
    And,
    AnyColumn,
    Column,
    CompareColumns,
    Contains,
    Exists,
    Field,
    Filter,
    In,
    Neighbour,
    Not,
    Or,
)
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKind

__all__ = ["with_contexts_within"]

MOST = 10_000
"""How many contexts may be within those that a condition is about."""


def with_contexts_within(backend: Backend, tree: Filter, *, as_of: int | None) -> Filter:
    """Return a bound filter in which being in a context within another one is being in that one.

    What it says of contexts is asked first; what remains asks for one of some ids. `Invalid` where a
    condition on a context is not about it alone, or more than 10,000 contexts are within those that it finds.
    """
    if isinstance(tree, And | Or):
        items = (with_contexts_within(backend, item, as_of=as_of) for item in tree.items)
        return type(tree)(tuple(items))
    if isinstance(tree, Not):
        return Not(with_contexts_within(backend, tree.item, as_of=as_of))
    if not isinstance(tree, Exists):
        return tree
    if tree.neighbour is not Neighbour.CONTEXTS:
        return replace(tree, condition=with_contexts_within(backend, tree.condition, as_of=as_of))
    found = backend.find(Kind.CONTEXT, _own(tree.condition, tree.alias), as_of=as_of)
    ids = _with_descendants(backend, [row.key for row in found], as_of)
    return replace(tree, condition=In(Column(Field.ID, tree.alias), ids))


def _own(tree: Filter, alias: str) -> Filter:
    """Return a condition on a neighbour as one on the node itself."""
    if isinstance(tree, And | Or):
        return type(tree)(tuple(_own(item, alias) for item in tree.items))
    if isinstance(tree, Not):
        return Not(_own(tree.item, alias))
    if isinstance(tree, Exists):
        raise _not_alone(alias)
    if isinstance(tree, CompareColumns):
        return replace(tree, left=_moved(tree.left, alias), right=_moved(tree.right, alias))
    column = _moved(tree.column, alias)
    # Only properties are lists, and a neighbour is not asked for any.
    return Or(()) if isinstance(tree, Contains) else replace(tree, column=column)


def _moved(column: AnyColumn, alias: str) -> Column:
    if not isinstance(column, Column) or column.of != alias:
        raise _not_alone(alias)
    return Column(column.field)


def _not_alone(alias: str) -> Invalid:
    return Invalid(
        f"what is said of {alias} has to be about it alone, where the contexts within it count: compare it "
        "with literals, and give another neighbour its own condition outside"
    )


def _with_descendants(
    backend: Backend, contexts: list[NodeKey], as_of: int | None
) -> tuple[int, ...]:
    """Return the ids of contexts and of all live ones within them, however deep."""
    met, level = set(contexts), contexts
    while level:
        rows = backend.edges(level, Direction.DOWNSTREAM, kinds={EdgeKind.PARENT}, as_of=as_of)
        below = {row.target for row in rows} - met
        known = backend.nodes(below, as_of=as_of)
        level = sorted(key for key in below if not known[key].gone)
        met.update(level)
        if len(met) - len(contexts) > MOST:
            raise Invalid(
                f"more than {MOST:,} contexts are within those that the filter is about; ask about fewer"
            )
    return tuple(sorted(key.id for key in met))

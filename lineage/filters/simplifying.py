"""Filters that mean the same and cost less: what is asked many times is asked once.

Hundreds of alternatives about neighbours, each with an alias of its own, are one question about a
neighbour with as many answers: "one is named a, or one is named b" is "one is named a or b".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count
from typing import TypeAlias, TypeGuard

from lineage.filters.tree import (
    And,
    AnyColumn,
    Column,
    Compare,
    CompareColumns,
    Contains,
    Exists,
    Filter,
    In,
    Literal,
    Neighbour,
    Not,
    Operator,
    Or,
    PropertyColumn,
    conjuncts,
)

__all__ = ["simplified"]

_Question: TypeAlias = tuple[Neighbour, Column | None]
"""What an alternative asks of a neighbour: one of some values of a column, or something else."""


def simplified(tree: Filter) -> Filter:
    """Return a filter that means the same, in which alternatives for one column are one `In`.

    Neighbours of one kind that are alternatives to one another are one; so are those none of which may be.
    """
    return _Simplifier().of(tree)


class _Simplifier:
    """One filter's; it gives neighbours that become one an alias that no filter's text can name."""

    def __init__(self) -> None:
        self._aliases = map("{}*".format, count())

    def of(self, tree: Filter) -> Filter:
        if isinstance(tree, Not):
            return Not(self.of(tree.item))
        if isinstance(tree, Exists):
            return replace(tree, condition=self.of(tree.condition))
        if isinstance(tree, And):
            return self._all_of(tree.items)
        return self._any_of(tree.items) if isinstance(tree, Or) else tree

    def _all_of(self, items: Iterable[Filter]) -> Filter:
        parts = [part for item in items for part in conjuncts(self.of(item))]
        absent = [each.item for each in parts if _is_absence(each)]
        if len(absent) > 1:
            parts = [each for each in parts if not _is_absence(each)]
            parts.append(Not(self._any_of(absent)))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _any_of(self, items: Iterable[Filter]) -> Filter:
        parts = _merged(
            self._together([part for item in items for part in _alternatives(self.of(item))])
        )
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _together(self, parts: Iterable[Filter]) -> Iterator[Filter]:
        """Yield alternatives, those about neighbours that can be one as one."""
        groups: dict[_Question, list[Exists]] = {}
        for part in parts:
            if isinstance(part, Exists):
                groups.setdefault((part.neighbour, _equalled(part)), []).append(part)
            else:
                yield part
        for (neighbour, _), some in groups.items():
            if len(some) == 1:
                yield some[0]
                continue
            alias = next(self._aliases)
            conditions = [_renamed(each.condition, each.alias, alias) for each in some]
            yield Exists(neighbour, alias, self._any_of(conditions))


def _is_absence(tree: Filter) -> TypeGuard[Not]:
    """Whether it says that there is no such neighbour."""
    return isinstance(tree, Not) and isinstance(tree.item, Exists)


def _alternatives(tree: Filter) -> tuple[Filter, ...]:
    return tree.items if isinstance(tree, Or) else (tree,)


def _equalled(tree: Exists) -> Column | None:
    """Return the neighbour's column, as if it were the node's, of which the condition names some values.

    An index may serve it, which it could not if other conditions were alternatives.
    """
    condition = tree.condition
    if not isinstance(condition, Compare | In):
        return None
    if isinstance(condition, Compare) and condition.op is not Operator.EQ:
        return None
    column = condition.column
    if isinstance(column, Column) and column.of == tree.alias:
        return replace(column, of="")
    return None


def _merged(items: Iterable[Filter]) -> list[Filter]:
    values: dict[Column | PropertyColumn, list[Literal]] = {}
    others: list[Filter] = []
    for item in items:
        if isinstance(item, Compare) and item.op is Operator.EQ:
            values.setdefault(item.column, []).append(item.value)
        elif isinstance(item, In):
            values.setdefault(item.column, []).extend(item.values)
        else:
            others.append(item)
    return [*(In(column, tuple(some)) for column, some in values.items()), *others]


def _renamed(tree: Filter, alias: str, name: str) -> Filter:
    """Return a condition in which a neighbour has another alias."""
    if isinstance(tree, And | Or):
        return type(tree)(tuple(_renamed(item, alias, name) for item in tree.items))
    if isinstance(tree, Not):
        return Not(_renamed(tree.item, alias, name))
    if isinstance(tree, Exists):
        inner = tree.condition
        # Another neighbour of this alias, further in, is one of its own.
        return (
            tree if tree.alias == alias else replace(tree, condition=_renamed(inner, alias, name))
        )

    def column(each: AnyColumn) -> AnyColumn:
        return replace(each, of=name) if isinstance(each, Column) and each.of == alias else each

    if isinstance(tree, CompareColumns):
        return replace(tree, left=column(tree.left), right=column(tree.right))
    if isinstance(tree, Contains):
        return tree  # it is on a property, which is the node's own
    return replace(tree, column=column(tree.column))

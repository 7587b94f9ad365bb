"""Evaluates a bound filter on rows, for a backend that does not turn filters into queries.

Properties are read as they stand at rest: decoded, a struct that holds nothing but a string could
not be told from that string, and structs never compare.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

from pydantic_core import from_json

from lineage.contract.stopping import go_on, while_wanted
from lineage.filters.comparing import COMPARISONS
from lineage.filters.like import like
from lineage.filters.tree import (
    And,
    AnyColumn,
    Column,
    Compare,
    CompareColumns,
    Contains,
    Exists,
    Field,
    Filter,
    In,
    Like,
    Literal,
    Not,
    OnColumn,
    Operator,
    Or,
    PropertyColumn,
    conjuncts,
    is_of_alias_alone,
)
from lineage.model.canonical import escape, unescape
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeRow, NodeRow
from lineage.model.values import ValueType

__all__ = [
    "FAMILIES",
    "FIELDS",
    "Met",
    "NeighboursOf",
    "accepts",
    "compares",
    "holds",
    "is_nan",
    "of_type",
    "stored_value",
]

Met: TypeAlias = NodeRow | EdgeRow
"""A neighbour: a node, or the edge of an event."""
NeighboursOf: TypeAlias = Callable[[NodeRow, Exists], Iterable[Met]]
"""Gives the neighbours of a node that exist; those that cannot make the condition true may be left out."""

_Test: TypeAlias = Callable[[NodeRow, Mapping[str, Met]], bool]
_Read: TypeAlias = Callable[[NodeRow, Mapping[str, Met]], object]

MANY: Final = 8
"""From how many alternatives on those that can hold are looked up by a value that they name."""
FAMILIES: dict[type, str] = {bool: "bool", int: "number", float: "number", str: "string"}
"""Values compare within a family; what has none, such as a struct, compares with nothing."""
_TYPES = {
    ValueType.INT: int,
    ValueType.DOUBLE: float,
    ValueType.STRING: str,
    ValueType.BOOLEAN: bool,
    ValueType.STRUCT: tuple,
}


def _end_of(kind: Kind) -> Callable[[EdgeRow], int]:
    """Return what reads the id of an event's end of that kind."""
    return lambda row: row.source.id if row.source.kind is kind else row.target.id


FIELDS: Final[Mapping[Field, Callable[[Any], object]]] = {
    Field.ID: operator.attrgetter("key.id"),
    Field.TYPE_ID: operator.attrgetter("type_id"),
    Field.NAME: operator.attrgetter("name"),
    Field.EXTERNAL_ID: operator.attrgetter("external_id"),
    Field.URI: operator.attrgetter("uri"),
    Field.STATE: operator.attrgetter("state"),
    Field.CREATED: operator.attrgetter("created"),
    Field.UPDATED: operator.attrgetter("updated"),
    Field.EVENT_TYPE: lambda row: int(row.kind),
    Field.EVENT_TIME: operator.attrgetter("time"),
    Field.ARTIFACT_ID: _end_of(Kind.ARTIFACT),
    Field.EXECUTION_ID: _end_of(Kind.EXECUTION),
    Field.GONE: operator.attrgetter("gone"),
}
"""How a row, or the edge of an event, is asked for each built-in column."""


def accepts(tree: Filter, neighbours: NeighboursOf) -> Callable[[NodeRow], bool]:
    """Return whether a node's row makes the filter true, as one function.

    It is for one search: it remembers the properties that it looked at last.
    """
    test = _Compiler(neighbours).test(tree)

    def accepted(row: NodeRow) -> bool:
        go_on()
        return test(row, {})

    return accepted


class _Compiler:
    """Turns a tree into nested functions of a node and its neighbours by alias."""

    def __init__(self, neighbours: NeighboursOf) -> None:
        self._neighbours = neighbours
        # Several conditions on one node's properties are the usual case; each reads them.
        self._parse = lru_cache(maxsize=2)(from_json)

    def test(self, tree: Filter) -> _Test:
        if isinstance(tree, And):
            every = [self.test(item) for item in tree.items]
            return lambda node, met: all(test(node, met) for test in every)
        if isinstance(tree, Or):
            return self._any_of(tree.items)
        if isinstance(tree, Not):
            inner = self.test(tree.item)
            return lambda node, met: not inner(node, met)
        if isinstance(tree, CompareColumns):
            return self._columns(tree)
        return self._exists(tree) if isinstance(tree, Exists) else self._condition(tree)

    def _any_of(self, items: Sequence[Filter]) -> _Test:
        """Return whether one of some alternatives holds; of many, those that can are looked up."""
        column, value_of = _dispatched(items)
        if column is None:
            some = [self.test(item) for item in items]
            return lambda node, met: any(test(node, met) for test in some)
        tests: dict[tuple[str, object], list[_Test]] = {}
        for item, values in value_of.items():
            test = self.test(items[item])
            for value in values:
                tests.setdefault((FAMILIES[type(value)], value), []).append(test)
        read = self._read(column)
        others = self._any_of([item for at, item in enumerate(items) if at not in value_of])

        def holds(node: NodeRow, met: Mapping[str, Met]) -> bool:
            value = read(node, met)
            family = FAMILIES.get(type(value))  # of a list there is none, and it may have no hash
            possible = () if family is None else tests.get((family, value), ())
            return any(test(node, met) for test in possible) or others(node, met)

        return holds

    def _exists(self, tree: Exists) -> _Test:
        inner = self.test(tree.condition)
        if tree.neighbour.kind is not None and is_of_alias_alone(tree):
            inner = _asked_once(inner, tree.alias)
        return lambda node, met: any(
            inner(node, {**met, tree.alias: other})
            for other in while_wanted(self._neighbours(node, tree))
        )

    def _columns(self, tree: CompareColumns) -> _Test:
        left, right, compare = self._read(tree.left), self._read(tree.right), compares(tree.op)
        return lambda node, met: compare(left(node, met), right(node, met))

    def _condition(self, tree: OnColumn) -> _Test:
        read = self._read(tree.column)
        accepted = holds(tree)

        def test(node: NodeRow, met: Mapping[str, Met]) -> bool:
            value = read(node, met)
            return value is not None and accepted(value)

        return test

    def _read(self, column: AnyColumn) -> _Read:
        if isinstance(column, Column):
            field, alias = FIELDS[column.field], column.of
            return lambda node, met: field(met[alias] if alias else node)
        return self._read_property(column)

    def _read_property(self, column: PropertyColumn) -> _Read:
        name, kind, parse = escape(column.name), column.kind, self._parse
        text = operator.attrgetter("custom" if column.custom else "properties")

        def read(node: NodeRow, _: Mapping[str, Met]) -> object:
            return of_type(stored_value(parse(text(node)).get(name)), kind)

        return read


def _asked_once(test: _Test, alias: str) -> _Test:
    """Return a test of a neighbour alone that remembers its answers: many nodes may have that neighbour."""
    answers: dict[NodeKey, bool] = {}

    def remembered(node: NodeRow, met: Mapping[str, Met]) -> bool:
        other = met[alias]
        assert isinstance(other, NodeRow)
        answer = answers.get(other.key)
        if answer is None:
            answer = answers[other.key] = test(node, met)
        return answer

    return remembered


def _dispatched(
    items: Sequence[Filter],
) -> tuple[AnyColumn | None, Mapping[int, Sequence[Literal]]]:
    """Return a column that many alternatives say the values of, and for each of them which those are."""
    by_column: dict[AnyColumn, dict[int, Sequence[Literal]]] = {}
    for at, item in enumerate(items if len(items) >= MANY else ()):
        for part in conjuncts(item):
            if isinstance(part, In):
                by_column.setdefault(part.column, {})[at] = part.values
            elif isinstance(part, Compare) and part.op is Operator.EQ:
                by_column.setdefault(part.column, {})[at] = (part.value,)
    column = max(by_column, key=lambda each: len(by_column[each]), default=None)
    if column is None or len(by_column[column]) < MANY:
        return None, {}
    return column, by_column[column]


def of_type(value: object, kind: ValueType | None) -> object:
    """Return a value if it is of a type, or if no type is asked for; else None."""
    return value if kind is None or value is kind or type(value) is _TYPES.get(kind) else None


def stored_value(at_rest: Any) -> object:
    """Return a plain value, a list as a tuple, or the type alone of what never compares."""
    if type(at_rest) is str:
        return unescape(at_rest)
    if type(at_rest) is dict:
        if "float" in at_rest:
            return float(at_rest["float"])
        if "any" in at_rest:
            return ValueType.PROTO
        content: str = at_rest["struct"]
        return tuple(from_json(content)) if content.startswith("[") else ValueType.STRUCT
    return at_rest


def compares(op: Operator) -> Callable[[object, object], bool]:
    """Return the comparison of two values, which is false where they are not of one family."""
    compare = COMPARISONS[op]

    def test(one: object, other: object) -> bool:
        family = FAMILIES.get(type(one))
        alike = family is not None and family == FAMILIES.get(type(other))
        return alike and compare(one, other)

    return test


def holds(tree: OnColumn) -> Callable[[Any], bool]:
    """Return the condition as a function of a value that is there."""
    if isinstance(tree, Compare):
        compare, literal, family = COMPARISONS[tree.op], tree.value, FAMILIES[type(tree.value)]
        return lambda value: FAMILIES.get(type(value)) == family and compare(value, literal)
    if isinstance(tree, Like):
        matches = like(tree.pattern)
        return lambda value: any(type(each) is str and matches(each) for each in _members(value))
    if isinstance(tree, Contains):
        equal = holds(Compare(tree.column, Operator.EQ, tree.value))
        return lambda value: type(value) is tuple and any(map(equal, value))
    if isinstance(tree, In):
        # A set holds True and 1 to be one, and finds NaN, which equals nothing, by its identity.
        wanted = {(FAMILIES[type(each)], each) for each in tree.values if not is_nan(each)}
        return lambda value: type(value) in FAMILIES and (FAMILIES[type(value)], value) in wanted
    return lambda _: True


def _members(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)


def is_nan(value: object) -> bool:
    """Whether a value is the float that equals nothing."""
    return isinstance(value, float) and math.isnan(value)

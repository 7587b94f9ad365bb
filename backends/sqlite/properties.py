"""Conditions on a node's properties, which stand in JSON columns, as SQL."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import TypeAlias

from pydantic_core import from_json

from lineage.contract.evaluation import is_nan
from lineage.filters.tree import (
    Contains,
    In,
    Like,
    Literal,
    OnColumn,
    Operator,
    Present,
    PropertyColumn,
)
from lineage.model.canonical import encode, escape
from lineage.model.values import ValueType

__all__ = ["Parameter", "PropertyCondition", "index_name", "list_of", "property_index"]

Parameter: TypeAlias = bool | int | float | str

_NAN = """'{"float":"nan"}'"""
_TAGS = {ValueType.STRUCT: '{"struct":', ValueType.PROTO: '{"any":'}
_LIST = '{"struct":"['
"""How the value of a property that is a list begins; a struct that is a string begins with a quote."""
_JSON_TYPES = {
    None: "'integer', 'real'",
    ValueType.INT: "'integer'",
    ValueType.DOUBLE: "'real'",
    ValueType.STRING: "'text'",
    ValueType.BOOLEAN: "'true', 'false'",
}


def property_path(name: str) -> str | None:
    """Return the JSON path of a property as an SQL literal; None where paths cannot name it."""
    key = escape(name)
    if '"' in key or "\\" in key or any(char < " " for char in key):
        return None
    return "'$.\"" + key.replace("'", "''") + "\"'"


def index_name(name: str) -> str:
    """Return the name of a property's index; SQLite does not tell capital and small letters of names apart."""
    capitals = any("A" <= char <= "Z" for char in name)
    return f"property.{name}#{name.encode().hex()}" if capitals else f"property.{name}"


def property_index(name: str) -> str | None:
    """Return the statement that makes the index of a property; None where no path can name it."""
    path = property_path(name)
    if path is None:
        return None
    # Partial, so that nodes without the property cost nothing; queries imply its condition.
    index = index_name(name).replace('"', '""')
    value = f"json_extract(properties, {path})"
    return f'CREATE INDEX IF NOT EXISTS "{index}" ON node ({value}) WHERE {value} IS NOT NULL'


def list_of(json_type: object, value: object) -> tuple[object, ...] | None:
    """Return the list that a property holds; None where it holds something else.

    It looks at the type itself, since SQLite tests conditions joined by AND in any order.
    """
    if json_type != "object" or not isinstance(value, str) or not value.startswith(_LIST):
        return None
    return tuple(from_json(from_json(value)["struct"]))


class PropertyCondition:
    """Conditions on one property of the node `n`; `place` takes a parameter and returns its mark."""

    def __init__(self, column: PropertyColumn, place: Callable[[Parameter], str]) -> None:
        self._name = column.name
        self._kind = column.kind
        self._table = f"n.{'custom' if column.custom else 'properties'}"
        self._path = property_path(column.name)
        self._place = place

    def sql(self, tree: OnColumn) -> str:
        """Return a condition; each time a part of it is written, its parameters are placed."""
        if isinstance(tree, Present):
            return self._present()
        if isinstance(tree, Like):
            return self._like(tree.pattern)
        if isinstance(tree, Contains):
            if not self._allows(ValueType.STRUCT) or is_nan(tree.value):
                return "FALSE"
            return self._of_list("lineage_contains", encode({"": tree.value}))
        if isinstance(tree, In):
            return self._in(tree.values)
        return self._compare(tree.op, tree.value)

    def _like(self, pattern: str) -> str:
        choices = []
        if self._allows(ValueType.STRING):
            start = f"{self._type()} = 'text'"
            choices.append(
                f"{start} AND lineage_like_value({self.value()}, {self._place(pattern)})"
            )
        if self._allows(ValueType.STRUCT):
            choices.append(self._of_list("lineage_like_member", pattern))
        return " OR ".join(f"({choice})" for choice in choices) or "FALSE"

    def _of_list(self, function: str, wanted: str) -> str:
        # The first condition spares most rows a call of Python.
        start = f"{self._type()} = 'object' AND {function}({self._type()}, {self.value()}, "
        return f"{start}{self._place(wanted)})"

    def is_of(self, kinds: Collection[ValueType]) -> str:
        """Return the condition that the value is of one of some plain types, NaN left out."""
        types = [_JSON_TYPES[kind] for kind in kinds if self._allows(kind)]
        return f"{self._type()} IN ({', '.join(types)})" if types else "FALSE"

    def is_nan(self) -> str:
        """Return the condition that the value is NaN."""
        if not self._allows(ValueType.DOUBLE):
            return "FALSE"
        return f"({self._type()} = 'object' AND {self.value()} = {_NAN})"

    def value(self) -> str:
        """Return the expression of the value as it stands at rest, a bool as 0 or 1."""
        if self._path is not None:
            return f"json_extract({self._table}, {self._path})"
        name = self._place(escape(self._name))
        return f"(SELECT j.value FROM json_each({self._table}) AS j WHERE j.key = {name})"

    def _type(self) -> str:
        if self._path is not None:
            return f"json_type({self._table}, {self._path})"
        name = self._place(escape(self._name))
        return f"(SELECT j.type FROM json_each({self._table}) AS j WHERE j.key = {name})"

    def _allows(self, *kinds: ValueType) -> bool:
        return self._kind is None or self._kind in kinds

    def _present(self) -> str:
        if self._kind is None:
            return f"{self._type()} IS NOT NULL"
        if self._kind is ValueType.DOUBLE:
            return f"{self._type()} = 'real' OR {self.is_nan()}"
        if self._kind in _TAGS:
            tag = _TAGS[self._kind]
            return f"{self._type()} = 'object' AND substr({self.value()}, 1, {len(tag)}) = '{tag}'"
        return f"{self._type()} IN ({_JSON_TYPES[self._kind]})"

    def _compare(self, op: Operator, literal: Literal) -> str:
        if isinstance(literal, bool):
            if not self._allows(ValueType.BOOLEAN):
                return "FALSE"
            start = f"{self._type()} IN ('true', 'false')"
            return f"{start} AND ({self._type()} = 'true') {op} {self._place(literal)}"
        if isinstance(literal, str):
            if not self._allows(ValueType.STRING):
                return "FALSE"
            return f"{self._type()} = 'text' AND {self.value()} {op} {self._place(escape(literal))}"
        if not self._allows(ValueType.INT, ValueType.DOUBLE):
            return "FALSE"
        return self._compare_number(op, literal)

    def _compare_number(self, op: Operator, literal: float) -> str:
        """Return a comparison with a number; NaN differs from all numbers, itself included."""
        differs = op is Operator.NE
        if math.isnan(literal) and not differs:
            return "FALSE"
        numbers = f"{self._type()} IN ({_JSON_TYPES[self._kind]})"
        if not math.isnan(literal):
            numbers += f" AND {self.value()} {op} {self._number(literal)}"
        if differs and self._kind is not ValueType.INT:
            return f"({numbers}) OR {self.is_nan()}"
        return numbers

    def _number(self, literal: float) -> str:
        """Place a number as text, so that it is rounded like the stored text, whatever SQLite does."""
        return f"json_extract({self._place(encode({'': literal}))}, '$.\"\"')"

    def _in(self, values: tuple[Literal, ...]) -> str:
        """Return the condition that the property equals one of some values, each type apart."""
        choices = []
        truths = {each for each in values if isinstance(each, bool)}
        strings = [each for each in values if isinstance(each, str)]
        numbers = [
            each for each in values if not isinstance(each, bool | str) and not math.isnan(each)
        ]
        if truths and self._allows(ValueType.BOOLEAN):
            choices += [self._compare(Operator.EQ, truth) for truth in sorted(truths)]
        if strings and self._allows(ValueType.STRING):
            start = f"{self._type()} = 'text' AND {self.value()}"
            choices.append(
                f"{start} IN ({', '.join([self._place(escape(each)) for each in strings])})"
            )
        if numbers and self._allows(ValueType.INT, ValueType.DOUBLE):
            start = f"{self._type()} IN ({_JSON_TYPES[self._kind]}) AND {self.value()}"
            choices.append(f"{start} IN ({', '.join([self._number(each) for each in numbers])})")
        return " OR ".join(f"({choice})" for choice in choices) or "FALSE"

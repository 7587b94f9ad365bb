"""Filters as SQL conditions, with every value a parameter.

A condition may come out as NULL, which counts as false where nothing negates it; `Not` becomes
`IS NOT TRUE`, so that the two-valued meaning of filters holds and indexes stay usable.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from lineage.backends.sqlite.properties import Parameter, PropertyCondition
from lineage.backends.sqlite.rows import CONTEXT_EDGES, EDGE_COLUMNS, KIND_NUMBERS, NODE_COLUMNS
from lineage.contract.evaluation import holds
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
    Neighbour,
    Not,
    OnColumn,
    Operator,
    Or,
    Present,
    PropertyColumn,
    conjuncts,
    is_of_alias_alone,
)
from lineage.model.keys import LARGEST_ID, Kind
from lineage.model.values import ValueType

__all__ = ["COLUMNS", "Tables", "Translator", "packed", "selects"]

COLUMNS = {
    Field.TYPE_ID: "type",
    Field.NAME: "name",
    Field.EXTERNAL_ID: "external_id",
    Field.URI: "uri",
    Field.STATE: "state",
    Field.CREATED: "created",
    Field.UPDATED: "updated",
    Field.EVENT_TYPE: "kind",
    Field.EVENT_TIME: "time",
}
"""The columns of the tables that hold the built-in ones, but for keys."""
_EVENT_ENDS = {Field.ARTIFACT_ID: Kind.ARTIFACT, Field.EXECUTION_ID: Kind.EXECUTION}
_TEXTS = frozenset({Field.NAME, Field.EXTERNAL_ID, Field.URI})
_TYPES = {**dict.fromkeys(_TEXTS, ValueType.STRING), Field.GONE: ValueType.BOOLEAN}
"""Of what type the values of a column are; of the others they are numbers."""
_NUMBERS = (ValueType.INT, ValueType.DOUBLE)
_FAMILIES = (_NUMBERS, (ValueType.STRING,), (ValueType.BOOLEAN,))
_WILDCARD = re.compile("[%_]")
_GLOBS = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
LONGEST_GLOB = 500
"""Characters of a pattern for SQLite's own matching, whose time is that of the text times the pattern."""
_SELECTIVE = frozenset(
    {Field.ID, Field.NAME, Field.EXTERNAL_ID, Field.URI, Field.ARTIFACT_ID, Field.EXECUTION_ID}
)


@dataclass(frozen=True)
class Tables:
    """The tables that a query reads: those of the present, or all as of a transaction."""

    as_of: int | None = None

    @property
    def nodes(self) -> str:
        """A table expression of the live nodes."""
        return self._both("node", NODE_COLUMNS)

    @property
    def edges(self) -> str:
        """A table expression of the edges."""
        return self._both("edge", EDGE_COLUMNS)

    @property
    def gone(self) -> str:
        """The condition that a row of `node_past` is the last version of a node that is gone."""
        if self.as_of is None:
            return "gone AND revived IS NULL"
        return f"gone AND until <= {self.as_of:d} AND (revived IS NULL OR revived > {self.as_of:d})"

    def _both(self, table: str, columns: str) -> str:
        if self.as_of is None:
            return table
        (now, now_condition), (past, past_condition) = self.arms(table)
        return (
            f"(SELECT {columns} FROM {now} WHERE {now_condition} "
            f"UNION ALL SELECT {columns} FROM {past} WHERE {past_condition})"
        )

    def arms(self, table: str, alias: str = "") -> list[tuple[str, str]]:
        """Return each table to read and the condition that its rows, under an alias, are of the moment."""
        if self.as_of is None:
            return [(table, "TRUE")]
        of = f"{alias}." if alias else ""
        begun = f"{of}since <= {self.as_of:d}"
        return [(table, begun), (f"{table}_past", f"{begun} AND {of}until > {self.as_of:d}")]


@dataclass
class Translator:
    """Turns one filter into SQL; `parameters` are in the order of their places.

    `narrowed` says that a URI or an external id narrows the search further than a type does, `gone`
    that the nodes are deleted ones.
    """

    source: Tables
    kind: Kind
    indexed: Collection[str] = ()
    narrowed: bool = False
    gone: bool = False
    parameters: list[Parameter] = field(default_factory=list)
    _aliases: dict[str, tuple[str, Kind]] = field(default_factory=dict)

    def condition(self, tree: Filter) -> str:
        """Return the condition on the node `n`."""
        self._aliases.setdefault("", ("n", self.kind))
        if isinstance(tree, And | Or):
            sign, empty = (" AND ", "TRUE") if isinstance(tree, And) else (" OR ", "FALSE")
            return sign.join(f"({self.condition(item)})" for item in tree.items) or empty
        if isinstance(tree, Not):
            return f"({self.condition(tree.item)}) IS NOT TRUE"
        if isinstance(tree, Exists):
            return self._exists(tree)
        if isinstance(tree, CompareColumns):
            return self._columns(tree)
        if isinstance(tree.column, PropertyColumn):
            return PropertyCondition(tree.column, self._place).sql(tree)
        return self._on_column(tree, tree.column)

    def _place(self, value: Parameter) -> str:
        self.parameters.append(value)
        return "?"

    def _columns(self, tree: CompareColumns) -> str:
        """Return the comparison of two columns, each family of values apart."""
        choices = [self._alike(tree, kinds) for kinds in _FAMILIES]
        if tree.op is Operator.NE:
            choices.append(self._one_is_nan(tree))
        return " OR ".join(f"({choice})" for choice in choices)

    def _alike(self, tree: CompareColumns, kinds: Collection[ValueType]) -> str:
        # One after the other, as the parameters are placed while the text is made.
        raw = isinstance(tree.left, Column) and isinstance(tree.right, Column)
        parts = [self._is_of(column, kinds) for column in (tree.left, tree.right)]
        left = self._side(tree.left, raw=raw)
        return f"{' AND '.join(parts)} AND {left} {tree.op} {self._side(tree.right, raw=raw)}"

    def _one_is_nan(self, tree: CompareColumns) -> str:
        """Return the condition that both are numbers, and one of them is that which equals none."""
        choices = []
        for one, other in ((tree.left, tree.right), (tree.right, tree.left)):
            if isinstance(one, PropertyColumn):
                is_nan = PropertyCondition(one, self._place).is_nan()
                number = self._is_of(other, _NUMBERS)
                if isinstance(other, PropertyColumn):
                    number = f"({number} OR {PropertyCondition(other, self._place).is_nan()})"
                choices.append(f"{is_nan} AND {number}")
        return " OR ".join(choices) or "FALSE"

    def _is_of(self, column: AnyColumn, kinds: Collection[ValueType]) -> str:
        if isinstance(column, PropertyColumn):
            return PropertyCondition(column, self._place).is_of(kinds)
        own = _TYPES.get(column.field, ValueType.INT)
        return f"{self._expression(column)} IS NOT NULL" if own in kinds else "FALSE"

    def _side(self, column: AnyColumn, *, raw: bool) -> str:
        """Return a column's value; text as it stands in properties, unless it is `raw`."""
        if isinstance(column, PropertyColumn):
            return PropertyCondition(column, self._place).value()
        expression = self._expression(column)
        return expression if raw or column.field not in _TEXTS else f"lineage_escape({expression})"

    def _on_column(self, tree: OnColumn, column: Column) -> str:
        if column.field is Field.GONE:
            return _truth(holds(tree)(self._is_gone(column)))
        expression = self._expression(column)
        text = column.field in _TEXTS
        if isinstance(tree, Present):
            return f"{expression} IS NOT NULL"
        if isinstance(tree, Like):
            # A number is not like any pattern.
            return self._like(expression, tree.pattern) if text else "FALSE"
        if isinstance(tree, In):
            return self._among(tree, column)
        return "FALSE" if isinstance(tree, Contains) else self._compare(tree, column)

    def _among(self, tree: In, column: Column) -> str:
        place, text = self._place_of_id(column), column.field in _TEXTS
        if place is None or set(map(type, tree.values)) != {int}:
            fitting = [value for value in tree.values if _fits(value, text=text)]
            return self._in(self._expression(column), fitting)
        return self._in(place[0], _packed(tree.values, place[1]))

    def _compare(self, tree: Compare, column: Column) -> str:
        place, text = self._place_of_id(column), column.field in _TEXTS
        if not _fits(tree.value, text=text):
            differs = tree.op is Operator.NE and isinstance(tree.value, float)
            return f"{self._expression(column)} IS NOT NULL" if differs and not text else "FALSE"
        if place is None or type(tree.value) is not int:
            return f"{self._expression(column)} {tree.op} {self._place(tree.value)}"
        return f"{place[0]} {tree.op} {self._place(packed(tree.value, place[1]))}"

    def _like(self, expression: str, pattern: str) -> str:
        """Return a condition that an index serves as far as the pattern has no wildcard."""
        test = f"lineage_like({expression}, {self._place(pattern)})"
        glob = _glob(pattern)
        if glob is not None:
            # SQLite's own matching, which is many times faster, but ends at a NUL.
            test = (
                f"iif(instr({expression}, char(0)), {test}, {expression} GLOB {self._place(glob)})"
            )
        start = _WILDCARD.split(pattern, maxsplit=1)[0]
        if not start:
            return test
        # Text is compared by code points: what begins so lies in one range.
        test += f" AND {expression} >= {self._place(start)}"
        after = _successor(start)
        return test if after is None else f"{test} AND {expression} < {self._place(after)}"

    def _place_of_id(self, column: Column) -> tuple[str, Kind] | None:
        """Return the key that holds an id, which unlike the id alone is indexed, and its kind."""
        alias, kind = self._aliases[column.of]
        if column.field is Field.ID:
            return f"{alias}.key", kind
        end = _EVENT_ENDS.get(column.field)
        return None if end is None else (f"{alias}.{'own' if kind is end else 'other'}", end)

    def _in(self, expression: str, values: Sequence[Literal]) -> str:
        if not values:
            return "FALSE"
        if len(values) == 1:
            return f"{expression} = {self._place(values[0])}"
        if set(map(type, values)) == {int}:
            # As digits, since SQLite limits the number of parameters.
            return f"{expression} IN ({', '.join(map(str, values))})"
        return f"{expression} IN ({', '.join([self._place(value) for value in values])})"

    def _expression(self, column: Column) -> str:
        alias, kind = self._aliases[column.of]
        if column.field is Field.ID:
            return f"({alias}.key >> 2)"
        if column.field in _EVENT_ENDS:
            return f"({alias}.{'own' if kind is _EVENT_ENDS[column.field] else 'other'} >> 2)"
        if column.field is Field.GONE:
            return _truth(self._is_gone(column))
        if column.field is Field.TYPE_ID and not column.of and (self.narrowed or self.indexed):
            # What narrows the search further is to be gone by; the sign hides the type's index.
            return f"+{alias}.type"
        return f"{alias}.{COLUMNS[column.field]}"

    def _is_gone(self, column: Column) -> bool:
        return self.gone and not column.of

    def _exists(self, tree: Exists) -> str:
        alias = f"x{len(self._aliases)}"
        outer, kind = self._aliases[""]
        self._aliases[tree.alias] = (alias, tree.neighbour.kind or kind)
        table, own = self._neighbours(tree.neighbour, alias)
        if selects(tree):
            return (
                f"{outer}.key IN (SELECT {own} FROM {table} WHERE {self.condition(tree.condition)})"
            )
        return f"EXISTS (SELECT 1 FROM {table} WHERE {own} = {outer}.key AND ({self.condition(tree.condition)}))"

    def _neighbours(self, neighbour: Neighbour, alias: str) -> tuple[str, str]:
        """Return the joined tables, and the expression of the key of the node at this end."""
        edges = self.source.edges
        if neighbour is Neighbour.EVENTS:
            sides = " UNION ALL ".join(
                f"SELECT {own} AS own, {other} AS other, kind, time FROM {edges} WHERE kind < {CONTEXT_EDGES}"
                for own, other in (("src", "dst"), ("dst", "src"))
            )
            return f"({sides}) AS {alias}", f"{alias}.own"
        own, other = ("dst", "src") if neighbour.is_source else ("src", "dst")
        kinds = ", ".join(str(int(kind)) for kind in sorted(neighbour.edges))
        joined = (
            f"{edges} AS e{alias} JOIN {self.source.nodes} AS {alias} "
            f"ON {alias}.key = e{alias}.{other} AND e{alias}.kind IN ({kinds})"
        )
        return joined, f"e{alias}.{own}"


def _truth(value: bool) -> str:  # noqa: FBT001  # the truth is all that it is given
    return "TRUE" if value else "FALSE"


def _fits(value: Literal, *, text: bool) -> bool:
    """Whether a literal can equal a value of a column; NaN equals nothing."""
    if text:
        return isinstance(value, str)
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def _glob(pattern: str) -> str | None:
    """Return a LIKE pattern as one of GLOB, which knows case too; None where it takes too long."""
    if "\0" in pattern or len(pattern) > LONGEST_GLOB:
        return None
    return "".join(_GLOBS.get(char, char) for char in pattern)


def _successor(start: str) -> str | None:
    """Return the first text, by code points, after all that begin so; None where there is none."""
    kept = start.rstrip("\U0010ffff")
    if not kept:
        return None
    last = ord(kept[-1])
    return kept[:-1] + ("\ue000" if last == 0xD7FF else chr(last + 1))  # no surrogates


def packed(number: int, kind: Kind) -> int:
    """Return the key of an id that may be out of range, so that every comparison comes out right."""
    within = max(-LARGEST_ID, min(LARGEST_ID, number))
    return within << 2 | KIND_NUMBERS[kind]


def _packed(numbers: Sequence[Any], kind: Kind) -> list[Literal]:
    """Return the keys of many ids."""
    if min(numbers) >= -LARGEST_ID and max(numbers) <= LARGEST_ID:
        low = KIND_NUMBERS[kind]
        return [number << 2 | low for number in numbers]
    return [packed(number, kind) for number in numbers]


def selects(tree: Exists) -> bool:
    """Whether to start from the neighbours: the condition is theirs alone, and names few of them."""
    return is_of_alias_alone(tree) and _names_few(tree.condition)


def _names_few(tree: Filter) -> bool:
    """Whether each way to make a condition true says one of some values of an indexed column."""
    return any(map(_names_some, conjuncts(tree)))


def _names_some(item: Filter) -> bool:
    if isinstance(item, Or):
        return bool(item.items) and all(map(_names_few, item.items))
    if isinstance(item, In) or (isinstance(item, Compare) and item.op is Operator.EQ):
        return isinstance(item.column, Column) and item.column.field in _SELECTIVE
    return False

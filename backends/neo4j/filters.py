"""Filters as Cypher conditions, with every value a parameter.

A condition may come out as null, which counts as false where nothing negates it; `Not` makes it
false first, so that the two-valued meaning of filters holds and indexes stay usable.

What Cypher cannot decide, it leaves in doubt: the condition then also lets every node through on
which it might be wrong, and the filter must be evaluated on those once more. In doubt are strings
too long to be held natively, properties whose names Neo4j cannot hold, orders among characters
that UTF-16 sorts otherwise, and neighbours whose version of that moment is a former one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from lineage.backends.neo4j.rows import (
    HELD_BYTES,
    KIND_NUMBERS,
    KIND_SHIFT,
    PAST,
    native_name,
    of_moment,
    quoted,
    unheld,
)
from lineage.contract.evaluation import holds, is_nan
from lineage.filters.like import pieces
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
)
from lineage.model.entities import ArtifactState, ExecutionState
from lineage.model.keys import Kind
from lineage.model.rows import EVENT_KINDS
from lineage.model.values import ValueType

__all__ = ["NEVER", "Condition", "Translator", "packed", "weight"]

_TEXTS = {Field.NAME: "name", Field.EXTERNAL_ID: "external_id", Field.URI: "uri"}
_NUMBERS = {
    Field.TYPE_ID: "lineage_type",
    Field.CREATED: "lineage_created",
    Field.UPDATED: "lineage_updated",
    Field.EVENT_TIME: "lineage_time",
}
_EVENT_ENDS = {Field.ARTIFACT_ID: Kind.ARTIFACT, Field.EXECUTION_ID: Kind.EXECUTION}
_STATES: dict[Kind | None, list[str]] = {
    Kind.ARTIFACT: [state.value for state in ArtifactState],
    Kind.EXECUTION: [state.value for state in ExecutionState],
}
_CYPHER_TYPES = {
    ValueType.INT: "INTEGER NOT NULL",
    ValueType.DOUBLE: "FLOAT NOT NULL",
    ValueType.STRING: "STRING NOT NULL",
    ValueType.BOOLEAN: "BOOLEAN NOT NULL",
}
_FAMILIES = {
    bool: (ValueType.BOOLEAN,),
    str: (ValueType.STRING,),
    int: (ValueType.INT, ValueType.DOUBLE),
    float: (ValueType.INT, ValueType.DOUBLE),
}
_ORDERINGS = frozenset({Operator.LT, Operator.LE, Operator.GT, Operator.GE})
_CYPHER_OPERATORS = {Operator.NE: "<>"}
NEVER, _ALWAYS = "$never", "$always"
"""Constants are parameters: Neo4j would fold them, and refuse an index's name beside `false`."""
_LIMITS: Final = frozenset({2**63 - 1, 2**63, -(2**63)})
"""Where Neo4j takes an int and the float next to it to be equal, or the wrong way round."""
LONGEST_REGEX: Final = 1_000
"""Characters of a pattern that Neo4j is given as a regular expression; others are in doubt."""
_EXISTS_WEIGHT: Final = 6
"""Neo4j needs about as long to plan for one neighbour as for this many plain conditions."""


def weight(tree: Filter) -> tuple[int, int]:
    """Return how large a filter is to Neo4j's planner, and how deep."""
    if isinstance(tree, Not):
        size, depth = weight(tree.item)
        return size, depth + 1
    if isinstance(tree, Exists):
        size, depth = weight(tree.condition)
        return size + _EXISTS_WEIGHT, depth + 2
    if isinstance(tree, And | Or):
        parts = [weight(item) for item in tree.items]
        return 1 + sum(size for size, _ in parts), 1 + max((deep for _, deep in parts), default=0)
    return 1, 0


def packed(number: int, kind: Kind) -> int:
    """Return the key of an id that may be out of range, so that every comparison comes out right."""
    return (KIND_NUMBERS[kind] << KIND_SHIFT) + max(-1, min(1 << KIND_SHIFT, number))


@dataclass(frozen=True)
class Condition:
    """One condition in Cypher; where `doubt` is not empty, it says on which nodes it may be wrong."""

    tree: Filter
    text: str
    doubt: str

    @property
    def loose(self) -> str:
        """The condition, or the doubt."""
        return f"({self.text}) OR ({self.doubt})" if self.doubt else self.text


@dataclass
class Translator:
    """Turns filters on nodes `n` of a kind into Cypher; `parameters` are by name.

    The edges are those of `holder`: `n` itself, or the node whose former version it is.
    `is_past` says that the moment `$as_of` may be a past one.
    """

    kind: Kind
    is_past: bool
    holder: str = "n"
    parameters: dict[str, Any] = field(default_factory=lambda: {"never": False, "always": True})
    _aliases: dict[str, tuple[str, Kind | None]] = field(default_factory=dict)
    _doubts: dict[str, None] = field(default_factory=dict)

    def conjunct(self, tree: Filter) -> Condition:
        """Return one of the conditions that must all hold."""
        self._doubts = {}
        self._aliases = {"": ("n", self.kind)}
        text = self._condition(tree)
        return Condition(tree, text, " OR ".join(self._doubts))

    def bind(self, value: object) -> str:
        """Make a value a parameter and return its mark."""
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"${name}"

    def _condition(self, tree: Filter) -> str:
        if isinstance(tree, And | Or):
            sign, empty = (" AND ", _ALWAYS) if isinstance(tree, And) else (" OR ", NEVER)
            return sign.join(f"({self._condition(item)})" for item in tree.items) or empty
        if isinstance(tree, Not):
            return f"NOT coalesce({self._condition(tree.item)}, false)"
        if isinstance(tree, Exists):
            return self._exists(tree)
        if isinstance(tree, CompareColumns):
            return self._columns(tree)
        if isinstance(tree.column, PropertyColumn):
            return self._on_property(tree, tree.column)
        return self._on_column(tree, tree.column)

    def _columns(self, tree: CompareColumns) -> str:
        """Return a comparison of two columns; what Cypher might decide otherwise is in doubt."""
        left, right = self._plain(tree.left), self._plain(tree.right)
        if (
            left
            and right
            and left[1] == right[1]
            and (left[1] == "number" or tree.op not in _ORDERINGS)
        ):
            return f"{left[0]} {_CYPHER_OPERATORS.get(tree.op, tree.op)} {right[0]}"
        present = [
            f"({self._condition(Present(column))})"
            for column in (tree.left, tree.right)
            if isinstance(column, PropertyColumn) or not column.of
        ]
        self._doubt(" AND ".join(present) or _ALWAYS)
        return NEVER

    def _plain(self, column: AnyColumn) -> tuple[str, str] | None:
        """Return the expression of a column whose values are all texts or all whole numbers, and which."""
        if isinstance(column, PropertyColumn):
            return None
        name, kind = self._aliases[column.of]
        if column.field in _TEXTS:
            return f"{name}.{_TEXTS[column.field]}", "text"
        if column.field in _NUMBERS:
            return f"{name}.{_NUMBERS[column.field]}", "number"
        if column.field is Field.ID and kind is not None:
            return f"({name}.lineage_key - {packed(0, kind)})", "number"
        return None

    def _on_column(self, tree: OnColumn, column: Column) -> str:
        name, kind = self._aliases[column.of]
        if isinstance(tree, Contains):
            return NEVER
        if column.field in (Field.STATE, Field.EVENT_TYPE, Field.GONE):
            return self._on_choice(tree, column)
        if column.field in _TEXTS:
            return self._on_text(tree, f"{name}.{_TEXTS[column.field]}", own=not column.of)
        if column.field in _NUMBERS:
            return self._on_number(tree, f"{name}.{_NUMBERS[column.field]}")
        if column.field in _EVENT_ENDS:
            end = _EVENT_ENDS[column.field]
            name, kind = ("n" if end is self.kind else f"other_{name}"), end
        assert kind is not None
        return self._on_id(tree, name, kind)

    def _on_choice(self, tree: OnColumn, column: Column) -> str:
        """Return a condition on a column of few values as those that it accepts."""
        name, kind = self._aliases[column.of]
        if column.field is Field.STATE:
            texts = _STATES.get(kind, [])
            wanted = [text for number, text in enumerate(texts) if holds(tree)(number)]
            return self._among(f"{name}.state", wanted)
        if column.field is Field.EVENT_TYPE:
            kinds = [each.name for each in sorted(EVENT_KINDS) if holds(tree)(int(each))]
            return self._among(f"coalesce({name}.lineage_kind, type({name}))", kinds)
        is_gone = NEVER if column.of else f"coalesce({name}.lineage_until <= $as_of, false)"
        return self._among(is_gone, [flag for flag in (False, True) if holds(tree)(flag)])

    def _on_text(self, tree: Compare | In | Like | Present, text: str, *, own: bool) -> str:
        if isinstance(tree, Present):
            return f"{text} IS NOT NULL"
        if isinstance(tree, Like):
            if _is_too_long(tree.pattern):
                self._doubt(f"{text} IS NOT NULL" if own else _ALWAYS)
                return NEVER
            return self._like(text, tree.pattern)
        if isinstance(tree, In):
            return self._among(text, [each for each in tree.values if isinstance(each, str)])
        if not isinstance(tree.value, str):
            return NEVER
        if _sorts_otherwise(tree):
            self._doubt(f"{text} IS NOT NULL" if own else _ALWAYS)
        return self._compared(text, tree.op, tree.value)

    def _on_number(self, tree: Compare | In | Like | Present, number: str) -> str:
        if isinstance(tree, Present):
            return f"{number} IS NOT NULL"
        if isinstance(tree, Like):
            return NEVER
        if isinstance(tree, In):
            return self._among_numbers(number, tree.values, _ALWAYS)
        return self._compared_number(number, tree.op, tree.value, _ALWAYS)

    def _on_id(self, tree: Compare | In | Like | Present, name: str, kind: Kind) -> str:
        if isinstance(tree, In):
            numbers = [each for each in _numbers(tree.values) if each == each // 1]
            return self._among(f"{name}.lineage_key", [packed(int(each), kind) for each in numbers])
        if isinstance(tree, Compare) and type(tree.value) is int:
            return self._compared(f"{name}.lineage_key", tree.op, packed(tree.value, kind))
        return self._on_number(tree, f"({name}.lineage_key - {packed(0, kind)})")

    def _compared(self, expression: str, op: Operator, value: object) -> str:
        return f"{expression} {_CYPHER_OPERATORS.get(op, op)} {self.bind(value)}"

    def _compared_number(
        self, expression: str, op: Operator, value: Literal, at_limits: str
    ) -> str:
        """Return a comparison with a number; `at_limits` are the doubts at the limits of 64 bits."""
        if isinstance(value, bool | str):
            return NEVER
        if not _is_within(value):
            op, value = _beyond(op, int(value))
        elif value == 0 and op in _ORDERINGS:
            # To Neo4j the two zeros are equal, and yet the negative one is less.
            value = -0.0 if op in (Operator.LT, Operator.GE) else 0.0
        if value in _LIMITS:
            self._doubt(at_limits)
        return self._compared(expression, op, value)

    def _among(self, expression: str, values: list[Any]) -> str:
        return f"{expression} IN {self.bind(values)}"

    def _among_numbers(self, expression: str, values: Iterable[Literal], at_limits: str) -> str:
        numbers = _numbers(values)
        if not _LIMITS.isdisjoint(numbers):
            self._doubt(at_limits)
        return self._among(expression, numbers)

    def _like(self, expression: str, pattern: str) -> str:
        """Return a condition on text; patterns without alternatives need no regular expression."""
        if _has_choices(pattern):
            return f"{expression} =~ {self.bind(_regex(pattern))}"
        starts, ends = pattern.startswith("%"), pattern.endswith("%")
        word = {(False, True): "STARTS WITH", (True, False): "ENDS WITH", (True, True): "CONTAINS"}
        return f"{expression} {word.get((starts, ends), '=')} {self.bind(pattern.strip('%'))}"

    def _doubt(self, condition: str) -> None:
        self._doubts[condition] = None

    def _on_property(self, tree: OnColumn, column: PropertyColumn) -> str:
        native = native_name(column.name, custom=column.custom)
        if isinstance(tree, Present):
            return self._present(column, native)
        if native is None or isinstance(tree, Contains):
            self._doubt(self._held_otherwise(column, [*_CYPHER_TYPES, ValueType.STRUCT]))
            return NEVER
        value = f"n.{quoted(native)}"
        if isinstance(tree, In):
            return self._property_in(tree, column, value)
        if isinstance(tree, Like):
            return self._property_like(tree, column, value)
        return (
            self._property_compared(tree, column, value) if _allowed(column, tree.value) else NEVER
        )

    def _property_like(self, tree: Like, column: PropertyColumn, value: str) -> str:
        self._doubt(self._held_otherwise(column, [ValueType.STRING, ValueType.STRUCT]))
        if not _allowed(column, ""):
            return NEVER
        is_text = f"{value} IS :: STRING NOT NULL"
        if _is_too_long(tree.pattern):
            self._doubt(is_text)
            return NEVER
        return f"{is_text} AND {self._like(value, tree.pattern)}"

    def _property_compared(self, tree: Compare, column: PropertyColumn, value: str) -> str:
        if isinstance(tree.value, str):
            return self._property_text(tree, column, value)
        guard = self._guard(column, value, tree.value, always=tree.op is Operator.NE)
        if isinstance(tree.value, bool):
            return guard + self._compared(value, tree.op, tree.value)
        return guard + self._compared_number(value, tree.op, tree.value, _at_limits(value))

    def _property_text(self, tree: Compare, column: PropertyColumn, value: str) -> str:
        assert isinstance(tree.value, str)
        if _sorts_otherwise(tree):
            self._doubt(f"{value} IS :: STRING NOT NULL")
        text = self._compared(value, tree.op, tree.value)
        if tree.op is Operator.NE:
            text = f"{value} IS :: STRING NOT NULL AND {text}"
        if tree.op is Operator.EQ and not _is_long(tree.value):
            return text
        longer = self._held_otherwise(column, [ValueType.STRING])
        if tree.op is Operator.NE and not _is_long(tree.value):
            return f"({text}) OR {longer}"
        self._doubt(longer)
        return text

    def _property_in(self, tree: In, column: PropertyColumn, value: str) -> str:
        plain = [each for each in tree.values if isinstance(each, bool | str)]
        values = [each for each in [*plain, *_numbers(tree.values)] if _allowed(column, each)]
        if any(isinstance(each, str) and _is_long(each) for each in values):
            self._doubt(self._held_otherwise(column, [ValueType.STRING]))
        if not _LIMITS.isdisjoint(values):
            self._doubt(_at_limits(value))
        return self._guard(column, value, 0) + self._among(value, values)

    def _guard(
        self, column: PropertyColumn, value: str, literal: Literal, *, always: bool = False
    ) -> str:
        """Return the condition that a value is of the literal's family and the column's type.

        Only `<>` and conditions on one of the types of numbers need one.
        """
        kinds = [column.kind] if column.kind else list(_FAMILIES[type(literal)])
        if not always and column.kind not in (ValueType.INT, ValueType.DOUBLE):
            return ""
        return f"{value} IS :: {' | '.join(_CYPHER_TYPES[kind] for kind in kinds)} AND "

    def _present(self, column: PropertyColumn, native: str | None) -> str:
        kinds = list(ValueType) if column.kind is None else [column.kind]
        otherwise = self._held_otherwise(column, kinds)
        if native is None or (column.kind and column.kind not in _CYPHER_TYPES):
            return otherwise
        is_there = f":: {_CYPHER_TYPES[column.kind]}" if column.kind else "NOT NULL"
        return f"n.{quoted(native)} IS {is_there} OR {otherwise}"

    def _held_otherwise(self, column: PropertyColumn, kinds: Iterable[ValueType]) -> str:
        """Return the condition that the property has a value of such a type that is not native."""
        entries = [unheld(column.name, kind, custom=column.custom) for kind in kinds]
        return f"any(entry IN n.lineage_other WHERE entry IN {self.bind(entries)})"

    def _exists(self, tree: Exists) -> str:
        neighbour, edge = tree.neighbour, f"e{len(self._aliases)}"
        other = f"other_{edge}"
        is_event = neighbour is Neighbour.EVENTS
        self._aliases[tree.alias] = (edge, None) if is_event else (other, neighbour.kind)
        pattern, moment = self._edges(neighbour, edge, other)
        conditions = [*moment, *([of_moment(other)] if self.is_past and not is_event else [])]
        if self.is_past and not is_event:
            former, _ = self._edges(neighbour, "e", "other")
            self._doubt(f"EXISTS {{ {former} WHERE other.lineage_since > $as_of }}")
        elif not is_event:
            conditions.append(f"{other}.lineage_until IS NULL")
        conditions.append(f"({self._condition(tree.condition)})")
        return f"EXISTS {{ {pattern} WHERE {' AND '.join(conditions)} }}"

    def _edges(self, neighbour: Neighbour, edge: str, other: str) -> tuple[str, list[str]]:
        """Return the pattern of the edges to such neighbours, and when they are of the moment."""
        names = [kind.name for kind in sorted(neighbour.edges)]
        left, right = ("<-", "-") if neighbour.is_source else ("-", "->")
        if neighbour is Neighbour.EVENTS:
            left, right = "-", "-"
        types = "|".join([*names, PAST] if self.is_past else names)
        pattern = f"({self.holder}){left}[{edge}:{types}]{right}({other}:LineageNode)"
        if not self.is_past:
            return pattern, []
        among = ", ".join(f"'{name}'" for name in names)
        is_such = f"({edge}.lineage_kind IS NULL OR {edge}.lineage_kind IN [{among}])"
        return pattern, [of_moment(edge), is_such]


def _allowed(column: PropertyColumn, literal: Literal) -> bool:
    """Whether a value that compares with the literal may be of the column's type."""
    return column.kind is None or column.kind in _FAMILIES[type(literal)]


def _is_long(text: str) -> bool:
    return len(text.encode()) > HELD_BYTES


def _sorts_otherwise(tree: Compare) -> bool:
    """Whether Neo4j, which sorts by UTF-16 unit, may order a string otherwise than by code point."""
    return (
        tree.op in _ORDERINGS
        and isinstance(tree.value, str)
        and max(tree.value, default="") >= "\ud800"
    )


def _numbers(values: Iterable[Literal]) -> list[int | float]:
    """Return the numbers among some literals that a stored number can equal."""
    found: list[int | float] = []
    for value in values:
        if not isinstance(value, bool | str):
            within = _is_within(value)
            number = value if within else _beyond(Operator.EQ, int(value))[1]
            if not is_nan(number):
                found.append(number)
    return found


def _at_limits(expression: str) -> str:
    """Return the condition that a value is one of those which Neo4j compares wrongly."""
    return f"{expression} IN [9223372036854775807, -9223372036854775808, 9223372036854775808.0]"


def _is_within(number: float) -> bool:
    """Whether a parameter can be this number: a float, or an int of 64 bits."""
    return isinstance(number, float) or -(2**63) <= number < 2**63


def _beyond(op: Operator, number: int) -> tuple[Operator, float]:
    """Return a comparison with a float that comes out like one with an int beyond 64 bits."""
    try:
        near = float(number)
    except OverflowError:
        near = sys.float_info.max if number > 0 else -sys.float_info.max
    if near == number:
        return op, near
    if op not in _ORDERINGS:
        return op, float("nan")
    if op in (Operator.LT, Operator.LE):
        return (Operator.LE if near < number else Operator.LT), near
    return (Operator.GT if near < number else Operator.GE), near


def _is_too_long(pattern: str) -> bool:
    """Whether Java, which calls itself for each part of an expression, might run out of its stack."""
    return len(pattern) > LONGEST_REGEX and _has_choices(pattern)


def _has_choices(pattern: str) -> bool:
    """Whether a pattern asks for more than how a text begins, ends, or what it contains."""
    return "_" in pattern or "%" in pattern.strip("%")


def _regex(pattern: str) -> str:
    """Return a LIKE pattern as a regular expression of Java's, which matches whole strings.

    Each piece between two `%` keeps its first place, whatever follows (`(?>…)`): see `filters.like`.
    """
    first, *others = map(_exactly, pieces(pattern))
    middle = "".join(f"(?>.*?{piece})" for piece in others[:-1])
    return f"(?s){first}{middle}{'.*' if others else ''}{''.join(others[-1:])}"


def _exactly(piece: str) -> str:
    runs = re.findall("_+|[^_]+", piece)
    return "".join(f".{{{len(run)}}}" if run[0] == "_" else re.escape(run) for run in runs)

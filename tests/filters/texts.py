"""Filters at random, and the text that says each of them, in one of its many forms."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from hypothesis import strategies as st

from lineage.filters.tree import (
    And,
    Column,
    Compare,
    Exists,
    Field,
    Filter,
    In,
    Like,
    Literal,
    Neighbour,
    Not,
    Operator,
    Or,
    Present,
    PropertyColumn,
)
from lineage.model.entities import ArtifactState
from lineage.model.rows import EDGE_KINDS, STATE_NUMBERS
from lineage.model.values import ValueType

Leaves = st.SearchStrategy[Filter]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIMES = {
    Field.CREATED: "create_time_since_epoch",
    Field.UPDATED: "last_update_time_since_epoch",
    Field.EVENT_TIME: "milliseconds_since_epoch",
}
NAMES = {
    Field.STATE: {STATE_NUMBERS[state]: state.value for state in ArtifactState},
    Field.EVENT_TYPE: {int(kind): event.value for event, kind in EDGE_KINDS.items()},
}
SUFFIXES = {
    ValueType.INT: "int_value",
    ValueType.DOUBLE: "double_value",
    ValueType.STRING: "string_value",
    ValueType.BOOLEAN: "bool_value",
}
TURNED = {
    Operator.LT: Operator.GT,
    Operator.GT: Operator.LT,
    Operator.LE: Operator.GE,
    Operator.GE: Operator.LE,
}
SPACES = ["", " ", "\t\r\n", "\u00a0\u3000", "-- ' \n", "# ` \r", '/* " -- */', "/**/"]
"""What may stand between a column and a sign."""

_NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
_MICROS = st.integers(-62_000_000_000_000_000, 250_000_000_000_000_000)
_VALUES = {
    ValueType.INT: _NUMBERS,
    ValueType.DOUBLE: _NUMBERS,
    ValueType.STRING: st.text(),
    ValueType.BOOLEAN: st.booleans(),
}


def joined(children: Leaves) -> Leaves:
    """Return the strategy of one more level of AND, OR or NOT."""
    items = st.lists(children, min_size=1, max_size=3).map(tuple)
    return st.builds(And, items) | st.builds(Or, items) | st.builds(Not, children)


@st.composite
def _leaf(
    draw: st.DrawFn, column: Column | PropertyColumn, values: st.SearchStrategy[Any]
) -> Filter:
    """Draw a condition on a column whose values are all alike."""
    form = draw(st.sampled_from(["compare", "among", "present", "like"]))
    if form == "present":
        return Present(column)
    if form == "among":
        return In(column, tuple(draw(st.lists(values, min_size=1, max_size=3))))
    value = draw(values)
    if form == "like" and isinstance(value, str):
        return Like(column, value)
    return Compare(column, draw(st.sampled_from(Operator)), value)


@st.composite
def _named(draw: st.DrawFn, column: Column) -> Filter:
    """Draw a condition on a state or a type of event."""
    numbers = st.sampled_from(list(NAMES[column.field]))
    if draw(st.booleans()):
        return In(column, tuple(draw(st.lists(numbers, min_size=1, max_size=3))))
    return Compare(column, draw(st.sampled_from([Operator.EQ, Operator.NE])), draw(numbers))


@st.composite
def _on_property(draw: st.DrawFn) -> Filter:
    kind = draw(st.sampled_from(list(_VALUES)))
    suffix = draw(st.sampled_from([kind, None]))
    name = draw(st.text(max_size=8))
    return draw(_leaf(PropertyColumn(name, draw(st.booleans()), suffix), _VALUES[kind]))


def _on_columns(of: str, numbers: list[Field], texts: list[Field], times: list[Field]) -> Leaves:
    moments = st.sampled_from(times).map(lambda field: Column(field, of))
    return (
        st.sampled_from(numbers).flatmap(lambda field: _leaf(Column(field, of), _NUMBERS))
        | st.sampled_from(texts or numbers).flatmap(
            lambda field: _leaf(Column(field, of), st.text() if texts else _NUMBERS)
        )
        | st.builds(Compare, moments, st.sampled_from(Operator), _MICROS)
    )


_OWN = _on_columns(
    "",
    [Field.ID, Field.TYPE_ID],
    [Field.TYPE, Field.NAME, Field.EXTERNAL_ID, Field.URI],
    [Field.CREATED, Field.UPDATED],
) | _named(Column(Field.STATE))
_OF_CONTEXT = _on_columns(
    "contexts", [Field.ID], [Field.TYPE, Field.NAME], [Field.CREATED, Field.UPDATED]
)
_OF_EVENT = _on_columns("events", [Field.EXECUTION_ID], [], [Field.EVENT_TIME]) | _named(
    Column(Field.EVENT_TYPE, "events")
)


def _numbered(tree: Filter, numbers: Iterator[int]) -> Filter:
    """Give every neighbour an alias of its own."""
    if isinstance(tree, And | Or):
        return type(tree)(tuple(_numbered(item, numbers) for item in tree.items))
    if isinstance(tree, Not):
        return Not(_numbered(tree.item, numbers))
    if (
        isinstance(tree, Compare | In | Like | Present)
        and isinstance(tree.column, Column)
        and tree.column.of
    ):
        neighbour, alias = Neighbour(tree.column.of), f"{tree.column.of}_{next(numbers)}"
        column = Column(tree.column.field, alias)
        return Exists(neighbour, alias, _moved(tree, column))
    return tree


def _moved(leaf: Compare | In | Like | Present, column: Column) -> Filter:
    if isinstance(leaf, Compare):
        return Compare(column, leaf.op, leaf.value)
    if isinstance(leaf, In):
        return In(column, leaf.values)
    return Like(column, leaf.pattern) if isinstance(leaf, Like) else Present(column)


TREES = st.recursive(_OWN | _on_property() | _OF_CONTEXT | _OF_EVENT, joined, max_leaves=10).map(
    lambda tree: _numbered(tree, count())
)
"""Filters on artifacts in which every neighbour is mentioned once."""


def flat(tree: Filter) -> Filter:
    """Take apart what is joined alike, and unwrap what is joined with nothing."""
    if isinstance(tree, Not):
        return Not(flat(tree.item))
    if not isinstance(tree, And | Or):
        return tree
    items: list[Filter] = []
    for item in map(flat, tree.items):
        items.extend(item.items if isinstance(item, type(tree)) else [item])
    return items[0] if len(items) == 1 else type(tree)(tuple(items))


def render(tree: Filter, random: Random) -> str:
    """Write a filter on artifacts as text."""
    if isinstance(tree, Exists):
        return render(tree.condition, random)
    if isinstance(tree, And | Or):
        sign = _word("AND" if isinstance(tree, And) else "OR", random)
        return f" {sign} ".join(f"({render(item, random)})" for item in tree.items)
    if isinstance(tree, Not):
        negated = tree.item.condition if isinstance(tree.item, Exists) else tree.item
        if isinstance(negated, In | Like | Present) and random.random() < 0.5:
            return _render_leaf(negated, random, negated=True)
        return f"{_word('NOT', random)} ({render(tree.item, random)})"
    return _render_leaf(tree, random)


def _render_leaf(
    leaf: Compare | In | Like | Present, random: Random, *, negated: bool = False
) -> str:
    column = _render_column(leaf.column, random)
    no = _word("NOT ", random) if negated else ""
    if isinstance(leaf, Present):
        return f"{column} IS {'' if negated else 'not '}null"
    if isinstance(leaf, Like):
        return f"{column} {no}{_word('LIKE', random)} {_render_text(leaf.pattern, random)}"
    if isinstance(leaf, In):
        values = ", ".join(_render_value(leaf.column, value, random) for value in leaf.values)
        return f"{column} {no}{_word('IN', random)}({values})"
    value = _render_value(leaf.column, leaf.value, random)
    bare = isinstance(leaf.column, Column) and leaf.column.field in NAMES and value.isidentifier()
    space = random.choice(SPACES)
    if random.random() < 0.3 and not bare:
        return f"{value}{space}{TURNED.get(leaf.op, leaf.op)}{space}{column}"
    return f"{column}{space}{leaf.op}{space}{value}"


def _word(text: str, random: Random) -> str:
    return random.choice([text, text.lower(), text.title()])


def _render_column(column: Column | PropertyColumn, random: Random) -> str:
    if isinstance(column, Column):
        name = "type" if column.field is Field.EVENT_TYPE else column.field.value
        name = TIMES.get(column.field, name)
        name = random.choice([name, name.upper(), f"`{name}`"])
        return f"{column.of}.{name}" if column.of else name
    family = "custom_properties" if column.custom else "properties"
    plain = re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", column.name) and random.random() < 0.5
    escaped = re.sub(r"[\\`]", r"\\\g<0>", column.name)
    name = column.name if plain else f"`{escaped}`"
    return f"{family}.{name}" + (f".{SUFFIXES[column.kind]}" if column.kind else "")


def _render_value(column: Column | PropertyColumn, value: Literal, random: Random) -> str:
    if isinstance(column, Column) and column.field in TIMES:
        assert isinstance(value, int)
        return f"'{(EPOCH + timedelta(microseconds=value)).isoformat()}'"
    if isinstance(column, Column) and column.field in NAMES:
        assert isinstance(value, int)
        return random.choice(["{}", "'{}'"]).format(NAMES[column.field][value])
    if isinstance(value, bool):
        return _word(str(value).upper(), random)
    if isinstance(value, str):
        return _render_text(value, random)
    return f"{value:#x}" if isinstance(value, int) and random.random() < 0.3 else repr(value)


def _render_text(text: str, random: Random) -> str:
    quote = random.choice(["'", '"', "'''", '"""'])
    if random.random() < 0.3 and not re.search(r"['\"\\]", text):
        return f"r{quote}{text}{quote}"
    escaped = ""
    for char in text:
        if char in "\\'\"":
            escaped += f"\\{char}"
        else:
            escaped += f"\\U{ord(char):08x}" if random.random() < 0.1 else char
    return f"{quote}{escaped}{quote}"

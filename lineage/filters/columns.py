"""The columns that the text of a filter can name, and what each is compared with.

They are those of MLMD's `filter_query`. The syntax tree of `filters` names them otherwise where
it means something else: its times are microseconds, not milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from lineage.errors import excerpt
from lineage.filters.tokens import Token, fault, text_of
from lineage.filters.tree import Column, Field, Neighbour, PropertyColumn
from lineage.model.entities import ArtifactState, EventType, ExecutionState
from lineage.model.keys import Kind
from lineage.model.marks import NOTE, TAGS
from lineage.model.rows import EDGE_KINDS, STATE_NUMBERS
from lineage.model.values import ValueType

__all__ = [
    "NODES",
    "ColumnMention",
    "Operand",
    "Vocabulary",
    "columns_of_kind",
    "is_column",
    "is_of_nodes",
    "resolve",
]


class Operand(StrEnum):
    """What a column is compared with, as messages say it."""

    NUMBER = "a number"
    TEXT = "a string"
    FLAG = "TRUE or FALSE"
    TIME = "whole milliseconds since 1970 or RFC 3339 text"
    MEMBER = "one of its names, or its number"
    LIST = "its members alone, as in 'x' IN tags and tags LIKE 'x%'"


class ColumnMention(NamedTuple):
    """A column as a filter mentions it.

    A property without suffix takes any literal: its `operand` is None. `members` are the names that
    a state or a type of event is compared with, and their numbers. `neighbour` is what `column.of`
    stands for.
    """

    name: str
    column: Column | PropertyColumn
    operand: Operand | None
    members: Mapping[str, int] = {}
    neighbour: Neighbour | None = None


class Vocabulary(NamedTuple):
    """The columns that a text can name: those of nodes, or of a table of them.

    `resolve` returns what a dotted name stands for, `is_column` whether a word alone is one, both on nodes
    of a kind. `signs` are those that filters have beside the usual.
    """

    resolve: Callable[[Sequence[Token], Kind], ColumnMention]
    is_column: Callable[[Token, Kind], bool]
    signs: frozenset[str] = frozenset()


_TIMES = {"create_time_since_epoch": Field.CREATED, "last_update_time_since_epoch": Field.UPDATED}
_OF_ALL = {
    "id": Field.ID,
    "type_id": Field.TYPE_ID,
    "type": Field.TYPE,
    "name": Field.NAME,
    "external_id": Field.EXTERNAL_ID,
    **_TIMES,
    "gone": Field.GONE,
}
_OF_KIND = {
    Kind.ARTIFACT: {"uri": Field.URI, "state": Field.STATE},
    Kind.EXECUTION: {"last_known_state": Field.STATE, "state": Field.STATE},
    Kind.CONTEXT: {},
}
_OF_CONTEXTS = {"id": Field.ID, "name": Field.NAME, "type": Field.TYPE, **_TIMES}
_OF_EVENTS = {"type": Field.EVENT_TYPE, "milliseconds_since_epoch": Field.EVENT_TIME}
_OTHER_END = {
    Kind.ARTIFACT: {"execution_id": Field.EXECUTION_ID},
    Kind.EXECUTION: {"artifact_id": Field.ARTIFACT_ID},
}
_JOINS = {
    Kind.ARTIFACT: (Neighbour.CONTEXTS, Neighbour.EVENTS),
    Kind.EXECUTION: (Neighbour.CONTEXTS, Neighbour.EVENTS),
    Kind.CONTEXT: (
        Neighbour.PARENTS,
        Neighbour.CHILDREN,
        Neighbour.ARTIFACTS,
        Neighbour.EXECUTIONS,
    ),
}
_ALIAS = re.compile(rf"({'|'.join(Neighbour)})_[0-9a-z_]+")
_OPERANDS = {
    **dict.fromkeys((Field.TYPE, Field.NAME, Field.EXTERNAL_ID, Field.URI), Operand.TEXT),
    **dict.fromkeys((Field.CREATED, Field.UPDATED, Field.EVENT_TIME), Operand.TIME),
    **dict.fromkeys((Field.STATE, Field.EVENT_TYPE), Operand.MEMBER),
    Field.GONE: Operand.FLAG,
}
_PROPERTIES = ("properties", "custom_properties")
_MARKS = {
    "tags": (PropertyColumn(TAGS, custom=True), Operand.LIST),
    "note": (PropertyColumn(NOTE, custom=True, kind=ValueType.STRING), Operand.TEXT),
}
"""The columns that stand for custom properties of reserved names."""
_SUFFIXES = {
    "int_value": (ValueType.INT, Operand.NUMBER),
    "double_value": (ValueType.DOUBLE, Operand.NUMBER),
    "string_value": (ValueType.STRING, Operand.TEXT),
    "bool_value": (ValueType.BOOLEAN, Operand.FLAG),
}


def resolve(path: Sequence[Token], kind: Kind) -> ColumnMention:
    """Return the column that a dotted name stands for on nodes of that kind.

    Names of columns are case-insensitive, those of properties are not. Raises `Invalid` for an
    unknown column, with those there are.
    """
    head = text_of(path[0]).lower()
    if head in _PROPERTIES:
        return _property(path, custom=head == "custom_properties")
    if head in _MARKS:
        return _mark(path, head)
    alias = _ALIAS.fullmatch(head)
    neighbour = Neighbour(alias[1]) if alias and alias[1] in _JOINS[kind] else None
    if neighbour is None:
        return _column(path, kind, None)
    if len(path) == 1:
        raise fault(
            path[0].at, f"{head} needs a column; {_there_are(_columns(kind, neighbour), ())}"
        )
    return _column(path[1:], kind, neighbour, of=head)


def is_column(word: Token, kind: Kind) -> bool:
    """Whether a word alone is a column of nodes of that kind."""
    return word.raw.lower() in (*_columns(kind, None), *_MARKS)


NODES = Vocabulary(resolve, is_column)
"""What `find` can name."""


def is_of_nodes(head: str, kind: Kind) -> bool:
    """Whether a dotted name that begins so, in small letters, is of what nodes of a kind have."""
    alias = _ALIAS.fullmatch(head)
    joined = alias is not None and alias[1] in _JOINS[kind]
    return head in _PROPERTIES or head in _MARKS or joined or head in _columns(kind, None)


def columns_of_kind(kind: Kind) -> tuple[str, ...]:
    """Return the names of the columns of nodes of a kind, without properties and neighbours."""
    return *_columns(kind, None), *_MARKS


def _column(
    path: Sequence[Token], kind: Kind, neighbour: Neighbour | None, *, of: str = ""
) -> ColumnMention:
    columns = _columns(kind, neighbour)
    name = text_of(path[0])
    field = columns.get(name.lower())
    if field is None:
        more = () if of else (*_MARKS, *_PROPERTIES, *_JOINS[kind])
        raise fault(
            path[0].at,
            f"there is no column {excerpt(name, 40)} on {of or f'{kind}s'}; {_there_are(columns, more)}"
            f"{'' if of else f' (a property is written properties.{name:.40})'}",
        )
    shown = f"{of}.{name}" if of else name
    _check_alone(path, shown)
    members = _members(field, kind if neighbour is None else neighbour.kind)
    return ColumnMention(
        shown, Column(field, of), _OPERANDS.get(field, Operand.NUMBER), members, neighbour
    )


def _columns(kind: Kind, neighbour: Neighbour | None) -> dict[str, Field]:
    """Return the columns of nodes of a kind, or of such a neighbour of theirs."""
    if neighbour is None:
        return _OF_ALL | _OF_KIND[kind]
    if neighbour.kind is None:
        return _OF_EVENTS | _OTHER_END[kind]
    if neighbour.kind is Kind.CONTEXT:
        return _OF_CONTEXTS
    return _OF_CONTEXTS | {"external_id": Field.EXTERNAL_ID} | _OF_KIND[neighbour.kind]


def _there_are(columns: Mapping[str, Field], more: Sequence[str]) -> str:
    families = [_family(name) for name in more]
    return f"there are {', '.join([*columns, *families])}"


def _family(name: str) -> str:
    if name in _MARKS:
        return name
    return f"{name}.<name>" if name in _PROPERTIES else f"{name}_<alias>.<column>"


def _members(field: Field, kind: Kind | None) -> dict[str, int]:
    if field is Field.EVENT_TYPE:
        return {event.value: int(EDGE_KINDS[event]) for event in EventType}
    if field is not Field.STATE:
        return {}
    states = ArtifactState if kind is Kind.ARTIFACT else ExecutionState
    return {state.value: STATE_NUMBERS[state] for state in states}


def _mark(path: Sequence[Token], name: str) -> ColumnMention:
    _check_alone(path, name)
    return ColumnMention(name, *_MARKS[name])


def _check_alone(path: Sequence[Token], shown: str) -> None:
    if len(path) > 1:
        raise fault(path[1].at, f"{shown} has no columns of its own; drop what follows it")


def _property(path: Sequence[Token], *, custom: bool) -> ColumnMention:
    if len(path) == 1:
        raise fault(path[0].at, f"{path[0].raw} needs a name, as in {path[0].raw}.accuracy")
    name = text_of(path[1])
    shown = ".".join(f"{part.raw:.40}" for part in path[:3])
    if len(path) == 2:
        return ColumnMention(shown, PropertyColumn(name, custom), None)
    suffix = _SUFFIXES.get(text_of(path[2]).lower())
    if suffix is None or len(path) > 3:
        raise fault(
            path[2 if suffix is None else 3].at,
            f"a property's name may be followed by one of {', '.join(_SUFFIXES)}; "
            "a name that holds dots is written in backquotes",
        )
    value_type, operand = suffix
    return ColumnMention(shown, PropertyColumn(name, custom, value_type), operand)

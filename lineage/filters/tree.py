"""The filter language's syntax tree: what a node must be like, as every backend is told it.

`parsing` reads the text form; a backend turns the tree into a query of its own, with parameters.
The meaning is plain Boolean: a comparison with an absent or differently typed value is false, and
`Not` is its complement. Strings compare by code point, int and float as numbers, bools only with
bools. `Exists` says that one and the same neighbour makes its condition true.

A tree looks at live nodes alone, unless it mentions `GONE` (`asks_for_gone`).

Before a tree reaches a backend, `bind` has turned names of types into type ids; times are
microseconds, states and event types MLMD's numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from lineage.filters.like import like
from lineage.model.keys import Kind
from lineage.model.rows import EVENT_KINDS, EdgeKind
from lineage.model.schema import AnyType
from lineage.model.values import ValueType

__all__ = [
    "And",
    "AnyColumn",
    "Column",
    "Compare",
    "CompareColumns",
    "Contains",
    "Exists",
    "Field",
    "Filter",
    "In",
    "Like",
    "Literal",
    "Neighbour",
    "Not",
    "OnColumn",
    "Operator",
    "Or",
    "Present",
    "PropertyColumn",
    "TableColumn",
    "all_of",
    "asks_for_gone",
    "bind",
    "columns_of",
    "conjuncts",
    "is_of_alias_alone",
    "walk_filter",
]

Literal: TypeAlias = bool | int | float | str


class Operator(StrEnum):
    """How a column compares with a literal."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="

    @property
    def flipped(self) -> Operator:
        """The comparison that means the same with its sides exchanged."""
        turned = {"<": Operator.GT, "<=": Operator.GE, ">": Operator.LT, ">=": Operator.LE}
        return turned.get(self.value, self)


class Field(StrEnum):
    """The built-in columns of nodes and events."""

    ID = "id"
    TYPE_ID = "type_id"
    TYPE = "type"
    NAME = "name"
    EXTERNAL_ID = "external_id"
    URI = "uri"
    STATE = "state"
    CREATED = "create_time"
    UPDATED = "update_time"
    EVENT_TYPE = "event_type"
    EVENT_TIME = "event_time"
    ARTIFACT_ID = "artifact_id"
    EXECUTION_ID = "execution_id"
    GONE = "gone"
    """Whether the node is deleted; a neighbour never is."""


class Neighbour(StrEnum):
    """What a node can be joined with: events, or nodes one edge of a context away."""

    EVENTS = "events"
    CONTEXTS = "contexts"
    PARENTS = "parent_contexts"
    CHILDREN = "child_contexts"
    ARTIFACTS = "artifacts"
    EXECUTIONS = "executions"

    @property
    def edges(self) -> frozenset[EdgeKind]:
        """The kinds of edge that lead to such a neighbour."""
        if self is Neighbour.EVENTS:
            return EVENT_KINDS
        if self is Neighbour.CONTEXTS:
            return frozenset({EdgeKind.ATTRIBUTION, EdgeKind.ASSOCIATION})
        if self is Neighbour.ARTIFACTS:
            return frozenset({EdgeKind.ATTRIBUTION})
        if self is Neighbour.EXECUTIONS:
            return frozenset({EdgeKind.ASSOCIATION})
        return frozenset({EdgeKind.PARENT})

    @property
    def is_source(self) -> bool:
        """Whether the neighbour is the source of those edges; meaningless for events."""
        return self in (Neighbour.CONTEXTS, Neighbour.PARENTS)

    @property
    def kind(self) -> Kind | None:
        """The kind of node such a neighbour is; None for events."""
        return {"artifacts": Kind.ARTIFACT, "executions": Kind.EXECUTION, "events": None}.get(
            self.value, Kind.CONTEXT
        )


@dataclass(frozen=True, slots=True)
class Column:
    """A built-in column of the node itself (`of` is empty) or of the neighbour with that alias."""

    field: Field
    of: str = ""


@dataclass(frozen=True, slots=True)
class PropertyColumn:
    """A property of the node itself; with `kind`, only values of that type count.

    Without one the literal says which values count: a number ints and floats, and so on.
    """

    name: str
    custom: bool = False
    kind: ValueType | None = None


@dataclass(frozen=True, slots=True)
class TableColumn(PropertyColumn):
    """A column that a table of runs or models has, and nodes have not: what is kept around the node.

    `family` is "parameters", "metrics", "duration", "data" and the like; `name` is which of a family of
    many, else empty, and `use` what the data was for on which a metric was measured. No tree with one ever
    reaches a backend: `lineage.queries.tables.table` takes them out.
    """

    family: str = ""
    use: str | None = None


AnyColumn: TypeAlias = Column | PropertyColumn


@dataclass(frozen=True, slots=True)
class Compare:
    """`column op value`."""

    column: AnyColumn
    op: Operator
    value: Literal


@dataclass(frozen=True, slots=True)
class In:
    """The column equals one of the values."""

    column: AnyColumn
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Like:
    """The column matches: `%` any run, `_` one character, case-sensitive.

    It is a string that does, or a list one of whose strings does.
    """

    column: AnyColumn
    pattern: str


@dataclass(frozen=True, slots=True)
class Contains:
    """The column is a list, one of whose members equals the value."""

    column: PropertyColumn
    value: Literal


@dataclass(frozen=True, slots=True)
class Present:
    """The column has a value (of the property column's type, if that has one)."""

    column: AnyColumn


@dataclass(frozen=True, slots=True)
class CompareColumns:
    """`left op right`, both of them columns, of values of one family."""

    left: AnyColumn
    op: Operator
    right: AnyColumn


@dataclass(frozen=True, slots=True)
class And:
    """Every item holds; true where there are none."""

    items: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Some item holds; false where there are none."""

    items: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The item does not hold."""

    item: Filter


@dataclass(frozen=True, slots=True)
class Exists:
    """Some neighbour makes the condition true; its columns are those with `of=alias`.

    Only neighbours that exist count: an event whose other end was deleted does, a deleted context
    does not.
    """

    neighbour: Neighbour
    alias: str
    condition: Filter


OnColumn: TypeAlias = Compare | In | Like | Present | Contains
"""A condition on one column."""
Filter: TypeAlias = OnColumn | CompareColumns | And | Or | Not | Exists


def all_of(*conditions: Filter | None) -> Filter | None:
    """Return the conjunction of those conditions that are not None; None where all are."""
    items: list[Filter] = []
    for condition in conditions:
        if isinstance(condition, And):
            items.extend(condition.items)
        elif condition is not None:
            items.append(condition)
    if len(items) == 1:
        return items[0]
    return And(tuple(items)) if items else None


def conjuncts(tree: Filter | None) -> tuple[Filter, ...]:
    """Return the conditions that must all hold, none of them an `And`; for None, an empty tuple."""
    if isinstance(tree, And):
        return tuple(each for item in tree.items for each in conjuncts(item))
    return () if tree is None else (tree,)


def walk_filter(tree: Filter) -> Iterator[Filter]:
    """Yield the tree and everything in it, outer before inner."""
    yield tree
    if isinstance(tree, And | Or):
        for item in tree.items:
            yield from walk_filter(item)
    elif isinstance(tree, Not):
        yield from walk_filter(tree.item)
    elif isinstance(tree, Exists):
        yield from walk_filter(tree.condition)


def is_of_alias_alone(tree: Exists) -> bool:
    """Whether the neighbour alone decides the condition, whichever node it is one of."""
    for item in walk_filter(tree.condition):
        if isinstance(item, Exists):
            return False
        for column in columns_of(item):
            if isinstance(column, PropertyColumn) or column.of != tree.alias:
                return False
    return True


def columns_of(tree: Filter) -> tuple[AnyColumn, ...]:
    """Return the columns that a condition mentions by itself, not in conditions inside it."""
    if isinstance(tree, CompareColumns):
        return tree.left, tree.right
    return () if isinstance(tree, And | Or | Not | Exists) else (tree.column,)


def asks_for_gone(tree: Filter | None) -> bool:
    """Whether deleted nodes are looked at beside live ones: the tree mentions whether a node is gone."""
    gone = Column(Field.GONE)
    return tree is not None and any(gone in columns_of(each) for each in walk_filter(tree))


_COMPARISONS: dict[Operator, Callable[[str, str], bool]] = {
    Operator.EQ: lambda a, b: a == b,
    Operator.NE: lambda a, b: a != b,
    Operator.LT: lambda a, b: a < b,
    Operator.LE: lambda a, b: a <= b,
    Operator.GT: lambda a, b: a > b,
    Operator.GE: lambda a, b: a >= b,
}


def bind(tree: Filter, types: Iterable[AnyType]) -> Filter:
    """Turn every condition on a type's name into one on type ids, by the types there are."""
    if isinstance(tree, And | Or):
        return type(tree)(tuple(bind(item, types) for item in tree.items))
    if isinstance(tree, Not):
        return Not(bind(tree.item, types))
    if isinstance(tree, Exists):
        return Exists(tree.neighbour, tree.alias, bind(tree.condition, types))
    if isinstance(tree, CompareColumns):
        return _bound_columns(tree, types)
    if isinstance(tree.column, Column) and tree.column.field is Field.TYPE:
        ids = (each.id for each in types if each.id is not None and _names(tree, each.name))
        return In(Column(Field.TYPE_ID, tree.column.of), tuple(ids))
    return tree


def _bound_columns(tree: CompareColumns, types: Iterable[AnyType]) -> Filter:
    """Take a type's name on one side for each of the names there are."""
    for column, op, other in (
        (tree.left, tree.op.flipped, tree.right),
        (tree.right, tree.op, tree.left),
    ):
        if isinstance(column, Column) and column.field is Field.TYPE:
            items = (
                And(
                    tuple(
                        bind(Compare(each, how, name), types)
                        for each, how in ((column, Operator.EQ), (other, op))
                    )
                )
                for name in sorted({each.name for each in types})
            )
            return Or(tuple(items))
    return tree


def _names(condition: OnColumn, name: str) -> bool:
    """Whether a condition on a type's name holds for this one."""
    if isinstance(condition, In):
        return name in condition.values
    if isinstance(condition, Like):
        return like(condition.pattern)(name)
    if isinstance(condition, Compare):
        return _COMPARISONS[condition.op](name, str(condition.value))
    return True

"""Which nodes a table has, in which order, by columns that no backend knows.

Of a condition the backend answers what it knows: the parts that must hold, and within the rest whatever
mentions none of the table's own columns. What is left is tested here, with the meaning that filters have.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, cast

from lineage.contract.backend import Backend
from lineage.contract.evaluation import FAMILIES, compares, holds
from lineage.errors import Invalid
from lineage.filters.table_columns import LISTS
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
    Not,
    OnColumn,
    Operator,
    Or,
    TableColumn,
    all_of,
    columns_of,
    conjuncts,
    walk_filter,
)
from lineage.model.entities import ArtifactState, ExecutionState
from lineage.model.keys import Kind
from lineage.model.rows import STATE_NUMBERS
from lineage.queries.tables.around import Around
from lineage.queries.tables.columns import TableColumns, Values

__all__ = ["MOST", "Sieve", "SortKey", "is_pure", "mentioned", "split"]

MOST: Final = 1_000_000
"""How many nodes at most are looked at for a column that no index is of: the newest by id."""
_CLASSES: Final = ("number", "string", "bool")
"""In which order values of several families come, whichever the direction."""


_Lists: TypeAlias = Mapping[int, Sequence[str]]
"""The values of a column of `LISTS`."""


class SortKey(NamedTuple):
    """A column to sort by, as its text has it."""

    name: str
    column: AnyColumn
    descending: bool = False


def is_pure(tree: Filter) -> bool:
    """Whether a condition mentions none of a table's own columns."""
    return not any(
        isinstance(column, TableColumn) for each in walk_filter(tree) for column in columns_of(each)
    )


def split(table: TableColumns, tree: Filter | None) -> tuple[Filter | None, Filter | None]:
    """Return what of a condition a backend answers, and what it does not; both must hold."""
    parts = [_pushed(table, each) for each in conjuncts(tree)]
    pure = all_of(*(each for each in parts if is_pure(each)))
    return pure, all_of(*(each for each in parts if not is_pure(each)))


def _pushed(table: TableColumns, tree: Filter) -> Filter:
    """Return a condition with those parts turned that can be said of nodes alone."""
    if isinstance(tree, And | Or):
        return type(tree)(tuple(_pushed(table, each) for each in tree.items))
    if isinstance(tree, Not):
        return Not(_pushed(table, tree.item))
    if isinstance(tree, Exists):
        return Exists(tree.neighbour, tree.alias, _pushed(table, tree.condition))
    if isinstance(tree, CompareColumns) or not isinstance(tree.column, TableColumn):
        return tree
    return table.pushed(tree) or tree


class Sieve:
    """The nodes that a backend finds, and the values by which they are tested and sorted."""

    def __init__(
        self,
        backend: Backend,
        table: TableColumns,
        parts: tuple[Filter | None, Filter | None],
        keys: Sequence[SortKey],
        as_of: int | None,
    ) -> None:
        self._backend = backend
        self._table = table
        self._pushed, self._rest = parts
        self._as_of = as_of
        self._columns = dict.fromkeys(
            [column for column in mentioned(self._rest) if not _is_joined(column)]
            + [key.column for key in keys]
        )
        self._plain = [*dict.fromkeys(each for key in self._columns for each in table.plain(key))]
        found = backend.values(table.kind, self._plain, self._pushed, as_of=as_of)
        self.left_out = max(0, len(found) - MOST)
        self._found = found[self.left_out :]
        self._values: dict[AnyColumn, Values] = {}
        self._sortable: dict[AnyColumn, Mapping[int, Any]] = {}
        self._is_measured = False
        self.around: Callable[[], Around] | None = None
        """Gives what is around the nodes; it is set by who knows how many these are."""

    @property
    def _metrics(self) -> Iterator[str]:
        """The metrics that are looked at."""
        for column in self._columns:
            if isinstance(column, TableColumn) and column.family == "metrics":
                yield column.name

    @property
    def ids(self) -> list[int]:
        """The ids of the nodes that the backend found, in order."""
        return [values[0] for values in self._found]

    def values(self, column: AnyColumn) -> Values:
        """Return the values of a column by id."""
        known = self._values.get(column)
        if known is None:
            known = self._values[column] = self._read(column)
        return known

    def _read(self, column: AnyColumn) -> Values:
        plain = self._table.plain(column)
        places = [self._plain.index(each) + 1 for each in plain]
        if isinstance(column, TableColumn):
            assert self.around is not None
            if column.family == "metrics" and not self._is_measured:
                self._is_measured = True
                self._table.measured(self.around(), self._metrics)
            own = {row[0]: [row[place] for place in places] for row in self._found if places}
            return self._table.values(column, self.around, own)
        (place,) = places
        return {values[0]: value for values in self._found if (value := values[place]) is not None}

    def passing(self) -> list[int]:
        """Return the ids of the nodes that the whole condition accepts, in order."""
        if self._rest is None:
            return self.ids
        test = self._test(self._rest)
        return [number for number in self.ids if test(number)]

    def _test(self, tree: Filter) -> Callable[[int], bool]:
        if is_pure(tree):
            found = self._backend.values(
                self._table.kind, (), all_of(self._pushed, tree), as_of=self._as_of
            )
            accepted = {number for (number,) in found}
            return lambda number: number in accepted
        if isinstance(tree, And):
            every = [self._test(item) for item in tree.items]
            return lambda number: all(test(number) for test in every)
        if isinstance(tree, Or):
            some = [self._test(item) for item in tree.items]
            return lambda number: any(test(number) for test in some)
        if isinstance(tree, Not):
            inner = self._test(tree.item)
            return lambda number: not inner(number)
        if isinstance(tree, Exists) or any(map(_is_joined, columns_of(tree))):
            raise Invalid(
                "a column of the table is not compared with one of a neighbour; compare each with a value"
            )
        return self._of_columns(tree) if isinstance(tree, CompareColumns) else self._of_one(tree)

    def _of_columns(self, tree: CompareColumns) -> Callable[[int], bool]:
        left, right, compare = self.values(tree.left), self.values(tree.right), compares(tree.op)
        lists = [_is_list(column) for column in (tree.left, tree.right)]
        if any(lists):
            raise Invalid("data, models, runs and assets are compared with texts, not with columns")
        return lambda number: compare(left.get(number), right.get(number))

    def _of_one(self, tree: OnColumn) -> Callable[[int], bool]:
        values = self.values(tree.column)
        if _is_list(tree.column):
            if isinstance(tree, Contains):
                tree = Compare(tree.column, Operator.EQ, tree.value)
            accepted = holds(tree)
            several = cast(_Lists, values)
            return lambda number: any(map(accepted, several.get(number, ())))
        accepted = holds(tree)
        return lambda number: number in values and accepted(values[number])

    def sorted(self, ids: Sequence[int], keys: Sequence[SortKey]) -> list[int]:
        """Return ids by columns: numbers, then texts, then flags; what is absent, or NaN, comes last.

        Ties go by id, in the direction of the first column.
        """
        ordered = [*ids]
        if keys[0].descending:
            ordered.reverse()
        for key in reversed(keys):
            ordered = _sorted(ordered, self.sortable(key.column), descending=key.descending)
        return ordered

    def sortable(self, column: AnyColumn) -> Mapping[int, Any]:
        """Return the values of a column that have an order; of a list the first, of states and types the names."""
        if column not in self._sortable:
            self._sortable[column] = self._with_order(column)
        return self._sortable[column]

    def _with_order(self, column: AnyColumn) -> Mapping[int, Any]:
        values = self.values(column)
        if _is_list(column):
            several = cast(_Lists, values)
            return {number: texts[0] for number, texts in several.items() if texts}
        names = self._names(column)
        if names is not None:
            return {number: names[value] for number, value in values.items() if value in names}
        return {
            number: value
            for number, value in values.items()
            if type(value) in FAMILIES and value == value  # noqa: PLR0124  # which NaN is not, told quickest so
        }

    def _names(self, column: AnyColumn) -> Mapping[object, str] | None:
        if column == Column(Field.STATE):
            states = ExecutionState if self._table.kind is Kind.EXECUTION else ArtifactState
            return {STATE_NUMBERS[state]: state.value for state in states}
        if column == Column(Field.TYPE):
            return {number: each.name for number, each in self._table.types.by_id.items()}
        return None

    def mixed(self, column: AnyColumn) -> Collection[str]:
        """Return of which families a column's values are, where there are several."""
        families = {FAMILIES[type(value)] for value in self.sortable(column).values()}
        return families if len(families) > 1 else ()


def _sorted(ids: Iterable[int], values: Mapping[int, Any], *, descending: bool) -> list[int]:
    groups: dict[str, list[int]] = {}
    absent = []
    for number in ids:
        if number in values:
            groups.setdefault(FAMILIES[type(values[number])], []).append(number)
        else:
            absent.append(number)
    # Sorting keeps the order of what is equal, in either direction.
    in_order = (
        sorted(groups.get(family, ()), key=values.__getitem__, reverse=descending)
        for family in _CLASSES
    )
    return [number for group in (*in_order, absent) for number in group]


def mentioned(tree: Filter | None) -> Iterator[AnyColumn]:
    """Yield the columns whose values the parts of a condition need that a backend does not answer."""
    for each in () if tree is None else walk_filter(tree):
        if not isinstance(each, And | Or | Not | Exists) and not is_pure(each):
            yield from columns_of(each)


def _is_joined(column: AnyColumn) -> bool:
    return isinstance(column, Column) and bool(column.of)


def _is_list(column: AnyColumn) -> bool:
    return isinstance(column, TableColumn) and column.family in LISTS

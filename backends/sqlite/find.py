"""Finding nodes in a SQLite store: one query, or for filters too deep for SQLite, several.

SQLite's parser gives up on deeply nested conditions and on long chains. Of a filter that goes
past what it surely takes, the query has only the simple conditions that must all hold; the whole
is then evaluated on the rows that it finds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lineage.backends.sqlite.filters import COLUMNS, Tables, Translator, packed, selects
from lineage.backends.sqlite.properties import Parameter
from lineage.backends.sqlite.rows import CURRENT_COLUMNS, KIND_NUMBERS, node_rows, past_row
from lineage.contract.backend import Backend, Order
from lineage.contract.evaluation import Met, NeighboursOf, accepts
from lineage.contract.projection import Projected, of_texts, projected
from lineage.contract.walking import Direction
from lineage.filters.tree import (
    And,
    AnyColumn,
    Column,
    Compare,
    Exists,
    Field,
    Filter,
    In,
    Neighbour,
    Not,
    Operator,
    Or,
    PropertyColumn,
    all_of,
    asks_for_gone,
    columns_of,
    conjuncts,
    walk_filter,
)
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import NodeRow, TypeRow

__all__ = ["Search", "neighbours"]

DEEPEST = 8
"""Levels of a filter that go into SQL: SQLite's parser was seen to fail at 13 nested EXISTS."""
LARGEST = 300
"""Parts of a filter that go into SQL: SQLite refuses expressions that are 1,000 deep."""
WINDOW, WINDOW_ENTRIES = 2_000, 20_000
"""Nodes of a kind in the order of a time among which a page of some types is looked for first, and of any kind."""
BATCH_ROWS = 500
"""Rows that a filter is evaluated on at a time."""

_MAPS = {"properties": False, "custom": True}
"""The columns of properties, and whether they are custom ones."""
_ORDERS = {Field.ID: "key", Field.CREATED: "created", Field.UPDATED: "updated"}


@dataclass(slots=True)
class Search:
    """One question of `Backend.find`, inside one read transaction."""

    sql: sqlite3.Connection
    source: Tables
    kind: Kind
    where: Filter | None
    order: Order
    types: Sequence[TypeRow]
    neighbours: NeighboursOf

    def rows(self, after: tuple[int, int] | None, limit: int | None) -> list[NodeRow]:
        """Return the rows after a place, in order."""
        where = self.where
        if where is None or _is_simple(where):
            return self._select(where, after, limit)
        found: list[NodeRow] = []
        for row in self._evaluated(where, after):
            if limit is not None and len(found) >= limit:
                break
            found.append(row)
        return found

    def values(self, columns: Sequence[AnyColumn]) -> list[Projected]:
        """Return the ids and some columns of all rows by id."""
        where = self.where
        if asks_for_gone(where) or not (where is None or _is_simple(where)):
            return projected(columns, self.rows(None, None))
        items = conjuncts(where)
        fields = [
            "n.key >> 2" if column.field is Field.ID else f"n.{COLUMNS[column.field]}"
            for column in columns
            if isinstance(column, Column)
        ]
        wanted = {column.custom for column in columns if isinstance(column, PropertyColumn)}
        # Properties are read from their text, which is quicker than SQLite's functions and rounds as all else does.
        texts = [f"n.{name}" if custom in wanted else "NULL" for name, custom in _MAPS.items()]
        selected = ["n.key >> 2 AS id", *fields, *(texts if wanted else ())]
        query, parameters = self._query(items, selected, None)
        # Of one table its key is the order of an index; a union must be sorted by what it selects.
        order = "n.key" if self.source.as_of is None else "id"
        rows = self.sql.execute(f"{query} ORDER BY {order}", parameters).fetchall()
        return of_texts(columns, rows) if wanted else rows

    def _evaluated(self, where: Filter, after: tuple[int, int] | None) -> Iterator[NodeRow]:
        """Yield the rows that a filter beyond SQL accepts, in order."""
        narrowed = all_of(*_fitting(where))
        accepted = accepts(where, _Remembered(self.neighbours))
        while True:
            rows = self._select(narrowed, after, BATCH_ROWS)
            yield from filter(accepted, rows)
            if len(rows) < BATCH_ROWS:
                return
            after = (self.order.value(rows[-1]), rows[-1].key.id)

    def _select(
        self, where: Filter | None, after: tuple[int, int] | None, limit: int | None
    ) -> list[NodeRow]:
        items = conjuncts(where)
        if limit is not None and limit <= WINDOW and self._is_of_types_alone(items):
            rows = self._ordered(items, after, limit, self._window(after))
            if len(rows) == limit:
                return rows
        return self._ordered(items, after, limit, None)

    def _ordered(
        self,
        items: Sequence[Filter],
        after: tuple[int, int] | None,
        limit: int | None,
        among: str | None,
    ) -> list[NodeRow]:
        direction = "DESC" if self.order.descending else "ASC"
        query, parameters = self._query(items, (CURRENT_COLUMNS,), after, among)
        column = _ORDERS[self.order.field]
        query += f" ORDER BY {column} {direction}, key {direction} LIMIT ?"
        parameters.append(-1 if limit is None else limit)
        found = self.sql.execute(query, parameters)
        return list(map(past_row, found)) if asks_for_gone(self.where) else node_rows(found)

    def _is_of_types_alone(self, items: Sequence[Filter]) -> bool:
        """Whether a page by a time is of the present, and no index but that of types narrows it."""
        if (
            self.order.field is Field.ID
            or self.source.as_of is not None
            or asks_for_gone(self.where)
        ):
            return False
        fields = {column.field for column in _columns(items) if isinstance(column, Column)}
        return Field.TYPE_ID in fields and not (
            Field.NAME in fields
            or _is_found(items)
            or _is_narrowed(items)
            or self._useful_indexes(items)
        )

    def _window(self, after: tuple[int, int] | None) -> str:
        """Return the keys of the next few nodes in the order of a time, of which a page may be found.

        By the index of types SQLite would read and sort every node of them.
        """
        column, descending = _ORDERS[self.order.field], self.order.descending
        direction, beyond = ("DESC", "<") if descending else ("ASC", ">")
        place = (
            f"({column}, key) {beyond} ({after[0]:d}, {packed(after[1], self.kind)})"
            if after
            else "TRUE"
        )
        order = f"ORDER BY {column} {direction}, key {direction}"
        # The kind is in the key, and the index has both: no node is read for it.
        near = f"SELECT key, {column} FROM node WHERE {place} {order} LIMIT {WINDOW_ENTRIES:d}"
        return f"SELECT key FROM ({near}) WHERE key & 3 = {KIND_NUMBERS[self.kind]} {order} LIMIT {WINDOW:d}"

    def _query(
        self,
        items: Sequence[Filter],
        selected: Sequence[str],
        after: tuple[int, int] | None,
        among: str | None = None,
    ) -> tuple[str, list[Parameter]]:
        """Return the query for some columns of the nodes after a place, in no order, and its parameters.

        They are of all nodes, or `among` those whose keys another query gives.
        """
        useful = self._useful_indexes(items)
        narrowed = among is not None or _is_narrowed(items)
        parameters: list[Parameter] = []
        arms, with_gone = [], asks_for_gone(self.where)
        for table, moment, gone in self._arms(with_gone=with_gone):
            translator = Translator(self.source, self.kind, useful, narrowed, gone)
            conditions = [moment, *self._conditions(translator, items)]
            if after is not None:
                conditions.append(self._after(translator, after))
            if among is not None:
                conditions.append(f"n.key IN ({among})")
            columns = ", ".join(selected)
            if with_gone:
                columns += ", n.until, TRUE" if gone else ", NULL, FALSE"
            arms.append(f"SELECT {columns} FROM {table} AS n WHERE {' AND '.join(conditions)}")
            parameters += translator.parameters
        return " UNION ALL ".join(arms), parameters

    def _arms(self, *, with_gone: bool) -> Iterator[tuple[str, str, bool]]:
        """Yield each table to read, the condition that its rows are of the moment, and whether they are gone."""
        for table, moment in self.source.arms("node"):
            yield table, moment, False
        if with_gone:
            yield "node_past", self.source.gone, True

    def _conditions(self, translator: Translator, items: Sequence[Filter]) -> list[str]:
        conditions = [f"n.key & 3 = {KIND_NUMBERS[self.kind]}"]
        fields = [column.field for column in _columns(items) if isinstance(column, Column)]
        if Field.TYPE_ID not in fields and (
            Field.NAME in fields or (self.kind is Kind.CONTEXT and not _is_found(items))
        ):
            # Contexts are few among the nodes, and names are indexed by type: go by the types.
            ids = (row.type.id for row in self.types if row.type.kind is self.kind)
            conditions.append(f"n.type IN ({', '.join(map(str, ids))})")
        return conditions + [f"({translator.condition(item)})" for item in items]

    def _after(self, translator: Translator, after: tuple[int, int]) -> str:
        value, number = after
        beyond = "<" if self.order.descending else ">"
        if self.order.field is Field.ID:
            translator.parameters.append(packed(number, self.kind))
            return f"n.key {beyond} ?"
        translator.parameters += [value, packed(number, self.kind)]
        return f"(n.{_ORDERS[self.order.field]}, n.key) {beyond} (?, ?)"

    def _useful_indexes(self, items: Sequence[Filter]) -> set[str]:
        """Return the indexed properties that every node must satisfy a condition on."""
        names = {
            column.name
            for column in _columns(items)
            if isinstance(column, PropertyColumn) and not column.custom
        }
        return (
            {name for row in self.types for name in names.intersection(row.type.indexed)}
            if names
            else names
        )


def neighbours(backend: Backend, row: NodeRow, exists: Exists, as_of: int | None) -> Sequence[Met]:
    """Return what a node can be joined with, for filters that are evaluated row by row."""
    neighbour = exists.neighbour
    if neighbour is Neighbour.EVENTS:
        return backend.edges([row.key], kinds=neighbour.edges, as_of=as_of)
    direction = Direction.UPSTREAM if neighbour.is_source else Direction.DOWNSTREAM
    edges = backend.edges([row.key], direction, kinds=neighbour.edges, as_of=as_of)
    ends = [edge.source if neighbour.is_source else edge.target for edge in edges]
    return [each for each in backend.nodes(ends, as_of=as_of).values() if not each.gone]


class _Remembered:
    """The neighbours of the node that is looked at, for all conditions on them: each is read once."""

    def __init__(self, read: NeighboursOf) -> None:
        self._read = read
        self._key: NodeKey | None = None
        self._near: dict[Neighbour, Iterable[Met]] = {}

    def __call__(self, row: NodeRow, exists: Exists) -> Iterable[Met]:
        if row.key != self._key:
            self._key, self._near = row.key, {}
        near = self._near.get(exists.neighbour)
        if near is None:
            near = self._near[exists.neighbour] = self._read(row, exists)
        return near


def _columns(items: Sequence[Filter]) -> list[AnyColumn]:
    """Return the columns that conditions are on by themselves."""
    return [column for item in items for column in columns_of(item)]


def _is_found(items: Sequence[Filter]) -> bool:
    """Whether an id or a neighbour says which few nodes to look at."""
    return any(
        (isinstance(item, Exists) and selects(item))
        or (isinstance(item, Compare | In) and item.column == Column(Field.ID))
        for item in items
    )


def _is_narrowed(items: Sequence[Filter]) -> bool:
    """Whether every node must have one URI or one external id."""
    fields = (Column(Field.URI), Column(Field.EXTERNAL_ID))
    return any(
        isinstance(item, Compare) and item.op is Operator.EQ and item.column in fields
        for item in items
    )


def _fitting(where: Filter) -> Iterator[Filter]:
    """Yield those conditions that must all hold which together SQLite surely takes."""
    left = LARGEST - 1
    for item in conjuncts(where):
        size = _size(item)
        if size <= left and _depth(item) < DEEPEST:
            left -= size
            yield item


def _size(tree: Filter) -> int:
    return sum(1 for _ in walk_filter(tree))


def _is_simple(tree: Filter) -> bool:
    """Whether SQLite surely takes the filter as one condition."""
    return _depth(tree) <= DEEPEST and _size(tree) <= LARGEST


def _depth(tree: Filter) -> int:
    if isinstance(tree, And | Or):
        return 1 + max(map(_depth, tree.items), default=0)
    if isinstance(tree, Not):
        return 1 + _depth(tree.item)
    if isinstance(tree, Exists):
        return 2 + _depth(tree.condition)
    return 0

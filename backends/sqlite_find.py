"""Finding nodes in a SQLite store: one query, or for filters too deep for SQLite, several.

SQLite's parser gives up on deeply nested conditions and on long chains. Of a filter that goes
past what it surely takes, the query has only the simple conditions that must all hold; the whole
is then evaluated on the rows that it finds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lineage.backend import Order
from lineage.backends.evaluation import Neighbours, accepts
from lineage.backends.sqlite_filters import Source, Translator, packed
from lineage.backends.sqlite_properties import Parameter
from lineage.backends.sqlite_rows import KIND_NUMBERS, NODE_COLUMNS, node_row
from lineage.filters import (
    And,
    Column,
    Compare,
    Exists,
    Field,
    Filter,
    Not,
    Operator,
    Or,
    all_of,
    conjuncts,
    walk_filter,
)
from lineage.model import Kind
from lineage.rows import NodeRow, TypeRow

__all__ = ["Search"]

DEEPEST = 8
"""Levels of a filter that go into SQL: SQLite's parser was seen to fail at 13 nested EXISTS."""
LARGEST = 300
"""Parts of a filter that go into SQL: SQLite refuses expressions that are 1,000 deep."""
CHUNK = 500
"""Rows that a filter is evaluated on at a time."""

_ORDERS = {Field.ID: "key", Field.CREATED: "created", Field.UPDATED: "updated"}
_NAMES = ", ".join(f"n.{name.strip()}" for name in NODE_COLUMNS.split(","))


@dataclass(frozen=True)
class Search:
    """One question of `Backend.find`, inside one read transaction."""

    sql: sqlite3.Connection
    source: Source
    kind: Kind
    where: Filter | None
    order: Order
    types: Sequence[TypeRow]
    neighbours: Neighbours

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

    def _evaluated(self, where: Filter, after: tuple[int, int] | None) -> Iterator[NodeRow]:
        """Yield the rows that a filter beyond SQL accepts, in order."""
        simple = [item for item in conjuncts(where) if _is_simple(item)]
        narrowed = all_of(*simple[:LARGEST]) if _is_simple(And(tuple(simple[:LARGEST]))) else None
        accepted = accepts(where, self.neighbours)
        while True:
            rows = self._select(narrowed, after, CHUNK)
            yield from filter(accepted, rows)
            if len(rows) < CHUNK:
                return
            after = (self.order.value(rows[-1]), rows[-1].key.id)

    def _select(
        self, where: Filter | None, after: tuple[int, int] | None, limit: int | None
    ) -> list[NodeRow]:
        direction = "DESC" if self.order.descending else "ASC"
        column = _ORDERS[self.order.field]
        parameters: list[Parameter] = []
        arms = []
        for table, moment in self.source.arms("node"):
            useful = self._useful_indexes(where)
            translator = Translator(self.source, self.kind, useful, _is_narrowed(where))
            conditions = [moment, *self._conditions(translator, where)]
            if after is not None:
                conditions.append(self._after(translator, after))
            arms.append(f"SELECT {_NAMES} FROM {table} AS n WHERE {' AND '.join(conditions)}")
            parameters += translator.parameters
        query = f"{' UNION ALL '.join(arms)} ORDER BY {column} {direction}, key {direction} LIMIT ?"
        found = self.sql.execute(query, (*parameters, -1 if limit is None else limit))
        return [node_row(values) for values in found]

    def _conditions(self, translator: Translator, where: Filter | None) -> list[str]:
        conditions = [f"n.key & 3 = {KIND_NUMBERS[self.kind]}"]
        fields = {
            item.column.field
            for item in conjuncts(where)
            if not isinstance(item, And | Or | Not | Exists) and isinstance(item.column, Column)
        }
        if Field.TYPE_ID not in fields and (self.kind is Kind.CONTEXT or Field.NAME in fields):
            # Contexts are few among the nodes, and names are indexed by type: go by the types.
            ids = (row.type.id for row in self.types if row.type.kind is self.kind)
            conditions.append(f"n.type IN ({', '.join(map(str, ids))})")
        return conditions + [f"({translator.condition(item)})" for item in conjuncts(where)]

    def _after(self, translator: Translator, after: tuple[int, int]) -> str:
        value, number = after
        beyond = "<" if self.order.descending else ">"
        if self.order.field is Field.ID:
            translator.parameters.append(packed(number, self.kind))
            return f"n.key {beyond} ?"
        translator.parameters += [value, packed(number, self.kind)]
        return f"(n.{_ORDERS[self.order.field]}, n.key) {beyond} (?, ?)"

    def _useful_indexes(self, where: Filter | None) -> set[str]:
        """Return the indexed properties that every node must satisfy a condition on."""
        columns = (getattr(item, "column", None) for item in conjuncts(where))
        names = {
            each.name
            for each in columns
            if each is not None and not isinstance(each, Column) and not each.custom
        }
        return (
            {name for row in self.types for name in names.intersection(row.type.indexed)}
            if names
            else names
        )


def _is_narrowed(where: Filter | None) -> bool:
    """Whether every node must have one URI or one external id."""
    fields = (Column(Field.URI), Column(Field.EXTERNAL_ID))
    return any(
        isinstance(item, Compare) and item.op is Operator.EQ and item.column in fields
        for item in conjuncts(where)
    )


def _is_simple(tree: Filter) -> bool:
    """Whether SQLite surely takes the filter as one condition."""
    return _depth(tree) <= DEEPEST and sum(1 for _ in walk_filter(tree)) <= LARGEST


def _depth(tree: Filter) -> int:
    if isinstance(tree, And | Or):
        return 1 + max(map(_depth, tree.items), default=0)
    if isinstance(tree, Not):
        return 1 + _depth(tree.item)
    if isinstance(tree, Exists):
        return 2 + _depth(tree.condition)
    return 0

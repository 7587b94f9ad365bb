"""Runs and models as tables: which of them, in which order, and with which columns."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import partial
from hashlib import sha256
from typing import NamedTuple

from lineage.contract.backend import Backend, Order
from lineage.contract.registry import Registry, registry
from lineage.contract.roles import Role, Roles
from lineage.contract.walking import Direction
from lineage.contract.writings import OUTPUT_KINDS
from lineage.errors import Invalid, excerpt
from lineage.filters.columns import ColumnMention
from lineage.filters.parsing import parse, parse_columns
from lineage.filters.table_columns import FAMILIES, TABLES, column_name
from lineage.filters.tree import (
    Column,
    Field,
    Filter,
    In,
    TableColumn,
    all_of,
    asks_for_gone,
    bind,
)
from lineage.model.entities import Node
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EVENT_KINDS, EdgeKind
from lineage.queries.find import meant
from lineage.queries.measurements import metrics_within
from lineage.queries.reader import Reader
from lineage.queries.tables.around import AllRuns, Around, SomeRuns
from lineage.queries.tables.columns import ModelColumns, RunColumns, TableColumns
from lineage.queries.tables.sieve import MOST, Sieve, SortKey, mentioned, split
from lineage.queries.tables.table import Asked, Table, names_of, rows_of

__all__ = ["models", "runs"]

FEW = 500
"""Around how many nodes is read by their keys; around more, by all edges of their types."""
MANY = 10_000
"""Of how many nodes that were looked at for a page a note says so."""
LOOKED_AT, LISTED = 100, 5
"""How many nodes are looked at for the names that there are, and how many of these are told."""
_NATIVE = {
    Column(Field.ID): Field.ID,
    Column(Field.CREATED): Field.CREATED,
    Column(Field.UPDATED): Field.UPDATED,
}
"""The columns by which backends sort."""
_MEMBERS = frozenset({EdgeKind.ATTRIBUTION})


class Question(NamedTuple):
    """A table as it was asked for, before anything is read."""

    wanted: type[Node] | str | None
    where: str | Filter | None
    order: str | None
    columns: Sequence[str] | None
    limit: int | None
    page: str | None


def runs(backend: Backend, question: Question, *, as_of: int | None) -> Table:
    """Return runs as a table, a row each, with what they read, wrote and measured.

    >>> import lineage
    >>> store = lineage.connect("memory:")
    >>> for depth in (3, 5):
    ...     with store.run(lineage.Train(custom_properties={"depth": depth})) as run:
    ...         _ = run.log_metrics(auc=depth / 10)
    >>> best = runs(
    ...     store.backend,
    ...     Question(None, "parameters.depth < 9", "metrics.auc desc", None, 1, None),
    ...     as_of=None,
    ... )
    >>> best[0]["parameters.depth"], best[0]["metrics.auc"]
    (5, 0.5)
    """
    return _table(backend, question, Kind.EXECUTION, as_of)


def models(backend: Backend, question: Question, *, as_of: int | None) -> Table:
    """Return models as a table, a row each, with the run that made each and what was measured of it."""
    return _table(backend, question, Kind.ARTIFACT, as_of)


def _table(backend: Backend, question: Question, kind: Kind, as_of: int | None) -> Table:
    number, place = backend.pin(as_of), None
    fingerprint = _fingerprint(question, kind)
    if question.page is not None:
        number, place = _read_token(question.page, fingerprint)
        if as_of not in (None, number):
            raise Invalid(f"the page token is of transaction {number}, this is as of {as_of}")
    types = registry(backend, number)
    ids = _type_ids(types, question.wanted, kind)
    tree = _tree(question.where, kind)
    of_types: Filter = In(Column(Field.TYPE_ID), ids)
    tree = bind(all_of(of_types, tree) or of_types, types.by_id.values())
    table = RunColumns if kind is Kind.EXECUTION else ModelColumns
    columns = table(types, ids, partial(backend.versions, as_of=number))
    asked = Asked(
        kind,
        types,
        ids,
        [*_order(question.order, kind)],
        None if question.columns is None else [*_columns(question.columns, kind)],
        [*mentioned(tree)],
    )
    return _Answer(backend, columns, asked, number, fingerprint).page(tree, question.limit, place)


class _Answer:
    """One page of a table of one moment."""

    def __init__(
        self,
        backend: Backend,
        columns: TableColumns,
        asked: Asked,
        number: int | None,
        fingerprint: str,
    ) -> None:
        self._backend = backend
        self._columns = columns
        self._asked = asked
        self._number = number
        self._fingerprint = fingerprint
        self._notes: list[str] = []

    def page(self, tree: Filter, limit: int | None, place: _Place | None) -> Table:
        """Return the rows after a place."""
        pushed, rest = split(self._columns, tree)
        native = self._native()
        if rest is None and native is not None:
            keys, token = self._found(pushed, native, limit, place)
        else:
            keys, token = self._sifted(pushed, rest, limit, place)
        reader = Reader(self._backend, self._number)
        around = self._around_keys(reader, keys)
        shown = rows_of(reader, self._columns, self._asked, keys, around)
        notes = (*self._notes, *shown.notes)
        return Table(self._asked.kind, shown.columns, shown.rows, notes, token, reader.number)

    def _native(self) -> Order | None:
        """Return the order if it is one that backends know."""
        first, *others = self._asked.order
        if others or not isinstance(first.column, Column):
            return None
        field = _NATIVE.get(first.column)
        return None if field is None else Order(field, first.descending)

    def _found(
        self, where: Filter | None, order: Order, limit: int | None, place: _Place | None
    ) -> tuple[list[NodeKey], str | None]:
        """Return a page whose cost is its own: by an order that the backend has."""
        rows = self._backend.find(
            self._asked.kind,
            where,
            order=order,
            after=place,
            limit=None if limit is None else limit + 1,
            as_of=self._number,
        )
        keys = [row.key for row in rows[:limit]]
        if len(rows) == len(keys) or not keys:
            return keys, None
        last = rows[len(keys) - 1]
        return keys, self._token((order.value(last), last.key.id))

    def _sifted(
        self, pushed: Filter | None, rest: Filter | None, limit: int | None, place: _Place | None
    ) -> tuple[list[NodeKey], str | None]:
        """Return a page for which all nodes that the backend finds are looked at."""
        order, kind = self._asked.order, self._asked.kind
        sieve = Sieve(self._backend, self._columns, (pushed, rest), order, self._number)
        around: list[Around] = []

        def read_once() -> Around:
            if not around:
                around.append(self._around(sieve.ids, with_gone=asks_for_gone(pushed)))
            return around[0]

        sieve.around = read_once
        ordered = sieve.sorted(sieve.passing(), order)
        self._notes += [*self._remarks(sieve), *self._near(sieve, rest, nothing=not ordered)]
        start = self._start(ordered, place)
        end = len(ordered) if limit is None else start + limit
        token = self._token((end, ordered[end - 1])) if end < len(ordered) else None
        return [NodeKey(kind, each) for each in ordered[start:end]], token

    @staticmethod
    def _start(ordered: Sequence[int], place: _Place | None) -> int:
        if place is None:
            return 0
        count, last = place
        if not 0 < count <= len(ordered) or ordered[count - 1] != last:
            raise Invalid(
                "what the page before ended with is not in its place any more, as after a purge; ask for the first page"
            )
        return count

    def _remarks(self, sieve: Sieve) -> Iterator[str]:
        word = "runs" if self._asked.kind is Kind.EXECUTION else "models"
        looked_at = len(sieve.ids)
        if sieve.left_out:
            yield (
                f"only the newest {MOST:,} of {MOST + sieve.left_out:,} {word} were looked at; narrow them by a "
                f"condition on an indexed column"
            )
        elif looked_at > MANY:
            yield f"no index has this order or condition: {looked_at:,} {word} were looked at"
        for key in self._asked.order:
            families = sieve.mixed(key.column)
            if families:
                names = {"number": "numbers", "string": "texts", "bool": "flags"}
                several = ", then ".join(names[each] for each in names if each in families)
                yield f"{key.name} has values of several types: {several}"

    def _near(self, sieve: Sieve, rest: Filter | None, *, nothing: bool) -> Iterator[str]:
        """Yield what metrics and parameters there are, where one is asked for that no node has."""
        asked = [key.column for key in self._asked.order]
        asked += [*mentioned(rest)] if nothing else []
        missing = [
            column
            for column in dict.fromkeys(asked)
            if isinstance(column, TableColumn) and column.family in FAMILIES
            if sieve.ids and not sieve.values(column)
        ]
        if not missing:
            return
        reader = Reader(self._backend, self._number)
        keys = [NodeKey(self._asked.kind, each) for each in sieve.ids[-LOOKED_AT:]]
        around = self._around_keys(reader, keys)
        names = names_of(reader, self._columns, self._asked, keys, around)
        for column in missing:
            wanted = column_name(column.family, column.name, column.use)
            near = get_close_matches(column.name, names[column.family], LISTED, 0.5)
            there = [
                column_name(column.family, name) for name in near or sorted(names[column.family])
            ]
            more = f"; there are {', '.join(there[:LISTED])}" if there else ""
            yield f"nothing here has {wanted}{more}"

    def _around(self, ids: Sequence[int], *, with_gone: bool) -> Around:
        if with_gone or len(ids) <= FEW:
            reader = Reader(self._backend, self._number)
            return self._around_keys(reader, [NodeKey(self._asked.kind, each) for each in ids])
        type_ids = self._asked.type_ids
        if self._asked.kind is Kind.ARTIFACT:
            every = self._asked.types.of(Kind.EXECUTION)
            type_ids = tuple(each.id for each in every if each.id is not None)
        return AllRuns(self._backend, type_ids, self._number)

    def _around_keys(self, reader: Reader, keys: Sequence[NodeKey]) -> SomeRuns:
        reader.read(keys)
        if self._asked.kind is Kind.EXECUTION:
            return SomeRuns(reader, keys)
        events = reader.edges(keys, Direction.BOTH, EVENT_KINDS)
        contexts = {row.source for row in reader.edges(keys, Direction.UPSTREAM, _MEMBERS)}
        measured = metrics_within(reader, contexts)
        writers = reader.edges(measured, Direction.UPSTREAM, OUTPUT_KINDS)
        near = {end for row in (*events, *writers) for end in row[:2]}
        return SomeRuns(reader, sorted(key for key in near if key.kind is Kind.EXECUTION))

    def _token(self, place: _Place) -> str:
        parts = [self._number, self._fingerprint, *place]
        return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


_Place = tuple[int, int]
"""Where a page ended: the order's value, or how many nodes came before, and the id of the last one."""


def _type_ids(types: Registry, wanted: type[Node] | str | None, kind: Kind) -> tuple[int, ...]:
    """Return the types of the nodes that a table is of; `NotFound` where there is no such type."""
    if wanted is None and kind is Kind.ARTIFACT:
        return tuple(sorted(Roles(types).ids(Role.MODEL)))
    cls, ids = meant(
        types, kind.value if wanted is None else wanted, kind if isinstance(wanted, str) else None
    )
    if cls.kind is not kind:
        word = "runs are executions" if kind is Kind.EXECUTION else "models are artifacts"
        raise Invalid(f"{excerpt(wanted)} is a type of {cls.kind}s, and {word}")
    if ids is not None:
        return ids
    return tuple(sorted(each.id for each in types.of(kind) if each.id is not None))


def _tree(where: str | Filter | None, kind: Kind) -> Filter | None:
    tree = parse(where, kind, TABLES) if isinstance(where, str) else where
    if not isinstance(tree, Filter | None):
        raise Invalid(
            f"{excerpt(where)} is not a filter; give text, or a tree of lineage.filters.tree"
        )
    return tree


def _order(order: str | None, kind: Kind) -> Iterator[SortKey]:
    """Yield the columns to sort by; the newest come first where nothing else is asked for."""
    if order is None:
        yield SortKey("id", Column(Field.ID), descending=True)
        return
    if not isinstance(order, str):
        raise Invalid(f"{excerpt(order)} is not an order; give text, such as 'metrics.auc desc'")
    for mention, direction in _parsed("order", order, kind):
        if isinstance(mention.column, Column) and (
            mention.column.of or mention.column.field is Field.GONE
        ):
            raise Invalid(f"nothing is sorted by {mention.name:.80}")
        yield SortKey(mention.name, mention.column, descending=direction == "desc")


def _columns(columns: Sequence[str], kind: Kind) -> Iterator[SortKey]:
    """Yield the columns to show, under the names by which they were asked for."""
    if isinstance(columns, str) or not all(isinstance(each, str) for each in columns):
        raise Invalid(
            f"columns={excerpt(columns)}: give a list of names, such as ['id', 'metrics.auc']"
        )
    for text in columns:
        ((mention, direction), *others) = _parsed("columns", text, kind)
        if (
            others
            or direction is not None
            or (isinstance(mention.column, Column) and mention.column.of)
        ):
            raise Invalid(f"{excerpt(text)} is no single column to show")
        yield SortKey(_shown_name(text, mention.column), mention.column)


def _parsed(name: str, text: str, kind: Kind) -> list[tuple[ColumnMention, str | None]]:
    """Return the columns that an argument names; a fault says which argument has it."""
    try:
        return parse_columns(text, kind, TABLES)
    except Invalid as error:
        fault = str(error).removeprefix("filter, ").replace("the filter", "the text")
        raise Invalid(f"{name}={text!r:.80}: {fault}") from error


def _shown_name(text: str, column: object) -> str:
    if isinstance(column, TableColumn) and column.family in FAMILIES:
        return column_name(column.family, column.name, column.use)
    return text.strip().lower() if isinstance(column, Column | TableColumn) else text.strip()


def _fingerprint(question: Question, kind: Kind) -> str:
    """Return what tells a question from others: a page goes on with its own alone."""
    wanted = question.wanted
    named = wanted if isinstance(wanted, str) or wanted is None else repr(wanted.type_name)
    said = repr((kind.value, named, question.where, question.order))
    return sha256(said.encode(errors="surrogatepass")).hexdigest()[:16]


def _read_token(token: str, fingerprint: str) -> tuple[int | None, _Place]:
    """Return the moment and the place that a page token holds; raise `Invalid` for any other text."""
    try:
        number, own, value, last = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError, RecursionError) as error:
        raise Invalid(f"{excerpt(token)} is not a page token; use the `next` of a page") from error
    whole = [value, last, 0 if number is None else number]
    if own != fingerprint or not all(
        type(each) is int and -(2**63) <= each < 2**63 for each in whole
    ):
        raise Invalid("the page token belongs to another question; ask as for the page before")
    return number, (value, last)

"""Finds nodes in the memory backend's graph, from the index that leaves the fewest to look at.

Whatever an index gives is looked at with the whole filter, so it may give too many, never too few.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, TypeAlias

from lineage.backends.memory.graph import TIMES, TimedGraph
from lineage.backends.memory.indexes import INDEXED, TEXTS, in_order
from lineage.contract.backend import Order
from lineage.contract.beginnings import Beginning
from lineage.contract.evaluation import NeighboursOf, accepts
from lineage.filters.simplifying import simplified
from lineage.filters.tree import (
    Column,
    Compare,
    Exists,
    Field,
    Filter,
    In,
    Literal,
    Operator,
    asks_for_gone,
    conjuncts,
)
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeRow, NodeRow

__all__ = ["beginning_with", "search"]

FEW = 100
"""How many neighbours a search may start from instead of the nodes themselves."""
SPARSE = 8
"""A page by time comes from the order of all nodes, unless an index leaves that many times fewer."""
LATER: Final = 1 << 63
"""A moment after all transactions."""

_ENDS = {Field.ARTIFACT_ID: Kind.ARTIFACT, Field.EXECUTION_ID: Kind.EXECUTION}
_Test: TypeAlias = Callable[[NodeRow], bool]
_Position: TypeAlias = tuple[int, int]


class _Candidates(NamedTuple):
    """Some sorted ids, and about how many."""

    size: int
    runs: Callable[[], Sequence[Sequence[int]]]


def search(
    graph: TimedGraph,
    kind: Kind,
    where: Filter | None,
    *,
    order: Order,
    after: _Position | None,
    limit: int | None,
    as_of: int | None,
) -> list[NodeRow]:
    """Find as `Backend.find` says."""
    # What is deleted is found as by a look at the past.
    moment = LATER if as_of is None and asks_for_gone(where) else as_of
    everything = candidates = _indexed(graph, kind, Field.ID, [None], moment)
    if where is not None:
        where = simplified(where)
        candidates = _narrowest(graph, kind, where, "", moment) or everything
    test = _test(graph, where, as_of)
    if order.field is Field.ID:
        last = None if after is None else after[1]
        ids = in_order(candidates.runs(), descending=order.descending, after=last)
        return list(islice(_passing(graph, kind, ids, test, as_of), limit))
    if limit is not None and candidates.size * SPARSE >= everything.size:
        return list(
            islice(_through_time(graph, kind, test, order=order, after=after, as_of=as_of), limit)
        )
    rows = _passing(graph, kind, in_order(candidates.runs()), test, as_of)
    return _sorted(rows, order, after, limit)


def beginning_with(graph: TimedGraph, beginning: Beginning, as_of: int | None) -> list[NodeRow]:
    """Find as `Backend.beginning_with` says, from the orders of all versions by their texts."""
    runs = [
        _beginning_so(graph, kind, which, beginning.text)
        for kind in beginning.kinds
        for which in TEXTS
    ]
    found: dict[NodeKey, NodeRow] = {}
    for text, key in heapq.merge(*runs):
        row = graph.at(key, as_of)
        if row is None or row.gone or beginning.place(row) != (text, key):
            continue
        found[key] = row
        if len(found) == beginning.limit:
            break
    return [*found.values()]


def _beginning_so(
    graph: TimedGraph, kind: Kind, which: str, beginning: str
) -> Iterator[tuple[str, NodeKey]]:
    """Yield what begins so of one text of the nodes of a kind, in order and lazily."""
    entries = graph.by_text(kind, which)
    for place in range(bisect_left(entries, (beginning, 0)), len(entries)):
        text, number = entries[place]
        if not text.startswith(beginning):
            return
        yield text, NodeKey(kind, number)


def _test(graph: TimedGraph, where: Filter | None, as_of: int | None) -> _Test:
    """Return whether a node is one of those looked at, and the filter accepts it."""
    if where is None or (as_of is None and _is_of_types(where)):
        return lambda row: not row.gone  # the index of types is exact for the latest of everything
    accepted = accepts(where, _neighbours(graph, as_of))
    return accepted if asks_for_gone(where) else lambda row: not row.gone and accepted(row)


def _is_of_types(where: Filter) -> bool:
    """Whether a filter says of which types the nodes are, and nothing more; a flag is no id, though it equals one."""
    if not isinstance(where, In) or where.column != Column(Field.TYPE_ID):
        return False
    return all(type(each) is int for each in where.values)


def _passing(
    graph: TimedGraph, kind: Kind, ids: Iterable[int], test: _Test, as_of: int | None
) -> Iterator[NodeRow]:
    """Yield the nodes among some ids that pass the test."""
    for number in ids:
        row = graph.at((kind, number), as_of)
        if row is not None and test(row):
            yield row


def _through_time(
    graph: TimedGraph,
    kind: Kind,
    test: _Test,
    *,
    order: Order,
    after: _Position | None,
    as_of: int | None,
) -> Iterator[NodeRow]:
    """Yield the nodes that pass the test from the order of all versions."""
    time = TIMES[order.field]
    entries = graph.by_time(kind, order.field).entries()
    for at, number in in_order([entries], descending=order.descending, after=after):
        row = graph.at((kind, number), as_of)
        if row is not None and time(row) == at and test(row):
            yield row


def _sorted(
    rows: Iterable[NodeRow], order: Order, after: _Position | None, limit: int | None
) -> list[NodeRow]:
    time = TIMES[order.field]

    def position(row: NodeRow) -> _Position:
        return time(row), row.key.id

    if after is not None:
        rows = (
            row
            for row in rows
            if (position(row) < after if order.descending else position(row) > after)
        )
    if limit is None:
        return sorted(rows, key=position, reverse=order.descending)
    return (heapq.nlargest if order.descending else heapq.nsmallest)(limit, rows, key=position)


def _narrowest(
    graph: TimedGraph, kind: Kind, where: Filter, alias: str, as_of: int | None
) -> _Candidates | None:
    """Return the smallest source for what must hold of the node, or of the neighbour, `alias`."""
    options = [_candidates(graph, kind, condition, alias, as_of) for condition in conjuncts(where)]
    return min((each for each in options if each), key=lambda each: each.size, default=None)


def _equals(condition: Filter, alias: str) -> tuple[Field, Sequence[Any]] | None:
    """Return a built-in column and the values that it must have one of."""
    if not isinstance(condition, Compare | In):
        return None
    column = condition.column
    if not isinstance(column, Column) or column.of != alias:
        return None
    if isinstance(condition, In):
        return column.field, condition.values
    return (column.field, [condition.value]) if condition.op is Operator.EQ else None


def _candidates(
    graph: TimedGraph, kind: Kind, condition: Filter, alias: str, as_of: int | None
) -> _Candidates | None:
    if isinstance(condition, Exists):
        return None if alias else _joined(graph, kind, condition, as_of)
    equal = _equals(condition, alias)
    if equal is None or equal[0] not in INDEXED:
        return None
    field, values = equal
    if field is Field.ID:
        return _listed(_ids(values))
    return _indexed(graph, kind, field, values, as_of)


def _indexed(
    graph: TimedGraph, kind: Kind, field: Field, values: Sequence[Any], as_of: int | None
) -> _Candidates:
    runs = [run for value in values for run in graph.runs(kind, field, value, as_of)]
    return _Candidates(sum(map(len, runs)), lambda: runs)


def _listed(ids: Iterable[int]) -> _Candidates:
    runs = [sorted(set(ids))]
    return _Candidates(len(runs[0]), lambda: runs)


def _ids(values: Iterable[Literal]) -> list[int]:
    return [int(each) for each in values if isinstance(each, int | float) and each % 1 == 0]


def _joined(graph: TimedGraph, kind: Kind, exists: Exists, as_of: int | None) -> _Candidates | None:
    """Return the nodes around a few neighbours, if the condition says which those are."""
    near: list[NodeKey] = []
    if exists.neighbour.kind is not None:
        candidates = _narrowest(graph, exists.neighbour.kind, exists.condition, exists.alias, as_of)
        if candidates is None or candidates.size > FEW:
            return None
        near = [NodeKey(exists.neighbour.kind, each) for run in candidates.runs() for each in run]
    else:
        ends = [(end, ids) for end, ids in _ends(exists) if len(ids) <= FEW]
        if not ends:
            return None
        end, ids = ends[0]
        if end is kind:
            return _listed(ids)
        near = [NodeKey(end, each) for each in ids]
    return _Candidates(
        sum(map(graph.width, near)),
        lambda: _listed(
            other.id for key in near for other in graph.around(key, as_of) if other.kind is kind
        ).runs(),
    )


def _neighbours(graph: TimedGraph, as_of: int | None) -> NeighboursOf:
    """Return what gives a node's neighbours: where fewer are named than there are, only those."""
    named: dict[int, list[int] | None] = {}

    def near(row: NodeRow, exists: Exists) -> Iterator[NodeRow | EdgeRow]:
        position = id(exists)
        if position not in named:
            named[position] = _named(exists)
        ids = named[position]
        few = ids is not None and len(ids) <= graph.width(row.key)
        return graph.neighbours(row, exists.neighbour, as_of, among=ids if few else None)

    return near


def _named(exists: Exists) -> list[int] | None:
    """Return the ids that a neighbour must have one of; None where it may have any."""
    for condition in conjuncts(exists.condition):
        equal = _equals(condition, exists.alias)
        if equal is not None and equal[0] is Field.ID:
            return _ids(equal[1])
    return None


def _ends(exists: Exists) -> Iterator[tuple[Kind, list[int]]]:
    """Yield the ids that an end of an event must have one of, and the end's kind."""
    for condition in conjuncts(exists.condition):
        equal = _equals(condition, exists.alias)
        if equal is not None and equal[0] in _ENDS:
            yield _ENDS[equal[0]], _ids(equal[1])

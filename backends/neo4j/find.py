"""Finding nodes in a Neo4j store: one statement a page, begun where an index narrows it most.

A statement reads the present and, for a past moment, what has left it since. A filter too large for
Neo4j's planner goes there in part, and so may let through more than it should; so may a condition
that is in doubt (`filters`). Such nodes are judged here, with their neighbours fetched for all
of them at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from lineage.backends.neo4j.connections import RunStatement
from lineage.backends.neo4j.filters import Condition, Translator, packed, weight
from lineage.backends.neo4j.reading import edges_at, nodes_at
from lineage.backends.neo4j.rows import KIND_SHIFT, NODE, node_row
from lineage.backends.neo4j.seeds import ORDERS, Start, Starts
from lineage.contract.backend import Order
from lineage.contract.evaluation import Met, accepts
from lineage.contract.walking import Direction
from lineage.filters.simplifying import simplified
from lineage.filters.tree import (
    Exists,
    Field,
    Filter,
    Neighbour,
    asks_for_gone,
    conjuncts,
    walk_filter,
)
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import NodeRow
from lineage.model.schema import AnyType

__all__ = ["find_nodes", "node_counts_at"]

LARGEST: Final = 48
"""How large (`weight`) a filter goes to Neo4j: planning takes a second for 100 conditions."""
DEEPEST: Final = 6
"""Levels of a filter that go to Neo4j: planning was seen to take 4 seconds for 16, and not to end for 32."""
BATCH_ROWS: Final = 1_000
"""Nodes that a filter is judged on at a time."""

_LIVES = "n.lineage_since <= $as_of AND n.lineage_until IS NULL"
_ENDED = "n.lineage_since <= $as_of AND n.lineage_until > $as_of"
_GONE = "n.lineage_until <= $as_of"
_WAS_GONE = f"{_GONE} AND n.lineage_revived > $as_of"


def find_nodes(
    run: RunStatement,
    as_of: int,
    kind: Kind,
    where: Filter | None,
    *,
    order: Order,
    after: tuple[int, int] | None,
    limit: int | None,
    is_past: bool,
    types: Sequence[AnyType],
) -> list[NodeRow]:
    """Return what `Backend.find` says, as of transaction `as_of`, whose types are given.

    `is_past` says that versions may have been replaced since.
    """
    if limit is not None and limit <= 0:
        return []
    tree = None if where is None else simplified(where)
    return _Search(run, as_of, kind, tree, order, is_past, types).rows(after, limit)


def node_counts_at(run: RunStatement, as_of: int, *, is_past: bool) -> Mapping[int, int]:
    """Return how many live nodes there are of each type, as `Backend.node_counts` says."""
    arms = [("LineageNode", _LIVES)]
    if is_past:
        arms += [("LineageNode", _ENDED), ("LineagePast", _ENDED)]
    counts: Counter[int] = Counter()
    for label, moment in arms:
        query = f"MATCH (n:{label}) WHERE {moment} RETURN n.lineage_type, count(*)"
        for type_id, count in run(query, as_of=as_of):
            counts[type_id] += count
    return counts


class _Page(NamedTuple):
    rows: list[NodeRow]
    doubted: set[NodeKey]
    """The nodes that the filter must be evaluated on."""
    is_last: bool


@dataclass
class _Search:
    run: RunStatement
    as_of: int
    kind: Kind
    where: Filter | None
    order: Order
    is_past: bool
    types: Sequence[AnyType]
    sent: tuple[Filter, ...] = ()
    """The conditions that go to Neo4j."""
    mentions: frozenset[Neighbour] = frozenset()
    """The neighbours that the filter mentions."""
    with_gone: bool = False
    """Whether what is deleted is looked at, too."""
    _met: dict[tuple[Neighbour, NodeKey], list[Met]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sent = tuple(_fitting(self.where))
        self._is_whole = len(self.sent) == len(conjuncts(self.where))
        trees = () if self.where is None else walk_filter(self.where)
        self.mentions = frozenset(each.neighbour for each in trees if isinstance(each, Exists))
        self.with_gone = asks_for_gone(self.where)

    def rows(self, after: tuple[int, int] | None, limit: int | None) -> list[NodeRow]:
        """Return the rows after a place, in order."""
        found: list[NodeRow] = []
        # More than are wanted, where some may be refused here: a round trip costs more than rows.
        size = limit if self._is_whole else max(limit or 0, BATCH_ROWS)
        while True:
            page = self._page(after, size)
            found += self._judged(page)
            if page.is_last or size is None or (limit is not None and len(found) >= limit):
                return found if limit is None else found[:limit]
            last = page.rows[-1]
            after = (self.order.value(last), last.key.id)
            size = max(size, BATCH_ROWS)

    def _page(self, after: tuple[int, int] | None, size: int | None) -> _Page:
        statement = _Statement(self, after, size)
        values = self.run(statement.text, **statement.parameters)
        by_key: dict[NodeKey, NodeRow] = {}
        doubted = set()
        for *of_node, is_doubted in values:
            row = node_row(of_node)
            # A former version, which comes later, does not change any more; the present one might have.
            by_key[row.key] = row.seen(self.as_of)
            if is_doubted or not self._is_whole:
                doubted.add(row.key)
        rows = sorted(
            by_key.values(),
            key=lambda row: (self.order.value(row), row.key),
            reverse=self.order.descending,
        )
        is_last = size is None or len(rows) < size
        return _Page(rows if is_last else rows[:size], doubted, is_last)

    def _judged(self, page: _Page) -> Iterator[NodeRow]:
        """Yield the rows that the filter accepts."""
        if self.where is None or not page.doubted:
            yield from page.rows
            return
        accepted = accepts(
            self.where, lambda row, each: self._met.get((each.neighbour, row.key), ())
        )
        for start in range(0, len(page.rows), BATCH_ROWS):
            some = page.rows[start : start + BATCH_ROWS]
            self._meet([row.key for row in some if row.key in page.doubted])
            for row in some:
                if row.key not in page.doubted or accepted(row):
                    yield row

    def _meet(self, keys: Collection[NodeKey]) -> None:
        """Fetch the neighbours that the filter mentions of some nodes."""
        self._met.clear()
        for neighbour in self.mentions if keys else ():
            for key, met in self._neighbours(keys, neighbour):
                self._met.setdefault((neighbour, key), []).append(met)

    def _neighbours(
        self, keys: Collection[NodeKey], neighbour: Neighbour
    ) -> Iterator[tuple[NodeKey, Met]]:
        if neighbour is Neighbour.EVENTS:
            for edge in edges_at(self.run, self.as_of, keys, Direction.BOTH, neighbour.edges):
                yield (edge.source if edge.source.kind is self.kind else edge.target), edge
            return
        direction = Direction.UPSTREAM if neighbour.is_source else Direction.DOWNSTREAM
        edges = edges_at(self.run, self.as_of, keys, direction, neighbour.edges)
        ends = [edge[:2] if neighbour.is_source else edge[1::-1] for edge in edges]
        nodes = nodes_at(self.run, self.as_of, {other for other, _ in ends})
        for other, key in ends:
            if not nodes[other].gone:
                yield key, nodes[other]


class _Statement:
    """The statement that reads one page: each arm ordered and cut by itself."""

    def __init__(self, search: _Search, after: tuple[int, int] | None, size: int | None) -> None:
        order = search.order
        self._search = search
        self._beyond = [] if after is None else _beyond(order)
        self.parameters: dict[str, Any] = {
            "as_of": search.as_of,
            **_range(search.kind, order, after),
        }
        self._limit = ""
        if size is not None:
            self._limit = " LIMIT $limit"
            self.parameters["limit"] = size
        self.text = "\nUNION ALL\n".join(self._arms())

    def _arms(self) -> Iterator[str]:
        search = self._search
        translator = Translator(search.kind, search.is_past)
        conditions = [translator.conjunct(item) for item in search.sent]
        starts = Starts(search.kind, search.order, search.types, search.is_past)
        start = starts.best(conditions, translator.bind)
        self.parameters.update(translator.parameters)
        present = _ended("LineageNode", start)
        yield self._arm(start, _LIVES, conditions)
        if search.with_gone:
            yield self._arm(present, _GONE, conditions)
        if not search.is_past:
            return
        yield self._arm(present, _ENDED, conditions)
        # The same conditions in the same order have the same parameters.
        former = Translator(search.kind, search.is_past, holder="h")
        conditions = [former.conjunct(item) for item in search.sent]
        for moment in (_ENDED, *([_WAS_GONE] if search.with_gone else ())):
            past = _ended("LineagePast", start)
            if search.mentions:
                past = _held(past, moment)
            yield self._arm(past, moment, conditions)

    def _arm(self, start: Start, moment: str, conditions: Sequence[Condition]) -> str:
        needed = [start.condition, start.in_range, moment, *self._beyond]
        needed += [f"({each.loose})" for each in conditions if each.tree is not start.said]
        found = f"{start.pattern} WHERE {' AND '.join(filter(None, needed))}"
        doubts = dict.fromkeys(each.doubt for each in conditions if each.doubt)
        doubt = f"coalesce({' OR '.join(doubts)}, false)" if doubts else "false"
        if start.each:
            found = f"{start.each} {{ {found} RETURN n {self._order(start.first)} }}"
        return f"{found} RETURN {NODE}, {doubt} AS doubted {self._order()}"

    def _order(self, *first: str) -> str:
        order = self._search.order
        direction = "DESC" if order.descending else "ASC"
        by = dict.fromkeys((*first, ORDERS[order.field], ORDERS[Field.ID]))
        return f"ORDER BY {', '.join(f'{name} {direction}' for name in by)}{self._limit}"


def _ended(label: str, start: Start) -> Start:
    """Return where the search of what has left the present begins, of the nodes with a label."""
    return Start(
        f"MATCH (n:{label}) USING INDEX SEEK n:{label}({start.ended})",
        start.ended_condition,
        in_range=start.in_range,
    )


def _held(start: Start, moment: str) -> Start:
    """Return the same start with the present node `h` of each former version, which holds its edges."""
    found = " AND ".join(filter(None, [start.condition, start.in_range, moment]))
    return start._replace(
        pattern=f"{start.pattern} WHERE {found} MATCH (h:LineageNode {{lineage_key: n.lineage_key}})"
    )


def _range(kind: Kind, order: Order, after: tuple[int, int] | None) -> dict[str, int]:
    """Return the range of keys to search, and for an order by time where the page before ended."""
    low, high = packed(1, kind), packed(1 << KIND_SHIFT, kind)
    if after is None:
        return {"low": low, "high": high}
    time, position = after[0], packed(after[1], kind)
    if order.field is not Field.ID:
        return {"low": low, "high": high, "time": time, "place": position}
    if order.descending:
        return {"low": low, "high": min(high, position)}
    return {"low": max(low, position + 1), "high": high}


def _beyond(order: Order) -> list[str]:
    """Return the conditions that a node comes after the page before; for keys, their range says it."""
    if order.field is Field.ID:
        return []
    time, sign = ORDERS[order.field], "<" if order.descending else ">"
    return [f"{time} {sign}= $time", f"({time} {sign} $time OR n.lineage_key {sign} $place)"]


def _fitting(where: Filter | None) -> Iterator[Filter]:
    """Yield those conditions that must all hold which together are not too large for Neo4j."""
    left = LARGEST
    for item in conjuncts(where):
        size, depth = weight(item)
        if depth <= DEEPEST and size <= left:
            left -= size
            yield item

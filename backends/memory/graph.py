"""A NetworkX graph with a past: what the memory backend keeps, and how it changes.

The present is the graph itself; each node and each edge holds its row as the attribute `row`. A
deleted node stays there with its last version, marked `gone`, because its edges stay. Beside it
are the versions of nodes that were replaced, and the edges that ended, by both of their ends.

Before each change comes an entry of the undo log. Undoing restores a state rather than reversing
a step, so that an interrupt in the middle of a change, or of undoing it, does no harm.

Reading verbs take a moment: a transaction's number, or None for the latest of everything.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, groupby, islice
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

import networkx as nx

from lineage.backends.memory.indexes import (
    CONTENT,
    Index,
    Indexed,
    Term,
    TextOrders,
    VersionOrder,
    terms,
)
from lineage.contract.owner import Owner, current_owner
from lineage.contract.proof import purged
from lineage.contract.walking import Direction, Omitted
from lineage.filters.tree import Field, Neighbour
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EVENT_KINDS, EdgeKey, EdgeKind, EdgeRow, NodeRow

if TYPE_CHECKING:
    _Graph: TypeAlias = nx.MultiDiGraph[NodeKey, dict[str, Any], dict[str, Any]]
else:
    _Graph = nx.MultiDiGraph

__all__ = ["TIMES", "TimedGraph", "key_order"]

TIMES = {Field.CREATED: attrgetter("created"), Field.UPDATED: attrgetter("updated")}
"""The times that nodes are ordered by, and how a row is asked for each."""

_UP, _DOWN = Direction.UPSTREAM, Direction.DOWNSTREAM
_ENDS: tuple[Callable[[EdgeRow], NodeKey], ...] = (attrgetter("source"), attrgetter("target"))
_since = attrgetter("since")


def _valid(rows: Sequence[NodeRow], as_of: int) -> NodeRow | None:
    """Return the last of some versions that is not from after the moment."""
    place = bisect_right(rows, as_of, key=_since)
    return rows[place - 1].seen(as_of) if place else None


class TimedGraph(_Graph):
    """A multi-digraph of rows, its past, and the indexes of both."""

    # NetworkX's own dictionaries, which it documents for subclasses; its views are many times slower.
    __networkx_cache__: dict[str, Any]
    _node: dict[tuple[Kind, int], dict[str, Any]]
    _succ: dict[NodeKey, dict[NodeKey, dict[EdgeKind, dict[str, Any]]]]
    _pred: dict[NodeKey, dict[NodeKey, dict[EdgeKind, dict[str, Any]]]]

    def __init__(self) -> None:
        super().__init__()
        self.past: dict[NodeKey, list[NodeRow]] = {}
        self.ended: dict[NodeKey, list[EdgeRow]] = {}
        self.live = {kind: Index() for kind in Kind}
        self.former = {kind: Index() for kind in Kind}
        """Under each term a node that has a past is found by, and is not, or no longer, live by."""
        self.orders: dict[tuple[Kind, Field], VersionOrder[int]] = {}
        self.texts: TextOrders | None = None
        self.undo: list[Callable[[], object]] = []
        self.writer: Owner | None = None
        """Whose uncommitted changes the undo log lists."""
        self.spared: dict[NodeKey, list[NodeRow]] = {}
        """What an uncommitted purge erased, for all but the writer."""
        # Adjacency comes in the order of insertion, which is nearly always that of the keys; the
        # nodes where it is not are here, so that walks need not read and sort the ends at hubs.
        self.jumbled: dict[Direction, set[NodeKey]] = {_UP: set(), _DOWN: set()}

    def at(self, key: tuple[Kind, int], as_of: int | None) -> NodeRow | None:
        """Return a node's version of a moment, as it was then; None if there was no such node."""
        held = self._node.get(key)
        if held is None:
            return None
        row: NodeRow = held["row"]
        if as_of is None:
            return row
        if self.spared and self.writer != current_owner() and key in self.spared:
            return _valid(self.spared[row.key], as_of)
        if row.since <= as_of:
            return row.seen(as_of)
        return _valid(self.past.get(row.key, ()), as_of)

    def versions(self, key: NodeKey) -> list[NodeRow]:
        """Return all versions of a node, oldest first."""
        held = self._node.get(key)
        if held is None:
            return []
        if self.spared and self.writer != current_owner() and key in self.spared:
            return [*self.spared[key]]
        return [*self.past.get(key, ()), held["row"]]

    def written(self, key: NodeKey, number: int) -> tuple[NodeRow | None, bool]:
        """Return the version that a transaction wrote, as it was then, and whether it is the first."""
        versions = self.versions(key)
        place = bisect_left(versions, number, key=_since)
        if place == len(versions) or versions[place].since != number:
            return None, False
        return versions[place].open(), place == 0

    def latest(self) -> Iterator[NodeRow]:
        """Yield the last version of every node."""
        return (held["row"] for held in self._node.values())

    def runs(
        self, kind: Kind, field: Indexed, value: Any, as_of: int | None
    ) -> list[Sequence[int]]:
        """Return sorted ids, among them those of all nodes that the term finds at a moment."""
        runs = [self.live[kind].get(field, value)]
        if as_of is not None:
            runs.append(self.former[kind].get(field, value))
        return runs

    def count_of_type(self, kind: Kind, type_id: int, as_of: int | None) -> int:
        """Return how many nodes of a type are live at a moment."""
        runs = self.runs(kind, Field.TYPE_ID, type_id, as_of)
        if as_of is None:
            return sum(map(len, runs))
        rows = (self.at((kind, number), as_of) for number in {each for run in runs for each in run})
        return sum(row is not None and not row.gone for row in rows)

    def by_time(self, kind: Kind, field: Field) -> VersionOrder[int]:
        """Return the nodes of a kind by a time; the first call makes the order."""
        found = self.orders.get((kind, field))
        if found is None:
            time = TIMES[field]
            entries = (
                (time(row), row.key.id) for row in self.all_versions() if row.key.kind is kind
            )
            found = self.orders[kind, field] = VersionOrder(entries)
        return found

    def by_text(self, kind: Kind, which: str) -> Sequence[tuple[str, int]]:
        """Return one of `TEXTS` of all versions of the nodes of a kind, in order; the first call sorts them."""
        if self.texts is None:
            self.texts = TextOrders(self.all_versions())
        return self.texts.entries(kind, which)

    def all_versions(self) -> Iterator[NodeRow]:
        """Yield every version of every node, also as it was before an uncommitted purge."""
        for row in self.latest():
            yield from (*self.past.get(row.key, ()), row, *self.spared.get(row.key, ()))

    def _note_order(self, row: NodeRow) -> None:
        for (kind, field), order in self.orders.items():
            if kind is row.key.kind:
                order.add(TIMES[field](row), row.key.id)
        if self.texts is not None:
            self.texts.unsorted.append(row)

    def put_node(self, row: NodeRow) -> None:
        """Add a new node."""
        key = row.key
        self.undo.append(partial(self._restore_node, key, None, row, 0, ()))
        self._node[key] = {"row": row}
        self._succ[key] = {}
        self._pred[key] = {}
        self.live[key.kind].add(terms(row), key.id)
        if self.orders or self.texts is not None:
            self._note_order(row)

    def replace_node(self, row: NodeRow, number: int) -> None:
        """Give a node a new version; one of the same transaction leaves no trace, a gone node lives again."""
        key = row.key
        held = self._node[key]
        old: NodeRow = held["row"]
        past = self.past.get(key, [])
        if old.gone:
            self.undo.append(partial(self._restore_node, key, old, row, len(past), ()))
            self.past.setdefault(key, []).append(old)
            held["row"] = row
            self.live[key.kind].add(terms(row), key.id)
            self._note_order(row)
            return
        moved = [] if old.since == number else [old.open()._replace(until=number)]
        lost: list[Term] = []
        before, after = terms(old), terms(row)
        if before != after:
            kept = before if moved else {term for version in past for term in terms(version)}
            lost = self._not_former(old, set(kept).difference(after))
        self.undo.append(partial(self._restore_node, key, old, row, len(past), lost))
        if moved:
            self.past.setdefault(key, []).extend(moved)
        self.former[key.kind].add(lost, key.id)
        held["row"] = row
        self.live[key.kind].replace(old, row)
        self._note_order(row)

    def delete_node(self, key: NodeKey, number: int) -> None:
        """Mark a live node's last version as gone."""
        held = self._node[key]
        old: NodeRow = held["row"]
        lost = self._not_former(old, terms(old))
        kept = len(self.past.get(key, ()))
        self.undo.append(partial(self._restore_node, key, old, None, kept, lost))
        self.former[key.kind].add(lost, key.id)
        held["row"] = old.open()._replace(until=number, gone=True)
        self.live[key.kind].discard(terms(old), key.id)

    def _not_former(self, row: NodeRow, some: Collection[Term]) -> list[Term]:
        """Return those of a version's terms among `some` that do not find the node in its past yet."""
        former = self.former[row.key.kind]
        return [term for term in terms(row) if term in some and not former.has(term, row.key.id)]

    def _restore_node(
        self,
        key: NodeKey,
        old: NodeRow | None,
        new: NodeRow | None,
        kept: int,
        lost: Iterable[Term],
    ) -> None:
        """Bring back the version `old` of a node, or that there was none."""
        if new is not None:
            self.live[key.kind].discard(terms(new), key.id)
        if old is None:
            for held in (self._succ, self._pred, self._node):
                held.pop(key, None)
            return
        self.former[key.kind].discard(lost, key.id)
        _shorten(self.past, key, kept)
        self._node[key]["row"] = old
        if not old.gone:
            self.live[key.kind].add(terms(old), key.id)

    def purge_node(self, key: NodeKey) -> None:
        """Erase the content of every version of a gone node."""
        held = self._node[key]
        row, past = held["row"], self.past.get(key)
        self.undo.append(partial(self._restore_content, row, past))
        self.spared.setdefault(key, [*(past or ()), row])
        if past is not None:
            self.past[key] = [purged(version) for version in past]
        held["row"] = purged(row)

    def _restore_content(self, row: NodeRow, past: list[NodeRow] | None) -> None:
        self._node[row.key]["row"] = row
        if past is not None:
            self.past[row.key] = past
        for version in (*(past or ()), row):
            self.former[row.key.kind].add(terms(version), row.key.id)

    def settle(self) -> None:
        """Make the changes final: take what was purged from the index of the past as well."""
        # What NetworkX converted for another of its backends is out of date.
        self.__networkx_cache__.clear()
        if self.spared:
            self.texts = None  # made anew, it is without what was erased
        for key, versions in self.spared.items():
            for version in versions:
                content = [term for term in terms(version) if term[0] in CONTENT]
                self.former[key.kind].discard(content, key.id)

    def take_back(self, mark: int = 0) -> None:
        """Undo all changes since the undo log had a length."""
        while len(self.undo) > mark:
            self.undo[-1]()
            self.undo.pop()

    def edge(self, key: EdgeKey | tuple[NodeKey, NodeKey, EdgeKind]) -> EdgeRow | None:
        """Return the present edge with a key."""
        source, target, kind = key
        held = self._succ.get(source, {}).get(target, {}).get(kind)
        return None if held is None else held["row"]

    def has_edge_at(self, key: EdgeKey, as_of: int | None) -> bool:
        """Whether an edge was there at a moment."""
        row = self.edge(key)
        if as_of is None or (row is not None and row.since <= as_of):
            return row is not None
        ended = min((self.ended.get(end, ()) for end in key[:2]), key=len)
        return any(each[:3] == key and _was(each, as_of) for each in ended)

    def ends(
        self, side: Direction
    ) -> Mapping[NodeKey, Mapping[NodeKey, Mapping[EdgeKind, dict[str, Any]]]]:
        """Return the other ends of each node's edges on one side, as they are kept and gone through."""
        return self._pred if side is _UP else self._succ

    def edges_at(self, key: NodeKey, direction: Direction, as_of: int | None) -> Iterator[EdgeRow]:
        """Yield the edges of a moment that end at a node (upstream), start there, or both."""
        sides = (self._succ,) if direction is _DOWN else (self._pred,)
        for ends in sides if direction is not Direction.BOTH else (self._pred, self._succ):
            for kinds in ends.get(key, {}).values():
                for held in kinds.values():
                    if as_of is None or held["row"].since <= as_of:
                        yield held["row"]
        if as_of is not None:
            end = None if direction is Direction.BOTH else int(direction is _UP)
            for row in self.ended.get(key, ()):
                if _was(row, as_of) and (end is None or row[end] == key):
                    yield EdgeRow(*row[:-1])

    def between(
        self,
        kind: Kind,
        sources: Collection[int],
        targets: Iterable[int],
        kinds: Collection[EdgeKind],
        as_of: int | None,
    ) -> Iterator[EdgeRow]:
        """Yield the edges of a moment of some kinds, from nodes with some ids to nodes of a kind."""
        for number in targets:
            key = NodeKey(kind, number)
            if as_of is not None:
                rows = self.edges_at(key, _UP, as_of)
                yield from (row for row in rows if row.kind in kinds and row.source.id in sources)
                continue
            for source, by_kind in self._pred[key].items():
                # The edges of some kinds have sources of one kind alone.
                if source[1] in sources:
                    for edge_kind, held in by_kind.items():
                        if edge_kind in kinds:
                            yield held["row"]

    def in_order(
        self, key: NodeKey, side: Direction, as_of: int | None, first: NodeKey | None
    ) -> Iterator[EdgeRow]:
        """Yield the edges of a moment on one side of a node, lazily and in order, from another end on."""
        adjacent = (self._pred if side is _UP else self._succ).get(key, {})
        ends: Iterable[NodeKey] = sorted(adjacent) if key in self.jumbled[side] else adjacent
        if first is not None:
            whole = [*ends]
            ends = islice(whole, bisect_left(whole, first), None)
        rows = (adjacent[end][kind]["row"] for end in ends for kind in sorted(adjacent[end]))
        if as_of is None:
            return rows
        own = _ENDS[side is _UP]
        past = (row for row in self.ended.get(key, ()) if own(row) == key and _was(row, as_of))
        return heapq.merge(
            (row for row in rows if row.since <= as_of),
            sorted(row._replace(until=None) for row in past),
        )

    def neighbours(
        self,
        row: NodeRow,
        neighbour: Neighbour,
        as_of: int | None,
        *,
        among: Collection[int] | None = None,
    ) -> Iterator[NodeRow | EdgeRow]:
        """Yield a node's events, or the live nodes one edge of a context away.

        Of nodes, only those with some ids, where these are given: a hub is not gone through for them.
        """
        if neighbour.kind is None:
            edges = self.edges_at(row.key, Direction.BOTH, as_of)
            yield from (edge for edge in edges if edge.kind in EVENT_KINDS)
            return
        is_source, kinds = neighbour.is_source, neighbour.edges
        if among is None:
            edges = self.edges_at(row.key, _UP if is_source else _DOWN, as_of)
            ends = (
                edge.source if is_source else edge.target for edge in edges if edge.kind in kinds
            )
        else:
            some = (NodeKey(neighbour.kind, each) for each in among)
            ends = (
                key
                for key in some
                if any(
                    self.has_edge_at(
                        EdgeKey(key, row.key, kind) if is_source else EdgeKey(row.key, key, kind),
                        as_of,
                    )
                    for kind in kinds
                )
            )
        for key in ends:
            other = self.at(key, as_of)
            if other is not None and not other.gone:
                yield other

    def width(self, key: NodeKey) -> int:
        """Return about how many neighbours a node has."""
        return len(self._succ.get(key, ())) + len(self._pred.get(key, ()))

    def around(self, key: NodeKey, as_of: int | None) -> Iterator[NodeKey]:
        """Yield all that was one edge away from a node at a moment, and more."""
        yield from chain(self._succ.get(key, ()), self._pred.get(key, ()))
        if as_of is not None:
            for row in self.ended.get(key, ()):
                yield row.target if row.source == key else row.source

    def put_edge(self, row: EdgeRow) -> None:
        """Add a new edge."""
        source, target, kind = row[:3]
        self.undo.append(partial(self._take_out, source, target, kind))
        self._join(row)

    def _join(self, row: EdgeRow) -> None:
        source, target, kind = row[:3]
        leaving, entering = self._succ[source], self._pred[target]
        kinds = leaving.get(target)
        if kinds is not None:
            kinds[kind] = {"row": row}
            return
        if leaving and target < next(reversed(leaving)):
            self.jumbled[_DOWN].add(source)
        if entering and source < next(reversed(entering)):
            self.jumbled[_UP].add(target)
        leaving[target] = entering[source] = {kind: {"row": row}}

    def _take_out(self, source: NodeKey, target: NodeKey, kind: EdgeKind) -> None:
        for ends, one, other in ((self._succ, source, target), (self._pred, target, source)):
            kinds = ends[one].get(other)
            if kinds is not None:
                kinds.pop(kind, None)
                if not kinds:
                    del ends[one][other]

    def end_edge(self, key: EdgeKey, number: int) -> None:
        """Move a present edge to the past; one of the same transaction leaves no trace."""
        source, target, kind = key
        self._retire(self._succ[source][target][kind]["row"], number)
        self._take_out(source, target, kind)

    def replace_edge(self, row: EdgeRow, number: int) -> None:
        """Give a present edge a new version; one of the same transaction leaves no trace."""
        held = self._succ[row.source][row.target][row.kind]
        self._retire(held["row"], number)
        held["row"] = row

    def _retire(self, row: EdgeRow, number: int) -> None:
        """Add a version of an edge to the past, and to the undo log what brings it back."""
        counts = [(end, len(self.ended.get(end, ()))) for end in {row.source, row.target}]
        self.undo.append(partial(self._restore_edge, row, counts))
        if row.since != number:
            ended = EdgeRow(*row[:-1], number)
            for end, _ in counts:
                self.ended.setdefault(end, []).append(ended)

    def _restore_edge(self, row: EdgeRow, counts: Iterable[tuple[NodeKey, int]]) -> None:
        self._join(row)
        for end, count in counts:
            _shorten(self.ended, end, count)

    def beyond(
        self,
        keys: Collection[NodeKey],
        side: Direction,
        as_of: int | None,
        seen: Collection[NodeKey],
        room: int | None,
        *,
        omitted: Omitted | None,
    ) -> set[NodeKey]:
        """Return what events lead to from some nodes and was not seen yet, but for what is omitted.

        Where that is more than `room`, it is enough of it to tell which come first, and that
        there are more: no hub is read beyond that.
        """
        ends = self._pred if side is _UP else self._succ
        found: set[NodeKey] = set()
        for key in keys:
            if as_of is None and omitted is None and (room is None or len(ends[key]) <= room):
                found.update(ends[key])
            else:
                unseen = (end for end in self._flow(key, side, as_of, omitted) if end not in seen)
                found.update(unseen if room is None else islice(unseen, room + 1))
        return {key for key in found.difference(seen) if key.kind is not Kind.CONTEXT}

    def leads_on(
        self,
        key: NodeKey,
        side: Direction,
        as_of: int | None,
        seen: Collection[NodeKey],
        *,
        omitted: Omitted | None,
    ) -> bool:
        """Whether events lead from a node to one that was not seen, but for what is omitted."""
        return any(end not in seen for end in self._flow(key, side, as_of, omitted))

    def _flow(
        self, key: NodeKey, side: Direction, as_of: int | None, omitted: Omitted | None
    ) -> Iterator[NodeKey]:
        """Yield the other ends of the events at a node, lazily and in order."""
        adjacent = (self._pred if side is _UP else self._succ)[key]
        ends: Iterable[NodeKey] = sorted(adjacent) if key in self.jumbled[side] else adjacent
        if omitted is not None:
            ends = (end for end in ends if _any_counts(adjacent[end], as_of, omitted))
        elif as_of is not None:
            ends = (end for end in ends if _any_since(adjacent[end], as_of))
        if as_of is not None:
            own, other = _ENDS if side is _DOWN else _ENDS[::-1]
            ended = (row for row in self.ended.get(key, ()) if own(row) == key)
            past = sorted(
                other(row)
                for row in ended
                if _was(row, as_of) and not (omitted is not None and omitted.covers(row))
            )
            if past:
                ends = (end for end, _ in groupby(heapq.merge(ends, past)))
        return (end for end in ends if end.kind is not Kind.CONTEXT)

    def among(
        self, keys: Collection[NodeKey], as_of: int | None, *, omitted: Omitted | None
    ) -> list[EdgeRow]:
        """Return the events between some nodes (a set), in order, but for what is omitted."""
        found: list[EdgeRow] = []
        for key in key_order(keys):
            adjacent = self._succ[key]
            if len(adjacent) <= len(keys):
                near = (kinds for other, kinds in adjacent.items() if other in keys)
            else:
                near = (adjacent[other] for other in keys if other in adjacent)
            rows: list[EdgeRow] = [
                held["row"]
                for kinds in near
                for kind, held in kinds.items()
                if kind in EVENT_KINDS and (as_of is None or held["row"].since <= as_of)
            ]
            if as_of is not None:
                rows += [
                    EdgeRow(*row[:-1])
                    for row in self.ended.get(key, ())
                    if row.target in keys and row.source == key and row.kind in EVENT_KINDS
                    if _was(row, as_of)
                ]
            if omitted is not None:
                rows = [row for row in rows if not omitted.covers(row)]
            rows.sort()
            found += rows
        return found


def key_order(keys: Collection[NodeKey]) -> list[NodeKey]:
    """Sort keys; many by id within each kind, several times as fast as by comparing them whole."""
    if len(keys) < 100:
        return sorted(keys)
    kinds: dict[Kind, list[NodeKey]] = {}
    for key in keys:
        kinds.setdefault(key.kind, []).append(key)
    return [key for kind in sorted(kinds) for key in sorted(kinds[kind], key=itemgetter(1))]


def _was(row: EdgeRow, as_of: int) -> bool:
    """Whether an edge of the past was there at a moment."""
    return row.since <= as_of and (row.until is None or as_of < row.until)


def _any_since(kinds: Mapping[EdgeKind, dict[str, EdgeRow]], as_of: int) -> bool:
    return any(held["row"].since <= as_of for held in kinds.values())


def _any_counts(
    kinds: Mapping[EdgeKind, dict[str, EdgeRow]], as_of: int | None, omitted: Omitted
) -> bool:
    """Whether one of some edges is of a moment and not omitted."""
    rows = (held["row"] for held in kinds.values())
    return any((as_of is None or row.since <= as_of) and not omitted.covers(row) for row in rows)


def _shorten(lists: dict[NodeKey, Any], key: NodeKey, length: int) -> None:
    """Cut the list of a key to a length; one without entries goes."""
    if key in lists:
        del lists[key][length:]
        if not lists[key]:
            del lists[key]

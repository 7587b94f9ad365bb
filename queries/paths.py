"""Tells how one node led to another."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from typing_extensions import override

from lineage.answers.notebook import node_cells
from lineage.answers.subgraph import Subgraph
from lineage.answers.view import BUDGET, Show, View, Viewed, view_of
from lineage.contract.backend import Backend
from lineage.contract.registry import registry
from lineage.contract.walking import Cut, Direction, Limits, Walk, check_limits, check_starts
from lineage.model.keys import NodeKey
from lineage.model.notebook import ROWS, html_answer
from lineage.model.rows import EdgeRow
from lineage.queries.chains import Chain
from lineage.queries.nesting import Inherited
from lineage.queries.notes import inherited
from lineage.queries.reader import Reader
from lineage.queries.walked import not_followed

__all__ = ["Paths", "Way", "levels_of", "paths", "steps_back"]


@dataclass(frozen=True, slots=True)
class Paths(Viewed):
    """Every way in which data flowed from one node to another.

    `source` is where the flow begins, whichever of the two was given first. `shortest` holds the
    keys of a shortest way, both ends included; it is empty where there is none, or where none was
    found within the limits. `subgraph` has the nodes and edges of all ways, by their distance from
    the source. Where there is no way, its `notes` name steps upstream of either that read no data set, and what their
    parents read: no events lead from there. Where `subgraph.truncated` is not None, it says where the search stopped: there may
    be more ways, and shorter ones.
    """

    source: NodeKey
    target: NodeKey
    shortest: tuple[NodeKey, ...]
    subgraph: Subgraph

    @override
    def view(self, *, budget: int = BUDGET, show: Show = "all", opened: Sequence[str] = ()) -> View:
        """Return all ways in few marks, as `view_of` does; the nodes of the shortest stay single, and have the role "path"."""
        graph = self.subgraph.graph()._replace(
            focus=tuple(dict.fromkeys((self.source, self.target))),
            roles=dict.fromkeys(self.shortest, "path"),
        )
        return view_of(graph, budget=budget, show=show, opened=opened, pinned=self.shortest)

    @override
    def _html(self) -> str:
        cut = self.subgraph.truncated
        caption = (
            f"Paths from {self.source} to {self.target}: the shortest has "
            f"{len(self.shortest)} nodes, all have {len(self.subgraph)}"
            f"{f'; cut by {cut.limit}' if cut else ''}"
        )
        chosen = set(self.shortest[:ROWS])
        nodes = {node.key: node for node in self.subgraph.nodes if node.key in chosen}
        rows = [(step, *node_cells(nodes[key])) for step, key in enumerate(self.shortest[:ROWS])]
        more = len(self.shortest) - len(rows)
        return html_answer(caption, ("step", "key", "type", "label"), rows, more=more)


def paths(
    backend: Backend,
    one: NodeKey,
    other: NodeKey,
    *,
    limits: Limits = Limits(),
    happened_by: int | None = None,
    as_of: int | None = None,
) -> Paths:
    """Return the ways from one node to the other along the flow of data, or else from the other to the one.

    The search is made from both ends, with at most four walks, each within the limits of hops and
    nodes and all together within the seconds. Among shortest ways the one whose keys are the
    smallest is told. Of a node to itself it is that node alone.

    >>> import lineage
    >>> store = lineage.connect("memory:")
    >>> data, model = lineage.Dataset(name="lake"), lineage.Model(name="churn")
    >>> _ = store.record(lineage.Train(), inputs=[data], outputs=[model])
    >>> found = store.paths("lineage.Model:churn", "lineage.Dataset:lake")
    >>> print(*found.shortest)
    artifact:1 execution:1 artifact:2
    """
    check_limits(limits)
    as_of = backend.pin(as_of)
    check_starts([one, other], backend.nodes([one, other], as_of=as_of))
    search = _Search(backend, limits, as_of, happened_by)
    if one == other:
        source, target, met = one, other, Walk([[one]], [])
    else:
        source, target, met = _either_way(search, one, other)
    subgraph = Subgraph(
        met,
        backend.nodes(met.keys, as_of=as_of),
        registry(backend, as_of).by_id,
        number=backend.now() if as_of is None else as_of,
        remarks=()
        if met.keys
        else tuple(inherited(search.steps_apart((one, other)), followed=False)),
    )
    shortest = tuple(Way(target, steps_back(met.levels, met.edges))) if target in subgraph else ()
    return Paths(source, target, shortest, subgraph)


def _either_way(search: _Search, one: NodeKey, other: NodeKey) -> tuple[NodeKey, NodeKey, Walk]:
    forwards = search.between(one, other)
    if forwards.keys:
        return one, other, forwards
    backwards = search.between(other, one)
    # As long as the first search was cut, a way in the first direction may still be there.
    cut = _joined(forwards.cut, backwards.cut)
    if backwards.keys:
        return other, one, backwards._replace(cut=cut)
    return one, other, forwards._replace(cut=cut)


class _Search:
    """Walks of one moment that share their seconds."""

    def __init__(
        self, backend: Backend, limits: Limits, as_of: int | None, happened_by: int | None
    ) -> None:
        self._backend = backend
        self._happened_by = happened_by
        self._limits = limits
        self._as_of = as_of
        self._deadline = None if limits.seconds is None else time.monotonic() + limits.seconds

    def between(self, source: NodeKey, target: NodeKey) -> Walk:
        """Return all ways from the source, in levels by distance from it; no nodes without a way.

        Either of the two walks is enough if it is whole: it holds all ways, or there is none.
        """
        upstream = self._walk(target, Direction.UPSTREAM)
        if upstream.cut is None:
            return _ways(source, target, upstream.edges, None)
        downstream = self._walk(source, Direction.DOWNSTREAM)
        if downstream.cut is None:
            return _ways(source, target, downstream.edges, None)
        edges = {row.key: row for row in [*upstream.edges, *downstream.edges]}
        return _ways(source, target, edges.values(), _joined(upstream.cut, downstream.cut))

    def steps_apart(self, starts: Collection[NodeKey]) -> list[Inherited]:
        """Return the steps upstream of some nodes that read no data set, and what their parents read."""
        reader = Reader(self._backend, self._as_of, self._happened_by)
        walks = (self._walk(start, Direction.UPSTREAM) for start in starts)
        found = (not_followed(reader, walk, Direction.UPSTREAM, self._limits) for walk in walks)
        return [*dict.fromkeys(chain.from_iterable(found))]

    def _walk(self, start: NodeKey, direction: Direction) -> Walk:
        limits = self._limits
        if self._deadline is not None:
            limits = limits._replace(seconds=max(0.0, self._deadline - time.monotonic()))
        return self._backend.walk(
            [start], direction, limits=limits, happened_by=self._happened_by, as_of=self._as_of
        )


def _joined(one: Cut | None, other: Cut | None) -> Cut | None:
    """Return where one or both of two searches stopped."""
    if one is None or other is None:
        return one or other
    return Cut(one.limit, tuple(sorted({*one.frontier, *other.frontier})))


def _ways(source: NodeKey, target: NodeKey, edges: Iterable[EdgeRow], cut: Cut | None) -> Walk:
    """Return what lies between two nodes: what the source leads to and what leads to the target."""
    rows = sorted(edges)
    ahead = levels_of([source], [(row.source, row.target) for row in rows])
    behind = {
        key
        for level in levels_of([target], [(row.target, row.source) for row in rows])
        for key in level
    }
    if source not in behind:
        return Walk([[]], [], cut)
    levels = [kept for level in ahead if (kept := [key for key in level if key in behind])]
    between = {key for level in levels for key in level}
    return Walk(
        levels, [row for row in rows if row.source in between and row.target in between], cut
    )


def levels_of(
    starts: Sequence[NodeKey], steps: Iterable[tuple[NodeKey, NodeKey]]
) -> list[Sequence[NodeKey]]:
    """Return the starts and what they lead to, breadth first, each further level in key order."""
    ahead: dict[NodeKey, list[NodeKey]] = {}
    for source, target in steps:
        ahead.setdefault(source, []).append(target)
    levels: list[Sequence[NodeKey]] = [starts]
    seen = {*starts}
    while following := {key for each in levels[-1] for key in ahead.get(each, ())} - seen:
        seen |= following
        levels.append(sorted(following))
    return levels


def steps_back(
    levels: Sequence[Sequence[NodeKey]], edges: Collection[EdgeRow]
) -> dict[NodeKey, NodeKey]:
    """Return for each node beyond the first level the one before it on a shortest way there.

    The levels are those of a walk along the edges. Of several shortest ways it is the one whose
    keys, compared from the start on, are the smallest.
    """
    distances = {key: hops for hops, level in enumerate(levels) for key in level}
    before: dict[NodeKey, list[NodeKey]] = {}
    for row in edges:
        if distances[row.target] == distances[row.source] + 1:
            before.setdefault(row.target, []).append(row.source)
    chosen: dict[NodeKey, NodeKey] = {}
    # Ways to one level are all of one length, so the order of the ways to the level before and
    # then of the keys is the order of the ways.
    ranks = {key: rank for rank, key in enumerate(levels[0])}
    for level in levels[1:]:
        for key in level:
            chosen[key] = min(before[key], key=ranks.__getitem__)
        ordered = sorted(level, key=lambda key: (ranks[chosen[key]], key))
        ranks |= {key: rank for rank, key in enumerate(ordered)}
    return chosen


class Way(Chain[NodeKey]):
    """The keys from a start to a node, both included, read off what `steps_back` returned."""

    __slots__ = ("_back", "_last")

    def __init__(self, last: NodeKey, back: Mapping[NodeKey, NodeKey]) -> None:
        self._last = last
        self._back = back

    @override
    def __reversed__(self) -> Iterator[NodeKey]:
        key: NodeKey | None = self._last
        while key is not None:
            yield key
            key = self._back.get(key)

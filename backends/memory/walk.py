"""Walks over the memory backend's graph: the reference walk's answers, without reading whole hubs."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from typing_extensions import override

from lineage.backends.memory.graph import TimedGraph, key_order
from lineage.contract.walking import Direction, KeyWalk, Limits, Omitted, Walk
from lineage.model.keys import NodeKey
from lineage.model.rows import EdgeRow

__all__ = ["walk_graph"]

_SIDES = {
    Direction.UPSTREAM: (Direction.UPSTREAM,),
    Direction.DOWNSTREAM: (Direction.DOWNSTREAM,),
    Direction.BOTH: (Direction.UPSTREAM, Direction.DOWNSTREAM),
}


def walk_graph(
    graph: TimedGraph,
    starts: Collection[NodeKey],
    direction: Direction,
    *,
    limits: Limits,
    edges: bool,
    as_of: int | None,
    omitted: Omitted | None,
) -> Walk:
    """Walk as `Backend.walk` says, from nodes that exist."""
    walk = _Walk(graph, direction, limits, with_edges=edges, as_of=as_of, omitted=omitted)
    return walk.run(set(starts))


class _Walk(KeyWalk):
    """A walk over the graph of one moment."""

    def __init__(
        self,
        graph: TimedGraph,
        direction: Direction,
        limits: Limits,
        *,
        with_edges: bool,
        as_of: int | None,
        omitted: Omitted | None,
    ) -> None:
        super().__init__(limits)
        self._graph = graph
        self._sides = _SIDES[direction]
        self._with_edges = with_edges
        self._as_of = as_of
        self._omitted = omitted

    @override
    def _order(self, nodes: Collection[NodeKey]) -> list[NodeKey]:
        return key_order(nodes)

    @override
    def _neighbours(self, frontier: Sequence[NodeKey], room: int | None) -> set[NodeKey]:
        beyond, as_of, seen, omitted = self._graph.beyond, self._as_of, self._seen, self._omitted
        unseen = beyond(frontier, self._sides[0], as_of, seen, room, omitted=omitted)
        for side in self._sides[1:]:
            unseen |= beyond(frontier, side, as_of, seen, room, omitted=omitted)
        return unseen

    @override
    def _look_beyond(self, unexpanded: Sequence[NodeKey]) -> set[NodeKey]:
        leads_on, as_of, seen, omitted = (
            self._graph.leads_on,
            self._as_of,
            self._seen,
            self._omitted,
        )
        return {
            key
            for key in unexpanded
            if any(leads_on(key, side, as_of, seen, omitted=omitted) for side in self._sides)
        }

    @override
    def _edges(self, *, whole: bool) -> Sequence[EdgeRow]:
        # The graph finds the edges among all kept nodes, so that none need be gathered on the way.
        if not self._with_edges:
            return []
        return self._graph.among(self._seen, self._as_of, omitted=self._omitted)

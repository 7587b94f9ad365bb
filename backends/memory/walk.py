"""Walks over the memory backend's graph: the reference walk's answers, without reading whole hubs."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Literal

from lineage.backends.memory.graph import TimedGraph, key_order
from lineage.contract.walking import Cut, Direction, Limits, Walk, check_limits
from lineage.model.keys import NodeKey

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
) -> Walk:
    """Walk as `Backend.walk` says, from nodes that exist."""
    check_limits(limits)
    deadline = None if limits.seconds is None else time.monotonic() + limits.seconds
    sides = _SIDES[direction]
    first = key_order(set(starts))
    levels = [first[: limits.nodes]]
    dropped = len(first) > len(levels[0])
    cut: Literal["hops", "nodes", "seconds"] | None = "nodes" if dropped else None
    seen = set(levels[0])
    last = levels[0]
    while last and cut is None:
        cut = _met(limits, len(levels), deadline)
        if cut is None:
            room = None if limits.nodes is None else limits.nodes - len(seen)
            unseen = graph.beyond(last, sides[0], as_of, seen, room)
            for side in sides[1:]:
                unseen |= graph.beyond(last, side, as_of, seen, room)
            found = key_order(unseen)
            expanded, last = last, found[:room]
            if len(found) > len(last):
                cut = "nodes"
                last = [*expanded, *last]
            if found[:room]:
                levels.append(found[:room])
                seen.update(found[:room])
    leading = (key for key in last if any(graph.leads_on(key, side, as_of, seen) for side in sides))
    frontier = key_order(list(leading)) if cut else []
    return Walk(
        levels=levels,
        edges=graph.among(seen, as_of) if edges else [],
        cut=None if cut is None or not (frontier or dropped) else Cut(cut, tuple(frontier)),
    )


def _met(limits: Limits, levels: int, deadline: float | None) -> Literal["hops", "seconds"] | None:
    """Return the limit that forbids another level."""
    if limits.hops is not None and levels > limits.hops:
        return "hops"
    return "seconds" if deadline is not None and time.monotonic() >= deadline else None

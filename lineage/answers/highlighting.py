"""What of a view leads to some nodes, away from them, or from one to another; told by the nodes, not by their groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from lineage.answers.marks import Graph, Mark
from lineage.contract.walking import Direction
from lineage.errors import NotFound
from lineage.model.keys import NodeKey
from lineage.model.rows import EVENT_KINDS

__all__ = ["highlighted"]


def highlighted(
    graph: Graph, marks: Iterable[Mark], keys: Sequence[NodeKey], direction: Direction
) -> frozenset[str]:
    """Return the ids of the marks with a node that is upstream or downstream of a node, or the node itself.

    Of several nodes it is those on ways between any two of them, and these themselves. Groups may show a way that no
    node goes: it is the nodes that count. `NotFound` for a node that is not in the graph.
    """
    there = {row.key for row in graph.nodes}
    for key in keys:
        if key not in there:
            raise NotFound(f"there is no {key} in the view; highlight a node of it")
    before, after = _neighbours(graph)
    reached = set(keys)
    if len(keys) == 1:
        if direction is not Direction.DOWNSTREAM:
            reached |= _reach(keys, before)
        if direction is not Direction.UPSTREAM:
            reached |= _reach(keys, after)
    else:
        for key in keys:
            others = [each for each in keys if each != key]
            reached |= _reach([key], after) & _reach(others, before)
    return frozenset(mark.id for mark in marks if not reached.isdisjoint(mark.keys))


def _neighbours(
    graph: Graph,
) -> tuple[Mapping[NodeKey, list[NodeKey]], Mapping[NodeKey, list[NodeKey]]]:
    before: dict[NodeKey, list[NodeKey]] = defaultdict(list)
    after: dict[NodeKey, list[NodeKey]] = defaultdict(list)
    for edge in graph.edges:
        if edge.kind in EVENT_KINDS:
            before[edge.target].append(edge.source)
            after[edge.source].append(edge.target)
    return before, after


def _reach(
    starts: Iterable[NodeKey], beside: Mapping[NodeKey, Collection[NodeKey]]
) -> set[NodeKey]:
    reached = set(starts)
    stack = list(reached)
    while stack:
        for key in beside.get(stack.pop(), ()):
            if key not in reached:
                reached.add(key)
                stack.append(key)
    return reached

"""Graphs of nothing but numbers, and what others take to walk them: how fast it could be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import lineage
from lineage import Artifact, Kind, NodeKey
from lineage.contract.walking import Direction
from lineage.model.rows import EdgeKind

Pairs = list[tuple[int, int]]
Ask = Callable[[int, Direction], Iterable[int]]
"""Answers the numbers of all nodes that lead to one, or that it leads to."""


def number(key: NodeKey, first: int) -> int:
    """Return a node's number: artifacts have their ids, executions follow from `first` on."""
    return key.id if key.kind is Kind.ARTIFACT else first + key.id


def pairs(store: lineage.Store) -> tuple[Pairs, int]:
    """Return the events of a store as pairs of numbers, along the flow, and where executions begin."""
    backend = store.backend
    rows = [row for kind in (Kind.ARTIFACT, Kind.EXECUTION) for row in backend.find(kind)]
    first = 1 + max(row.key.id for row in rows if row.key.kind is Artifact.kind)
    edges = backend.edges([row.key for row in rows], Direction.DOWNSTREAM)
    found = [
        (number(row.source, first), number(row.target, first))
        for row in edges
        if row.kind < EdgeKind.ATTRIBUTION
    ]
    return found, first


def dictionary(pairs: Pairs) -> Ask:
    """Build two dictionaries of lists, walked breadth first in Python."""
    neighbours = {direction: defaultdict(list) for direction in Direction}
    for source, target in pairs:
        neighbours[Direction.DOWNSTREAM][source].append(target)
        neighbours[Direction.UPSTREAM][target].append(source)

    def ask(start: int, direction: Direction) -> set[int]:
        near = neighbours[direction]
        found = {start}
        frontier = [start]
        while frontier:
            reached = []
            for each in frontier:
                for other in near.get(each, ()):
                    if other not in found:
                        found.add(other)
                        reached.append(other)
            frontier = reached
        return found

    return ask


def networkx(pairs: Pairs) -> Ask:
    """Build a `DiGraph`."""
    import networkx

    graph = networkx.DiGraph(pairs)
    return lambda start, direction: (
        networkx.ancestors(graph, start)
        if direction is Direction.UPSTREAM
        else networkx.descendants(graph, start)
    )


def rustworkx(pairs: Pairs) -> Ask:
    """Build a `PyDiGraph`, whose nodes are numbered from 0."""
    import rustworkx

    graph = rustworkx.PyDiGraph()
    graph.extend_from_edge_list(pairs)
    return lambda start, direction: (
        rustworkx.ancestors(graph, start)
        if direction is Direction.UPSTREAM
        else rustworkx.descendants(graph, start)
    )


def scipy(pairs: Pairs) -> Ask:
    """Build a CSR matrix for each direction."""
    import numpy
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import breadth_first_order

    ends = numpy.array(pairs)
    count = ends.max() + 1
    ones = numpy.ones(len(ends), dtype=numpy.int8)
    down = csr_matrix((ones, (ends[:, 0], ends[:, 1])), shape=(count, count))
    matrices = {Direction.DOWNSTREAM: down, Direction.UPSTREAM: down.T.tocsr()}
    return lambda start, direction: breadth_first_order(
        matrices[direction], start, return_predecessors=False
    )


REFERENCES: dict[str, Callable[[Pairs], Ask]] = {
    "a dictionary": dictionary,
    "NetworkX": networkx,
    "rustworkx": rustworkx,
    "SciPy": scipy,
}

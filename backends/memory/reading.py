"""Reading who wrote artifacts, and one node's edges by pages, from the memory backend's graph."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice

from lineage.backends.memory.graph import TimedGraph
from lineage.backends.memory.indexes import DIGEST, in_order
from lineage.contract.paging import RANKS, Page
from lineage.contract.projection import Join, Link
from lineage.contract.walking import Direction
from lineage.contract.writings import OUTPUT_KINDS, AtUri, Writing, writing_order
from lineage.filters.tree import Field
from lineage.model.contents import digest_of
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeRow, NodeRow

__all__ = ["read_edge_page", "read_joined", "read_writings", "with_digest"]


def with_digest(graph: TimedGraph, digest: str, as_of: int | None) -> Iterator[NodeRow]:
    """Yield the live artifacts that have a digest, by id."""
    for number in in_order(graph.runs(Kind.ARTIFACT, DIGEST, hash(digest), as_of)):
        row = graph.at((Kind.ARTIFACT, number), as_of)
        if row is not None and not row.gone and digest_of(row) == digest:
            yield row


def read_edge_page(graph: TimedGraph, page: Page, as_of: int | None) -> list[EdgeRow]:
    """Return a page of a node's edges, as `Backend.edge_page` does."""
    sides = (_after(graph, page, side, as_of) for side in page.sides)
    return page.of(row for side in sides for row in islice(side, page.limit))


def _after(graph: TimedGraph, page: Page, side: Direction, as_of: int | None) -> Iterator[EdgeRow]:
    """Yield the edges on one side after the page's place, lazily and in order."""
    rank, number, kind = page.place(side)
    first = next((NodeKey(each, number) for each, own in RANKS.items() if own == rank), None)
    for row in graph.in_order(page.key, side, as_of, first):
        end = row.source if side is Direction.UPSTREAM else row.target
        if (RANKS[end.kind], end.id, row.kind) > (rank, number, kind) and (
            page.kinds is None or row.kind in page.kinds
        ):
            yield row


def read_joined(graph: TimedGraph, join: Join, as_of: int | None) -> list[Link]:
    """Return the edges between nodes of some types, as `Backend.joined` does."""
    source_kind, kind = join.ends
    sources = _of_types(graph, source_kind, join.sources, as_of)
    targets = _of_types(graph, kind, join.targets, as_of)
    edges = graph.between(kind, sources, targets, join.kinds, as_of)
    return [(row[0][1], row[1][1], row.paths) for row in edges]


def _of_types(
    graph: TimedGraph, kind: Kind, type_ids: Iterable[int], as_of: int | None
) -> set[int]:
    """Return the ids of the live nodes of some types."""
    found = {
        number
        for type_id in type_ids
        for run in graph.runs(kind, Field.TYPE_ID, type_id, as_of)
        for number in run
    }
    if as_of is None:
        return found  # the index is of the present, and a type never changes
    rows = ((number, graph.at((kind, number), as_of)) for number in found)
    return {number for number, row in rows if row is not None and not row.gone}


def read_writings(
    graph: TimedGraph,
    of: AtUri | Collection[NodeKey],
    as_of: int | None,
    limit: int | None,
    time_of: Callable[[int], int],
) -> list[Writing]:
    """Return the writings of artifacts, as `Backend.writings` does."""
    rows = _at_uri(graph, of, as_of) if isinstance(of, AtUri) else _of_keys(graph, of, as_of)
    writings = (writing for row in rows for writing in _of_row(graph, row, as_of, time_of))
    if limit is None:
        return sorted(writings, key=writing_order, reverse=True)
    return heapq.nlargest(limit, writings, key=writing_order)


def _at_uri(graph: TimedGraph, of: AtUri, as_of: int | None) -> Iterator[NodeRow]:
    uri, type_ids = of
    for number in in_order(graph.runs(Kind.ARTIFACT, Field.URI, uri, as_of)):
        row = graph.at((Kind.ARTIFACT, number), as_of)
        if row is None or row.gone or row.uri != uri:
            continue
        if type_ids is None or row.type_id in type_ids:
            yield row


def _of_keys(graph: TimedGraph, keys: Collection[NodeKey], as_of: int | None) -> Iterator[NodeRow]:
    for key in set(keys):
        row = graph.at(key, as_of)
        if row is not None:
            yield row


def _of_row(
    graph: TimedGraph, row: NodeRow, as_of: int | None, time_of: Callable[[int], int]
) -> Iterator[Writing]:
    key, state = row.key, row.state
    is_written = False
    for event in graph.edges_at(key, Direction.UPSTREAM, as_of):
        if event.kind in OUTPUT_KINDS:
            is_written = True
            run = graph.at(event.source, as_of)
            time = time_of(event.first) if event.time is None else event.time
            own = None if run is None else run.state
            yield Writing(time, event.first, key, event.source, event.kind, own, state)
    if not is_written:
        yield Writing(row.created, 0, key, None, None, None, state)

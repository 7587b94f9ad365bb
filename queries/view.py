"""Tells what a picture of some nodes shows: what they were made from, and what was made from them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from lineage.answers.choosing import holder_type
from lineage.answers.marks import Graph
from lineage.answers.view import BUDGET, Show, View, view_of
from lineage.contract.backend import Backend
from lineage.contract.walking import Direction, Limits, Omitted
from lineage.errors import NotFound, excerpt
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EVENT_KINDS, EdgeKind, NodeRow
from lineage.queries.aliases import aliases_of
from lineage.queries.provenance import subgraph
from lineage.queries.reader import Reader

__all__ = ["lineage_of", "view"]

MEMBERS = frozenset({EdgeKind.ATTRIBUTION, EdgeKind.ASSOCIATION})


def view(
    backend: Backend,
    starts: Collection[NodeKey],
    *,
    direction: Direction = Direction.BOTH,
    limits: Limits = Limits(),
    budget: int = BUDGET,
    show: Show = "all",
    by: str = "",
    opened: Sequence[str] = (),
    pinned: Sequence[NodeKey] = (),
    inputs: bool = False,
    gone: bool = True,
    happened_by: int | None = None,
    remarks: Sequence[str] = (),
    as_of: int | None = None,
) -> View:
    """Return the lineage of some nodes in few marks, upstream and downstream of them within the limits each.

    Alike nodes are one mark, as `view_of` says, and the nodes that were asked about stay single. A context is shown
    beside its members, where the lineage begins. `NotFound` for what is not there, and for a type of contexts
    that the store does not have.

    >>> import lineage
    >>> store = lineage.connect("memory:")
    >>> lake = store.put(lineage.Dataset(uri="s3://lake/churn.csv"))
    >>> for depth in (3, 4, 5):
    ...     _ = store.record(
    ...         lineage.Train(), inputs=[lake], outputs=[lineage.Model(name=f"d{depth}")]
    ...     )
    >>> for edge in (answer := view(store.backend, [lake.key])).edges:
    ...     print(edge.source in [mark.id for mark in answer.marks], edge.count, edge.every)
    True 3 True
    True 3 True
    >>> [mark.label for mark in answer.marks]
    ['churn.csv', 'Train ×3', 'Model ×3']
    """
    as_of = backend.pin(as_of)
    reader = Reader(backend, as_of, happened_by)
    holders = _holder_types(reader, by)
    graph = lineage_of(
        backend,
        starts,
        direction,
        limits=limits,
        inputs=inputs,
        gone=gone,
        happened_by=happened_by,
        as_of=as_of,
    )
    graph = _with_contexts(reader, graph, [key for key in starts if key.kind is Kind.CONTEXT])
    artifacts = [row.key for row in graph.nodes if row.key.kind is Kind.ARTIFACT]
    graph = graph._replace(
        notes=(*remarks, *graph.notes),
        aliases={
            key: tuple(each.alias or "" for each in some)
            for key, some in aliases_of(reader, artifacts).items()
        },
        holders=_holders(reader, graph, holders),
        types={**graph.types, **{number: reader.types.by_id[number] for number in holders}},
    )
    return view_of(graph, budget=budget, show=show, by=by, opened=opened, pinned=pinned)


def lineage_of(
    backend: Backend,
    starts: Collection[NodeKey],
    direction: Direction = Direction.BOTH,
    *,
    limits: Limits = Limits(),
    inputs: bool = False,
    gone: bool = True,
    happened_by: int | None = None,
    as_of: int | None = None,
) -> Graph:
    """Return the rows of what lies before nodes, after them, or both, each within the limits; nodes by key.

    In both directions it also has the edges that lead from what lies before to what lies after past the nodes
    themselves, which no walk goes. `cuts` are those of each walk.
    """
    as_of = backend.pin(as_of)
    ways = (Direction.UPSTREAM, Direction.DOWNSTREAM)
    pieces = [
        subgraph(
            backend,
            starts,
            way,
            limits=limits,
            inputs=inputs,
            gone=gone,
            happened_by=happened_by,
            as_of=as_of,
        ).graph()
        for way in (ways if direction is Direction.BOTH else (direction,))
    ]
    nodes = {row.key: row for piece in pieces for row in piece.nodes}
    edges = {row.key: row for piece in pieces for row in piece.edges}
    if direction is Direction.BOTH:
        later = [row.key for row in pieces[1].nodes]
        past = backend.edges(later, Direction.UPSTREAM, kinds=EVENT_KINDS, as_of=as_of)
        omitted = Omitted()
        if happened_by is not None:
            omitted = Omitted(happened_by=happened_by, number=backend.number_at(happened_by))
        edges |= {row.key: row for row in past if row.source in nodes and not omitted.covers(row)}
    return pieces[0]._replace(
        nodes=sorted(nodes.values(), key=lambda row: row.key),
        edges=sorted(edges.values(), key=lambda row: row.key),
        types={number: each for piece in pieces for number, each in piece.types.items()},
        focus=tuple(dict.fromkeys(starts)),
        cuts=tuple(cut for piece in pieces for cut in piece.cuts),
        notes=tuple(dict.fromkeys(note for piece in pieces for note in piece.notes)),
    )


def _with_contexts(reader: Reader, graph: Graph, contexts: Sequence[NodeKey]) -> Graph:
    """Return a graph with contexts more, and the edges to those of their members that are in it."""
    if not contexts:
        return graph
    there = {row.key for row in graph.nodes}
    edges = [
        row for row in reader.edges(contexts, Direction.DOWNSTREAM, MEMBERS) if row.target in there
    ]
    rows = reader.rows(contexts)
    types = {row.type_id: reader.types.by_id[row.type_id] for row in rows}
    return graph._replace(
        nodes=[*graph.nodes, *rows],
        edges=[*graph.edges, *edges],
        types={**graph.types, **types},
    )


def _holder_types(reader: Reader, by: str) -> frozenset[int]:
    """Return the types of the contexts that a choice goes by."""
    name = holder_type(by)
    if name is None:
        return frozenset()
    found = reader.types.ids(name, Kind.CONTEXT)
    if not found and name == by:
        known = ", ".join(sorted({each.name for each in reader.types.of(Kind.CONTEXT)})) or "none"
        raise NotFound(
            f"by={excerpt(by)} is neither run, versions nor folder, nor a type of contexts; there are {known}"
        )
    return found


def _holders(
    reader: Reader, graph: Graph, type_ids: Collection[int]
) -> Mapping[NodeKey, tuple[NodeRow, ...]]:
    """Return the live contexts of some types that hold each node of a graph."""
    if not type_ids:
        return {}
    keys = [row.key for row in graph.nodes if row.key.kind is not Kind.CONTEXT]
    edges = reader.edges(keys, Direction.UPSTREAM, MEMBERS)
    reader.read(row.source for row in edges)
    found: dict[NodeKey, list[NodeRow]] = {}
    for edge in edges:
        context = reader.row(edge.source)
        if context.type_id in type_ids and not context.gone:
            found.setdefault(edge.target, []).append(context)
    return {key: tuple(rows) for key, rows in found.items()}

"""Tells what a picture of some nodes shows: what they were made from, and what was made from them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import NamedTuple

from lineage.answers.choosing import holder_type
from lineage.answers.marks import Graph
from lineage.answers.view import BUDGET, Show, View, view_of
from lineage.contract.backend import Backend
from lineage.contract.walking import Direction, Limits, Omitted
from lineage.errors import NotFound, excerpt
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EVENT_KINDS, EdgeKind, EdgeRow, NodeRow
from lineage.queries.aliases import aliases_of
from lineage.queries.provenance import subgraph
from lineage.queries.reader import Reader

__all__ = ["MEMBERS", "in_words", "lineage_of", "view", "with_contexts"]

FEW = 16
"""How many times as many nodes must lie after as before, for what was read to be less than what was made from."""
MEMBERS = frozenset({EdgeKind.ATTRIBUTION, EdgeKind.ASSOCIATION})
"""The kinds of edge from contexts to what they hold."""


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
    graph = in_words(reader, with_contexts(reader, graph, starts), holders)
    graph = graph._replace(notes=(*remarks, *graph.notes))
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
    walk = partial(
        subgraph,
        backend,
        starts,
        limits=limits,
        inputs=inputs,
        gone=gone,
        happened_by=happened_by,
        as_of=as_of,
    )
    if direction is not Direction.BOTH:
        graph = walk(direction).graph()
    else:
        joined = _joined(walk(Direction.UPSTREAM).graph(), walk(Direction.DOWNSTREAM).graph())
        past = _past(backend, joined, happened_by, as_of)
        graph = joined.whole._replace(edges=sorted([*joined.whole.edges, *past]))
    nodes = sorted(graph.nodes, key=itemgetter(0))
    return graph._replace(nodes=nodes, focus=tuple(dict.fromkeys(starts)))


class _Joined(NamedTuple):
    """Both directions as one graph, and which nodes are of one of them alone."""

    whole: Graph
    before: frozenset[NodeKey]
    after: frozenset[NodeKey]


def _joined(up: Graph, down: Graph) -> _Joined:
    before = frozenset(row[0] for row in up.nodes)
    after = frozenset(row[0] for row in down.nodes)
    # A walk has all edges among its nodes, so that one between two of both walks is in either.
    edges = (row for row in down.edges if row[0] not in before or row[1] not in before)
    whole = up._replace(
        nodes=[*up.nodes, *(row for row in down.nodes if row[0] not in before)],
        edges=[*up.edges, *edges],
        types={**up.types, **down.types},
        cuts=(*up.cuts, *down.cuts),
        notes=tuple(dict.fromkeys((*up.notes, *down.notes))),
    )
    return _Joined(whole, before - after, after - before)


def _past(
    backend: Backend, joined: _Joined, happened_by: int | None, as_of: int | None
) -> list[EdgeRow]:
    """Return the edges from what lies before to what lies after past the nodes themselves, which no walk goes."""
    _, before, after = joined
    # Most nodes are read by more than they were made from; of few, even that is less to read.
    is_short = len(before) * FEW < len(after)
    near, way = (before, Direction.DOWNSTREAM) if is_short else (after, Direction.UPSTREAM)
    rows = backend.edges(sorted(near), way, kinds=EVENT_KINDS, as_of=as_of) if near else []
    omitted = Omitted()
    if happened_by is not None:
        omitted = Omitted(happened_by=happened_by, number=backend.number_at(happened_by))
    return [row for row in rows if row[0] in before and row[1] in after and not omitted.covers(row)]


def with_contexts(reader: Reader, graph: Graph, starts: Iterable[NodeKey]) -> Graph:
    """Return a graph with the contexts among its starts, and the edges to those of their members that are in it."""
    contexts = [key for key in starts if key.kind is Kind.CONTEXT]
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


def in_words(reader: Reader, graph: Graph, holders: Collection[int]) -> Graph:
    """Return a graph with what points at its artifacts, and what holds its nodes of some types of contexts."""
    artifacts = [row.key for row in graph.nodes if row.key.kind is Kind.ARTIFACT]
    return graph._replace(
        aliases={
            key: tuple(each.alias or "" for each in some)
            for key, some in aliases_of(reader, artifacts).items()
        },
        holders=_holders(reader, graph, holders),
        types={**graph.types, **{number: reader.types.by_id[number] for number in holders}},
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

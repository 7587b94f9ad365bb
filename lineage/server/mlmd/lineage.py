"""MLMD's lineage call: a walk from the nodes that a filter finds.

Its answer has the ids of nodes, and their contents only on other calls.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from lineage.contract.registry import registry
from lineage.contract.stopping import while_wanted
from lineage.contract.walking import Direction, Limits, Walk, walk_levels
from lineage.errors import Invalid, NotFound, excerpt
from lineage.mlmd.conversion import attribution_message, fill_event, type_message
from lineage.mlmd.messages import Message, message, node_class
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EVENT_KINDS, EdgeKind, EdgeRow
from lineage.server.mlmd.filtering import filtered
from lineage.server.session import Session

__all__ = ["subgraph"]

MOST_HOPS: Final = 100
_DIRECTIONS = {
    0: Direction.BOTH,
    1: Direction.UPSTREAM,
    2: Direction.DOWNSTREAM,
    3: Direction.BOTH,
}
_MEMBERS = frozenset({EdgeKind.ATTRIBUTION, EdgeKind.ASSOCIATION})
_KINDS = (Kind.ARTIFACT, Kind.EXECUTION)


def subgraph(session: Session, request: Message) -> Message:
    """Return what is upstream, downstream or both of some nodes, with its events and contexts."""
    options = request.lineage_subgraph_query_options
    if options.max_num_hops < 0:
        raise Invalid(f"max_num_hops {options.max_num_hops}: give 0 or more")
    as_of = session.backend.pin()
    starts = _starts(session, options, as_of)
    walk = _Walk(session, options, as_of).run(starts)
    response = message("GetLineageSubgraphResponse")()
    answer = _Answer(session, request, as_of)
    answer.fill(response.lineage_subgraph, walk)
    return response


def _starts(session: Session, options: Message, as_of: int | None) -> list[NodeKey]:
    field = options.WhichOneof("starting_nodes")
    if field is None:
        raise Invalid("starting_artifacts or starting_executions is missing")
    kind = Kind.ARTIFACT if field == "starting_artifacts" else Kind.EXECUTION
    text = getattr(options, field).filter_query
    if not text:
        raise Invalid(f"{field}: its filter_query is empty")
    found = _keys(session, kind, text, as_of)
    if not found:
        raise NotFound(f"{field}: no {kind} matches {excerpt(text, 500)}")
    return found


def _keys(session: Session, kind: Kind, text: str, as_of: int | None) -> list[NodeKey]:
    where = filtered(session, kind, text, as_of)
    return [row.key for row in session.backend.find(kind, where, as_of=as_of)]


class _Walk:
    """A walk that stops at ending nodes."""

    def __init__(self, session: Session, options: Message, as_of: int | None) -> None:
        self._backend = session.backend
        self._as_of = as_of
        hops = options.max_num_hops if options.HasField("max_num_hops") else MOST_HOPS
        self._limits = Limits(hops=min(hops, MOST_HOPS), nodes=None)
        self._direction = _DIRECTIONS[options.direction]
        self._ends: set[NodeKey] = set()
        self._dropped: set[NodeKey] = set()
        for kind in _KINDS:
            ending = getattr(options, f"ending_{kind}s")
            if ending.filter_query:
                keys = _keys(session, kind, ending.filter_query, as_of)
                self._ends.update(keys)
                if not ending.include_ending_nodes:
                    self._dropped.update(keys)

    def run(self, starts: Iterable[NodeKey]) -> Walk:
        kept = [key for key in starts if key not in self._dropped]
        if not self._ends:
            return self._backend.walk(kept, self._direction, limits=self._limits, as_of=self._as_of)
        return walk_levels(kept, self._expand, self._direction, limits=self._limits, edges=True)

    def _expand(self, keys: Collection[NodeKey]) -> list[EdgeRow]:
        going = [key for key in keys if key not in self._ends]
        rows = self._backend.edges(going, self._direction, kinds=EVENT_KINDS, as_of=self._as_of)
        return [row for row in rows if self._dropped.isdisjoint((row.source, row.target))]


class _Answer:
    """What of an answer is asked for."""

    def __init__(self, session: Session, request: Message, as_of: int | None) -> None:
        self._backend = session.backend
        self._as_of = as_of
        self._types = registry(session.backend, as_of).by_id
        self._paths = frozenset(request.read_mask.paths)

    def _wants(self, *paths: str) -> bool:
        """Whether the mask lists one of these; a mask of no path is none, and leaves nothing out."""
        return not self._paths or not self._paths.isdisjoint(paths)

    def fill(self, graph: Message, walk: Walk) -> None:
        """Write an answer's parts."""
        keys = [key for level in walk.levels for key in level]
        members: list[EdgeRow] = []
        if self._wants("contexts", "attributions", "associations"):
            members = self._members(keys)
        contexts = sorted({row.source for row in members})
        for kind in Kind:
            if self._wants(f"{kind}s"):
                chosen = contexts if kind is Kind.CONTEXT else [k for k in keys if k.kind is kind]
                ids = (node_class(kind)(id=key.id) for key in while_wanted(chosen))
                getattr(graph, f"{kind}s").extend(ids)
            if self._wants(f"{kind}_types"):
                types = (each for each in self._types.values() if each.kind is kind)
                getattr(graph, f"{kind}_types").extend(map(type_message, types))
        if self._wants("events"):
            for row in while_wanted(walk.edges):
                fill_event(graph.events.add(), row)
        for field, edge in (
            ("attributions", EdgeKind.ATTRIBUTION),
            ("associations", EdgeKind.ASSOCIATION),
        ):
            if self._wants(field):
                rows = (row for row in while_wanted(members) if row.kind is edge)
                getattr(graph, field).extend(map(attribution_message, rows))

    def _members(self, keys: Collection[NodeKey]) -> list[EdgeRow]:
        """Return the edges between nodes and the live contexts that they belong to."""
        rows = self._backend.edges(keys, Direction.UPSTREAM, kinds=_MEMBERS, as_of=self._as_of)
        contexts = self._backend.nodes({row.source for row in rows}, as_of=self._as_of)
        return [row for row in rows if not contexts[row.source].gone]

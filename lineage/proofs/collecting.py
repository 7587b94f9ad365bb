"""Gathers what a bundle is about: nodes, edges, and in which transaction each was written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from lineage.contract.backend import PRELOADED, Backend
from lineage.contract.walking import Direction, Limits
from lineage.errors import NotFound
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKind, EdgeRow, NodeRow
from lineage.proofs.records import ENVIRONMENT, OUTPUT_KINDS

__all__ = ["Collected"]

Identity = tuple[object, ...]


class Collected:
    """What the bundle of a node has records of, by transaction; `cut` names the limit that left some out.

    That is the node and all it was made from, the environments of those runs, and what the runs that wrote
    it wrote beside it. Of a context it is what belongs to it.
    """

    def __init__(self, backend: Backend, key: NodeKey, limits: Limits, number: int) -> None:
        self._backend, self._limits, self._number = backend, limits, number
        self.cut: str | None = None
        self.wanted: defaultdict[int, set[Identity]] = defaultdict(set)
        if key not in backend.nodes([key], as_of=number):
            raise NotFound(f"there is no {key}")
        self._edges: dict[object, EdgeRow] = {}
        keys = self._members(key) if key.kind is Kind.CONTEXT else self._upstream(key)
        self._want_nodes(keys)
        for row in self._edges.values():
            self.wanted[row.since].add(("edge", row.source, row.target, row.kind))

    def _members(self, context: NodeKey) -> list[NodeKey]:
        self._take([context], Direction.DOWNSTREAM, None)
        return [context, *(row.target for row in self._edges.values())]

    def _upstream(self, key: NodeKey) -> list[NodeKey]:
        walk = self._backend.walk(
            [key], Direction.UPSTREAM, limits=self._limits, as_of=self._number
        )
        self.cut = None if walk.cut is None else walk.cut.limit
        keys = dict.fromkeys(walk.keys)
        self._edges = {row.key: row for row in walk.edges}
        if key.kind is Kind.EXECUTION:
            runs = [key]
        else:
            runs = [row.source for row in walk.edges if row.target == key]
        written = self._take(dict.fromkeys(runs), Direction.DOWNSTREAM, OUTPUT_KINDS)
        executions = [each for each in keys if each.kind is Kind.EXECUTION]
        places = self._environments(executions)
        return list(keys | dict.fromkeys(row.target for row in written) | dict.fromkeys(places))

    def _take(
        self, keys: Iterable[NodeKey], direction: Direction, kinds: frozenset[EdgeKind] | None
    ) -> list[EdgeRow]:
        """Take edges at some nodes, no more of each than the limit of nodes."""
        room = self._limits.nodes
        rows: list[EdgeRow] = []
        for key in keys:
            some = self._backend.edge_page(
                key,
                direction,
                kinds=kinds,
                limit=None if room is None else room + 1,
                as_of=self._number,
            )
            if room is not None and len(some) > room:
                self.cut, some = "nodes", some[:room]
            rows += some
        if room is not None and len(rows) > room:
            self.cut, rows = "nodes", rows[:room]
        self._edges |= {row.key: row for row in rows}
        return rows

    def _environments(self, runs: list[NodeKey]) -> list[NodeKey]:
        if not runs:
            return []
        rows = self._backend.edges(
            runs, Direction.UPSTREAM, kinds={EdgeKind.ASSOCIATION}, as_of=self._number
        )
        contexts = self._backend.nodes({row.source for row in rows}, as_of=self._number)
        ids = {
            row.type.id
            for row in self._backend.types(as_of=self._number)
            if row.type.name == ENVIRONMENT and row.type.kind is Kind.CONTEXT
        }
        places = {key for key, row in contexts.items() if row.type_id in ids}
        self._edges |= {row.key: row for row in rows if row.source in places}
        return sorted(places)

    def _want_nodes(self, keys: Iterable[NodeKey]) -> None:
        rows = self._backend.nodes({*keys}, as_of=self._number)
        for row in rows.values():
            self._want_node(row)
        used = {row.type_id for row in rows.values()} - PRELOADED.keys()
        for known in self._backend.types(as_of=self._number):
            if known.type.id in used:
                self.wanted[known.since].add(("type", known.type.id))

    def _want_node(self, row: NodeRow) -> None:
        self.wanted[row.since].add(("node", row.key))
        if row.gone and row.until is not None:
            # A purge of a live node deletes it first; of one that was deleted before it is not sought.
            self.wanted[row.until] |= {("deleted", row.key), ("purged", row.key)}

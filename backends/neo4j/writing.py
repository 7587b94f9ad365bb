"""Writing to Neo4j: a transaction that buffers, checks, then writes.

Any statement that fails ends a Neo4j transaction, and there are no savepoints. So a batch is
checked before anything of it is sent: against what this transaction knows already, and in one
query for the rest. What passed waits in memory, and goes out in one statement before the next
read, or with the transaction's own row before the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from lineage.backends.neo4j.connections import Rows, Work
from lineage.backends.neo4j.lookup import look_up
from lineage.backends.neo4j.rows import (
    ENDED,
    FOUND_BY,
    PAST,
    edge_key_map,
    edge_values,
    external_digest,
    head_values,
    instant,
    key_of,
    name_digest,
    node_labels,
    node_values,
    number_of,
    type_values,
)
from lineage.contract.backend import External, Named, Reference
from lineage.contract.batches import batched
from lineage.contract.refusals import no_edge, no_live_node, no_return
from lineage.errors import AlreadyExists, Corrupt, NotFound
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EVENT_KINDS, Batch, EdgeKey, EdgeRow, Head, NodeRow, TypeRow
from lineage.model.schema import AnyType

__all__ = ["WriteBuffer"]

T = TypeVar("T")
_STORED = ("number", "schema", "types", "artifacts", "executions", "contexts", "edges")
"""What the store's own node keeps of the last transaction."""
BATCH_ROWS = 5_000
"""How many nodes and edges go out at a time."""

_TIMES = ", ".join(
    f"n.{name} = {instant(f'n.lineage_{field}')}"
    for name, field in (("create_time", "created"), ("update_time", "updated"))
)
"""For people."""
_KINDLESS = "[label IN labels(n) WHERE label <> 'LineageNode']"
_WAS = ", ".join(
    f"{{0}}.{ENDED[name]} = coalesce({{0}}.{name}, {{0}}.{ENDED[name]})" for name in FOUND_BY
)
"""What stands for a name and an external id, out of the way of those that live."""

_UPDATE = f"""
CALL () {{
  UNWIND $rows AS row
  MATCH (n:LineageNode {{lineage_key: row.values.lineage_key}}) USING INDEX n:LineageNode(lineage_key)
  CALL (n, row) {{
    WITH n, row WHERE n.lineage_since < row.values.lineage_since
    CREATE (p:LineagePast) SET p = properties(n), p.lineage_until = coalesce(n.lineage_until, row.values.lineage_since),
      p.lineage_revived = CASE WHEN n:LineageGone THEN row.values.lineage_since END
    SET {_WAS.format("p")}
    REMOVE p.lineage_name, p.lineage_external
  }}
  REMOVE n.lineage_name, n.lineage_external
  RETURN count(*) AS updates
}}
CALL () {{
  UNWIND $rows AS row
  MATCH (n:LineageNode {{lineage_key: row.values.lineage_key}}) USING INDEX n:LineageNode(lineage_key)
  SET n = row.values
  SET {_TIMES}
  WITH n, row WHERE n:LineageGone
  REMOVE n:LineageGone
  SET n:$(row.labels)
}}
CALL () {{
  UNWIND $gone AS key
  MATCH (n:LineageNode {{lineage_key: key}}) USING INDEX n:LineageNode(lineage_key)
  REMOVE n:$({_KINDLESS})
  SET n:LineageGone
}}
RETURN updates
"""
"""Former versions first, and all names given up, so that names may change hands.

A gone node has lost the labels that it has again once it is revived.
"""
_CREATE = f"""
CALL () {{
  UNWIND $nodes AS row
  CREATE (n:LineageNode:$(row.labels))
  SET n = row.values
  SET {_TIMES}
}}
CALL () {{
  UNWIND $edges AS row
  MATCH (a:LineageNode {{lineage_key: row.source}}) USING INDEX a:LineageNode(lineage_key)
  MATCH (b:LineageNode {{lineage_key: row.target}}) USING INDEX b:LineageNode(lineage_key)
  CREATE (a)-[r:$(row.kind)]->(b)
  SET r = row.values
  SET r.time = {instant("r.lineage_time")}
  RETURN count(*) AS edges
}}
CALL () {{
  UNWIND $heads AS head
  CREATE (t:LineageTransaction) SET t = head
}}
CALL () {{
  UNWIND $last AS head
  MATCH (s:LineageStore) SET s += head
  WITH head
  MATCH (g:LineageGate) SET g.number = head.number, g.schema = head.schema
}}
RETURN edges
"""
_TAKEN = """
RETURN
  COLLECT { UNWIND $keys AS key MATCH (n:LineageNode {lineage_key: key}) USING INDEX n:LineageNode(lineage_key)
            RETURN [key, n.lineage_until, n.lineage_digest IS NOT NULL] } AS there,
  COLLECT { UNWIND $names AS name MATCH (n:LineageNode {lineage_name: name}) USING INDEX n:LineageNode(lineage_name)
            RETURN [name, n.lineage_key] } AS names,
  COLLECT { UNWIND $external_ids AS id MATCH (n:LineageNode {lineage_external: id}) USING INDEX n:LineageNode(lineage_external)
            RETURN [id, n.lineage_key] } AS external_ids,
  COLLECT { UNWIND $edges AS row
            MATCH (a:LineageNode {lineage_key: row.source})-[r]->(b:LineageNode {lineage_key: row.target})
            USING INDEX a:LineageNode(lineage_key) USING INDEX b:LineageNode(lineage_key)
            WHERE type(r) = row.kind RETURN row.place } AS edges
"""
"""Both ends are looked up, because either may have many thousand edges."""
_TYPES = """
UNWIND $rows AS row
CALL (row) { MATCH (y:LineageType {id: row.id}) WHERE y.since = row.since DELETE y }
CALL (row) { MATCH (y:LineageType {id: row.id}) WHERE y.until IS NULL SET y.until = row.since }
CREATE (y:LineageType) SET y = row
"""
_END = f"""
UNWIND $rows AS row
MATCH (a:LineageNode {{lineage_key: row.source}})-[r]->(b:LineageNode {{lineage_key: row.target}})
USING INDEX a:LineageNode(lineage_key) USING INDEX b:LineageNode(lineage_key)
WHERE type(r) = row.kind
CALL (a, b, r) {{
  WITH a, b, r WHERE r.lineage_since < $number
  CREATE (a)-[p:{PAST}]->(b)
  SET p = properties(r), p.lineage_kind = type(r), p.lineage_until = $number
}}
CALL (a, b, r) {{
  WITH a, b, r WHERE r.lineage_since = $number AND r.lineage_first IS NOT NULL
  MATCH (a)-[p:{PAST}]->(b) WHERE p.lineage_kind = type(r) AND p.lineage_until = $number
  REMOVE p.lineage_replaced
}}
DELETE r
"""
"""Where the transaction itself has updated an edge, its update goes, and the version before that has ended."""
_UPDATE_EDGES = f"""
UNWIND $rows AS row
MATCH (a:LineageNode {{lineage_key: row.source}})-[r]->(b:LineageNode {{lineage_key: row.target}})
USING INDEX a:LineageNode(lineage_key) USING INDEX b:LineageNode(lineage_key)
WHERE type(r) = row.kind
CALL (a, b, r, row) {{
  WITH a, b, r, row WHERE r.lineage_since < row.values.lineage_since
  CREATE (a)-[p:{PAST}]->(b)
  SET p = properties(r), p.lineage_kind = type(r), p.lineage_until = row.values.lineage_since,
    p.lineage_replaced = true
}}
SET r = row.values
SET r.time = {instant("r.lineage_time")}
RETURN count(*) AS updates
"""
_DELETE = f"""
UNWIND $keys AS key
MATCH (n:LineageNode {{lineage_key: key}}) USING INDEX n:LineageNode(lineage_key) WHERE n.lineage_until IS NULL
REMOVE n:$({_KINDLESS})
SET {_WAS.format("n")}
REMOVE n.lineage_name, n.lineage_external
SET n:LineageGone, n.lineage_until = $number
"""


class _Fate(NamedTuple):
    """What became of a node that exists."""

    deleted: int | None
    """The transaction that deleted it; None while it lives."""
    erased: bool
    """Whether its last version has no content."""


class _Taken(NamedTuple):
    """What the store says of the things that a batch wants for itself."""

    there: dict[NodeKey, _Fate]
    """The nodes that exist."""
    owners: dict[str, NodeKey]
    """Who has a name or an external id, by its digest."""
    edges: set[EdgeKey]


class WriteBuffer:
    """One thread's open transaction: its lock is taken, and its reads see what it has written.

    What reads under the lock have shown is kept, so that it need not be asked again.
    """

    def __init__(
        self, work: Work, head: Head, types: Callable[[], tuple[TypeRow, ...]], *, token: str
    ) -> None:
        self.work = work
        self.head = head
        """The last transaction: the one before this, and after `append` this one."""
        self.token = token
        self._committed_types = types
        self._types: tuple[TypeRow, ...] | None = None
        self._by_id: dict[int, AnyType] = {}
        self._highest = {
            Kind.ARTIFACT: head.artifacts,
            Kind.EXECUTION: head.executions,
            Kind.CONTEXT: head.contexts,
        }
        self._before = dict(self._highest)
        """The ids after which all edges are in `_joined`, because their nodes came later."""
        self._nodes: dict[NodeKey, NodeRow] = {}
        self._updates: dict[NodeKey, NodeRow] = {}
        self._edges: dict[EdgeKey, EdgeRow] = {}
        self._edge_updates: dict[EdgeKey, EdgeRow] = {}
        self._heads: list[dict[str, Any]] = []
        self._purged: list[int] = []
        self._purged_heads: list[int] = []
        self.new_types: dict[int, TypeRow] = {}
        """The types that it has written."""
        self._absent: set[str] = set()
        """Digests of names and external ids that nobody has."""
        self._live: set[NodeKey] = set()
        """Nodes that are there and live."""
        self._looked_up: frozenset[NodeKey] = frozenset()
        """What the last look-up found; the edges of contexts among these are all in `_joined`."""
        self._joined: set[EdgeKey] = set()
        self._unjoined: set[EdgeKey] = set()
        """Edges that did not exist when they were looked for; those written since are in `_joined`."""

    def run(self, query: str, /, **parameters: Any) -> Rows:
        """Run a statement that sees all that was written so far."""
        self.flush()
        return self.work.run(query, **parameters)

    @property
    def types(self) -> tuple[TypeRow, ...]:
        """All types by id, with those that it has written."""
        if self._types is None:
            committed = self._committed_types()
            known = {row.type.id or 0: row for row in committed} | self.new_types
            changed = tuple(row for _, row in sorted(known.items()))
            self._types = changed if self.new_types else committed
            self._by_id = {number: row.type for number, row in known.items()}
        return self._types

    def type(self, number: int) -> AnyType:
        """Return a type that a row to be written is of."""
        found = self._by_id.get(number) if self.types else None
        if found is None:
            raise NotFound(f"there is no type {number}; put it before its nodes")
        return found

    def look_up(self, references: Collection[Reference]) -> dict[Reference, list[NodeRow]]:
        """Return the live nodes that each reference names."""
        found = look_up(self.run, references)
        self._looked_up = frozenset(row.key for rows in found.rows.values() for row in rows)
        self._joined |= found.edges
        self._live |= self._looked_up
        for reference, rows in found.rows.items():
            if not rows and isinstance(reference, Named):
                self._absent.add(name_digest(*reference))
            elif not rows and isinstance(reference, External):
                self._absent.add(external_digest(*reference))
        return found.rows

    def saw(self, rows: Iterable[NodeRow]) -> None:
        """Keep that some nodes were seen alive, so that they need not be looked at again."""
        self._live.update(row.key for row in rows if not row.gone)

    def existing(self, keys: Collection[EdgeKey]) -> set[EdgeKey]:
        """Return those of some edges that exist."""
        known = {key for key in keys if self._is_known(key)}
        unsure = [key for key in keys if key not in known]
        found = self._look(edges=unsure).edges
        self._unjoined.update(key for key in unsure if key not in found)
        return found | (known & self._joined)

    def _is_known(self, key: EdgeKey) -> bool:
        """Whether it is known if this edge exists: it does where it is in `_joined`."""
        if key in self._unjoined or key in self._joined:
            return True
        if any(end.id > self._before[end.kind] for end in (key.source, key.target)):
            return True
        of_context = key.kind not in EVENT_KINDS
        return of_context and key.source in self._looked_up and key.target in self._looked_up

    def _forget(self) -> None:
        """Forget what reads have shown, after something was taken away."""
        self._absent, self._live, self._unjoined = set(), set(), set()
        self._looked_up, self._joined = frozenset(), set()
        self._before = dict(self._highest)

    def write(self, batch: Batch) -> None:
        """Check a batch as a whole, then write it or keep it to be written."""
        self._check(batch)
        if batch.types:
            self.work.run(_TYPES, rows=[type_values(row) for row in batch.types])
            self.new_types.update({each.type.id or 0: each for each in batch.types})
            self._types = None
        # A version that waits is sent before the one that replaces it, which may be of a later transaction.
        if any(row.key in self._nodes or row.key in self._updates for row in batch.updates):
            self.flush()
        if any(
            row.key in self._edges or row.key in self._edge_updates for row in batch.edge_updates
        ):
            self.flush()
        self._nodes.update({row.key: row for row in batch.nodes})
        self._updates.update({row.key: row for row in batch.updates})
        self._edges.update({row.key: row for row in batch.edges})
        for row in batch.edge_updates:
            waiting = self._edges if row.key in self._edges else self._edge_updates
            waiting[row.key] = row
        self._note(batch)
        if sum(map(len, self._waiting)) >= BATCH_ROWS:
            self.flush()

    @property
    def _waiting(self) -> tuple[Collection[object], ...]:
        return self._nodes, self._updates, self._edges, self._edge_updates

    def _note(self, batch: Batch) -> None:
        """Keep what is known right after a batch."""
        for row in (*batch.nodes, *batch.updates):
            kind, number = row.key
            self._highest[kind] = max(self._highest[kind], number)
            self._absent.difference_update(_digests(row))
            if row.gone:
                self._live.discard(row.key)
            else:
                self._live.add(row.key)
        self._joined.update(row.key for row in batch.edges)

    def end(self, number: int, keys: Collection[EdgeKey]) -> None:
        """End edges that exist."""
        self.flush()
        there = self._look(edges=keys).edges
        for key in keys:
            if key not in there:
                raise no_edge(key)
        for some in batched(keys, BATCH_ROWS):
            self.work.run(_END, rows=[edge_key_map(key) for key in some], number=number)
        self._forget()

    def delete(self, number: int, keys: Collection[NodeKey]) -> None:
        """End nodes that live."""
        self.flush()
        there = self._look(keys=keys).there
        for key in keys:
            if key not in there or there[key].deleted is not None:
                raise no_live_node(key, "delete")
        for some in batched(keys, BATCH_ROWS):
            self.work.run(_DELETE, keys=[number_of(key) for key in some], number=number)
        self._forget()

    def note_purge(self, keys: Iterable[NodeKey]) -> None:
        """Keep who was purged, for the transaction's own row."""
        self._purged += [number_of(key) for key in keys]

    def note_purged_heads(self, heads: Iterable[int]) -> None:
        """Keep whose actors were purged, for the transaction's own row."""
        self._purged_heads += heads

    def append(self, head: Head) -> None:
        """Write the transaction's own row."""
        purged = {
            "purged": self._purged or None,
            "purged_heads": list(dict.fromkeys(self._purged_heads)) or None,
        }
        self._heads.append({**head_values(head), **purged, "token": self.token})
        self._purged, self._purged_heads = [], []
        self.head = head

    def _check(self, batch: Batch) -> None:
        """Raise for what a batch cannot have, before anything of it is written."""
        _check_twins(batch)
        new = {row.key for row in batch.nodes}
        unsure = [key for key in new if key.id <= self._highest[key.kind]]
        unsure += [row.key for row in batch.updates if row.key not in self._live]
        wanted = {digest: row for row in (*batch.nodes, *batch.updates) for digest in _digests(row)}
        edges = [row.key for row in batch.edges if not (row.source in new or row.target in new)]
        added = {row.key for row in batch.edges} if batch.edge_updates else ()
        changed = [row.key for row in batch.edge_updates if row.key not in added]
        unsure_edges = [key for key in (*edges, *changed) if not self._is_known(key)]
        taken = self._look(keys=unsure, digests=wanted.keys() - self._absent, edges=unsure_edges)
        for key in sorted(new):
            if key in taken.there:
                raise AlreadyExists(f"there was a {key} before; ids are given once")
        for row in batch.updates:
            if row.key not in self._live:
                _check_update(row, taken.there.get(row.key))
        updated = {row.key for row in batch.updates}
        for digest, row in wanted.items():
            owner = taken.owners.get(digest)
            if owner not in (None, row.key) and owner not in updated:
                raise AlreadyExists(f"{owner} has the name or the external id of {row.key} already")
        self._check_edges(
            edges, changed, taken.edges | self._joined.intersection([*edges, *changed])
        )

    @staticmethod
    def _check_edges(
        new: Iterable[EdgeKey], changed: Iterable[EdgeKey], there: Collection[EdgeKey]
    ) -> None:
        """Raise for new edges that are there and for changed ones that are not."""
        for key in new:
            if key in there:
                source, target, kind = key
                raise AlreadyExists(
                    f"there is a {kind.name} edge from {source} to {target} already"
                )
        for key in changed:
            if key not in there:
                raise no_edge(key)

    def _look(
        self,
        *,
        keys: Collection[NodeKey] = (),
        digests: Collection[str] = (),
        edges: Collection[EdgeKey] = (),
    ) -> _Taken:
        """Return what is taken, counting what waits to be written; asks only if there is something to ask."""
        if not (keys or digests or edges):
            return _Taken({}, {}, set())
        self.flush()
        places = list(edges)
        rows = self.work.run(
            _TAKEN,
            keys=[number_of(key) for key in keys],
            names=list(digests),
            external_ids=list(digests),
            edges=[{**edge_key_map(key), "place": place} for place, key in enumerate(places)],
        )
        ((there, names, external_ids, joined),) = rows
        return _Taken(
            {key_of(number): _Fate(*fate) for number, *fate in there},
            {digest: key_of(number) for digest, number in (*names, *external_ids)},
            {places[place] for place in joined},
        )

    def finish(self) -> None:
        """Send what waits and make it the last transaction; from here to the commit readers wait."""
        self.flush(is_last=True)

    def flush(self, *, is_last: bool = False) -> None:
        """Send what waits: in one statement, many rows in batches, updates in one of their own."""
        updates, nodes = list(self._updates.values()), list(self._nodes.values())
        edges, heads = list(self._edges.values()), self._heads
        edge_updates = list(self._edge_updates.values())
        self._nodes, self._updates, self._edges, self._heads = {}, {}, {}, []
        self._edge_updates = {}
        if updates:  # first and all together, because they may give up names for each other and for new nodes
            self._update(updates)
        for some_edges in batched(edge_updates, BATCH_ROWS):
            self._update_edges(some_edges)
        if len(nodes) + len(edges) > BATCH_ROWS:
            for some in batched(nodes, BATCH_ROWS):
                self._create(nodes=some)
            for some_edges in batched(edges, BATCH_ROWS):
                self._create(edges=some_edges)
            nodes, edges = [], []
        if nodes or edges or heads or is_last:
            self._create(nodes, edges, heads, last=self.head if is_last else None)

    def _update(self, rows: Sequence[NodeRow]) -> None:
        gone = [number_of(row.key) for row in rows if row.gone]
        found = self.work.run(_UPDATE, rows=[self._node(row) for row in rows], gone=gone)
        self._expect("nodes to update", len(rows), found)

    def _update_edges(self, rows: Sequence[EdgeRow]) -> None:
        found = self.work.run(_UPDATE_EDGES, rows=list(map(_edge, rows)))
        self._expect("edges to update", len(rows), found)

    def _create(
        self,
        nodes: Sequence[NodeRow] = (),
        edges: Sequence[EdgeRow] = (),
        heads: Sequence[dict[str, Any]] = (),
        last: Head | None = None,
    ) -> None:
        found = self.work.run(
            _CREATE,
            nodes=[self._node(row) for row in nodes],
            edges=list(map(_edge, edges)),
            heads=heads,
            last=[] if last is None else [{name: getattr(last, name) for name in _STORED}],
        )
        self._expect("edges to write", len(edges), found)

    def _expect(self, what: str, count: int, found: Rows) -> None:
        """Raise where the graph lacks what was there when it was looked at, under the lock."""
        if found != [[count]]:
            self.work.rollback()
            raise Corrupt(
                f"of {count} {what}, {found[0][0]} had their nodes in the graph, which was changed from outside; run a "
                f"check of the store"
            )

    def _node(self, row: NodeRow) -> dict[str, Any]:
        node_type = self.type(row.type_id)
        return {"values": node_values(row, node_type), "labels": node_labels(row, node_type)}


def _edge(row: EdgeRow) -> dict[str, Any]:
    return {**edge_key_map(row.key), "values": edge_values(row)}


def _digests(row: NodeRow) -> list[str]:
    """Return what a node has for itself: its name within its type, its external id in its kind."""
    if row.gone:
        return []
    found = [] if row.name is None else [name_digest(row.type_id, row.name)]
    if row.external_id is not None:
        found.append(external_digest(row.key.kind, row.external_id))
    return found


def _check_update(row: NodeRow, fate: _Fate | None) -> None:
    """Raise for the new version of a node that does not exist, or cannot live again."""
    if fate is None:
        raise no_live_node(row.key, "update")
    if fate.deleted is not None:
        refusal = no_return(row, deleted=fate.deleted, erased=fate.erased)
        if refusal is not None:
            raise refusal


def _check_twins(batch: Batch) -> None:
    """Raise where a batch holds a key, a name, an external id or an edge twice."""
    rows = (*batch.nodes, *batch.updates)
    owned = [digest for row in rows for digest in _digests(row)]
    for what, things in (
        ("node", [row.key for row in rows]),
        ("name or external id", owned),
        ("edge", [row.key for row in batch.edges]),
    ):
        if len(set(things)) < len(things):
            raise AlreadyExists(f"one batch cannot write the same {what} twice")

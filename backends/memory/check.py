"""What must hold in the memory backend's graph: asked before each write, and by `check` of the whole."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise, product
from typing import Any, TypeAlias

from lineage.backends.memory.graph import TIMES, TimedGraph
from lineage.backends.memory.history import TransactionRecords, TypeHistory
from lineage.backends.memory.indexes import TEXTS, Index, terms
from lineage.contract.backend import PRELOADED
from lineage.contract.proof import is_edge_row, is_node_row
from lineage.contract.refusals import no_edge, no_live_node, no_return
from lineage.contract.walking import Direction
from lineage.errors import AlreadyExists, NotFound, excerpt
from lineage.filters.tree import Field
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import Batch, EdgeKey, EdgeKind, NodeRow, TypeRow

__all__ = [
    "check_edge_updates",
    "check_edges",
    "check_nodes",
    "graph_faults",
    "record_faults",
    "type_faults",
]

_Fact: TypeAlias = tuple[Any, ...]
"""The number of a transaction, and something that it wrote."""
_ENDINGS = {(int, bool), (type(None), bool)}
"""The types of a version's `until` and `gone`."""


def check_nodes(graph: TimedGraph, batch: Batch) -> None:
    """Raise for nodes that exist, for updates of ones that do not, and for what is taken."""
    final: dict[NodeKey, NodeRow] = {}
    for row in batch.nodes:
        if row.key in final or graph.at(row.key, None) is not None:
            raise AlreadyExists(f"{row.key} exists already")
        final[row.key] = row
    for row in batch.updates:
        if row.key not in final:
            _check_update(graph, row)
        final[row.key] = row
    names: dict[tuple[int, str], NodeKey] = {}
    external_ids: dict[tuple[Kind, str], NodeKey] = {}
    for key, row in final.items():
        if row.gone:
            continue
        if row.name is not None:
            holders = [names.setdefault((row.type_id, row.name), key)]
            found = _staying(graph, key.kind, Field.NAME, row.name, final)
            holders += [other.key for other in found if other.type_id == row.type_id]
            _check_free(key, holders, "name", row.name)
        if row.external_id is not None:
            holders = [external_ids.setdefault((key.kind, row.external_id), key)]
            found = _staying(graph, key.kind, Field.EXTERNAL_ID, row.external_id, final)
            holders += [other.key for other in found]
            _check_free(key, holders, "external id", row.external_id)


def _check_update(graph: TimedGraph, row: NodeRow) -> None:
    """Raise for the new version of a node that does not exist, or cannot live again."""
    last = graph.at(row.key, None)
    if last is None:
        raise no_live_node(row.key, "update")
    if last.gone:
        refusal = no_return(row, deleted=last.until, erased=last.digest is not None)
        if refusal is not None:
            raise refusal


def _staying(
    graph: TimedGraph, kind: Kind, field: Field, value: str, final: Collection[NodeKey]
) -> Iterator[NodeRow]:
    """Yield the nodes with a value in a field that a batch leaves as they are."""
    for number in graph.live[kind].get(field, value):
        row = graph.at((kind, number), None)
        if row is not None and row.key not in final:
            yield row


def _check_free(key: NodeKey, holders: Collection[NodeKey], what: str, value: str) -> None:
    for other in holders:
        if other != key:
            raise AlreadyExists(f"{key} cannot have the {what} {excerpt(value)}, which {other} has")


def check_edges(graph: TimedGraph, batch: Batch) -> None:
    """Raise for edges that exist and for ones that lack an end."""
    new = {row.key for row in batch.nodes}
    written: set[EdgeKey | tuple[NodeKey, NodeKey, EdgeKind]] = set()
    for source, target, kind, *_ in batch.edges:
        key = (source, target, kind)
        for end in (source, target):
            if end not in new and graph.at(end, None) is None:
                raise NotFound(
                    f"there is no {end} for the {kind.name} edge from {source} to {target}"
                )
        if key in written or graph.edge(key) is not None:
            raise AlreadyExists(f"there is a {kind.name} edge from {source} to {target} already")
        written.add(key)


def check_edge_updates(graph: TimedGraph, batch: Batch) -> None:
    """Raise for updates of edges that neither exist nor are new in the batch."""
    new = {row.key for row in batch.edges} if batch.edge_updates else ()
    for row in batch.edge_updates:
        if row.key not in new and graph.edge(row.key) is None:
            raise no_edge(row.key)


def graph_faults(graph: TimedGraph) -> Iterator[str]:
    """Yield a sentence for everything in the graph, its past and its indexes that does not agree."""
    yield from _node_faults(graph)
    yield from _edge_faults(graph)
    yield from _past_edge_faults(graph)
    yield from _side_faults(graph)
    yield from _order_faults(graph)
    for kind in Kind:
        for index in (graph.live[kind], graph.former[kind]):
            if index.fields != Index().fields:
                yield f"an index of {kind}s lacks a field"
        yield from _index_faults(graph, kind)
        yield from _former_faults(graph, kind)


def _node_faults(graph: TimedGraph) -> Iterator[str]:
    for key, held in graph.nodes(data=True):
        if "row" not in held:
            yield f"{key} has no row"
        elif held["row"].key != key:
            yield f"{key} has the row of {held['row'].key}"
        else:
            versions = graph.versions(key)
            for row in versions:
                if not is_node_row(row) or tuple(map(type, row[13:])) not in _ENDINGS:
                    yield f"{key}, as transaction {row.since} wrote it, has a row that is none"
            for one, following in pairwise(versions):
                if not _leads_to(one, following):
                    yield f"{key}: the version of transaction {one.since} does not lead to that of {following.since}"
            if versions[-1].gone != (versions[-1].until is not None):
                yield f"{key}: its last version ended, but it is not gone"
    for key in graph.past.keys() - graph.nodes:
        yield f"{key} has a past but no last version"


def _leads_to(one: NodeRow, following: NodeRow) -> bool:
    """Whether a version was replaced by the one that follows, or the node was gone until then."""
    if one.until is None or one.until > following.since or one.since >= following.since:
        return False
    return one.gone == (one.until < following.since)


def _edge_faults(graph: TimedGraph) -> Iterator[str]:
    entering = 0
    for source, target, kind, held in graph.edges(keys=True, data=True):
        row = held.get("row")
        if row is None or row[:3] != (source, target, kind):
            yield f"the {kind.name} edge from {source} to {target} has another row, or none"
        elif not is_edge_row(row):
            yield f"the {kind.name} edge from {source} to {target} has a row that is none"
        elif row.until is not None:
            yield f"the {kind.name} edge from {source} to {target} is present, but ended in transaction {row.until}"
        elif graph.pred[target].get(source) != graph.succ[source][target]:
            yield f"the {kind.name} edge from {source} to {target} is not found from {target}"
        for end in (source, target):
            if "row" not in graph.nodes[end]:
                yield f"the {kind.name} edge from {source} to {target} leads to a node without row"
        entering += 1
    if entering != sum(degree for _, degree in graph.in_degree()):
        yield "edges that enter nodes are not the edges that leave nodes"


def _past_edge_faults(graph: TimedGraph) -> Iterator[str]:
    at = {key: set(rows) for key, rows in graph.ended.items()}
    for key, rows in at.items():
        if len(rows) < len(graph.ended[key]):
            yield f"{key} has an ended edge twice"
        for row in rows:
            if not is_edge_row(row):
                yield f"an ended edge at {key} has a row that is none"
                continue
            name = f"the ended {row.kind.name} edge from {row.source} to {row.target}"
            for end in (row.source, row.target):
                if end not in graph:
                    yield f"{name} leads to {end}, which does not exist"
                elif row not in at.get(end, ()):
                    yield f"{name} is not found from {end}"
            if key not in row[:2] or row.until is None or row.until <= row.since:
                yield f"{name} is at {key} and was valid from {row.since} until {row.until}"


def _side_faults(graph: TimedGraph) -> Iterator[str]:
    """Yield the nodes at which walks would go through edges in another order than that of keys."""
    for side in (Direction.DOWNSTREAM, Direction.UPSTREAM):
        for key, ends in graph.ends(side).items():
            in_order = key in graph.jumbled[side] or [*ends] == sorted(ends)
            if not (in_order and type(ends) is dict):
                yield f"the edges of {key} {side} are not in order"


def _order_faults(graph: TimedGraph) -> Iterator[str]:
    """Yield the orders of versions by a time or a text that lack some, or are none; more than there are do no harm."""
    for (kind, field), order in graph.orders.items():
        time = TIMES[field]
        expected = {(time(row), row.key.id) for row in graph.all_versions() if row.key.kind is kind}
        if not _is_order([*order.entries()], expected):
            yield f"the order of {kind}s by {field} is not that of their versions"
    if graph.texts is None:
        return
    for kind, which in product(Kind, TEXTS):
        texts = ((TEXTS[which](row), row.key) for row in graph.all_versions())
        own = {(text, key.id) for text, key in texts if text is not None and key.kind is kind}
        if not _is_order(graph.texts.entries(kind, which), own):
            yield f"the order of {kind}s by {which} is not that of their versions"


def _is_order(entries: Sequence[tuple[Any, int]], expected: set[tuple[Any, int]]) -> bool:
    ascending = all(one < other for one, other in pairwise(entries))
    return (
        ascending
        and expected.issubset(entries)
        and all(type(each) is tuple and len(each) == 2 for each in entries)
    )


def _index_faults(graph: TimedGraph, kind: Kind) -> Iterator[str]:
    """Yield where the indexes are not those that the rows would make."""
    live = Index()
    for row in graph.latest():
        if row.key.kind is kind and not row.gone:
            live.add(terms(row), row.key.id)
    indexed, expected = dict(graph.live[kind].items()), dict(live.items())
    for term in indexed.keys() | expected.keys():
        was, should = list(indexed.get(term, ())), list(expected.get(term, ()))
        if was != should:
            yield f"the index of {kind}s by {term[0]} {excerpt(term[1])} has {excerpt(was, 200)}, and the nodes are {excerpt(should, 200)}"
    for (field, value), ids in indexed.items():
        if field is Field.EXTERNAL_ID and len(ids) > 1:
            yield f"several {kind}s have the external id {excerpt(value)}"
        elif field is Field.NAME and len(ids) > 1:
            rows = (graph.at((kind, each), None) for each in ids)
            types = [row.type_id for row in rows if row is not None]
            if len(set(types)) != len(types):
                yield f"several {kind}s of one type have the name {excerpt(value)}"


def _former_faults(graph: TimedGraph, kind: Kind) -> Iterator[str]:
    """Yield where the past is not found, or is found by what it does not hold."""
    for (field, value), ids in graph.former[kind].items():
        if [*ids] != sorted({*ids}):
            yield f"the index of the past has {kind}s by {field} {excerpt(value)} out of order"
    found = {(term, each) for term, ids in graph.former[kind].items() for each in ids}
    for row in graph.latest():
        if row.key.kind is not kind:
            continue
        versions = graph.spared.get(row.key) or graph.versions(row.key)
        own = {(term, row.key.id) for each in versions for term in terms(each)}
        present = set() if row.gone else {(term, row.key.id) for term in terms(row)}
        for term, _ in own - present - found:
            yield f"the index does not find {row.key} by its former {term[0]} {excerpt(term[1])}"
        found -= own
    for term, each in found:
        yield f"the index of the past finds {kind}:{each} by {term[0]} {excerpt(term[1])}, which it never had"


def record_faults(
    graph: TimedGraph, types: TypeHistory, records: Sequence[TransactionRecords]
) -> Iterator[str]:
    """Yield where the graph, its past or the types are not what the transactions say they wrote."""
    said = {fact for number, each in enumerate(records, 1) for fact in _said(number, each)}
    kept = set(_kept(graph, types))
    if graph.writer is not None:  # whose transaction has written, and says so at its end
        kept = {fact for fact in kept if fact[0] != len(records) + 1}
    for number, what, *item in sorted(kept - said, key=str):
        yield f"{what} {' '.join(map(str, item))} is there, but transaction {number} did not write it"
    for number, what, *item in sorted(said - kept, key=str):
        yield f"transaction {number} wrote {what} {' '.join(map(str, item))}, which is not there"
    for key in {key for each in records for key in each.purged}:
        if any(row.digest is None for row in graph.versions(key)):
            yield f"{key} has content, but was purged"


def type_faults(types: TypeHistory, committed: Sequence[TypeRow], last: int) -> Iterator[str]:
    """Yield where the versions of types do not follow each other, or are not what readers are given."""
    for number, system in PRELOADED.items():
        first = next(iter(types.versions(number)), None)
        if first is None or first._replace(until=None) != system:
            yield f"the type {number} of the system is not what it was"
    for number, versions in types.items():
        ends = [*(row.since for row in versions[1:]), None]
        if [row.until for row in versions] != ends or {row.type.id for row in versions} != {number}:
            yield f"the versions of type {number} do not follow each other"
    if repr(types.at(last)) != repr(committed):
        yield "the types that readers are given are not those of the last transaction"
    if repr(types.present) != repr(types.latest()):
        yield "the types that writers are given are not the latest"


def _said(number: int, records: TransactionRecords) -> Iterator[_Fact]:
    yield from ((number, "type", each) for each in records.types)
    yield from ((number, "a version of", key) for key in records.nodes)
    rows = (*records.edges, *records.edge_updates)
    yield from ((number, "the edge", *row) for row in rows)
    yield from ((number, "the end of the edge", *key) for key in records.ended)
    yield from ((number, "the deletion of", key) for key in records.deleted)


def _kept(graph: TimedGraph, types: TypeHistory) -> Iterator[_Fact]:
    yield from ((since, "type", number) for since, number in types.written())
    for row in graph.latest():
        for each in graph.versions(row.key):
            yield each.since, "a version of", each.key
            if each.gone:
                yield each.until, "the deletion of", each.key
    ended = [row for key, rows in graph.ended.items() for row in rows if row.source == key]
    present = [held["row"] for _, _, held in graph.edges(data=True)]
    # Where a version follows that is not the first of its edge, the edge did not end.
    followed = {(edge.since, *edge[:3]) for edge in (*present, *ended) if edge.first < edge.since}
    for edge in (*present, *ended):
        yield edge.since, "the edge", *edge[:-1], None
    for edge in ended:
        if (edge.until, *edge[:3]) not in followed:
            yield edge.until, "the end of the edge", *edge[:3]

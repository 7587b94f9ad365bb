"""The check of a store in Neo4j: the digest chain, and all of the graph that digests do not cover.

A person may change the graph with any tool. The digests prove what `lineage_values` and the fields
say; the labels, the native properties and the times that people and queries read are compared
with those that the rows would make.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, pairwise
from math import isnan
from typing import Any

from lineage.backends.neo4j.connections import RunStatement
from lineage.backends.neo4j.history import stream
from lineage.backends.neo4j.opening import SCHEMA
from lineage.backends.neo4j.rows import (
    EDGE_TYPES,
    HEAD,
    KIND_NUMBERS,
    KIND_SHIFT,
    NODE,
    PAST,
    instant,
    key_of,
    node_labels,
    node_values,
    type_row,
    type_values,
    version_row,
)
from lineage.contract.commits import chain_faults
from lineage.contract.proof import purged
from lineage.contract.transaction import Transaction
from lineage.errors import LineageError, excerpt
from lineage.model.rows import EDGE_ENDS, Commit, EdgeKind, NodeRow, uses_of
from lineage.model.schema import AnyType
from lineage.model.system import SYSTEM_TYPES

__all__ = ["check_graph"]

BATCH_NODES = 2_000
"""How many nodes are compared at a time."""
MOST = 20
"""How many faults of one kind are told."""

_OURS = [
    "LineageNode",
    "LineagePast",
    "LineageTransaction",
    "LineageType",
    "LineageStore",
    "LineageGate",
]
_STORES = f"""
OPTIONAL MATCH (s:LineageStore)
OPTIONAL MATCH (g:LineageGate)
OPTIONAL MATCH (t:LineageTransaction {{number: s.number}})
RETURN g.number, g.schema, s.number, s.schema, s.types, s.artifacts, s.executions, s.contexts, s.edges, {HEAD}
"""
_FOREIGN = f"""
MATCH (n) WHERE NOT n:{"|".join(_OURS)}
RETURN labels(n) AS labels, count(*) AS nodes ORDER BY nodes DESC LIMIT {MOST}
"""
_FOREIGN_EDGES = f"""
MATCH (a)-[r]->(b) WHERE NOT (a:LineageNode AND b:LineageNode AND type(r) IN $types)
RETURN type(r) AS type, labels(a)[0], labels(b)[0], count(*) AS edges ORDER BY edges DESC LIMIT {MOST}
"""
_INDEXES = "SHOW INDEXES YIELD name, state WHERE state = 'ONLINE' RETURN name"
_NUMBERS = {
    "n:LineageNode|LineagePast": (
        "n.lineage_key",
        ["n.lineage_since", "n.lineage_until", "n.lineage_revived"],
    ),
    "y:LineageType": ("null", ["y.since", "y.until"]),
}
"""What names transactions by their numbers, and the key of the node that it is of."""
_OUTSIDE = (
    "NOT number IS :: INTEGER NOT NULL OR number < 1 OR (number > s.number AND number <> $open)"
)
_BEYOND = [
    f"""
MATCH (s:LineageStore) MATCH ({what}) UNWIND [{", ".join(numbers)}] AS number
WITH s, {key} AS key, number WHERE number IS NOT NULL AND ({_OUTSIDE})
RETURN key, null AS target, number LIMIT {MOST}
"""
    for what, (key, numbers) in _NUMBERS.items()
] + [
    f"""
MATCH (s:LineageStore) MATCH (a:LineageNode)-[r:{EDGE_TYPES}|{PAST}]->(b:LineageNode)
UNWIND [r.lineage_since, r.lineage_until] AS number
WITH s, a, b, number WHERE number IS NOT NULL AND ({_OUTSIDE})
RETURN a.lineage_key, b.lineage_key, number LIMIT {MOST}
"""
]
"""Records are found by the numbers of transactions: one with a number of none is in no digest.

Each is one steady read, so that no transaction is committed between its parts.
"""
_NO_HEADS = f"""
MATCH (s:LineageStore) MATCH (t:LineageTransaction)
WHERE NOT coalesce(t.number IS :: INTEGER AND t.number > 0 AND t.number <= s.number, false)
RETURN t.number LIMIT {MOST}
"""
_KEPT = f"""
MATCH (t:LineageTransaction) WHERE t.purged IS NOT NULL UNWIND t.purged AS key
CALL (key) {{
  MATCH (n:LineageNode {{lineage_key: key}}) WHERE n.lineage_digest IS NULL RETURN n
  UNION ALL
  MATCH (n:LineagePast {{lineage_key: key}}) WHERE n.lineage_digest IS NULL RETURN n
}}
RETURN DISTINCT key LIMIT {MOST}
"""
_LAST = "MATCH (s:LineageStore) RETURN s.number"
_TYPES = "MATCH (y:LineageType) RETURN properties(y) ORDER BY y.id, y.since"
_KEYLESS = """
MATCH (n:LineageNode|LineagePast)
WHERE NOT n.lineage_key IS :: INTEGER NOT NULL RETURN count(*)
"""
_SAME_TIMES = " AND ".join(
    f"coalesce(n.{name} = {instant(f'n.lineage_{field}')}, "
    f"n.{name} IS NULL AND {instant(f'n.lineage_{field}')} IS NULL)"
    for name, field in (("create_time", "created"), ("update_time", "updated"))
)
_WHOLE = f"{NODE}, labels(n), properties(n), {_SAME_TIMES}"
_NODES = f"""
MATCH (n:LineageNode) WHERE n.lineage_key > $after
RETURN {_WHOLE} ORDER BY n.lineage_key LIMIT {BATCH_NODES}
"""
_FORMER = f"UNWIND $keys AS key MATCH (n:LineagePast {{lineage_key: key}}) USING INDEX n:LineagePast(lineage_key) RETURN {_WHOLE}"
_VERSIONS = f"""
MATCH (n:LineageNode {{lineage_key: $key}}) USING INDEX n:LineageNode(lineage_key) RETURN {_WHOLE}
UNION ALL
MATCH (n:LineagePast {{lineage_key: $key}}) USING INDEX n:LineagePast(lineage_key) RETURN {_WHOLE}
"""
_ORPHANS = f"""
MATCH (n:LineagePast) WHERE NOT EXISTS {{ MATCH (:LineageNode {{lineage_key: n.lineage_key}}) }}
RETURN n.lineage_key LIMIT {MOST}
"""
_EDGES = f"""
MATCH (a:LineageNode)-[r:{EDGE_TYPES}|{PAST}]->(b:LineageNode)
WITH a, r, b, coalesce(r.lineage_kind, type(r)) AS kind
WITH a, r, b, kind, CASE
  WHEN NOT kind IS :: STRING NOT NULL THEN 'has no kind of ours'
  WHEN $ends[kind] IS NULL OR (type(r) <> '{PAST}' AND r.lineage_kind IS NOT NULL) THEN 'has no kind of ours'
  WHEN NOT (a.lineage_key IS :: INTEGER NOT NULL AND b.lineage_key IS :: INTEGER NOT NULL) THEN 'joins nodes without keys'
  WHEN $ends[kind] <> [a.lineage_key / $shift, b.lineage_key / $shift] THEN 'joins nodes that such an edge does not join'
  WHEN NOT coalesce(r.lineage_since > 0, false) THEN 'was written by no transaction'
  WHEN (type(r) = '{PAST}') <> coalesce(r.lineage_until > r.lineage_since, false) THEN 'ended at another time than it did'
  WHEN NOT coalesce(r.time = {instant("r.lineage_time")}, r.time IS NULL AND {instant("r.lineage_time")} IS NULL)
    THEN 'shows another time than it has'
  WHEN type(r) <> '{PAST}' AND r.lineage_replaced IS NOT NULL THEN 'is present, but was replaced'
  WHEN NOT coalesce(0 < r.lineage_first AND r.lineage_first < r.lineage_since, r.lineage_first IS NULL) THEN 'was first written at another time than it was'
  WHEN any(name IN keys(r) WHERE NOT name IN $properties) THEN 'has properties that are not ours'
  ELSE null
END AS fault
WHERE fault IS NOT NULL
RETURN a.lineage_key, b.lineage_key, kind, fault LIMIT {MOST}
"""
_PAST_EDGES = f"""
MATCH (a:LineageNode)-[p:{PAST}]->(b:LineageNode)
CALL (a, p, b) {{
  MATCH (a)-[r]->(b) WHERE coalesce(r.lineage_kind, type(r)) = p.lineage_kind AND r.lineage_since > p.lineage_since
  RETURN min(r.lineage_since) AS following
}}
CALL (a, p, b) {{
  MATCH (a)-[r]->(b) WHERE type(r) = p.lineage_kind RETURN min(r.lineage_since) AS present
}}
WITH a, b, p, following, present WHERE p.lineage_until > following OR p.lineage_until > present
  OR (p.lineage_replaced IS NOT NULL AND NOT coalesce(p.lineage_replaced = true AND p.lineage_until = following, false))
RETURN a.lineage_key, b.lineage_key, p.lineage_since LIMIT {MOST}
"""
_EDGE_PROPERTIES = [
    "lineage_since",
    "lineage_time",
    "lineage_order",
    "lineage_first",
    "lineage_uses",
    "lineage_replaced",
    "paths",
    "time",
    "lineage_kind",
    "lineage_until",
]
_MASKS = f"""
MATCH (:LineageNode)-[r:{EDGE_TYPES}|{PAST}]->(:LineageNode)
WITH r, coalesce(r.lineage_kind, type(r)) AS kind
WHERE kind IN $kinds AND (r.paths IS NOT NULL OR r.lineage_uses IS NOT NULL)
RETURN DISTINCT kind, r.lineage_uses, r.paths
"""
_OF_MASK = f"""
MATCH (a:LineageNode)-[r:{EDGE_TYPES}|{PAST}]->(b:LineageNode)
WHERE coalesce(r.lineage_kind, type(r)) = $kind
  AND coalesce(r.paths = $paths, r.paths IS NULL AND $paths IS NULL)
  AND coalesce(r.lineage_uses = $uses, r.lineage_uses IS NULL AND $uses IS NULL)
RETURN a.lineage_key, b.lineage_key LIMIT {MOST}
"""
_ENDS = {
    kind.name: [KIND_NUMBERS[source], KIND_NUMBERS[target]]
    for kind, (source, target) in EDGE_ENDS.items()
}
_TIMES = ("create_time", "update_time")


def check_graph(run: RunStatement, own: Transaction | None = None) -> Iterator[str]:
    """Yield a sentence for everything that is not as it was written.

    The history is that of the last transaction at the call; what is written meanwhile is checked
    as far as it is met. `own` is the transaction that this thread has open.
    """
    stores = run(_STORES)
    if len(stores) != 1 or type(stores[0][2]) is not int:
        yield f"the database holds {len(stores)} nodes that say which transaction is the last, or none that does"
        return
    (*seen, last, schema), of_store = stores[0][:4], stores[0][2:]
    if seen != [last, schema]:
        yield f"readers are told that transaction {seen[0]} is the last, and writers that {last} is"
    yield from _store_faults(of_store)
    yield from _foreign(run)
    for (number,) in run(_NO_HEADS):
        yield f"there is a transaction {number}, but the last one is {last}"
    yield from _beyond(run, own.number if own is not None and own.locked else 0)
    types, found = _types(run)
    yield from found
    history = _History(run, last)
    yield from chain_faults(history.changes, own)
    yield from history.faults
    for (key,) in run(_KEPT):
        yield f"{_name(key)} has content, but was purged"
    yield from islice(_Nodes(run, types, last).faults(), MOST)
    for source, target, kind, fault in run(
        _EDGES, ends=_ENDS, shift=1 << KIND_SHIFT, properties=_EDGE_PROPERTIES
    ):
        yield f"the {kind} edge from {_name(source)} to {_name(target)} {fault}"
    for source, target, since in run(_PAST_EDGES):
        yield f"an edge from {_name(source)} to {_name(target)}, as transaction {since} wrote it, ended at another time than it did"
    yield from islice(_mask_faults(run), MOST)


def _beyond(run: RunStatement, is_open: int) -> Iterator[str]:
    """Yield what names a transaction that there is not; one that this thread has open is none yet, and may."""
    for query in _BEYOND:
        for source, target, number in run(query, open=is_open):
            what = "a type"
            if source is not None:
                what = (
                    _name(source)
                    if target is None
                    else f"an edge from {_name(source)} to {_name(target)}"
                )
            yield f"{what} names a transaction {excerpt(number)}, which does not exist"


def _mask_faults(run: RunStatement) -> Iterator[str]:
    """Yield the edges whose masks are not what kind and paths say; each combination is looked at once.

    A kind that is not ours is told of with the edges.
    """
    for kind, uses, paths in run(_MASKS, kinds=[*_ENDS]):
        if _says(kind, uses, paths):
            continue
        for source, target in run(_OF_MASK, kind=kind, uses=uses, paths=paths):
            yield (
                f"the {kind} edge from {_name(source)} to {_name(target)} has another mask of uses than its kind and paths say"
            )


def _says(kind: str, uses: object, paths: object) -> bool:
    """Whether an edge's kind and paths say a mask; paths that cannot be read say nothing, and digests prove them wrong."""
    if not isinstance(paths, str | None):
        return False
    try:
        expected = uses_of(EdgeKind[kind], paths) or None
    except ValueError:
        return False
    return _same(uses, expected)


def _store_faults(values: Sequence[Any]) -> Iterator[str]:
    """Yield where the store's own node and the last transaction do not agree."""
    number, schema, *highest = values[:7]
    of_head = values[7:]
    if number == 0:
        expected = [0, 0, len(SYSTEM_TYPES), 0, 0, 0, 0]
    elif of_head[0] is None:
        yield f"the store says that transaction {number} is the last, and there is none"
        return
    else:
        expected = [of_head[0], of_head[6], *of_head[7:12]]
    if [number, schema, *highest] != expected:
        yield f"the store says of its last transaction {[number, schema, *highest]}, which says itself {expected}"


def _foreign(run: RunStatement) -> Iterator[str]:
    """Yield what is in the database and not of a store, and what a store needs and is missing."""
    for labels, count in run(_FOREIGN):
        yield f"there are {count} nodes that are not the store's, labelled {labels}"
    types = [*EDGE_TYPES.split("|"), PAST]
    for kind, source, target, count in run(_FOREIGN_EDGES, types=types):
        yield f"there are {count} relationships {kind} from {source} to {target} that are not the store's"
    for name in SCHEMA.keys() - {name for (name,) in run(_INDEXES)}:
        yield f"the index or constraint {name} is missing; open the store for writing once, which makes it"
    for (count,) in run(_KEYLESS):
        if count:
            yield f"{count} nodes have lost their keys"
    for (number,) in run(_ORPHANS):
        yield f"{_name(number)} has former versions, but no last one"


def _name(number: object) -> str:
    """Return the key that a number is, or the number where it is none."""
    try:
        return str(key_of(number))  # type: ignore[arg-type]
    except LineageError:
        return repr(number)


def _types(run: RunStatement) -> tuple[dict[int, AnyType], list[str]]:
    """Return the types of nodes, and what is wrong with their versions."""
    types = {each.id: each for each in SYSTEM_TYPES if each.id is not None}
    found = []
    ends: dict[Any, Any] = {}
    for (values,) in reversed(run(_TYPES)):
        since, until = values.get("since"), values.pop("until", None)
        number = values.get("id")
        try:
            row = type_row(values["kind"], values["body"], since)
            expected = type_values(row)
        except (LineageError, ValueError, TypeError, LookupError, AttributeError) as error:
            found.append(
                f"the version of type {number} of transaction {since} cannot be read: {error}"
            )
            continue
        if not _same(values, expected):
            found.append(
                f"the node of type {number}, written by transaction {since}, says something else than its body"
            )
        if row.type.id != number:
            continue  # whose versions it is one of, only its body says
        if not _same(until, ends.get(number)):
            found.append(
                f"transaction {since} wrote a version of type {number} that ends at another time than it did"
            )
        ends[number] = since
        types.setdefault(number, row.type)
    return types, found


class _History:
    """Reads transactions, and notes those that are of other types than were there."""

    def __init__(self, run: RunStatement, last: int) -> None:
        self._run = run
        self._last = last
        self._schema = 0
        self.faults: list[str] = []

    def changes(self, after: int) -> Iterator[Commit]:
        """Yield the transactions after one number: first up to the last at the beginning, then up to the last now."""
        if after:
            ((self._last,),) = self._run(_LAST)
        for commit in stream(self._run, after, self._last):
            number = commit.head.number
            expected = number if commit.batch.types else self._schema
            self._schema = commit.head.schema
            if self._schema != expected:
                self.faults.append(f"transaction {number} is not of the types that were there")
            yield commit


class _Nodes:
    """Compares nodes and their former versions with their rows."""

    def __init__(self, run: RunStatement, types: Mapping[int, AnyType], last: int) -> None:
        self._run = run
        self._types = types
        self._last = last

    def faults(self) -> Iterator[str]:
        """Yield what is wrong, page by page."""
        after = -(1 << 63)  # keys that somebody changed may be any number
        while page := self._run(_NODES, after=after):
            numbers = [values[0] for values in page]
            former: dict[int, list[list[Any]]] = {}
            for values in self._run(_FORMER, keys=numbers):
                former.setdefault(values[0], []).append(values)
            for values in page:
                yield from self._node(values, former.get(values[0], []))
            after = numbers[-1]

    def _node(
        self, present: Sequence[Any], former: Sequence[Sequence[Any]], *, steady: bool = False
    ) -> Iterator[str]:
        rows, revived = [], {}
        for values in (*former, present):
            try:
                row = version_row(values[:-3])
                rows.append(row)
                revived[row.since] = values[-2].get("lineage_revived")
                yield from self._version(row, values, is_former=values is not present)
            except (LineageError, ValueError, TypeError, LookupError, AttributeError) as error:
                yield f"{_name(present[0])} cannot be read: {error}"
                return
        if not steady and any(row.since >= rows[-1].since for row in rows[:-1]):
            # It has left the present since the page was read, or should have: one steady read tells.
            versions = self._run(_VERSIONS, key=present[0])
            versions.sort(key=lambda values: "LineageNode" in values[-3])
            if versions:
                yield from self._node(versions[-1], versions[:-1], steady=True)
            return
        rows = [*sorted(rows[:-1], key=lambda row: row.since), rows[-1]]
        for one, following in pairwise(rows):
            leads = revived[one.since] if one.gone else one.until
            if leads != following.since or one.since >= following.since:
                yield f"{one.key}: the version of transaction {one.since} does not lead to that of {following.since}"

    def _version(self, row: NodeRow, values: Sequence[Any], *, is_former: bool) -> Iterator[str]:
        """Yield where a node of the graph is not what its row would make."""
        labels, properties, same_times = values[-3:]
        what = f"{row.key}, as transaction {row.since} wrote it,"
        node_type = self._types.get(row.type_id)
        if node_type is None:
            if row.since <= self._last:
                yield f"{what} is of type {row.type_id}, which does not exist"
            return
        if row.since < 1:
            yield f"{what} was written by no transaction"
        if row.digest is not None and row != purged(row):
            yield f"{what} has content, but was purged"
        if not is_former and row.gone != ("lineage_until" in properties):
            yield f"{what} is deleted by its label or by its end, but not by both"
        own = ["LineagePast"] if is_former else ["LineageNode", *node_labels(row, node_type)]
        if sorted(labels) != sorted(own):
            yield f"{what} has the labels {sorted(labels)}, not {sorted(own)}"
        beside = {*_TIMES, "lineage_revived"} if is_former else _TIMES
        held = {name: value for name, value in properties.items() if name not in beside}
        wrong = _differences(held, node_values(row, node_type))
        if wrong:
            yield f"{what} has properties in the graph that it was not given: {', '.join(wrong):.200}"
        if not same_times:
            yield f"{what} shows other times than it has"


def _differences(held: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """Return the names of properties that are not as expected; a None is one that is not there."""
    return sorted(
        name
        for name in held.keys() | expected.keys()
        if not _same(held.get(name), expected.get(name))
    )


def _same(one: Any, other: Any) -> bool:
    """Whether two values are the same, types included; NaN is the same as NaN."""
    if isinstance(one, dict) and isinstance(other, dict):
        return not _differences(one, other)
    return type(one) is type(other) and (
        one == other or (type(one) is float and isnan(one) and isnan(other))
    )

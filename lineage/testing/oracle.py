"""What a store should answer: a list of immutable snapshots, one per transaction.

Kept apart from the engine on purpose: nothing here uses its walks, filters or history.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from types import MappingProxyType

from pydantic_core import to_json

from lineage.contract.backend import Order
from lineage.contract.walking import Direction
from lineage.contract.writings import Writing
from lineage.filters.tree import (
    And,
    Column,
    Compare,
    CompareColumns,
    Contains,
    Exists,
    Field,
    Filter,
    In,
    Like,
    Neighbour,
    Not,
    Operator,
    Or,
    Present,
    PropertyColumn,
)
from lineage.model.canonical import decode
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKey, EdgeKind, EdgeRow, Head, NodeRow, TypeRow
from lineage.model.system import SYSTEM_TYPES
from lineage.model.values import kind_of

EVENTS = range(1, 8)
OUTPUTS = (1, 4, 6, 7)
"""The kinds of event that lead from an execution to an artifact."""
JOINED_BY = {
    Neighbour.EVENTS: EVENTS,
    Neighbour.CONTEXTS: (EdgeKind.ATTRIBUTION, EdgeKind.ASSOCIATION),
    Neighbour.PARENTS: (EdgeKind.PARENT,),
    Neighbour.CHILDREN: (EdgeKind.PARENT,),
    Neighbour.ARTIFACTS: (EdgeKind.ATTRIBUTION,),
    Neighbour.EXECUTIONS: (EdgeKind.ASSOCIATION,),
}
Aliases = Mapping[str, NodeRow | EdgeRow]


def blank(row: NodeRow) -> NodeRow:
    """Return what a purge leaves of a version."""
    if row.salt is None:
        return row
    content = to_json((row.name, row.external_id, row.uri, row.state, row.properties, row.custom))
    return NodeRow(
        row.key,
        row.type_id,
        name=None,
        external_id=None,
        uri=None,
        state=None,
        properties="{}",
        custom="{}",
        created=row.created,
        updated=row.updated,
        since=row.since,
        salt=None,
        digest=sha256(row.salt + content).digest(),
        until=row.until,
        gone=row.gone,
    )


def blank_head(head: Head) -> Head:
    """Return what a purge leaves of a transaction's row."""
    if head.salt is None:
        return head
    author = sha256(head.salt + to_json([head.actor, head.message])).digest()
    return head._replace(actor="", message="", salt=None, author=author)


def completed(digests: Sequence[bytes]) -> bytes:
    """Return the inner nodes that the last of some heads completes in the tree over them."""
    sizes = (1 << height for height in range(1, len(digests).bit_length()))
    return b"".join(tree_hash(digests[-size:]) for size in sizes if len(digests) % size == 0)


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """Return the hash of a Merkle tree, word for word as RFC 9162 defines it in 2.1.1."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1" + tree_hash(leaves[:split]) + tree_hash(leaves[split:])).digest()


@dataclass(frozen=True)
class Snapshot:
    """The state after one transaction; `nodes` holds every version of each node."""

    number: int = 0
    time: int = 0
    actor: str = ""
    message: str = ""
    mark: str = ""
    salt: bytes | None = None
    author: bytes | None = None
    records: int = 0
    schema: int = 0
    orders: int = 0
    highest: Mapping[Kind | None, int] = field(
        default_factory=lambda: MappingProxyType(
            {None: len(SYSTEM_TYPES), **dict.fromkeys(Kind, 0)}
        )
    )
    types: Mapping[int, TypeRow] = field(
        default_factory=lambda: MappingProxyType(
            {each.id: TypeRow(each, 0) for each in SYSTEM_TYPES if each.id is not None}
        )
    )
    nodes: Mapping[NodeKey, tuple[NodeRow, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    edges: Mapping[EdgeKey, EdgeRow] = field(default_factory=lambda: MappingProxyType({}))

    def erased(self, keys: Collection[NodeKey]) -> Snapshot:
        """Return the snapshot as it looks once those nodes are purged."""
        nodes = {
            key: tuple(map(blank, rows)) if key in keys else rows
            for key, rows in self.nodes.items()
        }
        return replace(self, nodes=MappingProxyType(nodes))

    def head(self, digest: bytes) -> Head:
        """Return the transaction's row, but for what it completes in the tree over heads."""
        types, artifacts, executions, contexts = (self.highest[kind] for kind in (None, *Kind))
        return Head(
            self.number,
            self.time,
            self.actor,
            self.message,
            digest,
            self.records,
            self.schema,
            types,
            artifacts,
            executions,
            contexts,
            self.orders,
            self.mark,
            self.salt,
            self.author,
        )

    def anonymous(self) -> Snapshot:
        """Return the snapshot as it looks once its head is purged."""
        head = blank_head(self.head(b""))
        return replace(self, actor="", message="", salt=None, author=head.author)

    def present(self) -> dict[NodeKey, NodeRow]:
        return {key: rows[-1] for key, rows in self.nodes.items()}

    def live(self, kind: Kind) -> list[NodeRow]:
        rows = self.present().values()
        return [row for row in rows if row.key.kind is kind and not row.gone]

    def written(self, artifacts: Iterable[NodeKey], times: Mapping[int, int]) -> list[Writing]:
        """Return who wrote artifacts, newest first; `times` are those of all transactions."""
        rows, writings = self.present(), []
        for key in artifacts:
            events = [
                edge for edge in self.edges.values() if edge.target == key and edge.kind in OUTPUTS
            ]
            for edge in events:
                time = times[edge.first] if edge.time is None else edge.time
                ends = rows[edge.source].state, rows[key].state
                writings.append(Writing(time, edge.first, key, edge.source, edge.kind, *ends))
            if not events:
                made = rows[key].created
                writings.append(Writing(made, 0, key, None, None, None, rows[key].state))
        # Nobody and somebody never wrote the same artifact, so that None meets no key.
        return sorted(writings, key=lambda each: (*each[:3], each[3:5]), reverse=True)

    def found(
        self,
        kind: Kind,
        where: Filter | None = None,
        order: Order = Order(),
        after: tuple[int, int] | None = None,
        limit: int | None = None,
    ) -> list[NodeRow]:
        def place(row: NodeRow) -> tuple[int, int]:
            values = {Field.CREATED: row.created, Field.UPDATED: row.updated}
            return values.get(order.field, row.key.id), row.key.id

        looked_at = self.present().values() if _mentions_gone(where) else self.live(kind)
        rows = [
            row
            for row in looked_at
            if row.key.kind is kind and (where is None or self.holds(where, row, {}))
        ]
        rows.sort(key=place, reverse=order.descending)
        if after is not None and order.descending:
            rows = [row for row in rows if place(row) < after]
        elif after is not None:
            rows = [row for row in rows if place(row) > after]
        return rows if limit is None else rows[:limit]

    def beginning(
        self, text: str, kind: Kind | None = None, limit: int | None = None
    ) -> list[NodeRow]:
        places = []
        for row in (row for each in Kind for row in self.live(each) if kind in (None, each)):
            parts = (row.uri or "").split("/")
            last = parts[-2:-1] if not parts[-1] else parts[-1:] if len(parts) > 1 else []
            texts = [row.name or "", row.uri or "", *([] if "\0" in (row.uri or "") else last)]
            first = min((each for each in texts if each[: len(text)] == text), default=None)
            if first is not None:
                places.append((first, row.key, row))
        return [row for *_, row in sorted(places)[:limit]]

    def joined(
        self, keys: Collection[NodeKey], direction: Direction, kinds: Collection[EdgeKind]
    ) -> list[EdgeRow]:
        upstream, downstream = direction != "downstream", direction != "upstream"
        return sorted(
            edge
            for edge in self.edges.values()
            if edge.kind in kinds
            and ((upstream and edge.target in keys) or (downstream and edge.source in keys))
        )

    # Filters

    def holds(self, tree: Filter, row: NodeRow, aliases: Aliases) -> bool:  # noqa: C901, PLR0911 - one for each condition
        """Whether a filter accepts a node, by the definition of each condition."""
        match tree:
            case And(items):
                return all(self.holds(item, row, aliases) for item in items)
            case Or(items):
                return any(self.holds(item, row, aliases) for item in items)
            case Not(item):
                return not self.holds(item, row, aliases)
            case Exists(neighbour, alias, condition):
                return any(
                    self.holds(condition, row, {**aliases, alias: each})
                    for each in self.neighbours(row.key, neighbour)
                )
            case Present(column):
                return _value(column, row, aliases) is not None
            case Compare(column, op, value):
                return _compares(_value(column, row, aliases), op, value)
            case In(column, values):
                found = _value(column, row, aliases)
                return any(_compares(found, Operator.EQ, value) for value in values)
            case Like(column, pattern):
                found = _value(column, row, aliases)
                texts = found if isinstance(found, list) else [found]
                return any(isinstance(text, str) and is_like(text, pattern) for text in texts)
            case Contains(column, value):
                found = _value(column, row, aliases)
                return isinstance(found, list) and any(
                    _compares(each, Operator.EQ, value) for each in found
                )
            case CompareColumns(left, op, right):
                other = _value(right, row, aliases)
                return isinstance(other, bool | int | float | str) and _compares(
                    _value(left, row, aliases), op, other
                )

    def neighbours(self, key: NodeKey, neighbour: Neighbour) -> Iterator[NodeRow | EdgeRow]:
        """Yield the events of a node, or the live nodes that edges of contexts join it with."""
        for edge in self.edges.values():
            here, other = edge.target, edge.source
            if neighbour in ("child_contexts", "artifacts", "executions"):
                here, other = other, here
            if edge.kind in JOINED_BY[neighbour] and neighbour is Neighbour.EVENTS:
                if key in (here, other):
                    yield edge
            elif (
                edge.kind in JOINED_BY[neighbour] and key == here and not self.nodes[other][-1].gone
            ):
                yield self.nodes[other][-1]


def _mentions_gone(tree: object) -> bool:
    """Whether a filter asks anywhere whether the node itself is gone."""
    match tree:
        case And(items) | Or(items):
            return any(map(_mentions_gone, items))
        case Not(inner) | Exists(_, _, inner):
            return _mentions_gone(inner)
        case CompareColumns(left, _, right):
            return Column(Field.GONE) in (left, right)
    return getattr(tree, "column", None) == Column(Field.GONE)


def _value(column: Column | PropertyColumn, row: NodeRow, aliases: Aliases) -> object:
    if isinstance(column, PropertyColumn):
        value = decode(row.custom if column.custom else row.properties).get(column.name)
        return None if value is not None and column.kind not in (None, kind_of(value)) else value
    source = aliases[column.of] if column.of else row
    if isinstance(source, EdgeRow):
        artifact, execution = sorted(source[:2])
        return {
            Field.EVENT_TYPE: int(source.kind),
            Field.EVENT_TIME: source.time,
            Field.ARTIFACT_ID: artifact.id,
            Field.EXECUTION_ID: execution.id,
        }[column.field]
    names = {Field.CREATED: "created", Field.UPDATED: "updated"}
    if column.field is Field.ID:
        return source.key.id
    value = getattr(source, names.get(column.field, column.field.value))
    assert value is None or isinstance(value, int | str)
    return value


def _compares(found: object, op: Operator, value: bool | float | str) -> bool:
    if isinstance(found, bool) or isinstance(value, bool):
        alike = isinstance(found, bool) and isinstance(value, bool)
    elif isinstance(value, str):
        alike = isinstance(found, str)
    else:
        alike = isinstance(found, int | float)
    return (
        alike
        and {
            "=": lambda: found == value,
            "!=": lambda: found != value,
            "<": lambda: found < value,  # type: ignore[operator]
            "<=": lambda: found <= value,  # type: ignore[operator]
            ">": lambda: found > value,  # type: ignore[operator]
            ">=": lambda: found >= value,  # type: ignore[operator]
        }[op.value]()
    )


def is_like(text: str, pattern: str) -> bool:
    """Follow every place of the text at which the pattern may have come to, character by character."""
    places = {0}
    for char in re.sub("%+", "%", pattern):
        if char == "%":
            places = set(range(min(places), len(text) + 1))
        else:
            places = {at + 1 for at in places if at < len(text) and char in ("_", text[at])}
        if not places:
            return False
    return len(text) in places


@dataclass(frozen=True)
class Reached:
    """A walk's answer, as `reach` finds it."""

    levels: list[list[NodeKey]]
    edges: list[EdgeRow]
    cut: tuple[str, tuple[NodeKey, ...]] | None


def allowed(
    edges: Iterable[EdgeRow],
    time_of: Callable[[int], int],
    *,
    without: int = 0,
    happened_by: int | None = None,
) -> list[EdgeRow]:
    """Return what a walk may go over; `time_of` tells the time of each transaction."""
    edges = [
        edge
        for edge in edges
        if edge.kind in OUTPUTS or not edge.uses or edge.uses | without != without
    ]
    if happened_by is None:
        return edges
    times = [time_of(edge.first) if edge.time is None else edge.time for edge in edges]
    return [edge for edge, time in zip(edges, times, strict=True) if time <= happened_by]


def reach(
    edges: Iterable[EdgeRow],
    starts: Collection[NodeKey],
    direction: Direction,
    *,
    hops: int | None = None,
    nodes: int | None = None,
) -> Reached:
    """Walk all of the graph, then cut the answer to the limits."""
    events = [edge for edge in edges if edge.kind in EVENTS]
    steps = [(edge.source, edge.target) for edge in events if direction != "upstream"]
    steps += [(edge.target, edge.source) for edge in events if direction != "downstream"]
    levels = [sorted(set(starts))]
    seen = set(levels[0])
    last = seen
    while last := {end for start, end in steps if start in last} - seen:
        levels.append(sorted(last))
        seen = seen | last
    limit = None
    if hops is not None and len(levels) > hops + 1:
        levels, limit = levels[: hops + 1], "hops"
    order = [(depth, key) for depth, level in enumerate(levels) for key in level]
    if nodes is not None and len(order) > nodes:
        order, limit = in_pairs(levels, steps, nodes)[:nodes], "nodes"
    kept = {key for _, key in order}
    deepest = max(depth for depth, _ in order)
    levels = [sorted(key for depth, key in order if depth == each) for each in range(deepest + 1)]
    frontier = sorted({start for start, end in steps if start in kept and end not in kept})
    among = sorted(edge for edge in events if edge.source in kept and edge.target in kept)
    return Reached(levels, among, None if limit is None else (limit, tuple(frontier)))


def in_pairs(
    levels: list[list[NodeKey]], steps: Iterable[tuple[NodeKey, NodeKey]], nodes: int
) -> list[tuple[int, NodeKey]]:
    """Return the nodes of levels, with their depths, in the order in which a limit of nodes keeps them.

    It is that of the levels, up to the first one after the starts whose executions do not fit with the artifacts of
    the next one: from there each execution is followed by its own.
    """
    ends: dict[NodeKey, set[NodeKey]] = {}
    for start, end in steps:
        ends.setdefault(start, set()).add(end)
    order: list[tuple[int, NodeKey]] = []
    for depth, level in enumerate(levels):
        following = set(levels[depth + 1]) if depth + 1 < len(levels) else set()
        artifacts = sum(key.kind is Kind.ARTIFACT for key in following)
        if depth == 0 or len(order) + len(level) + artifacts <= nodes:
            order += [(depth, key) for key in level]
            continue
        for key in level:
            order.append((depth, key))
            if key.kind is Kind.EXECUTION:
                order += [(depth + 1, each) for each in sorted(following & ends.get(key, set()))]
                following -= ends.get(key, set())
        break
    return order


class Draft:
    """A transaction being written: a snapshot that still changes."""

    def __init__(self, last: Snapshot, time: int) -> None:
        self.last = last
        self.number = last.number + 1
        self.time = max(time, last.time + 1)
        self.highest = dict(last.highest)
        self.orders = last.orders
        self.types = dict(last.types)
        self.nodes = dict(last.nodes)
        self.edges = dict(last.edges)
        self.touched: set[int] = set()
        self.purged: set[NodeKey] = set()
        self.purged_heads: set[int] = set()

    def next_id(self, kind: Kind | None) -> int:
        self.highest[kind] += 1
        return self.highest[kind]

    def next_order(self) -> int:
        self.orders += 1
        return self.orders

    def type(self, row: TypeRow) -> None:
        assert row.type.id is not None
        self.types[row.type.id] = row
        self.touched.add(row.type.id)

    def current(self, key: NodeKey) -> NodeRow:
        return self.nodes[key][-1]

    def live(self, *kinds: Kind) -> list[NodeRow]:
        rows = (versions[-1] for versions in self.nodes.values())
        return sorted(row for row in rows if not row.gone and (not kinds or row.key.kind in kinds))

    def gone(self) -> list[NodeRow]:
        return sorted(versions[-1] for versions in self.nodes.values() if versions[-1].gone)

    def is_taken(self, row: NodeRow) -> bool:
        """Whether another live node has the name or the external id."""
        return any(
            (row.name is not None and (row.type_id, row.name) == (other.type_id, other.name))
            or (
                row.external_id is not None
                and (row.key.kind, row.external_id) == (other.key.kind, other.external_id)
            )
            for other in self.live()
            if other.key != row.key
        )

    def put(self, row: NodeRow) -> None:
        self.nodes[row.key] = (row,)

    def update(self, row: NodeRow) -> None:
        *older, last = self.nodes[row.key]
        if last.gone:
            older.append(last)
        elif last.since != self.number:
            older.append(last._replace(until=self.number))
        self.nodes[row.key] = (*older, row)

    def can_return(self, row: NodeRow) -> bool:
        """Whether a gone node may live again: its content is there, and it was not deleted just now."""
        return row.salt is not None and row.until != self.number

    def delete(self, key: NodeKey) -> None:
        *older, last = self.nodes[key]
        self.nodes[key] = (*older, last._replace(until=self.number, gone=True))

    def purge(self, key: NodeKey) -> None:
        self.nodes[key] = tuple(map(blank, self.nodes[key]))
        self.purged.add(key)

    def link(self, row: EdgeRow) -> None:
        self.edges[row.key] = row

    def unlink(self, key: EdgeKey) -> None:
        del self.edges[key]

    def records(self) -> int:
        """Count what differs from before."""
        present = [rows[-1] for rows in self.nodes.values()]
        written = [row for row in present if row.since == self.number]
        deleted = [row for row in present if row.gone and row.until == self.number]
        edges = [key for key, row in self.edges.items() if row.since == self.number]
        first = {key: row.first for key, row in self.edges.items()}
        ended = [key for key, row in self.last.edges.items() if first.get(key) != row.first]
        purged = (self.purged, self.purged_heads)
        return sum(map(len, (self.touched, written, deleted, *purged, edges, ended)))

    def snapshot(
        self, actor: str = "", message: str = "", mark: str = "", salt: bytes | None = None
    ) -> Snapshot:
        return Snapshot(
            number=self.number,
            time=self.time,
            actor=actor,
            message=message,
            mark=mark,
            salt=salt,
            records=self.records(),
            schema=self.number if self.touched else self.last.schema,
            orders=self.orders,
            highest=MappingProxyType(dict(self.highest)),
            types=MappingProxyType(dict(self.types)),
            nodes=MappingProxyType(dict(self.nodes)),
            edges=MappingProxyType(dict(self.edges)),
        )

"""What the records of a bundle say: nodes, types and edges, and the answer that they give.

Maker and verifier both come here, so that a bundle's answer is what its records say and nothing else.
`docs/proof.md` has the rules.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from lineage.contract.backend import PRELOADED
from lineage.contract.roles import Role, role_of
from lineage.errors import LineageError, Unproven, excerpt
from lineage.model.canonical import decode
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EDGE_ENDS, EVENT_KINDS, INPUT_KINDS, EdgeKind
from lineage.model.schema import TYPE_CLASSES, AnyType
from lineage.model.values import Value

__all__ = ["NodeRecord", "Record", "Records", "identity_of"]

OUTPUT_KINDS = EVENT_KINDS - INPUT_KINDS
ENVIRONMENT = "lineage.Environment"


class Record(NamedTuple):
    """A line of a transaction, and of a node's version the text of its content, unless that is not shown."""

    number: int
    line: list[Any]
    content: str | None = None


class NodeRecord(NamedTuple):
    """A version of a node as a record has it; `content` is None where it was purged.

    The six parts of a content are name, external id, URI, state, properties and custom properties.
    """

    key: NodeKey
    type_id: int
    created: int
    updated: int
    number: int
    content: tuple[Any, ...] | None

    @property
    def label(self) -> str:
        """The name, else the URI, else nothing."""
        name, _, uri, *_ = self.content or (None,) * 6
        return str(name or uri or "")

    @property
    def values(self) -> dict[str, Value]:
        """The properties; a declared one hides a custom one of its name."""
        *_, declared, custom = self.content or ("{}", "{}")
        return {**decode(custom), **decode(declared)}


def identity_of(line: list[Any]) -> tuple[object, ...]:
    """Return what a record is of, which a bundle has once: a node, a type, an edge, a deletion, a purge."""
    match line:
        case ["node" | "update", str(key), int(), int(), int(), str()]:
            return "node", NodeKey.parse(key)
        case ["type", str(kind), {"id": int(number)}] if kind in tuple(Kind):
            return "type", number
        case ["edge" | "edge update", str(source), str(target), int(kind), _, _, int(), int()]:
            return "edge", NodeKey.parse(source), NodeKey.parse(target), EdgeKind(kind)
        case ["deleted" | "purged" as name, str(key)]:
            return name, NodeKey.parse(key)
    raise Unproven(f"{excerpt(line, 120)} is no record that a bundle may have")


class Records:
    """The records of a bundle, by what they are of; `Unproven` where they do not fit together."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.nodes: dict[NodeKey, NodeRecord] = {}
        self.types: dict[int, AnyType] = {number: row.type for number, row in PRELOADED.items()}
        self.edges: dict[tuple[NodeKey, NodeKey, EdgeKind], int] = {}
        """The transaction of each edge."""
        self.deleted: dict[NodeKey, int] = {}
        self.purged: dict[NodeKey, int] = {}
        self.numbers: set[int] = set()
        """The transactions that have a record here."""
        for each in records:
            self.numbers.add(each.number)
            self._add(each)
        self._check()

    def _add(self, record: Record) -> None:
        try:
            name, *place = identity_of(record.line)
            self._keep(str(name), place, record)
        except (LineageError, ValueError, TypeError, LookupError) as error:
            raise Unproven(f"a record of transaction {record.number}: {error}") from error

    def _keep(self, name: str, place: list[Any], record: Record) -> None:
        number, line = record.number, record.line
        if name == "node":
            content = None if record.content is None else _content(record.content)
            node = NodeRecord(place[0], line[2], line[3], line[4], number, content)
            _once(self.nodes, place[0], node)
        elif name == "type":
            cls = TYPE_CLASSES[Kind(line[1])]
            _once(self.types, place[0], cls.read(json.dumps(line[2])))
        elif name == "edge":
            source, target, kind = place
            if (source.kind, target.kind) != EDGE_ENDS[kind]:
                raise Unproven(f"{kind.name} does not join {source} and {target}")
            _once(self.edges, (source, target, kind), number)
        else:
            _once(self.deleted if name == "deleted" else self.purged, place[0], number)

    def _check(self) -> None:
        for source, target, _ in self.edges:
            for end in (source, target):
                if end not in self.nodes:
                    raise Unproven(f"an edge leads to {end}, of which there is no record")
        for key, node in self.nodes.items():
            known = self.types.get(node.type_id)
            if known is None or known.kind is not key.kind:
                raise Unproven(f"there is no record of the type of {key}")
        for gone in (self.deleted, self.purged):
            for key, number in gone.items():
                if key not in self.nodes or number < self.nodes[key].number:
                    raise Unproven(f"transaction {number} takes away {key}, which is not there")

    def type_of(self, key: NodeKey) -> AnyType:
        """Return the type of a node."""
        return self.types[self.nodes[key].type_id]

    def runs(self, key: NodeKey) -> list[NodeKey]:
        """Return the executions that wrote an artifact, by key; of an execution itself."""
        if key.kind is Kind.EXECUTION:
            return [key]
        return sorted(
            {
                source
                for source, target, kind in self.edges
                if target == key and kind in OUTPUT_KINDS
            }
        )

    def data(self, key: NodeKey) -> dict[NodeKey, int]:
        """Return the data sets upstream of a node with the edges to each, nearest first and by key."""
        sources: defaultdict[NodeKey, set[NodeKey]] = defaultdict(set)
        for source, target, kind in self.edges:
            if kind in EVENT_KINDS:
                sources[target].add(source)
        hops, level = {key: 0}, [key]
        while level:
            level = sorted({each for one in level for each in sources[one]} - hops.keys())
            hops |= dict.fromkeys(level, max(hops.values()) + 1)
        return {
            each: distance
            for each, distance in hops.items()
            if distance and role_of(self.type_of(each)) is Role.DATASET
        }

    def environments(self, key: NodeKey) -> list[NodeKey]:
        """Return the environments of the runs that wrote an artifact, by key."""
        runs = {*self.runs(key)}
        return sorted(
            {
                source
                for source, target, kind in self.edges
                if kind is EdgeKind.ASSOCIATION
                and target in runs
                and self.type_of(source).name == ENVIRONMENT
            }
        )

    def answer(self, key: NodeKey) -> dict[str, Any]:
        """Return what the records say of a node: type, whether it is gone, runs, data and environments."""
        if key not in self.nodes:
            raise Unproven(f"there is no record of {key}")
        return {
            "node": str(key),
            "type": self.type_of(key).name,
            "gone": key in self.deleted,
            "runs": [str(each) for each in self.runs(key)],
            "data": [[str(each), hops] for each, hops in self.data(key).items()],
            "environments": [str(each) for each in self.environments(key)],
        }


def _content(text: str) -> tuple[Any, ...]:
    content = json.loads(text)
    match content:
        case [str() | None, str() | None, str() | None, int() | None, str(own), str(custom)]:
            decode(own), decode(custom)  # which raise for what no store writes
            return tuple(content)
    raise Unproven(f"{excerpt(text, 120)} is no content of a node")


def _once(places: dict[Any, Any], place: object, value: object) -> None:
    if place in places:
        raise Unproven(f"there are two records of {place}")
    places[place] = value

"""Stores made by hand: rows, and transactions that write them.

`writing(backend)` opens a transaction and gives a `Writer`, whose methods make a row, write it and
return its key.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, TypeVar

from lineage.contract.backend import Backend
from lineage.contract.transaction import Transaction
from lineage.contract.walking import Direction
from lineage.model.canonical import encode
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import Batch, EdgeKey, EdgeKind, EdgeRow, NodeRow, TypeRow
from lineage.model.schema import TYPE_CLASSES

T = TypeVar("T")

DATASET, MODEL, TRAIN = 1, 2, 5
FIRST_OWN_TYPE = 10
_OF_KIND = {Kind.ARTIFACT: DATASET, Kind.EXECUTION: TRAIN}

_EDGE_OF_KINDS = {
    (Kind.ARTIFACT, Kind.EXECUTION): EdgeKind.INPUT,
    (Kind.EXECUTION, Kind.ARTIFACT): EdgeKind.OUTPUT,
    (Kind.CONTEXT, Kind.ARTIFACT): EdgeKind.ATTRIBUTION,
    (Kind.CONTEXT, Kind.EXECUTION): EdgeKind.ASSOCIATION,
    (Kind.CONTEXT, Kind.CONTEXT): EdgeKind.PARENT,
}


class Clock:
    """A clock that goes on by `step` microseconds at each look; `micros` may be set."""

    def __init__(self, micros: int = 1_772_323_200_000_000, step: int = 1_000_000) -> None:
        self.micros = micros
        self.step = step

    def __call__(self) -> int:
        self.micros += self.step
        return self.micros


def elsewhere(function: Callable[[], T]) -> T:
    """Return what a function returns in another thread, or raise what it raises there."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


class Writer:
    """A transaction with short words for what tests write."""

    def __init__(self, backend: Backend, transaction: Transaction) -> None:
        self.backend = backend
        self.transaction = transaction

    @property
    def number(self) -> int:
        """The transaction's number; takes the lock."""
        self.transaction.lock()
        return self.transaction.number

    def row(
        self,
        kind: Kind,
        type_id: int | None = None,
        /,
        **content: Any,
    ) -> NodeRow:
        """Make a new node's row without writing it; property maps are encoded."""
        own = self.transaction
        own.lock()
        return NodeRow(
            key=content.pop("key", None) or NodeKey(kind, own.next_id(kind)),
            type_id=type_id or self._type_of(kind),
            name=content.pop("name", None),
            external_id=content.pop("external_id", None),
            uri=content.pop("uri", None),
            state=content.pop("state", None),
            properties=encode(content.pop("properties", {})),
            custom=encode(content.pop("custom", {})),
            created=content.pop("created", own.time),
            updated=content.pop("updated", own.time),
            since=own.number,
            salt=content.pop("salt", None) or own.salt(),
            **content,
        )

    def _type_of(self, kind: Kind) -> int:
        if kind in _OF_KIND:
            return _OF_KIND[kind]
        for row in self.backend.types():
            if row.type.kind is kind and row.type.id is not None:
                return row.type.id
        return self.type(kind, "Experiment")

    def put(self, kind: Kind, type_id: int | None = None, /, **content: Any) -> NodeKey:
        row = self.row(kind, type_id, **content)
        self.write(nodes=[row])
        return row.key

    def artifact(self, type_id: int | None = None, /, **content: Any) -> NodeKey:
        return self.put(Kind.ARTIFACT, type_id, **content)

    def execution(self, type_id: int | None = None, /, **content: Any) -> NodeKey:
        return self.put(Kind.EXECUTION, type_id, **content)

    def context(self, type_id: int | None = None, /, **content: Any) -> NodeKey:
        return self.put(Kind.CONTEXT, type_id, **content)

    def changed(self, key: NodeKey, **changes: Any) -> NodeRow:
        """Make a node's next version without writing it; a gone one is to live again."""
        own = self.transaction
        own.lock()
        for maps in ("properties", "custom"):
            if maps in changes:
                changes[maps] = encode(changes[maps])
        return (
            self.backend.nodes([key])[key]
            .open()
            ._replace(**{"updated": own.time, "since": own.number, "salt": own.salt(), **changes})
        )

    def update(self, key: NodeKey, **changes: Any) -> NodeRow:
        row = self.changed(key, **changes)
        self.write(updates=[row])
        return row

    def joined(
        self,
        source: NodeKey,
        target: NodeKey,
        kind: EdgeKind | None = None,
        *,
        time: int | None = None,
        path: str | None = None,
    ) -> EdgeRow:
        """Make an edge's row without writing it."""
        return EdgeRow(
            source,
            target,
            kind or _EDGE_OF_KINDS[source.kind, target.kind],
            time,
            path,
            self.number,
            self.transaction.next_order(),
            self.number,
        )

    def edge(
        self, source: NodeKey, target: NodeKey, kind: EdgeKind | None = None, **content: Any
    ) -> EdgeKey:
        row = self.joined(source, target, kind, **content)
        self.write(edges=[row])
        return row.key

    def rejoined(self, key: EdgeKey, path: str | None) -> EdgeRow:
        """Make an edge's next version, with these paths, without writing it."""
        self.transaction.lock()
        (row,) = [
            row
            for row in self.backend.edges([key.target], Direction.UPSTREAM, kinds=[key.kind])
            if row.source == key.source
        ]
        return row._replace(paths=path, since=self.number)

    def edge_update(self, key: EdgeKey, path: str | None) -> EdgeRow:
        row = self.rejoined(key, path)
        self.write(edge_updates=[row])
        return row

    def path(self, *keys: NodeKey) -> None:
        """Write an edge between each two neighbours of the sequence."""
        self.write(edges=[self.joined(*pair) for pair in pairwise(keys)])

    def type(self, kind: Kind, name: str, *, id: int | None = None, **content: Any) -> int:
        """Write a type, a new one without an `id`, and return its id."""
        self.transaction.lock()
        number = id or self.transaction.next_id(None)
        given = TYPE_CLASSES[kind](id=number, name=name, **content)
        self.write(types=[TypeRow(given, self.number)])
        return number

    def write(
        self,
        *,
        types: Sequence[TypeRow] = (),
        nodes: Sequence[NodeRow] = (),
        updates: Sequence[NodeRow] = (),
        edges: Sequence[EdgeRow] = (),
        edge_updates: Sequence[EdgeRow] = (),
    ) -> None:
        self.transaction.write(Batch(types, nodes, updates, edges, edge_updates))

    def end(self, *keys: EdgeKey) -> None:
        self.transaction.end(keys)

    def delete(self, *keys: NodeKey) -> None:
        self.transaction.delete(keys)

    def deleted(self, key: NodeKey) -> NodeKey:
        """Delete a node and return its key."""
        self.delete(key)
        return key

    def purge(self, *keys: NodeKey) -> None:
        self.transaction.purge(keys)

    def purge_heads(self, *numbers: int) -> None:
        self.transaction.purge_heads(numbers)


@contextmanager
def writing(
    backend: Backend, *, actor: str = "", message: str = "", mark: str = ""
) -> Iterator[Writer]:
    """Open a transaction to write in."""
    with backend.transaction(actor=actor, message=message, mark=mark) as transaction:
        yield Writer(backend, transaction)


def chain(backend: Backend, length: int) -> list[NodeKey]:
    """Write artifact → execution → artifact → …; return the keys in that order."""
    with writing(backend) as new:
        keys = [new.execution() if place % 2 else new.artifact() for place in range(length)]
        new.path(*keys)
    return keys


def eventful(backend: Backend) -> None:
    """Write a history with every kind of record, at once and one after the other."""
    with writing(backend, actor="ann", message="types and a first run") as new:
        step = new.type(Kind.EXECUTION, "Step", input_type={"any": [None, 1.5, "x"], "none": None})
        experiment = new.type(Kind.CONTEXT, "Experiment", properties={"note": "STRING"})
        data = new.artifact(name="data", uri="s3://lake/1", properties={"day": 1, "": "\x00"})
        run = new.execution(step, external_id="run-1", state=2, custom={"rate": float("nan")})
        model = new.artifact(MODEL, name="", uri="s3://models/1", state=2)
        churn = new.context(experiment, name="churn", properties={"note": "ä\U0001f600"})
        new.path(data, run, model)
        new.edge(churn, data)
        new.edge(churn, run)
    with writing(backend, actor="bob", message="updates, an ended edge") as new:
        new.type(Kind.EXECUTION, "Step", id=step, description="a step", properties={"k": "INT"})
        new.update(run, state=3)
        new.update(run, state=3, custom={"rate": 0.5})
        new.update(data, name="renamed", uri=None)
        new.end(EdgeKey(churn, data, EdgeKind.ATTRIBUTION))
        new.edge(data, run, EdgeKind.DECLARED_INPUT, time=-1, path='["in",0]')
    with writing(backend, actor="ann", message="deletions, new and old") as new:
        new.delete(data)
        brief = new.artifact(name="brief", custom={"secret": "gone at once"})
        new.edge(brief, run)
        new.delete(brief)
        new.purge(brief)
        passing = new.edge(churn, model)
        new.end(passing)
        new.edge(churn, new.context(experiment, name="child"))
    with writing(backend, actor="", message="the name and the edge again") as new:
        again = new.artifact(name="data", external_id="")
        new.edge(churn, again)
        new.edge(run, again, EdgeKind.INTERNAL_OUTPUT, time=7)
        new.update(churn, custom={"k": [1, {"a": None}]})
    with writing(backend, actor="dpo", message="erased") as new:
        new.delete(model)
        new.purge(model, data)
        new.end(EdgeKey(churn, run, EdgeKind.ASSOCIATION))
    with writing(backend, message="ended and written again", mark="marked") as new:
        new.end(EdgeKey(run, again, EdgeKind.INTERNAL_OUTPUT))
        new.edge(run, again, EdgeKind.INTERNAL_OUTPUT, time=9)
        new.edge(churn, run)
    _used_again(backend, EdgeKey(data, run, EdgeKind.DECLARED_INPUT), again)


def _used_again(backend: Backend, declared: EdgeKey, again: NodeKey) -> None:
    """Write further versions of edges: in one transaction or another, and of one that ends at once."""
    run = declared.target
    with writing(backend, actor="ann", message="used in another way, too") as new:
        new.edge_update(declared, '[["in",0],["X_train"]]')
        new.edge_update(EdgeKey(run, again, EdgeKind.INTERNAL_OUTPUT), '["model"]')
        passing = new.edge(again, run, EdgeKind.INTERNAL_INPUT)
    with writing(backend, actor="bob", message="used twice more, and ended") as new:
        new.edge_update(declared, '[["in",0],["X_train"],["eval"]]')
        new.edge_update(declared, '[["in",0],["X_train"],["eval"],["base"]]')
        new.edge_update(passing, '["test"]')
        new.end(passing)
        new.purge_heads(4)


def all_keys(backend: Backend) -> list[NodeKey]:
    """Return the key of every node that there ever was."""
    last = backend.log(limit=1)
    if not last:
        return []
    highest = zip(Kind, (last[0].artifacts, last[0].executions, last[0].contexts), strict=True)
    return [NodeKey(kind, number) for kind, top in highest for number in range(1, top + 1)]


def moment_of(backend: Backend, as_of: int | None = None) -> dict[str, object]:
    """Return everything that a store answers as of a transaction."""
    keys = all_keys(backend)
    versions = {key: rows for key in keys if (rows := backend.versions(key, as_of=as_of))}
    return {**_graph_of(backend, keys, as_of), "versions": versions}


def _graph_of(backend: Backend, keys: list[NodeKey], as_of: int | None) -> dict[str, object]:
    return {
        "types": list(backend.types(as_of=as_of)),
        "nodes": backend.nodes(keys, as_of=as_of),
        "edges": backend.edges(keys, as_of=as_of),
        "live": [row for kind in Kind for row in backend.find(kind, as_of=as_of)],
    }


def everything(backend: Backend) -> dict[str, object]:
    """Return all that a store holds: every moment, every version, the log and the changes."""
    keys = all_keys(backend)
    return {
        "log": backend.log(),
        "changes": list(backend.changes()),
        "present": moment_of(backend),
        "past": [_graph_of(backend, keys, number) for number in range(backend.now() + 1)],
    }

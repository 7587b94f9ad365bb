"""A small store with everything in it, and everything that may be asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from itertools import product
from typing import Any, TypeAlias

from lineage.contract.backend import Backend, External, Named, Order
from lineage.contract.walking import Direction, Limits
from lineage.contract.writings import AtUri
from lineage.errors import LineageError
from lineage.filters.parsing import parse
from lineage.filters.tree import Field
from lineage.formats import node_link
from lineage.interchange.exporting import batches
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKey, EdgeKind, Head
from lineage.testing.builders import MODEL, eventful, writing

__all__ = ["Questions", "fill"]

_Question: TypeAlias = tuple[str, Callable[[], object]]

DIGEST = "sha256:0123456789abcdef0123456789abcdef"
PLAIN = {"types", "nodes", "edges", "found"}
"""What is asked of moments where nothing dear is: a server plans each shape of statement at its first use."""
BEYOND = 3
"""How many ids past the highest are asked for, where a phantom may be."""


def fill(backend: Backend) -> None:
    """Write a history with every kind of record, and nodes that live again, twins, hubs and purges of both kinds."""
    eventful(backend)
    churn, again = NodeKey(Kind.CONTEXT, 1), NodeKey(Kind.ARTIFACT, 4)
    with writing(backend, actor="ann", message="more of all") as new:
        scored = new.type(
            Kind.ARTIFACT, "Scored", properties={"score": "DOUBLE"}, indexed=["score"]
        )
        kept, twin = (
            new.artifact(
                scored,
                name=name,
                external_id=f"x-{name}",
                uri="s3://lake/twins/a.csv",
                properties={"score": score, "digest": DIGEST},
            )
            for name, score in (("kept", 0.5), ("twin", 0.25))
        )
        brief = new.artifact(MODEL, name="brief again", uri="s3://models/2/", custom={"n": [1, 2]})
        run = new.execution(name="r", external_id="run-2", state=3)
        parts = [new.context(name=f"part {place}") for place in range(2)]
        new.path(kept, run, brief)
        used = new.edge(twin, run, EdgeKind.DECLARED_INPUT, path='[["eval"]]')
        for part in parts:
            new.edge(churn, part)
        new.edge(parts[0], kept)
        new.edge(parts[1], run)
    with writing(backend, actor="bob") as new:
        new.update(kept, properties={"score": 0.75, "digest": DIGEST}, uri="s3://lake/moved/b.csv")
        new.edge_update(used, '[["eval"],["train"]]')
        new.delete(twin)
        new.end(EdgeKey(churn, parts[1], EdgeKind.PARENT))
        new.type(Kind.ARTIFACT, "Scored", id=scored, description="scored", indexed=["score"])
    with writing(backend, actor="ann") as new:
        new.update(twin, name="twin again")
        new.delete(brief)
        new.end(used)
        new.edge(churn, parts[1])
    with writing(backend, actor="dpo", message="request 17") as new:
        new.purge(brief)
        new.purge_heads(9)
        new.update(kept, state=2)
        new.edge(again, run)
    with writing(backend, actor="ann", mark="part 1") as new:
        new.edge(twin, run, EdgeKind.DECLARED_INPUT, path='[["test"]]')
        new.artifact(custom={"digest": DIGEST})


FILTERS = {
    Kind.ARTIFACT: [
        "uri LIKE 's3://lake/%'",
        "properties.score > 0.3",
        f"properties.digest = '{DIGEST}'",
        "name = 'kept' OR external_id = 'x-twin'",
        "contexts_c.name = 'churn'",
        "events_0.type = 'DECLARED_INPUT'",
        "state = LIVE",
    ],
    Kind.EXECUTION: ["custom_properties.rate.double_value > 0.1", "external_id = 'run-2'"],
    Kind.CONTEXT: ["parent_contexts_p.name = 'churn'", "NOT name = 'child'"],
}
ORDERS = [
    Order(Field.CREATED),
    Order(Field.UPDATED, descending=True),
    Order(Field.ID, descending=True),
]
BEGINNINGS = ["k", "twin", "s3://", "data", "a.", "2", "b"]
URIS = ["s3://lake/twins/a.csv", "s3://lake/moved/b.csv", "s3://lake/1", "s3://models/2/"]
NAMES = [(1, "data"), (MODEL, "brief again"), (12, "kept"), (12, "twin"), (12, "twin again")]
EXTERNAL = ["run-1", "run-2", "x-kept", "x-twin", ""]


class Questions:
    """All that may be asked of the store with this last transaction: of every moment, or quickly, of some.

    Nodes are asked for up to the highest ids, and a few beyond, where a phantom may be. What is `dear` takes long.
    """

    def __init__(self, head: Head, *, quick: bool, dear: bool = True) -> None:
        highest = zip(Kind, (head.artifacts, head.executions, head.contexts), strict=True)
        self._keys = [
            NodeKey(kind, number) for kind, top in highest for number in range(1, top + BEYOND + 1)
        ]
        self._last = head.number
        every = range(self._last + 1)
        self._moments = (None, *(every[6:-1:6] if quick else every))
        self._dear = () if not dear else (None,) if quick else (None, *every[::4])

    def answers(self, backend: Backend) -> dict[str, str]:
        """Return each answer as a text, or the error of ours that stands for it."""
        found = {}
        for name, question in self._all(backend):
            try:
                found[name] = repr(question())
            except LineageError as error:
                found[name] = f"{type(error).__name__}: {error}"
        return found

    def _all(self, backend: Backend) -> Iterator[_Question]:
        references = [
            *(Named(*each) for each in NAMES),
            *(External(kind, each) for kind, each in product(Kind, EXTERNAL)),
        ]
        yield "now", backend.now
        yield "log", backend.log
        yield "changes", lambda: list(backend.changes())
        yield "the next moment", lambda: backend.types(as_of=self._last + 1)
        yield "lookup", lambda: _sorted(backend.lookup(references))
        yield "live", lambda: sorted(backend.live(self._keys))
        yield "export", lambda: _exported(backend)
        for as_of in self._moments:
            for name, question in _of_moment(backend, self._keys, as_of):
                if self._dear or name in PLAIN:
                    yield f"{name}, as of {as_of}", question
        for as_of in self._dear:
            for name, question in _dear(backend, self._keys, as_of):
                yield f"{name}, as of {as_of}", question


def _sorted(found: Mapping[Any, Any]) -> list[tuple[str, object]]:
    return sorted((repr(key), value) for key, value in found.items())


def _exported(backend: Backend) -> bytes:
    target = BytesIO()
    node_link.dump(batches(backend), target)
    return target.getvalue()


def _of_moment(backend: Backend, keys: list[NodeKey], as_of: int | None) -> Iterator[_Question]:
    yield "types", lambda: list(backend.types(as_of=as_of))
    yield "nodes", lambda: sorted(backend.nodes(keys, as_of=as_of).items())
    yield "edges", lambda: backend.edges(keys, as_of=as_of)
    yield "versions", lambda: [backend.versions(key, as_of=as_of) for key in keys]
    yield "found", lambda: [backend.find(kind, as_of=as_of) for kind in Kind]
    yield (
        "beginnings",
        lambda: [backend.beginning_with(text, as_of=as_of) for text in BEGINNINGS],
    )
    yield "digests", lambda: backend.with_digests([DIGEST], as_of=as_of)
    yield "writings", lambda: [list(backend.writings(AtUri(uri), as_of=as_of)) for uri in URIS]
    starts, limits = [NodeKey(Kind.EXECUTION, 1)], Limits(nodes=5)
    yield (
        "walks",
        lambda: [
            backend.walk(starts, direction, limits=limits, as_of=as_of, without=without)
            for direction, without in product(Direction, (0, 1))
        ],
    )


def _dear(backend: Backend, keys: list[NodeKey], as_of: int | None) -> Iterator[_Question]:
    """Yield what takes long to ask of every moment, though it is made of the same."""
    yield (
        "filters",
        lambda: [
            (text, backend.find(kind, parse(text, kind), as_of=as_of))
            for kind, texts in FILTERS.items()
            for text in texts
        ],
    )
    yield (
        "orders",
        lambda: [
            backend.find(kind, order=order, limit=6, as_of=as_of)
            for kind, order in product(Kind, ORDERS)
        ],
    )
    yield "node counts", lambda: dict(backend.node_counts(as_of=as_of))
    yield "edge counts", lambda: [backend.edge_counts(key, as_of=as_of) for key in keys]
    yield "edge pages", lambda: [backend.edge_page(key, limit=3, as_of=as_of) for key in keys]
    artifacts = [key for key in keys if key.kind is Kind.ARTIFACT]
    yield "written by", lambda: list(backend.writings(artifacts, as_of=as_of))

"""A small store with everything in it, and everything that may be asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from itertools import product

from lineage.contract.backend import Backend, External, Named, Order
from lineage.contract.walking import Direction, Limits
from lineage.contract.writings import AtUri
from lineage.errors import LineageError
from lineage.filters.parsing import parse
from lineage.filters.tree import Field
from lineage.formats import node_link
from lineage.interchange.exporting import batches
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EdgeKey, EdgeKind
from lineage.testing.builders import MODEL, eventful, writing

__all__ = ["answers", "fill"]

DIGEST = "sha256:0123456789abcdef0123456789abcdef"
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


def answers(backend: Backend, highest: Mapping[Kind, int], last: int) -> dict[str, str]:
    """Return the answer to every question, or the error of ours that stands for it, as texts.

    Nodes are asked for up to the highest ids, and a few beyond, and moments up to the last.
    """
    keys = [
        NodeKey(kind, number) for kind in Kind for number in range(1, highest[kind] + BEYOND + 1)
    ]
    found = {}
    for name, question in _questions(backend, keys, last):
        try:
            found[name] = repr(question())
        except LineageError as error:
            found[name] = f"{type(error).__name__}: {error}"
    return found


def _questions(
    backend: Backend, keys: list[NodeKey], last: int
) -> Iterator[tuple[str, Callable[[], object]]]:
    yield "now", backend.now
    yield "log", backend.log
    yield "changes", lambda: list(backend.changes())
    yield "the next moment", lambda: backend.types(as_of=last + 1)
    yield (
        "lookup",
        lambda: _sorted(
            backend.lookup(
                [
                    *(Named(*each) for each in NAMES),
                    *(External(kind, each) for kind, each in product(Kind, EXTERNAL)),
                ]
            )
        ),
    )
    yield "live", lambda: sorted(backend.live(keys))
    for moment in (None, *range(last + 1)):
        for name, question in _of_moment(backend, keys, moment):
            yield f"{name}, as of {moment}", question
    yield "export", lambda: _exported(backend)


def _sorted(found: Mapping[object, object]) -> list[tuple[str, object]]:
    return sorted((repr(key), value) for key, value in found.items())


def _exported(backend: Backend) -> bytes:
    target = BytesIO()
    node_link.dump(batches(backend), target)
    return target.getvalue()


def _of_moment(
    backend: Backend, keys: list[NodeKey], as_of: int | None
) -> Iterator[tuple[str, Callable[[], object]]]:
    yield "types", lambda: list(backend.types(as_of=as_of))
    yield "nodes", lambda: sorted(backend.nodes(keys, as_of=as_of).items())
    yield "edges", lambda: backend.edges(keys, as_of=as_of)
    yield "versions", lambda: [backend.versions(key, as_of=as_of) for key in keys]
    for kind in Kind:
        yield f"{kind}s", lambda kind=kind: backend.find(kind, as_of=as_of)  # type: ignore[misc]
    for text in BEGINNINGS:
        yield (
            f"beginning with {text}",
            lambda text=text: backend.beginning_with(text, as_of=as_of),  # type: ignore[misc]
        )
    yield "digests", lambda: backend.with_digests([DIGEST], as_of=as_of)
    yield "writings", lambda: [list(backend.writings(AtUri(uri), as_of=as_of)) for uri in URIS]
    yield from _walks(backend, keys, as_of)
    if as_of is None or as_of % 4 == 0:
        yield from _dear(backend, keys, as_of)


def _walks(
    backend: Backend, keys: list[NodeKey], as_of: int | None
) -> Iterator[tuple[str, Callable[[], object]]]:
    starts = [NodeKey(Kind.EXECUTION, 1)]
    for direction, without in product(Direction, (0, 1)):
        yield (
            f"walk {direction.name} without {without}",
            lambda direction=direction, without=without: backend.walk(  # type: ignore[misc]
                starts, direction, limits=Limits(nodes=5), as_of=as_of, without=without
            ),
        )


def _dear(
    backend: Backend, keys: list[NodeKey], as_of: int | None
) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield what takes long to ask of every moment, though it is made of the same."""
    for kind, texts in FILTERS.items():
        for text in texts:
            where = parse(text, kind)
            yield (
                f"{kind}s where {text}",
                lambda kind=kind, where=where: backend.find(kind, where, as_of=as_of),  # type: ignore[misc]
            )
        for order in ORDERS:
            yield (
                f"{kind}s in {order}",
                lambda kind=kind, order=order: backend.find(  # type: ignore[misc]
                    kind, order=order, limit=6, as_of=as_of
                ),
            )
    yield "edge counts", lambda: [backend.edge_counts(key, as_of=as_of) for key in keys]
    yield "edge pages", lambda: [backend.edge_page(key, limit=3, as_of=as_of) for key in keys]
    yield (
        "written by",
        lambda: list(
            backend.writings([key for key in keys if key.kind is Kind.ARTIFACT], as_of=as_of)
        ),
    )

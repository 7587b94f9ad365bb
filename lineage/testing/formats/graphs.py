"""Graphs of every kind, as formats read and write them; and the names that break careless ones."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from hypothesis import strategies as st

from lineage.formats.node_link import writing as node_link
from lineage.model.canonical import encode
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EDGE_ENDS, EVENT_KINDS, Batch, EdgeKind, EdgeRow, NodeRow, TypeRow
from lineage.model.schema import TYPE_CLASSES, AnyType, conform
from lineage.model.system import SYSTEM_TYPES
from lineage.model.values import ProtoAny, ValueType

HOSTILE = [
    "<script>alert(1)</script>",
    "\"'`\\",
    'x"]; evil [label="',
    'x"):::gone\nb2("',
    "line\nend\r\nand\ttab",
    "\x1b[31mred\x07\x00\x01\ufffe",
    "\u202eright to left\u2066",
    "# heading",
    "1. list",
    "- item",
    "*a* _b_ __c__ ~~d~~ `e` **f**",
    "https://example.org www.example.org a@example.org",
    "&lt;&#60;&amp;#60;#60;#quot;",
    "ﬂ°°60¶ß ﬂ°lt¶ß ß",
    "end",
    "%%{init: {}}%% style x:#a; classDef y:#b;",
    "\\N\\G\\l\\",
    "subgraph x\nend",
    "    code",
    "a | b > c = d\n===",
    "]]>",
    "näme \U0001f600",
]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(HOSTILE)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
structs = st.lists(json_values, max_size=3) | st.dictionaries(texts, json_values, max_size=3)
VALUES: dict[ValueType, st.SearchStrategy[Any]] = {
    ValueType.INT: st.integers(-(2**63), 2**63 - 1),
    ValueType.DOUBLE: st.floats(),
    ValueType.STRING: texts,
    ValueType.BOOLEAN: st.booleans(),
    ValueType.STRUCT: structs,
    ValueType.PROTO: st.builds(ProtoAny, texts, st.binary(max_size=4)),
}
micros = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: (
        math.floor((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000
        + moment.microsecond
    )
)


class Graph(NamedTuple):
    """What a file holds."""

    types: Sequence[TypeRow]
    nodes: Sequence[NodeRow]
    edges: Sequence[EdgeRow]

    def batches(self) -> list[Batch]:
        return [Batch(types=self.types), Batch(nodes=self.nodes), Batch(edges=self.edges)]


@st.composite
def own_types(draw: st.DrawFn, number: int, kind: Kind) -> AnyType:
    schema = draw(st.dictionaries(texts, st.sampled_from(ValueType), max_size=3))
    more: dict[str, Any] = {}
    if kind is Kind.EXECUTION and draw(st.booleans()):
        more["input_type"] = {"any": [None, 1.5, draw(texts)]}
    return TYPE_CLASSES[kind](
        id=number,
        name=f"{draw(texts)}{number}",
        version=draw(st.none() | texts),
        description=draw(st.none() | texts),
        external_id=draw(st.none() | texts.map(lambda text: f"{text}{number}")),
        properties=schema,
        indexed=sorted(schema)[:1],
        create_time=datetime(2026, 3, 1, tzinfo=UTC),
        update_time=datetime(2026, 3, 1, 0, 0, 0, 7, tzinfo=UTC),
        **more,
    )


@st.composite
def nodes_of(draw: st.DrawFn, key: NodeKey, node_type: AnyType) -> NodeRow:
    ended = draw(st.integers(0, 4))
    gone, purged = ended < 2, ended == 0
    # A name is for one live node alone; what is gone may have had the name of any.
    name = draw(st.sampled_from(["a", "b"]) if gone else texts.map(lambda text: f"{text}{key.id}"))
    states = {Kind.ARTIFACT: st.integers(0, 6), Kind.EXECUTION: st.integers(0, 6)}
    properties = {
        each: draw(VALUES[wanted] if wanted is not ValueType.STRUCT else structs | texts)
        for each, wanted in node_type.properties.items()
        if draw(st.booleans())
    }
    created = draw(micros)
    row = NodeRow(
        key=key,
        type_id=node_type.id or 0,
        name=name if key.kind is Kind.CONTEXT else draw(st.sampled_from([None, name])),
        external_id=draw(st.sampled_from([None, f"external {key.id}"])),
        uri=draw(st.none() | texts) if key.kind is Kind.ARTIFACT else None,
        state=draw(st.none() | states[key.kind]) if key.kind in states else None,
        properties=conform(node_type, properties),
        custom=encode(draw(st.dictionaries(texts, st.one_of(*VALUES.values()), max_size=3))),
        created=created,
        updated=draw(st.just(created) | micros),
        since=0,
        salt=b"",
        gone=gone,
    )
    if purged:
        return row._replace(
            name=None,
            external_id=None,
            uri=None,
            state=None,
            properties="{}",
            custom="{}",
            salt=None,
        )
    return row


PATHS = [None, '["in",0]', '[-1,"a\\"\\n"]', '[["in",0],["train"]]', "[[],[1]]"]


@st.composite
def edges_among(draw: st.DrawFn, rows: Sequence[NodeRow]) -> list[EdgeRow]:
    found: dict[tuple[object, ...], EdgeRow] = {}
    if not rows:
        return []
    keys = st.sampled_from([row.key for row in rows])
    for source, target, kind in draw(
        st.lists(st.tuples(keys, keys, st.sampled_from(EdgeKind)), max_size=12)
    ):
        if (source.kind, target.kind) != EDGE_ENDS[kind]:
            continue
        if kind is EdgeKind.PARENT and source.id >= target.id:
            continue
        event = kind in EVENT_KINDS
        time = draw(micros) if event else None
        path = draw(st.sampled_from(PATHS)) if event else None
        found[source, target, kind] = EdgeRow(source, target, kind, time, path, 0, 0, 0)
    return sorted(found.values())


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    kinds = draw(st.lists(st.sampled_from(Kind), max_size=3))
    types = [*SYSTEM_TYPES, *(draw(own_types(10 + n, kind)) for n, kind in enumerate(kinds))]
    chosen = draw(st.lists(st.sampled_from(types), max_size=6))
    ids = draw(st.permutations(range(1, 10)))
    rows = [
        draw(nodes_of(NodeKey(node_type.kind, number), node_type))
        for node_type, number in zip(chosen, ids, strict=False)
    ]
    rows.sort()
    return Graph([TypeRow(each, 0) for each in types], rows, draw(edges_among(rows)))


def whole(batches: Iterable[Batch]) -> Graph:
    """Return what a stream of batches holds."""
    types: list[TypeRow] = []
    nodes: list[NodeRow] = []
    edges: list[EdgeRow] = []
    for batch in batches:
        types.extend(batch.types)
        nodes.extend(batch.nodes)
        edges.extend(batch.edges)
    return Graph(types, nodes, edges)


def dumped(graph: Graph) -> bytes:
    """Return a graph as node-link JSON."""
    target = io.BytesIO()
    assert node_link.dump(graph.batches(), target) == ()
    return target.getvalue()


def loaded(text: bytes) -> Graph:
    """Return the graph that node-link JSON holds."""
    return whole(node_link.load(io.BytesIO(text)))

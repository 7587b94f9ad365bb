"""Node-link JSON: nothing is lost on the way out and in, and faults are named by their place."""

import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings

import lineage
from lineage.errors import Invalid
from lineage.formats.entries import (
    NodeTexts,
    edge_data,
    edge_texts,
    node_data,
    type_data,
    type_texts,
)
from lineage.formats.node_link import writing as node_link
from lineage.formats.node_link.writing import load
from lineage.interchange.exporting import batches
from lineage.model.canonical import decode, escape
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import Batch, EdgeRow, NodeRow, TypeRow, edge_of, entity_of
from lineage.model.system import SYSTEM_TYPES
from lineage.testing.builders import eventful
from lineage.testing.formats import *  # noqa: F403
from lineage.testing.formats.graphs import Graph, dumped, graphs, loaded
from lineage.testing.formats.round_trip import Format


@pytest.fixture
def format() -> Format:  # noqa: A001 - the fixture's name
    return node_link


@settings(max_examples=50)
@given(graphs())
def test_networkx_reads_it_and_what_networkx_writes_is_read(graph: Graph) -> None:
    read: Any = nx.node_link_graph(json.loads(dumped(graph)), edges="edges")
    assert isinstance(read, nx.MultiDiGraph)
    assert read.graph["format"] == "lineage"
    assert list(read.nodes) == [str(row.key) for row in graph.nodes]
    assert [(a, b, key) for a, b, key in read.edges] == [
        (str(a), str(b), c.name)
        for a, b, c, *_ in sorted(graph.edges, key=lambda e: _place(graph, e))
    ]
    for row in graph.nodes:
        attributes = read.nodes[str(row.key)]
        assert attributes.get("name") == row.name
        assert attributes.get("gone", False) is row.gone
        assert attributes["properties"].keys() == json.loads(row.properties).keys()
    written = json.dumps(nx.node_link_data(read, edges="edges"))
    again = loaded(written.encode())
    assert again.types == graph.types
    assert again.nodes == graph.nodes
    assert sorted(again.edges) == graph.edges


def _place(graph: Graph, edge: EdgeRow) -> tuple[int, int, int]:
    """Return where NetworkX has an edge: by its source, then in the order of addition."""
    keys = [row.key for row in graph.nodes]
    first = next(n for n, each in enumerate(graph.edges) if each[:2] == edge[:2])
    return keys.index(edge.source), first, graph.edges.index(edge)


@settings(max_examples=50)
@given(graphs())
def test_rows_and_entities_are_said_alike(graph: Graph) -> None:
    types = {row.type.id or 0: row.type for row in graph.types}
    for row, text in zip(graph.nodes, NodeTexts(types).of(graph.nodes), strict=True):
        said = json.loads(text)
        assert said.pop("purged", False) is (row.salt is None)
        # Only the type knows that a text is a struct, which an entity does not have at hand.
        structs = {
            escape(name) for name, value in decode(row.properties).items() if type(value) is str
        }
        data = node_data(entity_of(row, types))
        for name in structs:
            data["properties"].pop(name, said["properties"].pop(name, None))
            said["properties"].pop(name, None)
        assert repr(said) == repr(data)
    for edge, text in zip(graph.edges, edge_texts(graph.edges), strict=True):
        assert json.loads(text) == edge_data(edge_of(edge))
    for each, text in zip(types.values(), type_texts(types.values()), strict=True):
        assert json.loads(text) == type_data(each)


def test_of_a_store_with_a_past(store: lineage.Store) -> None:
    eventful(store.backend)
    data = json.loads(_exported(store))
    assert data["graph"]["transaction"] == store.backend.now()
    by_id = {node["id"]: node for node in data["nodes"]}
    assert by_id["artifact:1"]["purged"] is True
    assert "name" not in by_id["artifact:1"]
    assert by_id["artifact:3"] | {"create_time": "", "update_time": ""} == {
        "id": "artifact:3", "kind": "artifact", "type": "lineage.Dataset", "properties": {},
        "custom_properties": {}, "create_time": "", "update_time": "", "gone": True, "purged": True,
    }  # fmt: skip
    orders = [edge.pop("order") for edge in data["edges"]]
    assert len({*orders}) == len(orders)
    assert {"source": "context:1", "target": "execution:1", "key": "ASSOCIATION"} in data["edges"]


def _exported(store: lineage.Store) -> bytes:
    target = io.BytesIO()
    assert node_link.dump(batches(store.backend), target) == ()
    return target.getvalue()


def test_each_record_is_a_line(store: lineage.Store) -> None:
    eventful(store.backend)
    text = _exported(store)
    data = json.loads(text)
    records = len(data["graph"]["types"]) + len(data["nodes"]) + len(data["edges"])
    assert text.count(b"\n") == records + 4


def test_an_empty_graph() -> None:
    assert loaded(dumped(Graph([], [], []))) == ([], [], [])


def test_nodes_after_edges_are_refused() -> None:
    key = NodeKey(Kind.ARTIFACT, 1)
    node = NodeRow(key, 1, None, None, None, None, "{}", "{}", 0, 0, 0, b"")
    types = Batch(types=[TypeRow(each, 0) for each in SYSTEM_TYPES])
    edges = loaded(dumped(_small())).edges
    with pytest.raises(Invalid, match="artifact:1 comes after edges"):
        node_link.dump([types, Batch(edges=edges), Batch(nodes=[node])], io.BytesIO())


def test_memory_does_not_grow_with_the_graph() -> None:
    node = NodeRow(
        NodeKey(Kind.ARTIFACT, 1), 1, "x" * 100, None, None, None, "{}", "{}", 7, 7, 1, b""
    )

    def stream(count: int) -> Iterator[Batch]:
        yield Batch(types=[TypeRow(each, 0) for each in SYSTEM_TYPES])
        for start in range(1, count, 100):
            yield Batch(
                nodes=[
                    node._replace(key=NodeKey(Kind.ARTIFACT, n)) for n in range(start, start + 100)
                ]
            )

    class Nowhere(io.RawIOBase):
        def write(self, text: object) -> int:
            return 0

    peaks = []
    for count in (1_000, 10_000):
        tracemalloc.start()
        node_link.dump(stream(count), Nowhere())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] + 100_000


def test_edges_keep_paths_and_order(store: lineage.Store) -> None:
    with store.run(lineage.Train(), environment=False) as run:
        last, first = (store.put(lineage.Dataset(uri=uri)) for uri in "ab")
        run.input(first, use="train")
        run.input(last, path=0)
        run.input(first, use="eval")
        run.output(lineage.Model(uri="m"))
    data = json.loads(_exported(store))
    told = {edge["source"]: edge for edge in data["edges"]}
    assert told[str(first.key)]["path"] == ["train"]
    assert told[str(first.key)]["paths"] == [["train"], ["eval"]]
    assert "paths" not in told[str(last.key)]
    text = json.dumps({**data, "edges": data["edges"][::-1]}).encode()
    with lineage.connect("memory:") as copy:
        copy.import_from(io.BytesIO(text), format="node-link")
        rows, copied = (
            sorted(each.backend.edges([run.key]), key=lambda row: row.order)
            for each in (store, copy)
        )
    assert [row[:5] for row in copied] == [row[:5] for row in rows]
    assert [row.order for row in copied] == [1, 2, 3]


def test_files_without_an_order_are_read_in_theirs() -> None:
    graph = _small()
    data = json.loads(dumped(graph))
    assert all("order" not in edge for edge in data["edges"])
    data["edges"].reverse()
    assert loaded(json.dumps(data).encode()).edges == graph.edges[::-1]
    data["edges"][1]["order"] = 3
    assert loaded(json.dumps(data).encode()).edges == graph.edges


# Malformed files


def _small() -> Graph:
    with lineage.connect("memory:", actor="ann") as store:
        store.put(lineage.ArtifactType(name="Net", properties={"depth": "INT", "more": "STRUCT"}))
        data = store.put(lineage.Dataset(uri="s3://data", digest="d"))
        net = store.put(lineage.Artifact(type="Net", properties={"depth": 3, "more": {"a": 1}}))
        run = store.put(lineage.Train())
        store.put(
            lineage.Event(
                artifact=data.key, execution=run.key, type=lineage.EventType.INPUT, path=("in", 0)
            )
        )
        store.put(lineage.Event(artifact=net.key, execution=run.key, type=lineage.EventType.OUTPUT))
        return loaded(_exported(store))


def _change(*path: Any, value: Any) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        for step in path[:-1]:
            data = data[step]
        data[path[-1]] = value

    return change


def _drop(*path: Any) -> Callable[[Any], None]:
    def drop(data: Any) -> None:
        for step in path[:-1]:
            data = data[step]
        del data[path[-1]]

    return drop


def _twice(name: str) -> Callable[[Any], None]:
    return lambda data: data[name].append(data[name][0])


NODE = ("nodes", 1)
FAULTS: dict[str, tuple[Callable[[Any], None], str]] = {
    "no types": (_drop("graph", "types"), r"graph: 'types' is missing"),
    "foreign": (_change("graph", value={}), r"graph: 'format' is not 'lineage'.* not written by lineage"),
    "newer": (_change("graph", "version", value=2), "version 2 of the format is unknown"),
    "undirected": (_change("directed", value=False), "directed is False"),
    "old networkx": (lambda data: data.update(links=data.pop("edges")), "edges='edges'"),
    "nodes no list": (_change("nodes", value={}), r"^nodes: \{\} is not a list"),
    "node no object": (_change(*NODE, value=7), r"^nodes\[1\]: 7 is not an object"),
    "key": (_change(*NODE, "id", value="artifact:x"), r"^nodes\[1\]\.id: 'artifact:x' is not a node's key"),
    "id too large": (_change(*NODE, "id", value=f"artifact:{2**60}"), r"^nodes\[1\]\.id: "),
    "two nodes": (_twice("nodes"), r"^nodes\[3\]: there are two nodes artifact:1"),
    "no type": (_drop(*NODE, "type"), r"^nodes\[1\]: 'type' is missing"),
    "unknown type": (_change(*NODE, "type", value="Nut"), r"^nodes\[1\]\.type: .* no artifact type Nut"),
    "kind": (_change(*NODE, "kind", value="context"), r"^nodes\[1\]: artifact:2 is of kind 'context'"),
    "state": (_change(*NODE, "state", value="ALIVE"), r"^nodes\[1\]\.state: 'ALIVE' is not a state"),
    "unknown field": (_change(*NODE, "rank", value=1), r"^nodes\[1\]: 'rank' is not a field"),
    "uri of an execution": (_change("nodes", 2, "uri", value="x"), r"^nodes\[2\]: 'uri' is not a field"),
    "name": (_change(*NODE, "name", value=1), r"^nodes\[1\]\.name: 1 is not a string"),
    "naive time": (_change(*NODE, "create_time", value="2026-03-01"), r"^nodes\[1\]\.create_time: .* no time zone"),
    "no time": (_drop(*NODE, "update_time"), r"^nodes\[1\]: 'update_time' is missing"),
    "value type": (_change(*NODE, "properties", "depth", value="x"), r"^nodes\[1\]\.properties\.depth: .* is INT, not STRING"),
    "undeclared": (_change(*NODE, "properties", "dept", value=1), r"^nodes\[1\]\.properties\.dept: .* declares no property"),
    "huge int": (_change(*NODE, "properties", "depth", value=2**63), r"^nodes\[1\]\.properties\.depth: .* 64 bits"),
    "bare struct": (_change(*NODE, "properties", "more", value={"a": 1, "b": 2}), r"^nodes\[1\]\.properties\.more: .* is no value"),
    "broken struct": (_change(*NODE, "properties", "more", value={"struct": "{"}), r"^nodes\[1\]\.properties\.more: the struct"),
    "list": (_change(*NODE, "custom_properties", "l", value=[1]), r"^nodes\[1\]\.custom_properties\.l: .* is a list"),
    "base64": (_change(*NODE, "custom_properties", "p", value={"any": ["t", "?"]}), r"custom_properties\.p: '\?' is not base64"),
    "purged content": (_change(*NODE, "purged", value=True), r"^nodes\[1\]: artifact:2 is purged but has content"),
    "gone": (_change(*NODE, "gone", value="yes"), r"^nodes\[1\]\.gone: 'yes' is neither true nor false"),
    "lost end": (_change("edges", 0, "source", value="artifact:9"), r"^edges\[0\]\.source: there is no node artifact:9"),
    "edge kind": (_change("edges", 0, "key", value="READ"), r"^edges\[0\]\.key: 'READ' is not a kind of edge"),
    "wrong way": (_change("edges", 1, "key", value="INPUT"), r"^edges\[1\]: INPUT edges go from artifacts to executions"),
    "two edges": (_twice("edges"), r"^edges\[2\]: there are two edges INPUT"),
    "path": (_change("edges", 0, "path", value=["in", 1.5]), r"^edges\[0\]\.path\[1\]: 1\.5 is neither an index"),
    "paths": (_change("edges", 0, "paths", value=[["in"], [1.5]]), r"^edges\[0\]\.paths\[1\]\[0\]: 1\.5 is neither an index"),
    "a path among steps": (_change("edges", 0, "path", value=["in", ["x"]]), r"^edges\[0\]\.path\[1\]: "),
    "a step among paths": (_change("edges", 0, "paths", value=[["in"], "x"]), r"^edges\[0\]\.paths\[1\]: 'x' is not a list"),
    "a path twice": (lambda data: data["edges"][0].update(path=["in"], paths=[["in"], ["in"]]), r"^edges\[0\]\.paths: a path is there twice"),
    "no path at last": (lambda data: data["edges"][0].update(path=["in"], paths=[["in"], []]), r"^edges\[0\]\.paths: .* is empty and not the first"),
    "another first path": (lambda data: data["edges"][0].update(path=["a"], paths=[["b"], ["a"]]), r"^edges\[0\]: 'path' is not the first"),
    "order": (_change("edges", 0, "order", value=0), r"^edges\[0\]\.order: 0 is not an order"),
    "order no number": (_change("edges", 0, "order", value=True), r"^edges\[0\]\.order: True is not an order"),
    "order twice": (lambda data: [edge.update(order=7) for edge in data["edges"]], r"^edges\[1\]\.order: there are two edges of the order 7"),
    "type kind": (_change("graph", "types", 9, "kind", value="thing"), r"^graph\.types\[9\]\.kind: 'thing'"),
    "schema": (_change("graph", "types", 9, "properties", "depth", value="FLOAT"), r"^graph\.types\[9\]: .*'FLOAT' is not a value type"),
    "two types": (lambda data: data["graph"]["types"].append(data["graph"]["types"][9]), r"^graph\.types\[10\]: .* already"),
    "system id": (_change("graph", "types", 0, "name", value="Mine"), r"^graph\.types\[0\]: artifact type Mine has id 1"),
    "system name": (_change("graph", "types", 0, "id", value=20), r"^graph\.types\[0\]: artifact type lineage.Dataset has id 20"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_by_its_place(fault: str) -> None:
    spoil, says = FAULTS[fault]
    data = json.loads(dumped(_small()))
    spoil(data)
    with pytest.raises(Invalid, match=says) as caught:
        load(io.BytesIO(json.dumps(data).encode()))
    assert type(caught.value) is Invalid


@pytest.mark.parametrize(
    ("piece", "twice", "says"),
    [
        (b'"edges":[', b'"edges":[],"edges":[', "the file: 'edges' is there twice"),
        (b'"depth":3', b'"depth":4,"depth":3', r"^nodes\[1\]\.properties: 'depth' is there twice"),
        (b'"path":["in",0]', b'"path":["in",0],"path":[]', r"^edges\[0\]: 'path' is there twice"),
        (rb'{\"a\":1}', rb'{\"a\":2,\"a\":1}', r"^nodes\[1\]\.properties\.more: .* has a field twice"),
    ],
)  # fmt: skip
def test_what_is_there_twice_is_refused_rather_than_dropped(
    piece: bytes, twice: bytes, says: str
) -> None:
    text = dumped(_small())
    assert text.count(piece) == 1
    with pytest.raises(Invalid, match=says):
        load(io.BytesIO(text.replace(piece, twice)))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"\xef\xbb\xbf{}", "without a byte order mark"),
        ("{}".encode("utf-16"), "in UTF-8"),
        (b"[" + b"0," * 1_000_000 + b"0]", r"^\[0, .{1,80} is not an object"),
        (b"1" + b"0" * 5_000, "number out of range"),
        (b"", "line 1 column 0"),
        (b'{"nodes": [\n 1,,', "line 2 column 4"),
        (b'{"a": "\\ud800"}', "hex escape"),
        (b"[" * 100_000, "recursion"),
        (b"\xff\xfe", "not JSON"),
        (b"7", "7 is not an object"),
    ],
)
def test_what_is_no_json_is_told_with_line_and_column(text: bytes, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        load(io.BytesIO(text))

"""GraphML read back: our own, what NetworkX made of it, that of other programs, and what attacks a reader."""

import io
import math
import tracemalloc
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings

import lineage
from lineage.errors import Invalid
from lineage.formats import graphml
from lineage.formats.graphml import parsing
from lineage.formats.markup import legal
from lineage.interchange.exporting import batches
from lineage.model.canonical import encode, stored_values
from lineage.model.rows import NodeRow
from lineage.model.values import ProtoAny
from lineage.testing.builders import eventful
from lineage.testing.formats.graphs import Graph, graphs, whole
from lineage.testing.formats.round_trip import (
    Format,
    test_beginning_of_a_file_is_invalid_at_worst,
    test_noise_is_invalid_at_worst,
    test_types_come_before_nodes_before_edges,
)

__all__ = [
    "test_beginning_of_a_file_is_invalid_at_worst",
    "test_noise_is_invalid_at_worst",
    "test_types_come_before_nodes_before_edges",
]


@pytest.fixture
def format() -> Format:  # noqa: A001 - the fixture's name
    return graphml


def written(graph: Graph) -> bytes:
    target = io.BytesIO()
    graphml.dump(graph.batches(), target)
    return target.getvalue()


def loaded(text: bytes) -> Graph:
    return whole(graphml.load(io.BytesIO(text)))


def held(graph: Graph) -> Graph:
    """Return a graph whose texts XML can hold; names of types and properties may be any."""
    return graph._replace(nodes=list(map(_held, graph.nodes)))


def _held(row: NodeRow) -> NodeRow:
    name, external_id, uri = (
        None if each is None else legal(each) for each in (row.name, row.external_id, row.uri)
    )
    return row._replace(
        name=name,
        external_id=external_id,
        uri=uri,
        properties=_held_values(row.properties),
        custom=_held_values(row.custom),
    )


def _held_values(text: str) -> str:
    values = stored_values(text)
    return encode(
        {name: legal(value) if isinstance(value, str) else value for name, value in values.items()}
    )


@settings(max_examples=150)
@given(graphs())
def test_round_trip(graph: Graph) -> None:
    kept = held(graph)
    assert loaded(written(kept)) == tuple(map(list, kept))


def test_what_networkx_writes_of_it_again_is_the_same(store: lineage.Store) -> None:
    # But for empty texts and carriage returns, which NetworkX drops, and custom structs, which become texts.
    schema = {"i": "INT", "d": "DOUBLE", "s": "STRING", "b": "BOOLEAN", "j": "STRUCT", "p": "PROTO"}
    store.put(lineage.ArtifactType(name="Net", version="2", properties=schema))
    values = {"i": -7, "d": math.inf, "s": "]]> \u202e\n", "b": False, "j": {"a": [1]}}
    net = lineage.Artifact(
        type="Net",
        type_version="2",
        name="net",
        properties={**values, "p": ProtoAny("t", b"\x00")},
        custom_properties={"x": 1, "y": math.nan},
    )
    eventful(store.backend)
    with store.run(lineage.Train(), environment=False) as run:
        run.input(net, use="train")
        run.input(net, path=("eval", 0))
    target = io.BytesIO()
    graphml.dump(batches(store.backend), target)
    again = io.BytesIO()
    read: Any = nx.read_graphml(io.BytesIO(target.getvalue()), force_multigraph=True)
    nx.write_graphml(read, again)
    kept, found = loaded(target.getvalue()), loaded(again.getvalue())
    assert found.types == kept.types
    for one, other in zip(found.nodes, kept.nodes, strict=True):
        assert one._replace(custom=other.custom) == other
        assert one.custom == other.custom or '"struct"' in other.custom
    assert sorted(found.edges) == sorted(kept.edges)


def test_a_store_with_a_past_comes_back_with_its_order(store: lineage.Store) -> None:
    eventful(store.backend)
    target = io.BytesIO()
    assert graphml.dump(batches(store.backend), target) == ()
    with lineage.connect("memory:") as copy:
        done = copy.import_from(io.BytesIO(target.getvalue()), format="graphml")
        assert done.losses == ()
        assert done.nodes > 0
        again = io.BytesIO()
        graphml.dump(batches(copy.backend), again)
        assert copy.import_from(io.BytesIO(target.getvalue()), format="graphml").nodes == 0
    kept, found = loaded(target.getvalue()), loaded(again.getvalue())
    assert found.types == kept.types
    assert {row.key for row in found.nodes} == {row.key for row in kept.nodes}
    assert [row[:5] for row in sorted(found.edges)] == [row[:5] for row in sorted(kept.edges)]


def test_ten_million_characters_come_back(store: lineage.Store) -> None:
    text = "x</data>]]>\U0001f600" * 1_000_000
    store.put(lineage.Dataset(uri=text))
    target = io.BytesIO()
    graphml.dump(batches(store.backend), target)
    assert loaded(target.getvalue()).nodes[0].uri == text


# Of other programs


def foreign(graph: Any) -> bytes:
    """Return what NetworkX writes of a graph of somebody's own."""
    target = io.BytesIO()
    nx.write_graphml(graph, target)
    return target.getvalue()


def pipeline() -> Any:
    graph = nx.DiGraph()
    graph.add_node("raw", kind="artifact", type="lineage.Dataset", uri="s3://raw", rows=7)
    graph.add_node(
        "fit", kind="execution", type="Fit", **{"properties.rate": 0.5, "properties.n": 1}
    )
    graph.add_node("fit 2", kind="execution", type="Fit", **{"properties.n": 2})
    graph.add_node("net", kind="artifact", type="lineage.Model", state="LIVE", big=True)
    graph.add_node("all", kind="context", type="Project")
    graph.add_edge("raw", "fit", path='["train"]')
    graph.add_edge("fit", "net", weight=0.5)
    graph.add_edge("all", "fit")
    graph.add_edge("all", "net")
    return graph


def test_a_graph_of_networkx_says_what_its_nodes_are() -> None:
    text = foreign(pipeline())
    with lineage.connect("memory:") as store:
        done = store.import_from(io.BytesIO(text), format="graphml")
        assert (done.types, done.nodes, done.edges) == (2, 5, 4)
        (loss,) = done.losses
        assert "the attribute 'weight' of edges" in loss
        model = store.get(lineage.Model, "net")
        assert (model.state, dict(model.custom_properties)) == ("LIVE", {"big": True})
        assert store.get("lineage.Dataset:raw").custom_properties["rows"] == 7
        assert dict(store.get("Fit:fit").properties) == {"rate": 0.5, "n": 1}
        assert {each.name for each in store.upstream(model).nodes} == {"net", "fit", "raw"}
        assert store.import_from(io.BytesIO(text), format="graphml").nodes == 0


def test_ids_that_are_keys_stay_and_others_follow() -> None:
    graph = nx.DiGraph()
    graph.add_node("artifact:5", type="lineage.Dataset")
    graph.add_node("x", kind="artifact", type="lineage.Dataset")
    rows = loaded(foreign(graph)).nodes
    assert [(str(row.key), row.name) for row in rows] == [("artifact:5", None), ("artifact:6", "x")]


def test_our_own_without_the_types_is_read_as_another_program_s(store: lineage.Store) -> None:
    store.put(lineage.ArtifactType(name="Net", properties={"depth": "INT"}))
    with store.run(lineage.Train(), environment=False) as run:
        run.output(lineage.Artifact(type="Net", properties={"depth": 3}))
    target = io.BytesIO()
    graphml.dump(batches(store.backend), target)
    graph: Any = nx.read_graphml(io.BytesIO(target.getvalue()))
    graph.graph.clear()
    kept, found = loaded(target.getvalue()), loaded(foreign(graph))
    assert [row.key for row in found.nodes] == [row.key for row in kept.nodes]
    assert [row.properties for row in found.nodes] == [row.properties for row in kept.nodes]
    assert [row.created for row in found.nodes] == [row.created for row in kept.nodes]
    assert {row.type.name for row in found.types} >= {"Net", "lineage.Train"}
    assert [row[:5] for row in found.edges] == [row[:5] for row in kept.edges]


HEAD = '<graphml xmlns="http://graphml.graphdrawing.org/xmlns" xmlns:y="http://www.yworks.com/xml/graphml">'
KEYS = """
<key id="k" for="node" attr.name="kind" attr.type="string"><default>artifact</default></key>
<key id="t" for="node" attr.name="type" attr.type="string"/>
<key id="p" for="node" attr.name="properties.n" attr.type="int"/>
<key id="e" for="edge" attr.name="kind" attr.type="string"/>
<key id="y" for="node" yfiles.type="nodegraphics"/>
"""
DATASET = '<data key="t">lineage.Dataset</data>'


def document(inside: str, *, keys: str = KEYS, direction: str = "directed") -> bytes:
    graph = f'<graph edgedefault="{direction}">{inside}</graph>'
    return f"{HEAD}{keys}{graph}</graphml>".encode()


def test_pictures_of_yed_are_left_out_which_is_said() -> None:
    text = document(
        f'<node id="a"><desc>d</desc>{DATASET}<data key="y"><y:ShapeNode><y:Fill color="#f"/>'
        "<y:NodeLabel>kind</y:NodeLabel></y:ShapeNode></data></node>"
    )
    stream = graphml.load(io.BytesIO(text))
    assert [row.name for row in whole(stream).nodes] == ["a"]
    assert [loss.partition(":")[0] for loss in stream.losses] == [
        "descriptions were left out", "data that are elements, as yEd's pictures, were left out",
    ]  # fmt: skip


def test_edges_may_stand_before_nodes_and_namespaces_be_left_out() -> None:
    text = document(
        f'<edge source="a" target="x"/><node id="a">{DATASET}</node>'
        '<node id="x"><data key="k">execution</data><data key="t">Fit</data></node>'
    ).replace(HEAD.encode(), b"<graphml>")
    (edge,) = loaded(text).edges
    assert (str(edge.source), edge.kind.name, str(edge.target)) == (
        "artifact:1",
        "INPUT",
        "execution:1",
    )


NODE = f'<node id="a">{DATASET}</node>'
FAULTS = {
    "no type": ('<node id="a"/>', "line 7, a: the node has no attribute 'type'"),
    "no id": ("<node/>", "line 7: <node> has no 'id'"),
    "two nodes": (NODE + NODE, "line 7, a: there is a node with this id already"),
    "kind": ('<node id="a"><data key="k">thing</data></node>', r"line 7, a"),
    "number": (f'<node id="a">{DATASET}<data key="p">1_0</data></node>', r"line 7, a\.properties\.n: '1_0' is not a whole number"),
    "long number": (f'<node id="a">{DATASET}<data key="p">{"9" * 10_000}</data></node>', r"line 7, a\.properties\.n: '9+.* is not a whole number"),
    "large number": (f'<node id="a">{DATASET}<data key="p">{2**63}</data></node>', r"line 7, a\.properties\.n: .*64 bits"),
    "undeclared": (f'<node id="a">{DATASET}<data key="p">1</data></node>', r"line 7, a\.properties\.n: .*declares no property 'n'"),
    "unknown key": ('<node id="a"><data key="z">1</data></node>', "line 7: no key before has the id 'z'"),
    "no key": ('<node id="a"><data>1</data></node>', "line 7: <data> has no 'key'"),
    "twice": (f'<node id="a">{DATASET}{DATASET}</node>', "line 7: 'type' is there twice"),
    "lost end": (f'{NODE}<edge source="a" target="b"/>', r"line 7, an edge\.target: there is no node 'b' in the file"),
    "no end": (f'{NODE}<edge source="a"/>', "line 7: <edge> has no 'target'"),
    "wrong ends": (f'{NODE}<edge source="a" target="a"/>', "no edge goes from artifacts to artifacts"),
    "edge kind": (f'{NODE}<edge source="a" target="a"><data key="e">READ</data></edge>', r"an edge\.key: 'READ' is not a kind of edge"),
    "undirected": ('<edge source="a" target="b" directed="false"/>', "line 7: an edge is undirected"),
    "hyperedge": ("<hyperedge/>", "line 7: <hyperedge> means nothing in a lineage graph"),
    "port": ('<node id="a"><port name="p"/></node>', "line 7: <port> means nothing"),
    "nested graph": ('<node id="a"><graph/></node>', "line 7: a graph within a node means nothing"),
    "second graph": ("</graph><graph>", "line 7: there is a second graph"),
    "stray": ("<nodes/>", "line 7: <nodes> within <graph> is not GraphML"),
    "foreign": ("<y:node/>", "line 7: <node> within <graph> is not GraphML"),
    "no XML": ("<node id='a'>", "line 7, column .* the file is not XML: mismatched tag"),
    "entity": ('<node id="&evil;"/>', "line 7, column .*: undefined entity"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_by_its_line(fault: str) -> None:
    inside, says = FAULTS[fault]
    with pytest.raises(Invalid, match=says) as caught:
        graphml.load(io.BytesIO(document(inside)))
    assert type(caught.value) is Invalid
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "no element found"),
        (b"<gexf/>", "<gexf> as the outermost element is not GraphML"),
        (document("", keys='<key id="a"/><key id="a"/>'), "two keys with the id 'a'"),
        (document("", keys='<key id="a" attr.type="date"/>'), "'date' is not a type of GraphML"),
        (document("", keys="<key/>"), "<key> has no 'id'"),
        (document("<edge source='a' target='b'/>", direction="undirected"), "an edge is undirected"),
        (b'<?xml version="1.0" encoding="klingon"?><graphml/>', "encoding"),
        (b'<?xml version="1.0" encoding="utf-7"?><graphml/>', "(?i)encoding"),
        (b"\xff\xfe\x00", "not XML"),
    ],
)  # fmt: skip
def test_what_is_no_graphml_is_refused(text: bytes, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        graphml.load(io.BytesIO(text))


def own(change: Any) -> bytes:
    """Return a file of ours whose text was changed."""
    with lineage.connect("memory:") as store:
        store.put(lineage.Dataset(name="data", custom_properties={"n": 1}))
        target = io.BytesIO()
        graphml.dump(batches(store.backend), target)
    return bytes(change(target.getvalue()))


@pytest.mark.parametrize(
    ("piece", "other", "says"),
    [
        (b'">1</data><data', b'">2</data><data', "version 2 of the format is unknown"),
        (b">[{&quot;", b">{&quot;", "types are not JSON"),
        (b"lineage.Dataset</data>", b"Nut</data>", r"line \d+, artifact:1\.type: .* no artifact type Nut"),
        (b"&quot;INT&quot;", b"&quot;NUT&quot;", "has a description that is not ours"),
        (b'attr.name="name"', b'attr.name="rank"', r"line \d+, artifact:1: 'rank' is not a field"),
        (b'id="artifact:1"', b'id="a"', r"line \d+, a\.id: 'a' is not a node's key"),
        (b'<node id="artifact:1">', b'<node id="artifact:1"></node><node id="artifact:1">', "'type' is missing"),
    ],
)  # fmt: skip
def test_a_file_of_ours_that_was_changed_is_refused(piece: bytes, other: bytes, says: str) -> None:
    def change(text: bytes) -> bytes:
        assert piece in text
        return text.replace(piece, other, 1)

    with pytest.raises(Invalid, match=says):
        graphml.load(io.BytesIO(own(change)))


# Attacks


BOMB = (
    b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol">%s]><graphml>&b9;</graphml>"""
    % b"".join(b'<!ENTITY b%d "%s">' % (n, (b"&b%d;" % (n - 1)) * 10) for n in range(1, 10))
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        b'<!DOCTYPE graphml SYSTEM "http://127.0.0.1:9/x.dtd"><graphml/>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><graphml>&x;</graphml>',
        b'<!DOCTYPE a [<!ENTITY % x SYSTEM "file:///etc/hostname"> %x;]><graphml/>',
        b"<!DOCTYPE graphml><graphml/>",
    ],
)
def test_document_types_are_refused_before_an_entity_is_declared(text: bytes) -> None:
    with pytest.raises(Invalid, match=r"^line 1: a document type is refused"):
        graphml.load(io.BytesIO(text))


class Endless(io.RawIOBase):
    """A file that begins somehow and goes on forever."""

    def __init__(self, begins: bytes, goes_on: bytes) -> None:
        super().__init__()
        self._next, self._goes_on = begins, goes_on * 10_000
        self.given = 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0
        piece, self._next = self._next[:size], self._goes_on[:size]
        self.given += len(piece)
        return piece


@pytest.mark.parametrize(
    ("begins", "goes_on", "says"),
    [
        (b'<graphml a="', b"x" * 100, "a tag of more than 1,000,000 bytes is refused"),
        (b"<graphml><!--", b"x" * 100, "a tag of more than 1,000,000 bytes is refused"),
        (b"<", b"x" * 100, "a tag of more than 1,000,000 bytes is refused"),
        (b"<graphml><graph><node id='a'><data key='k'>", b"<a>", "nested more than 100 deep"),
        (b"<graphml><graph><desc>", b"<a xmlns='b'>", "nested more than 100 deep"),
    ],
)
def test_files_without_end_are_refused_within_bounded_memory(
    monkeypatch: pytest.MonkeyPatch, begins: bytes, goes_on: bytes, says: str
) -> None:
    monkeypatch.setattr(parsing, "LARGEST_TAG", 1_000_000)
    source = Endless(begins, goes_on)
    tracemalloc.start()
    try:
        with pytest.raises(Invalid, match=says):
            graphml.load(source)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    assert source.given < 5_000_000

"""GEXF as NetworkX reads it, attribute by attribute."""

import io
import math
import re
from typing import Any
from xml.etree import ElementTree as ET

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lineage
from lineage.answers.names import name_of
from lineage.contract.format import Dumper
from lineage.formats import gexf, streams
from lineage.formats.flat import edge_fields, node_fields
from lineage.formats.markup import legal
from lineage.interchange.exporting import batches
from lineage.testing.builders import eventful
from lineage.testing.formats.dumping import *  # noqa: F403
from lineage.testing.formats.graphs import HOSTILE, Graph, graphs

VIZ = "{http://gexf.net/1.3/viz}"


@pytest.fixture
def format() -> Dumper:  # noqa: A001 - the fixture's name
    return gexf


def read(text: bytes) -> Any:
    """Return what NetworkX reads, which makes a multigraph only where it has to."""
    return nx.MultiDiGraph(nx.read_gexf(io.BytesIO(text)))


def same(given: object, found: object) -> bool:
    if isinstance(given, float):
        both_nan = isinstance(found, float) and math.isnan(given) and math.isnan(found)
        return type(found) is float and (given == found or both_nan)
    return type(given) is type(found) and given == found


@settings(max_examples=60)
@given(graphs())
def test_networkx_reads_every_attribute(graph: Graph) -> None:
    target = io.BytesIO()
    apart = any("several types" in loss for loss in gexf.dump(graph.batches(), target))
    found = read(target.getvalue())
    types = {row.type.id or 0: row.type for row in graph.types}
    assert list(found.nodes) == [str(row.key) for row in graph.nodes]
    for row in graph.nodes:
        attributes = found.nodes[str(row.key)]
        assert attributes["label"] == legal(name_of(row, types))
        assert attributes["start"] == attributes["create_time"]
        for field in node_fields(row, types[row.type_id]):
            kept = legal(field.value) if isinstance(field.value, str) else field.value
            if legal(field.title) == field.title and not (apart and field.group):
                assert same(kept, attributes[field.title]), field
    ends = [(str(edge.source), str(edge.target)) for edge in graph.edges]
    assert sorted(found.edges()) == sorted(ends)
    for edge in graph.edges:
        held = list(found.get_edge_data(str(edge.source), str(edge.target)).values())
        expected = {field.title: field.value for field in edge_fields(edge)}
        assert any(expected.items() <= each.items() for each in held)


@given(st.sampled_from(HOSTILE), st.sampled_from(HOSTILE))
@settings(max_examples=40)
def test_hostile_texts_come_back(name: str, key: str) -> None:
    with lineage.connect("memory:") as store:
        store.put(lineage.Model(name=name, custom_properties={key: name}))
        target = io.BytesIO()
        losses = gexf.dump(batches(store.backend), target)
    attributes = read(target.getvalue()).nodes["artifact:1"]
    assert attributes["name"] == legal(name)
    assert attributes[f"custom_properties.{legal(key)}"] == legal(name)
    assert bool(losses) is (legal(name) != name or legal(key) != key)


def test_numbers_are_spelled_as_gephi_reads_them(store: lineage.Store) -> None:
    values = {"a": math.inf, "b": -math.inf, "c": math.nan, "d": 2**63 - 1, "e": True}
    store.put(lineage.Dataset(custom_properties=values))
    target = io.BytesIO()
    assert gexf.dump(batches(store.backend), target) == ()
    spelled = re.findall(rb'<attvalue for="\d+" value="([^"]*)"/>', target.getvalue())
    assert spelled[-5:] == [b"Infinity", b"-Infinity", b"NaN", b"9223372036854775807", b"true"]


def test_kinds_are_told_apart_by_colour_and_shape(store: lineage.Store) -> None:
    eventful(store.backend)
    target = io.BytesIO()
    gexf.dump(batches(store.backend), target)
    root = ET.fromstring(target.getvalue())
    (graph,) = root.findall("{*}graph")
    assert graph.get("defaultedgetype") == "directed"
    looks: dict[str, set[tuple[str | None, str | None]]] = {}
    for node in root.iter("{http://gexf.net/1.3}node"):
        (color,), (shape,) = node.findall(f"{VIZ}color"), node.findall(f"{VIZ}shape")
        kind = (node.get("id") or "").partition(":")[0]
        looks.setdefault(kind, set()).add((color.get("r"), shape.get("value")))
    assert looks["execution"] == {("224", "square")}
    assert looks["artifact"] == {("74", "disc"), ("187", "disc")}
    assert {shape for _, shape in looks["context"]} == {"diamond"}
    edges = list(root.iter("{http://gexf.net/1.3}edge"))
    assert {edge.get("type") for edge in edges} == {"directed"}
    assert len({edge.get("id") for edge in edges}) == len(edges) > 0


def test_a_graph_larger_than_memory_waits_in_a_file(monkeypatch: Any) -> None:
    monkeypatch.setattr(streams, "IN_MEMORY", 100)
    with lineage.connect("memory:") as store:
        store.put([lineage.Dataset(name=f"data {n}") for n in range(20)])
        target = io.BytesIO()
        gexf.dump(batches(store.backend), target)
    found = read(target.getvalue())
    assert [data["name"] for _, data in found.nodes(data=True)] == [f"data {n}" for n in range(20)]


def test_contexts_alone_are_a_graph_without_edges(store: lineage.Store) -> None:
    store.put(lineage.ContextType(name="Project"))
    store.put([lineage.Context(type="Project", name=name) for name in "ab"])
    target = io.BytesIO()
    assert gexf.dump(batches(store.backend), target) == ()
    assert list(read(target.getvalue()).nodes) == ["context:1", "context:2"]

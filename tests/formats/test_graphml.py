"""GraphML as NetworkX reads it, attribute by attribute."""

import base64
import io
import json
import math
import re
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lineage
from lineage.contract.format import Dumper
from lineage.formats import graphml, streams
from lineage.interchange.exporting import batches
from lineage.model.canonical import stored_values
from lineage.model.rows import edge_of, entity_of
from lineage.model.values import ProtoAny, Struct
from lineage.testing.builders import eventful
from lineage.testing.formats.dumping import *  # noqa: F403
from lineage.testing.formats.graphs import HOSTILE, Graph, graphs


@pytest.fixture
def format() -> Dumper:  # noqa: A001 - the fixture's name
    return graphml


def written(graph: Graph) -> tuple[Any, tuple[str, ...]]:
    """Return a graph as NetworkX reads it, and what was lost."""
    target = io.BytesIO()
    losses = graphml.dump(graph.batches(), target)
    target.seek(0)
    return nx.read_graphml(target, force_multigraph=True), tuple(losses)


def legal(text: str) -> str:
    """Return a text as XML can hold it, character by character."""
    return "".join(
        c if c in "\t\n\r" or (ord(c) >= 32 and ord(c) not in (0xFFFE, 0xFFFF)) else "\ufffd"
        for c in text
    )


def same(given: object, found: object) -> bool:
    if isinstance(given, float):
        both_nan = isinstance(found, float) and math.isnan(given) and math.isnan(found)
        return type(found) is float and (given == found or both_nan)
    if isinstance(given, str):
        return found == legal(given)
    if isinstance(given, ProtoAny):
        return same({"any": [given.type_url, base64.b64encode(given.value).decode()]}, found)
    if isinstance(given, Struct):
        return isinstance(found, str) and json.loads(found) == given.content
    if isinstance(given, dict | list):
        return same(Struct(given), found)
    return type(given) is type(found) and given == found


@settings(max_examples=60)
@given(graphs())
def test_networkx_reads_every_attribute(graph: Graph) -> None:
    found, losses = written(graph)
    types = {row.type.id or 0: row.type for row in graph.types}
    apart = any("several types" in loss for loss in losses)
    assert list(found.nodes) == [str(row.key) for row in graph.nodes]
    for row in graph.nodes:
        node: Any = entity_of(row, types)
        attributes = found.nodes[str(row.key)]
        for name in ("kind", "type", "name", "external_id", "uri", "state", "type_version"):
            value = getattr(node, name, None)
            assert attributes.get(name) == (None if value is None else legal(value)), name
        assert attributes["create_time"].endswith("Z")
        assert attributes.get("gone", False) is row.gone
        assert attributes.get("purged", False) is (row.salt is None)
        for group in ("properties", "custom_properties"):
            values = stored_values(row.properties if group == "properties" else row.custom)
            assert sum(name.startswith(f"{group}.") for name in attributes) == len(values)
            for name, value in values.items():
                if not apart and legal(name) == name:
                    assert same(value, attributes[f"{group}.{name}"])
    assert len(found.edges) == len(graph.edges)
    for edge in map(edge_of, graph.edges):
        if isinstance(edge, lineage.Event):
            ends = [str(edge.artifact), str(edge.execution)]
            ends = ends[::-1] if edge.type.is_output else ends
            held = [each["kind"] for each in found.get_edge_data(*ends).values()]
            assert edge.type.name in held


@given(st.sampled_from(HOSTILE), st.sampled_from(HOSTILE))
@settings(max_examples=40)
def test_hostile_texts_come_back(name: str, key: str) -> None:
    with lineage.connect("memory:") as store:
        store.put(lineage.Model(name=name, custom_properties={key: name}))
        target = io.BytesIO()
        losses = graphml.dump(batches(store.backend), target)
    found: Any = nx.read_graphml(io.BytesIO(target.getvalue()))
    attributes = found.nodes["artifact:1"]
    assert attributes["name"] == legal(name)
    # Expat leaves line ends and tabs that came as references as they are, in attributes too.
    assert attributes[f"custom_properties.{legal(key)}"] == legal(name)
    assert bool(losses) is (legal(name) != name or legal(key) != key)


def test_a_loss_is_told_once_with_its_count_and_a_place(store: lineage.Store) -> None:
    store.put([lineage.Dataset(uri=f"s3://{n}\x00") for n in range(3)])
    losses = graphml.dump(batches(store.backend), io.BytesIO())
    assert losses == (
        "characters that XML cannot hold became U+FFFD: 3 times, first in artifact:1",
    )


def test_one_name_of_several_types_becomes_several_attributes(store: lineage.Store) -> None:
    for value in (1, "one", 1.0, True):
        store.put(lineage.Dataset(custom_properties={"n": value, "n:long": "mine"}))
    target = io.BytesIO()
    (loss,) = graphml.dump(batches(store.backend), target)
    assert loss.startswith("values of several types became attributes of their own")
    names = re.findall(rb'attr.name="([^"]*)"', target.getvalue())
    assert len(set(names)) == len(names)
    found: Any = nx.read_graphml(io.BytesIO(target.getvalue()))
    assert found.nodes["artifact:1"]["custom_properties.n:long"] == "mine"
    assert found.nodes["artifact:1"]["custom_properties.n:long_"] == 1
    assert found.nodes["artifact:2"]["custom_properties.n:string"] == "one"
    assert found.nodes["artifact:3"]["custom_properties.n:double"] == 1.0
    assert found.nodes["artifact:4"]["custom_properties.n:boolean"] is True


def test_a_name_that_xml_holds_is_kept_beside_one_that_becomes_it(store: lineage.Store) -> None:
    store.put(lineage.Dataset(custom_properties={"a\0": 1, "a\ufffd": 2}))
    target = io.BytesIO()
    graphml.dump(batches(store.backend), target)
    found: Any = nx.read_graphml(io.BytesIO(target.getvalue()))
    assert found.nodes["artifact:1"]["custom_properties.a\ufffd"] == 2
    assert found.nodes["artifact:1"]["custom_properties.a\ufffd_"] == 1


def test_numbers_are_spelled_as_xml_schema_does(store: lineage.Store) -> None:
    store.put(lineage.Dataset(custom_properties={"a": math.inf, "b": -math.inf, "c": math.nan}))
    target = io.BytesIO()
    assert graphml.dump(batches(store.backend), target) == ()
    for spelled in (b">INF<", b">-INF<", b">NaN<"):
        assert spelled in target.getvalue()


def test_of_a_store_with_a_past(store: lineage.Store) -> None:
    eventful(store.backend)
    target = io.BytesIO()
    graphml.dump(batches(store.backend), target)
    found: Any = nx.read_graphml(io.BytesIO(target.getvalue()))
    assert found.nodes["artifact:1"]["purged"] is True
    assert found.nodes["artifact:1"]["type"] == "lineage.Dataset"


def test_a_graph_larger_than_memory_waits_in_a_file(monkeypatch: Any) -> None:
    monkeypatch.setattr(streams, "IN_MEMORY", 100)
    with lineage.connect("memory:") as store:
        store.put([lineage.Dataset(name=f"data {n}") for n in range(20)])
        target = io.BytesIO()
        graphml.dump(batches(store.backend), target)
    found: Any = nx.read_graphml(io.BytesIO(target.getvalue()))
    assert [data["name"] for _, data in found.nodes(data=True)] == [f"data {n}" for n in range(20)]

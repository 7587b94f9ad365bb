"""Cytoscape.js JSON, by its documented form; NetworkX reads only what it wrote itself."""

import io
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings

import lineage
from lineage.contract.format import Dumper
from lineage.formats import cytoscape
from lineage.formats.flat import edge_fields, node_fields
from lineage.interchange.exporting import batches
from lineage.testing.builders import eventful
from lineage.testing.formats.dumping import *  # noqa: F403
from lineage.testing.formats.graphs import HOSTILE, Graph, graphs


@pytest.fixture
def format() -> Dumper:  # noqa: A001 - the fixture's name
    return cytoscape


def written(store: lineage.Store) -> tuple[Any, tuple[str, ...]]:
    """Return the document of a whole store, and what was lost."""
    target = io.BytesIO()
    losses = cytoscape.dump(batches(store.backend), target)
    return json.loads(target.getvalue(), parse_constant=pytest.fail), tuple(losses)


@settings(max_examples=60)
@given(graphs())
def test_every_field_is_an_elements_data(graph: Graph) -> None:
    target = io.BytesIO()
    cytoscape.dump(graph.batches(), target)
    document = json.loads(target.getvalue(), parse_constant=pytest.fail)
    types = {row.type.id or 0: row.type for row in graph.types}
    nodes, edges = document["elements"]["nodes"], document["elements"]["edges"]
    for row, node in zip(graph.nodes, nodes, strict=True):
        data = node["data"]
        assert data.pop("id") == str(row.key)
        assert data.pop("label")
        expected = {field.title: field.value for field in node_fields(row, types[row.type_id])}
        assert data.keys() == expected.keys()
        for name, value in expected.items():
            infinite = isinstance(value, float) and not math.isfinite(value)
            assert data[name] == value or (infinite and isinstance(data[name], str))
    for edge, found in zip(graph.edges, edges, strict=True):
        expected = {field.title: field.value for field in edge_fields(edge)}
        ends = {"source": str(edge.source), "target": str(edge.target)}
        assert found["data"].pop("id")
        assert found["data"] == {**expected, **ends}


def test_ids_are_unique_among_nodes_and_edges(store: lineage.Store) -> None:
    eventful(store.backend)
    document, _ = written(store)
    assert document["data"] == {"name": "lineage", "transaction": store.backend.now()}
    nodes, edges = document["elements"]["nodes"], document["elements"]["edges"]
    ids = [each["data"]["id"] for each in [*nodes, *edges]]
    assert len({*ids}) == len(ids) == len(nodes) + len(edges)
    assert {each["data"][end] for each in edges for end in ("source", "target")} <= {*ids}


def test_classes_tell_kinds_and_what_is_gone(store: lineage.Store) -> None:
    kept, lost, purged = store.put([lineage.Dataset(name=name) for name in ("a", "b", "c")])
    store.delete(lost)
    store.purge(purged, reason="asked for")
    document, _ = written(store)
    classes = {each["data"]["id"]: each["classes"] for each in document["elements"]["nodes"]}
    assert classes[str(kept.key)] == "artifact"
    assert classes[str(lost.key)] == "artifact gone"
    assert classes[str(purged.key)].startswith("artifact")
    assert classes[str(purged.key)].endswith("purged")


def test_no_text_ends_a_script_or_leaves_ascii(store: lineage.Store) -> None:
    texts = [*HOSTILE, "</script><!--", "\u2028"]
    store.put([lineage.Model(name=text, custom_properties={text: text}) for text in texts])
    target = io.BytesIO()
    assert cytoscape.dump(batches(store.backend), target) == ()
    assert target.getvalue().isascii()
    assert b"<" not in target.getvalue()
    nodes = json.loads(target.getvalue())["elements"]["nodes"]
    assert [each["data"]["name"] for each in nodes] == texts
    assert [
        each["data"][f"custom_properties.{text}"] for each, text in zip(nodes, texts, strict=True)
    ] == texts


def test_numbers_that_json_or_javascript_lacks_are_reported(store: lineage.Store) -> None:
    values = {"a": math.inf, "b": -math.inf, "c": math.nan, "d": 2**53 + 1}
    store.put(lineage.Dataset(custom_properties=values))
    document, losses = written(store)
    data = document["elements"]["nodes"][0]["data"]
    assert [data[f"custom_properties.{name}"] for name in values] == [
        "Infinity", "-Infinity", "NaN", 2**53 + 1,
    ]  # fmt: skip
    assert [loss.partition(":")[2] for loss in losses] == [
        " 3 times, first in artifact:1", " once, in artifact:1",
    ]  # fmt: skip

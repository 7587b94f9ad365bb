"""DOT, read by Graphviz itself."""

import io
from typing import Any

import pytest

import lineage
from lineage.contract.format import Dumper
from lineage.formats import dot
from lineage.interchange.exporting import batches
from lineage.model.texts import printable
from lineage.store import Store
from lineage.testing.builders import eventful
from lineage.testing.formats.dumping import *  # noqa: F403
from lineage.testing.formats.graphs import HOSTILE
from tests.formats.readers import graphviz


@pytest.fixture
def format() -> Dumper:  # noqa: A001 - the fixture's name
    return dot


def picture(store: Store) -> bytes:
    target = io.BytesIO()
    assert dot.dump(batches(store.backend), target) == ()
    return target.getvalue()


def drawn(element: dict[str, Any]) -> list[str]:
    """Return the lines of text that Graphviz draws for an element."""
    return [step["text"] for step in element.get("_ldraw_", []) if step["op"] == "T"]


def test_hostile_labels_are_drawn_as_they_are(store: Store) -> None:
    store.put([lineage.Model(name=name) for name in HOSTILE])
    store.put(lineage.ContextType(name='T"]\\'))
    store.put([lineage.Context(type='T"]\\', name=name) for name in HOSTILE])
    found = graphviz(picture(store))
    assert len(found["objects"]) == 2 * len(HOSTILE)
    lines = {element["name"]: drawn(element) for element in found["objects"]}
    for number, name in enumerate(HOSTILE, start=1):
        said = printable(name, limit=60)
        assert lines[f"artifact:{number}"] == ["lineage.Model", said]
        assert lines[f"context:{number}"] == ['T"]\\', said]


def test_shapes_edges_and_direction(store: Store) -> None:
    eventful(store.backend)
    found = graphviz(picture(store))
    assert found["rankdir"] == "LR"
    shapes = {element["name"]: element["shape"] for element in found["objects"]}
    assert {key.partition(":")[0]: shape for key, shape in shapes.items()} == {
        "artifact": "ellipse", "execution": "box", "context": "folder",
    }  # fmt: skip
    names = {element["_gvid"]: element["name"] for element in found["objects"]}
    edges = {
        (names[edge["tail"]], names[edge["head"]], edge.get("label") or None, edge.get("style"))
        for edge in found["edges"]
    }
    assert ("artifact:1", "execution:1", None, None) in edges
    assert ("artifact:1", "execution:1", "DECLARED_INPUT", None) in edges
    assert ("context:1", "execution:1", None, "dashed") in edges
    assert len(edges) == len(store.backend.edges([*map(lineage.NodeKey.parse, shapes)]))
    gone = {element["name"]: drawn(element) for element in found["objects"]}
    assert gone["artifact:1"] == ["lineage.Dataset", "(purged)"]


def test_deleted_nodes_say_so_and_look_otherwise(store: Store) -> None:
    kept, lost = store.put([lineage.Dataset(name=name) for name in ("kept", "lost")])
    store.delete(lost)
    found = {each["name"]: each for each in graphviz(picture(store))["objects"]}
    assert drawn(found[str(kept.key)]) == ["lineage.Dataset", "kept"]
    assert drawn(found[str(lost.key)]) == ["lineage.Dataset", "lost", "(deleted)"]
    styles = [found[str(each.key)]["style"] for each in (kept, lost)]
    assert styles == ["filled", "filled,dashed"]


def test_long_labels_are_cut(store: Store) -> None:
    store.put(lineage.Model(name="x" * 10_000_000))
    assert len(picture(store)) < 1000

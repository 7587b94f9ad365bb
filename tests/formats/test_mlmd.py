"""ML Metadata's files: what is written is read again, but for what they cannot hold."""

from __future__ import annotations

import io
import math
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings

import lineage
from lineage.formats import mlmd
from lineage.mlmd.missing import MISSING
from lineage.model.canonical import encode, stored_values
from lineage.model.keys import NodeKey
from lineage.model.paths import first_path, path_text
from lineage.model.rows import EVENT_KINDS, EdgeRow, NodeRow
from lineage.model.values import NO_PROPERTIES, ProtoAny, Struct, Value
from lineage.testing.builders import eventful, writing
from lineage.testing.formats.graphs import Graph, graphs, whole

NONE = encode(NO_PROPERTIES)


def again(graph: Graph) -> Graph:
    """Return what a file holds that a graph was written to."""
    target = io.BytesIO()
    mlmd.dump(graph.batches(), target)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "mlmd.db"
        path.write_bytes(target.getvalue())
        with mlmd.connect(str(path)) as database:
            return whole(database.batches())


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A file of a store that has something in each table."""
    path = tmp_path / "mlmd.db"
    with lineage.connect("memory:") as store:
        eventful(store.backend)
        store.export_to(path, format="mlmd")
    return path


def test_the_total_counts_all_that_comes(tmp_path: Path) -> None:
    path = str(tmp_path / "mlmd.db")
    with lineage.connect("memory:") as store:
        with writing(store.backend) as new:
            data, run = new.artifact(), new.execution()
            part, parent = (new.context(name=name) for name in "ab")
            new.path(data, run)
            new.path(parent, part, data)
            new.edge(part, run)
        store.export_to(path, format="mlmd")
    with mlmd.connect(path) as database:
        came = [len(rows) for batch in database.batches() for rows in batch]
        assert database.total == sum(came)


def test_what_a_deleted_node_belonged_to_is_left_out_with_it(tmp_path: Path) -> None:
    path = str(tmp_path / "mlmd.db")
    with lineage.connect("memory:") as store:
        with writing(store.backend) as new:
            part, data = new.context(name="part"), new.artifact()
            new.path(part, data)
        store.delete(data)
        losses = store.export_to(path, format="mlmd")
    assert losses == ("a deleted node was left out: once, in artifact:1",)
    with mlmd.connect(path) as database:
        found = whole(database.batches())
        assert database.losses() == ()
    assert ([row.key for row in found.nodes], found.edges) == ([part], [])


def test_ends_that_no_node_can_be_are_left_out(written: Path) -> None:
    with closing(sqlite3.connect(written)) as connection, connection:
        (count,) = connection.execute("SELECT count(*) FROM Event").fetchone()
        for number in (0, 2**60, 2**60 - 1):
            event = (number, 1, 3)
            connection.execute(
                "INSERT INTO Event (artifact_id, execution_id, type) VALUES (?, ?, ?)", event
            )
    with mlmd.connect(str(written)) as database:
        found = whole(database.batches())
        losses = database.losses()
    events = [row for row in found.edges if row.kind in EVENT_KINDS]
    assert len(events) == count + 1
    assert any("left out: 2 times" in loss for loss in losses)
    (lost,) = [row.key for row in found.nodes if row.gone and row.key.id == 2**60 - 1]
    assert lost in {end for row in events for end in row[:2]}


@pytest.mark.parametrize(
    ("kind", "levels", "told"), [("{}", 28, False), ("{}", 29, True), ("[]", 28, True)]
)
def test_a_struct_that_becomes_text_is_told(kind: str, levels: int, told: bool) -> None:
    struct: Any = {} if kind == "{}" else []
    for _ in range(levels - 1):
        struct = {"a": struct} if kind == "{}" else [struct]
    with lineage.connect("memory:") as store:
        store.put(lineage.Model(custom_properties={"deep": struct}))
        losses = store.export_to(io.BytesIO(), format="mlmd")
    assert any("more than 28 levels" in loss for loss in losses) is told


@settings(max_examples=80)
@given(graphs())
def test_what_is_written_is_read_again(graph: Graph) -> None:
    found = again(graph)
    missing = {row.type.id for row in found.types if row.type.name == MISSING}
    assert [said(row.type) for row in found.types if row.type.id not in missing] == [
        said(row.type) for row in graph.types
    ]
    events = {end for row in graph.edges if row.kind in EVENT_KINDS for end in row[:2]}
    gone = {row.key for row in graph.nodes if row.gone}
    nodes = {row.key: row for row in found.nodes}
    assert nodes.keys() == {row.key for row in graph.nodes if row.key not in gone - events}
    for row in graph.nodes:
        if row.key not in gone:
            assert nodes[row.key] == held(row)
        elif row.key in events:
            assert (nodes[row.key].gone, nodes[row.key].type_id in missing) == (True, True)
    assert sorted(found.edges) == [
        held_edge(row) for row in graph.edges if row.kind in EVENT_KINDS or not at(row, gone)
    ]


def said(each: Any) -> Any:
    """Return what a file keeps of a type; input and output types are MLMD's own messages there."""
    texts = (each.name, each.version or None, None if each.id < 10 else each.description)
    return (
        each.id,
        *(text and text.replace("\0", "\ufffd") for text in (*texts, each.external_id)),
        {name.replace("\0", "\ufffd"): value for name, value in each.properties.items()},
    )


def at(row: EdgeRow, keys: set[NodeKey]) -> bool:
    return not keys.isdisjoint((row.source, row.target))


def held(row: NodeRow) -> NodeRow:
    """Return a node as the file holds it."""
    return row._replace(
        name=own_text(row.name, row.key),
        external_id=own_text(row.external_id, row.key),
        uri=(row.uri or "").replace("\0", "\ufffd") or None,
        properties=held_values(row.properties),
        custom=held_values(row.custom),
        created=row.created // 1000 * 1000,
        updated=row.updated // 1000 * 1000,
    )


def own_text(text: str | None, key: NodeKey) -> str | None:
    if text is None or "\0" not in text:
        return text
    return f"{text.replace(chr(0), chr(0xFFFD))} ({key.id})"


def held_edge(row: EdgeRow) -> EdgeRow:
    row = row._replace(paths=path_text(first_path(row.paths)))
    return row if row.time is None else row._replace(time=row.time // 1000 * 1000)


def held_values(text: str) -> str:
    values = {name: held_value(value) for name, value in stored_values(text).items()}
    return encode(
        {name.replace("\0", "\ufffd"): value for name, value in values.items() if value is not None}
    )


def held_value(value: Value | Struct) -> Value | None:
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, str):
        plain = value.replace("\0", "\ufffd")
        return f" {plain}" if plain.startswith("mlmd-struct::") else plain
    if isinstance(value, ProtoAny):
        return value if value.type_url else value._replace(type_url="unknown")
    if isinstance(value, float):
        return value + 0.0  # SQLite has no -0.0
    if isinstance(value, bool | int):
        return value
    content: object = value.content if isinstance(value, Struct) else value
    held_struct: Value = doubles(content if isinstance(content, dict) else {"value": content})
    return held_struct


def doubles(item: Any) -> Any:
    """Return JSON as protobuf's structs hold it, whose numbers are doubles."""
    if isinstance(item, dict):
        return {name: doubles(each) for name, each in item.items()}
    if isinstance(item, list):
        return [doubles(each) for each in item]
    if isinstance(item, bool) or not isinstance(item, int):
        return item
    try:
        return float(item)
    except OverflowError:
        return math.copysign(math.inf, item)

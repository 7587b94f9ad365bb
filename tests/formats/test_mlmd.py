"""ML Metadata's files: what is written is read again, but for what they cannot hold."""

from __future__ import annotations

import io
import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings

from lineage.formats import mlmd
from lineage.mlmd.missing import MISSING
from lineage.model.canonical import encode, stored_values
from lineage.model.keys import NodeKey
from lineage.model.paths import first_path, path_text
from lineage.model.rows import EVENT_KINDS, EdgeRow, NodeRow
from lineage.model.values import NO_PROPERTIES, ProtoAny, Struct, Value
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

"""Answers as graphs and tables of other libraries, which are imported when asked for.

Everywhere a property `x` is called `properties.x`, a custom one `custom_properties.x`, so that none
collides with what every node has.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from pydantic_core import to_json

from lineage.errors import MissingExtra
from lineage.model.entities import Edge, Event, Node
from lineage.model.keys import NodeKey
from lineage.model.paths import Path
from lineage.model.rows import edge_key
from lineage.model.values import ProtoAny, Value, ValueType, kind_of

if TYPE_CHECKING:
    import networkx
    import pandas
    import pyarrow

__all__ = [
    "ColumnType",
    "Frames",
    "Tables",
    "edges_frame",
    "frame_of",
    "json_of",
    "made_frame",
    "nodes_frame",
    "records_frame",
    "table_of",
    "to_arrow",
    "to_networkx",
    "to_pandas",
]

ColumnType: TypeAlias = Literal["text", "int", "float", "bool", "time", "flag", "count", "any"]
"""What a column holds; the values of a flag and of a count are never absent."""
_MOST_EXACT = 2**53
"""Whole numbers beyond this are not all floats."""
_NODE_COLUMNS: dict[str, ColumnType] = {
    "key": "text",
    "kind": "text",
    "id": "count",
    "type": "text",
    "type_version": "text",
    "name": "text",
    "external_id": "text",
    "uri": "text",
    "state": "text",
    "gone": "flag",
    "create_time": "time",
    "update_time": "time",
    "distance": "count",
}
_EDGE_COLUMNS: dict[str, ColumnType] = {
    "source": "text",
    "target": "text",
    "kind": "text",
    "path": "any",
    "paths": "any",
    "time": "time",
}
_COLUMN_TYPES: dict[ValueType, ColumnType] = {
    ValueType.BOOLEAN: "bool",
    ValueType.INT: "int",
    ValueType.DOUBLE: "float",
    ValueType.STRING: "text",
}


class Frames(NamedTuple):
    """A subgraph as two pandas frames."""

    nodes: pandas.DataFrame
    edges: pandas.DataFrame


class Tables(NamedTuple):
    """A subgraph as two Arrow tables."""

    nodes: pyarrow.Table
    edges: pyarrow.Table


class TableColumn(NamedTuple):
    """A column's values in order, None where there is none, and what they are."""

    type: ColumnType
    values: list[Any]


def to_networkx(
    nodes: Sequence[Node], edges: Sequence[Edge], distances: Mapping[NodeKey, int]
) -> networkx.MultiDiGraph[str]:
    """Return a graph whose nodes are keys as text, with their content as attributes.

    An edge's key is its kind, such as INPUT; events have `paths`, the first as `path` too, and `time`. What was
    not recorded is absent. Property values are those of the node, times aware datetimes.
    """
    import networkx

    graph: networkx.MultiDiGraph[str] = networkx.MultiDiGraph()
    for node in nodes:
        graph.add_node(str(node.key), **_content(node), distance=distances[node.key])
    for edge in edges:
        key = edge_key(edge)
        graph.add_edge(str(key.source), str(key.target), key=key.kind.name, **_event(edge))
    return graph


def to_pandas(
    nodes: Sequence[Node], edges: Sequence[Edge], distances: Mapping[NodeKey, int]
) -> Frames:
    """Return a frame of nodes, a column for each property, and one of edges.

    Texts, whole numbers and booleans may be missing; of a float's column NaN says that too. Times
    are UTC in microseconds. A column with structs, protobuf messages or values of several types
    holds the objects; one of whole numbers and floats holds floats where these are exact.
    """
    return Frames(_frame(_node_columns(nodes, distances), len(nodes)), edges_frame(edges))


def frame_of(columns: Mapping[str, list[Any]], height: int) -> pandas.DataFrame:
    """Return one frame of columns of values and aware times, each of the narrowest type that holds them."""
    return _frame({name: _narrowest(values) for name, values in columns.items()}, height)


def table_of(columns: Mapping[str, list[Any]]) -> pyarrow.Table:
    """Return one Arrow table of columns of values and aware times, each of the narrowest type that holds them."""
    return _table({name: _narrowest(values) for name, values in columns.items()})


def _narrowest(values: list[Any]) -> TableColumn:
    is_time = any(isinstance(value, datetime) for value in values)
    return TableColumn("time", values) if is_time else _of_properties(values)


def nodes_frame(nodes: Sequence[Node]) -> pandas.DataFrame:
    """Return such a frame of nodes that are at no distance from anything."""
    fixed = {name: kind for name, kind in _NODE_COLUMNS.items() if name != "distance"}
    return records_frame([{"key": str(node.key), **_content(node)} for node in nodes], fixed)


def edges_frame(edges: Sequence[Edge]) -> pandas.DataFrame:
    """Return such a frame of edges."""
    return _frame(_edge_columns(edges), len(edges))


def made_frame(
    made: Sequence[tuple[Node, Mapping[str, object]]], fixed: Mapping[str, ColumnType]
) -> pandas.DataFrame:
    """Return a frame of nodes, by key, type, name and URI, with what an answer says of each in further columns."""
    records = [
        {
            "key": str(node.key),
            "type": node.type,
            "name": node.name,
            "uri": getattr(node, "uri", None),
            **said,
        }
        for node, said in made
    ]
    return records_frame(
        records, {**dict.fromkeys(("key", "type", "name", "uri"), "text"), **fixed}
    )


def records_frame(
    records: Sequence[Mapping[str, Any]], fixed: Mapping[str, ColumnType]
) -> pandas.DataFrame:
    """Return a frame of records: the fixed columns first, then a column for each other name, as narrow as its values."""
    return _frame(_columns(records, fixed), len(records))


def _frame(columns: Mapping[str, TableColumn], height: int) -> pandas.DataFrame:
    try:
        import pandas
    except ImportError as error:
        raise _missing("pandas") from error
    made = {
        name: pandas.Series(column.values, dtype=_PANDAS_TYPES[column.type])
        for name, column in columns.items()
    }
    return pandas.DataFrame(made, index=pandas.RangeIndex(height))


_PANDAS_TYPES: dict[ColumnType, Any] = {
    "text": "string",
    "int": "Int64",
    "float": "float64",
    "bool": "boolean",
    "time": "datetime64[us, UTC]",
    "flag": "bool",
    "count": "int64",
    "any": "object",
}


def to_arrow(
    nodes: Sequence[Node], edges: Sequence[Edge], distances: Mapping[NodeKey, int]
) -> Tables:
    """Return a table of nodes, a column for each property, and one of edges.

    What is absent is null. Times are UTC in microseconds. A column with structs, protobuf messages
    or values of several types holds each as JSON text (a message as its `type_url` and its bytes in
    base64), and so do the edges' `path` and `paths`; one of whole numbers and floats holds floats where
    these are exact.
    """
    return Tables(_table(_node_columns(nodes, distances)), _table(_edge_columns(edges)))


def _table(columns: Mapping[str, TableColumn]) -> pyarrow.Table:
    try:
        import pyarrow
    except ImportError as error:
        raise _missing("arrow") from error
    arrow_types = {
        "text": pyarrow.string(),
        "int": pyarrow.int64(),
        "float": pyarrow.float64(),
        "bool": pyarrow.bool_(),
        "time": pyarrow.timestamp("us", tz="UTC"),
        "flag": pyarrow.bool_(),
        "count": pyarrow.int64(),
        "any": pyarrow.string(),
    }
    arrays = [
        pyarrow.array(
            [json_of(value) for value in column.values] if column.type == "any" else column.values,
            type=arrow_types[column.type],
            # Else a float column's NaN may be taken for an absent value, as pandas does.
            from_pandas=False,
        )
        for column in columns.values()
    ]
    return pyarrow.table(arrays, names=list(columns))


def _missing(extra: str) -> MissingExtra:
    return MissingExtra(
        f"{extra} tables need a library that is not installed: pip install 'lineage-graph[{extra}]'"
    )


def _content(node: Node) -> dict[str, Any]:
    """Return what is known of a node, but for its key, by the names of columns."""
    state = getattr(node, "state", None)
    content: dict[str, Any] = {
        "kind": str(node.kind),
        "id": node.id,
        "type": node.type,
        "type_version": node.type_version,
        "name": node.name,
        "external_id": node.external_id,
        "uri": getattr(node, "uri", None),
        "state": None if state is None else str(state),
        "gone": node.gone,
        "create_time": node.create_time,
        "update_time": node.update_time,
    }
    for kind in ("properties", "custom_properties"):
        content |= {f"{kind}.{name}": value for name, value in getattr(node, kind).items()}
    return {name: value for name, value in content.items() if value is not None}


def _event(edge: Edge) -> dict[str, Path | tuple[Path, ...] | datetime]:
    """Return what an event says beside its ends and its kind."""
    said: dict[str, Path | tuple[Path, ...] | datetime] = {}
    if isinstance(edge, Event):
        if edge.path:
            said["path"] = edge.path
        if edge.paths:
            said["paths"] = edge.paths
        if edge.time is not None:
            said["time"] = edge.time
    return said


def _node_columns(
    nodes: Sequence[Node], distances: Mapping[NodeKey, int]
) -> dict[str, TableColumn]:
    contents = [
        {"key": str(node.key), **_content(node), "distance": distances[node.key]} for node in nodes
    ]
    return _columns(contents, _NODE_COLUMNS)


def _edge_columns(edges: Sequence[Edge]) -> dict[str, TableColumn]:
    contents = []
    for edge in edges:
        key = edge_key(edge)
        ends = {"source": str(key.source), "target": str(key.target), "kind": key.kind.name}
        contents.append({**ends, **_event(edge)})
    return _columns(contents, _EDGE_COLUMNS)


def _columns(
    contents: Sequence[Mapping[str, Any]], fixed: Mapping[str, ColumnType]
) -> dict[str, TableColumn]:
    """Turn records into columns: the fixed ones, then properties, then custom ones, by name."""
    columns = {
        name: TableColumn(column_type, [None] * len(contents))
        for name, column_type in fixed.items()
    }
    names = {name for content in contents for name in content}.difference(fixed)
    for name in sorted(names, key=lambda each: (each.startswith("custom_"), each)):
        columns[name] = TableColumn("any", [None] * len(contents))
    for place, content in enumerate(contents):
        for name, value in content.items():
            columns[name].values[place] = value
    return {
        name: column if name in fixed else _of_properties(column.values)
        for name, column in columns.items()
    }


def _of_properties(values: list[Value | None]) -> TableColumn:
    """Return the narrowest column that holds a property's values as they are."""
    given = [value for value in values if value is not None]
    kinds = {kind_of(value) for value in given}
    if kinds == {ValueType.INT, ValueType.DOUBLE} and all(map(_is_exact, given)):
        kinds = {ValueType.DOUBLE}
    return TableColumn(_COLUMN_TYPES.get(kinds.pop(), "any") if len(kinds) == 1 else "any", values)


def _is_exact(value: Value) -> bool:
    return not isinstance(value, int) or abs(value) <= _MOST_EXACT


def json_of(value: Value | None) -> str | None:
    """Return a value as JSON text, a protobuf message by its type and its bytes in base64; None for none."""
    if value is None:
        return None
    if isinstance(value, ProtoAny):
        said = {"type_url": value.type_url, "value": base64.b64encode(value.value).decode()}
        return to_json(said).decode()
    return to_json(value, inf_nan_mode="constants").decode()

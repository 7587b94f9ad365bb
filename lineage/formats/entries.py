"""Nodes, edges and types as JSON objects: from rows, as text and fast, and from entities.

Both say the same in the same words. Times are RFC 3339 in UTC with microseconds, states and kinds
of edge go by name, property maps are as `lineage.model.values` keeps them at rest. What is absent is left
out. An event with several paths has them all as `paths`, and the first as `path`. The text of a row is
one line, and has an edge's place among all as `order`, which entities do not tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

from pydantic_core import from_json, to_json

from lineage.errors import Corrupt
from lineage.model.canonical import encode
from lineage.model.entities import ArtifactState, Edge, Event, ExecutionState, Node
from lineage.model.keys import Kind
from lineage.model.paths import path_text, paths_of
from lineage.model.rows import EdgeKind, EdgeRow, NodeRow, edge_key
from lineage.model.schema import AnyType
from lineage.model.times import from_micros

__all__ = [
    "STATES",
    "NodeTexts",
    "edge_data",
    "edge_texts",
    "node_data",
    "time_text",
    "type_data",
    "type_texts",
]

_KINDS = {kind: kind.value for kind in Kind}
_EDGE_NAMES = {kind: kind.name for kind in EdgeKind}
STATES: dict[Kind, tuple[ArtifactState, ...] | tuple[ExecutionState, ...]] = {
    Kind.ARTIFACT: tuple(ArtifactState),
    Kind.EXECUTION: tuple(ExecutionState),
    Kind.CONTEXT: (),
}
"""The states of each kind of node, by their numbers in rows."""


def time_text(moment: datetime) -> str:
    """Return a UTC time as RFC 3339, with all six digits of its microseconds."""
    return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


class NodeTexts:
    """Writes rows of nodes, of these types by id, as JSON objects in one line."""

    def __init__(self, types: Mapping[int, AnyType]) -> None:
        self._types = types
        self._heads: dict[int, str] = {}

    def _head(self, type_id: int) -> str:
        """Return what all nodes of a type have in common."""
        found = self._heads.get(type_id)
        if found is None:
            node_type = self._types.get(type_id)
            if node_type is None:
                raise Corrupt(f"there is no type {type_id}; run a check of the store")
            fields = {"kind": node_type.kind, "type": node_type.name}
            if node_type.version is not None:
                fields["type_version"] = node_type.version
            found = self._heads[type_id] = to_json(fields).decode()[1:-1]
        return found

    def of(self, rows: Iterable[NodeRow]) -> list[str]:
        """Return rows as texts."""
        return list(map(self._text, rows))

    def _text(self, row: NodeRow) -> str:
        (kind, number), type_id, name, external_id, uri, state, properties, custom, *_ = row
        text = f'{{"id":"{_KINDS[kind]}:{number}",{self._heads.get(type_id) or self._head(type_id)}'
        if name is not None:
            text += f',"name":{encode_basestring(name)}'
        if external_id is not None:
            text += f',"external_id":{encode_basestring(external_id)}'
        if uri is not None:
            text += f',"uri":{encode_basestring(uri)}'
        if state is not None:
            text += f',"state":"{STATES[kind][state]}"'
        text += f',"properties":{properties},"custom_properties":{custom}{_times(row.created, row.updated)}'
        if row.gone or row.salt is None:
            text += _ending(gone=row.gone, purged=row.salt is None)
        return text + "}"


@lru_cache(maxsize=4096)  # many rows are of one transaction
def _times(created: int, updated: int) -> str:
    return (
        f',"create_time":"{time_text(from_micros(created))}"'
        f',"update_time":"{time_text(from_micros(updated))}"'
    )


def _ending(*, gone: bool, purged: bool) -> str:
    return (',"gone":true' if gone else "") + (',"purged":true' if purged else "")


def node_data(node: Node) -> dict[str, Any]:
    """Return an entity as a JSON object; an erased one says no more than that it is gone.

    Infinite numbers are themselves here: write them with `json.dumps`, or as `1e999`.

    >>> from lineage import Artifact
    >>> node_data(Artifact(id=7, type="Model", properties={"depth": 3}))["id"]
    'artifact:7'
    """
    data: dict[str, Any] = {} if node.id is None else {"id": str(node.key)}
    data |= {"kind": node.kind.value, "type": node.type}
    for name in ("type_version", "name", "external_id", "uri"):
        if getattr(node, name, None) is not None:
            data[name] = getattr(node, name)
    if getattr(node, "state", None) is not None:
        data["state"] = node.state.value  # type: ignore[attr-defined]  # contexts have none
    for name in ("properties", "custom_properties"):
        data[name] = from_json(encode(getattr(node, name)))
    for name in ("create_time", "update_time"):
        if getattr(node, name) is not None:
            data[name] = time_text(getattr(node, name))
    if node.gone:
        data["gone"] = True
    return data


def edge_texts(rows: Iterable[EdgeRow]) -> list[str]:
    """Return rows of edges as texts."""
    return [
        f'{{"source":"{_KINDS[source_kind]}:{source}","target":"{_KINDS[target_kind]}:{target}",'
        f'"key":"{_EDGE_NAMES[kind]}"{"" if time is None else _time_field(time)}'
        f"{'' if paths is None else _path_fields(paths)}{f',{_ORDER}{order}' if order else ''}}}"
        for (source_kind, source), (target_kind, target), kind, time, paths, _, order, *_ in rows
    ]


@lru_cache(maxsize=4096)
def _time_field(micros: int) -> str:
    return f',"time":"{time_text(from_micros(micros))}"'


_ORDER = '"order":'


def _path_fields(text: str) -> str:
    paths = paths_of(text)
    if len(paths) == 1:
        return f',"path":{text}'
    first = f',"path":{path_text(paths[0])}' if paths[0] else ""
    return f'{first},"paths":{text}'


def edge_data(edge: Edge) -> dict[str, Any]:
    """Return an edge as a JSON object; data flows from its source to its target.

    Contexts are the sources of their members, parents those of their children.
    """
    source, target, kind = edge_key(edge)
    data: dict[str, Any] = {"source": str(source), "target": str(target), "key": kind.name}
    if isinstance(edge, Event):
        if edge.time is not None:
            data["time"] = time_text(edge.time)
        if edge.path:
            data["path"] = list(edge.path)
        if len(edge.paths) > 1:
            data["paths"] = [list(path) for path in edge.paths]
    return data


def type_data(node_type: AnyType) -> dict[str, Any]:
    """Return a type as a JSON object."""
    data: dict[str, Any] = {} if node_type.id is None else {"id": node_type.id}
    data |= {"kind": node_type.kind.value, "name": node_type.name}
    for name in ("version", "description", "external_id", "base", "input_type", "output_type"):
        if getattr(node_type, name, None) is not None:
            data[name] = getattr(node_type, name)
    data["properties"] = {name: str(each) for name, each in node_type.properties.items()}
    if node_type.indexed:
        data["indexed"] = list(node_type.indexed)
    for name in ("create_time", "update_time"):
        if getattr(node_type, name) is not None:
            data[name] = time_text(getattr(node_type, name))
    return data


def type_texts(types: Iterable[AnyType]) -> list[str]:
    """Return types as texts."""
    return [to_json(type_data(each)).decode() for each in types]

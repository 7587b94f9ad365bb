"""Answers as JSON documents: fields by name, nodes, edges and values as node-link JSON has them.

Keys of nodes are text such as `artifact:12`, times RFC 3339, `None` is `null`. Values of properties
stand as `lineage.model.values` keeps them at rest, but structs as themselves: infinities are `1e999`,
which every reader takes for one, NaN is `{"float":"nan"}`. All text is ASCII with escapes, so that
no name acts on a terminal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from json.encoder import encode_basestring_ascii
from typing import Any

from pydantic_core import from_json

from lineage.answers.subgraph import Subgraph
from lineage.formats.entries import edge_data, node_data, time_text, type_data
from lineage.formats.records import is_tagged, value_at_rest
from lineage.model.canonical import encode, unescape
from lineage.model.entities import Association, Attribution, Event, Node, ParentContext
from lineage.model.keys import NodeKey
from lineage.model.schema import NodeType

__all__ = ["LONGEST_PATH", "json_text", "keys_of", "plain", "values_of"]

LONGEST_PATH = 200
"""How many steps the path of an affected artifact, or the place of a difference, may have to be spelt out."""


def plain(answer: object) -> Any:  # noqa: PLR0911  # one line for each sort of thing
    """Return what JSON can say of an answer: dictionaries, lists, text, numbers."""
    if isinstance(answer, Enum):
        return answer.value
    if answer is None or isinstance(answer, bool | int | float | str):
        return answer
    if isinstance(answer, NodeKey):
        return str(answer)
    if isinstance(answer, datetime):
        return time_text(answer)
    if isinstance(answer, Node):
        return _node(answer)
    if isinstance(answer, NodeType):
        return type_data(answer)  # type: ignore[arg-type]  # there are no types beside the three
    if isinstance(answer, Event | Attribution | Association | ParentContext):
        return edge_data(answer)
    return _compound(answer)


def _compound(answer: object) -> Any:
    if isinstance(answer, Subgraph):
        return _subgraph(answer)
    if is_dataclass(answer):
        return _fields(answer)
    if isinstance(answer, tuple) and hasattr(answer, "_fields"):
        return {name: plain(value) for name, value in zip(answer._fields, answer, strict=True)}
    if isinstance(answer, Mapping):
        return {str(plain(key)): plain(value) for key, value in answer.items()}
    return [plain(each) for each in answer]  # type: ignore[attr-defined]  # what is left is a sequence


def keys_of(cls: type) -> list[str]:
    """Return the keys of a dataclass's document."""
    return [each.name for each in fields(cls) if not each.name.startswith("_")]


def _fields(answer: object) -> dict[str, Any]:
    special = _VALUES.get(type(answer).__name__, {})
    document = {}
    for name in keys_of(type(answer)):
        as_plain: Callable[[Any], Any] = special.get(name, plain)
        value = getattr(answer, name)
        document[name] = None if _is_too_long(name, answer) else as_plain(value)
    return document


def _is_too_long(name: str, answer: object) -> bool:
    # The paths along one long chain together are as large as its length squared.
    if name == "path":
        return getattr(answer, "distance", 0) > LONGEST_PATH
    return name == "place" and len(getattr(answer, name)) > LONGEST_PATH


def _node(node: Node) -> dict[str, Any]:
    maps = ("properties", "custom_properties")
    return {**node_data(node), **{name: _map(getattr(node, name)) for name in maps}}


def _value(value: Any) -> Any:
    return None if value is None else _map({"": value})[""]


def _values(values: tuple[Any, ...]) -> list[Any]:
    return [_value(each) for each in values]


def _map(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _without_tag(value) for name, value in from_json(encode(values)).items()}


def _without_tag(value: Any) -> Any:
    """Return a struct as itself, unless it would be taken for another value then."""
    if not (isinstance(value, dict) and "struct" in value):
        return value
    struct = from_json(value["struct"])
    return value if is_tagged(struct) else struct


def values_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a map of properties in a document, `Invalid` for what is none; null is none.

    >>> values_of(plain({"depth": 3, "tags": ["a"], "loss": float("nan")}))
    {'depth': 3, 'tags': ['a'], 'loss': nan}
    """
    return {
        unescape(name): value_at_rest(value)
        for name, value in document.items()
        if value is not None
    }


def _cells(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of a table by the names of its columns."""
    return [{name: _cell(value) for name, value in row.items()} for row in rows]


def _cell(value: Any) -> Any:
    return plain(value) if isinstance(value, datetime) or type(value) is tuple else _value(value)


_VALUES: dict[str, dict[str, Callable[[Any], Any]]] = {
    "Row": {"values": _values},
    "Blamed": {"value": _value},
    "Metric": {"value": _value},
    "FieldChange": {"left": _value, "right": _value},
    "Summary": {"parameters": _map},
    "Table": {"rows": _cells},
}
"""The fields that hold values of properties: one, several, or a map.

By the names of the answers' classes, so that one answer does not import the classes of all others.
"""


def _subgraph(answer: Subgraph) -> dict[str, Any]:
    distances = answer.distances
    return {
        "nodes": [{**_node(node), "distance": distances[node.key]} for node in answer.nodes],
        "edges": [edge_data(edge) for edge in answer.edges],
        "copies": plain(answer.copies),
        "notes": [*answer.notes],
        "truncated": plain(answer.truncated),
        "number": answer.number,
    }


def json_text(document: Any, *, indent: int | None = None) -> str:
    r"""Write a document as ASCII text; an infinite number as `1e999`.

    >>> json_text({"a": [1, float("-inf"), "é"]})
    '{"a": [1, -1e999, "\\u00e9"]}'
    """
    return "".join(_pieces(document, indent, 0))


def _pieces(node: Any, indent: int | None, depth: int) -> Iterator[str]:
    if isinstance(node, dict):
        named = [(f"{encode_basestring_ascii(name)}: ", value) for name, value in node.items()]
        yield from _nested("{}", named, indent, depth)
    elif isinstance(node, list):
        yield from _nested("[]", [("", value) for value in node], indent, depth)
    else:
        yield _scalar(node)


def _nested(
    ends: str, items: list[tuple[str, Any]], indent: int | None, depth: int
) -> Iterator[str]:
    if not items:
        yield ends
        return
    line = "" if indent is None else "\n" + " " * indent * (depth + 1)
    between = ", " if indent is None else f",{line}"
    yield ends[0] + line
    for position, (name, value) in enumerate(items):
        yield f"{between}{name}" if position else name
        yield from _pieces(value, indent, depth + 1)
    yield ("" if indent is None else "\n" + " " * indent * depth) + ends[1]


def _scalar(node: Any) -> str:
    if node is None or isinstance(node, bool):
        return {None: "null", True: "true", False: "false"}[node]
    if isinstance(node, str):
        return encode_basestring_ascii(node)
    if isinstance(node, float) and not math.isfinite(node):
        return '{"float": "nan"}' if math.isnan(node) else "1e999" if node > 0 else "-1e999"
    return repr(node)

"""GraphML, for the many tools that read graphs: one attribute per field and per property.

Properties are the attributes `properties.<name>` and `custom_properties.<name>` with the types
boolean, long, double and string; structs and protobuf messages are strings of JSON. Types' own
schemas are not held. Keys stand first in a file but are known last, so nodes and edges wait in a
temporary file.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable
from typing import IO, NamedTuple

from pydantic_core import to_json

from lineage.errors import excerpt
from lineage.formats.entries import edge_data, node_data
from lineage.formats.losses import Losses
from lineage.formats.streams import types_first
from lineage.model.canonical import encode
from lineage.model.entities import Node
from lineage.model.rows import Batch, EdgeRow, edge_of, entity_of
from lineage.model.values import ProtoAny, Value

__all__ = ["dump"]

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">
"""
IN_MEMORY = 8_000_000
"""How many bytes of nodes and edges wait in memory."""

# XML 1.0, 2.2: all other characters cannot be written, not even as references.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SPECIAL = re.compile('[&<>"\t\n\r]')
_REFERENCES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


class _Key(NamedTuple):
    """An attribute: its name, its type and what has it."""

    name: str
    type: str
    on: str


def dump(batches: Iterable[Batch], target: IO[bytes]) -> Collection[str]:
    """Write a graph; what XML cannot hold is reported.

    >>> import io, lineage
    >>> with lineage.connect("memory:") as store:
    ...     model = store.put(lineage.Model(name="a < b"))
    ...     text = store.upstream(model).export("graphml")
    >>> "a &lt; b" in text
    True
    """
    from shutil import copyfileobj
    from tempfile import SpooledTemporaryFile

    types, rest = types_first(batches)
    writer = _Writer()
    with SpooledTemporaryFile(IN_MEMORY) as body:
        for batch in rest:
            for row in batch.nodes:
                body.write(writer.node(entity_of(row, types), purged=row.salt is None).encode())
            body.write("".join(map(writer.edge, batch.edges)).encode())
        target.write(
            f'{_HEAD}{writer.keys()}<graph id="lineage" edgedefault="directed">\n'.encode()
        )
        body.seek(0)
        copyfileobj(body, target)
    target.write(b"</graph>\n</graphml>\n")
    return writer.losses.sentences()


class _Writer:
    """Writes elements, and remembers which attributes they have."""

    def __init__(self) -> None:
        self.losses = Losses()
        self._keys: dict[_Key, str] = {}

    def node(self, node: Node, *, purged: bool) -> str:
        """Return a node's element."""
        place = str(node.key)
        fields = node_data(node)
        parts = [
            self._data(name, value, place, on="all" if name == "kind" else "node")
            for name, value in fields.items()
            if name not in ("id", "properties", "custom_properties")
        ]
        if purged:
            parts.append(self._data("purged", True, place))  # noqa: FBT003  # a value
        for group in ("properties", "custom_properties"):
            for name, value in getattr(node, group).items():
                parts.append(self._data(f"{group}.{name}", value, place))
        return f'<node id="{place}">{"".join(parts)}</node>\n'

    def edge(self, row: EdgeRow) -> str:
        """Return an edge's element."""
        data = edge_data(edge_of(row))
        source, target, kind = data["source"], data["target"], data["key"]
        place = f"the edge {kind} from {source} to {target}"
        if "paths" in data:
            self.losses.note("an event kept the first of its paths alone", place)
        parts = [self._data("kind", kind, place, on="all")]
        parts += [
            self._data(name, data[name], place, on="edge")
            for name in ("time", "path")
            if name in data
        ]
        return f'<edge source="{source}" target="{target}">{"".join(parts)}</edge>\n'

    def _data(self, name: str, value: Value, place: str, *, on: str = "node") -> str:
        kind, text = _typed(value)
        key = self._keys.setdefault(_Key(name, kind, on), f"d{len(self._keys)}")
        return f'<data key="{key}">{self._escaped(text, place)}</data>'

    def _escaped(self, text: str, place: str) -> str:
        legal = _legal(text)
        if legal != text:
            self.losses.note(_REPLACED, place)
        return _escape(legal)

    def keys(self) -> str:
        """Return the elements that declare the attributes; names are unique, as GraphML asks."""
        types = Counter(key.name for key in self._keys)
        # A name that stands for itself goes before one that is made up.
        plain_first = sorted(
            self._keys, key=lambda key: (types[key.name] > 1, _legal(key.name) != key.name)
        )
        taken: set[str] = set()
        lines = []
        for key in plain_first:
            place = f"the attribute {excerpt(key.name)}"
            name = _legal(key.name)
            if name != key.name:
                self.losses.note(_REPLACED, place)
            if types[key.name] > 1:
                name = f"{name}:{key.type}"
                self.losses.note(_APART, place)
            while name in taken:
                name += "_"
            taken.add(name)
            lines.append(
                f'<key id="{self._keys[key]}" for="{key.on}" attr.name="{_escape(name)}" attr.type="{key.type}"/>\n'
            )
        return "".join(lines)


_REPLACED = "characters that XML cannot hold became U+FFFD"
_APART = "values of several types became attributes of their own, whose names end in the type"


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)


def _escape(text: str) -> str:
    # Line ends and tabs as they are would be normalized away: XML 1.0, 2.11 and 3.3.3.
    return _SPECIAL.sub(lambda found: _REFERENCES.get(found[0]) or f"&#{ord(found[0])};", text)


def _typed(value: Value) -> tuple[str, str]:
    """Return the GraphML type of a value, and its text."""
    if isinstance(value, bool):
        return "boolean", "true" if value else "false"
    if isinstance(value, int):
        return "long", str(value)
    if isinstance(value, float):
        return "double", _double(value)
    if isinstance(value, str):
        return "string", value
    if isinstance(value, ProtoAny):
        return "string", encode({"": value})[len('{"":') : -1]
    return "string", to_json(value, inf_nan_mode="constants").decode()


def _double(value: float) -> str:
    """Return a float as XML Schema spells it."""
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "INF" if value > 0 else "-INF"

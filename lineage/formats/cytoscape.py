"""Cytoscape.js JSON, for Cytoscape.js in web pages and the program Cytoscape (`.cyjs`).

The `data` of an element are its fields and properties, side by side and plain, as selectors and
tables want them; structs and protobuf messages are texts of JSON. Its classes are its kind and, where
it is so, `gone` and `purged`. The text is ASCII without `<`, so that a page may hold it in a script.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import IO, Final

from lineage.answers.names import name_of
from lineage.formats.flat import Field, Plain, edge_fields, edge_place, node_fields, type_of_row
from lineage.formats.losses import Losses
from lineage.formats.streams import types_first
from lineage.model.rows import Batch, EdgeRow, NodeRow
from lineage.model.schema import AnyType

__all__ = ["dump"]

_SAFE: Final = 2**53
_INEXACT = "whole numbers beyond 2**53 are there to the last digit, but JavaScript rounds them"
_INFINITE = "numbers that are not finite, which JSON does not have, became texts"


def dump(batches: Iterable[Batch], target: IO[bytes]) -> Collection[str]:
    """Write a graph, one element a line.

    >>> import json, lineage
    >>> with lineage.connect("memory:") as store:
    ...     model = store.put(lineage.Model(name="churn"))
    ...     graph = json.loads(store.upstream(model).export("cytoscape"))
    >>> graph["elements"]["nodes"][0]["data"]["label"]
    'churn'
    """
    types, rest = types_first(batches)
    writer = _Writer(types)
    number = getattr(batches, "number", None)
    about = {"name": "lineage"} | ({} if number is None else {"transaction": number})
    target.write(
        f'{{"format_version":"1.0","generated_by":"lineage","target_cytoscapejs_version":"~3.0",'
        f'"data":{_json(about)},"elements":{{"nodes":['.encode()
    )
    written, turned = 0, False
    for batch in rest:
        written = _write(target, list(map(writer.node, batch.nodes)), written)
        if batch.edges and not turned:
            target.write(_TURN)
            written, turned = 0, True
        written = _write(target, list(map(writer.edge, batch.edges)), written)
    target.write(_TAIL if turned else _TURN + _TAIL)
    return writer.losses.sentences()


_TURN = b'\n],"edges":['
_TAIL = b"\n]}}\n"


def _write(target: IO[bytes], texts: Sequence[str], before: int) -> int:
    """Write items of a list after those before them; return how many there are now."""
    if texts:
        target.write(f"{',' if before else ''}\n{(',' + chr(10)).join(texts)}".encode())
    return before + len(texts)


class _Writer:
    """Writes elements, and counts what JSON, or JavaScript, cannot hold of them."""

    def __init__(self, types: Mapping[int, AnyType]) -> None:
        self.losses = Losses()
        self._types = types

    def node(self, row: NodeRow) -> str:
        """Return a node's element."""
        place = str(row.key)
        data: dict[str, Plain] = {"id": place, "label": name_of(row, self._types)}
        data |= self._data(node_fields(row, type_of_row(row, self._types)), place)
        marks = ("gone",) * row.gone + ("purged",) * (row.salt is None)
        return _json({"data": data, "classes": " ".join((row.key.kind, *marks))})

    def edge(self, row: EdgeRow) -> str:
        """Return an edge's element; its ends and its kind are its id."""
        kind = row.kind.name
        data: dict[str, Plain] = {
            "id": f"{row.source} {kind} {row.target}",
            "source": str(row.source),
            "target": str(row.target),
        }
        data |= self._data(edge_fields(row), edge_place(row))
        return _json({"data": data, "classes": kind})

    def _data(self, fields: Iterable[Field], place: str) -> dict[str, Plain]:
        return {field.title: self._value(field.value, place) for field in fields}

    def _value(self, value: Plain, place: str) -> Plain:
        if isinstance(value, float) and not math.isfinite(value):
            self.losses.note(_INFINITE, place)
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        if isinstance(value, int) and abs(value) > _SAFE:
            self.losses.note(_INEXACT, place)
        return value


_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def _json(value: Mapping[str, object]) -> str:
    return _ENCODER.encode(value).replace("<", "\\u003c")

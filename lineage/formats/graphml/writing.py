"""Writes GraphML. Keys stand first in a file but are known last, so nodes and edges wait in a temporary file."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable
from shutil import copyfileobj
from typing import IO, Final

from lineage.formats.entries import type_data
from lineage.formats.flat import Field, Plain, edge_fields, edge_place, node_fields, type_of_row
from lineage.formats.losses import Losses
from lineage.formats.markup import Attributes, escape
from lineage.formats.streams import types_first, waiting
from lineage.model.rows import Batch, EdgeRow, NodeRow
from lineage.model.schema import AnyType
from lineage.model.values import ValueType

__all__ = ["FORMAT", "VERSION", "dump"]

FORMAT: Final = "lineage"
VERSION: Final = 1
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">
"""


def dump(batches: Iterable[Batch], target: IO[bytes]) -> Collection[str]:
    """Write a graph; what XML cannot hold is reported.

    >>> import lineage
    >>> with lineage.connect("memory:") as store:
    ...     model = store.put(lineage.Model(name="a < b"))
    ...     text = store.upstream(model).export("graphml")
    >>> "a &lt; b" in text
    True
    """
    types, rest = types_first(batches)
    losses = Losses()
    writer = _Writer(losses)
    about = writer.graph(types.values(), getattr(batches, "number", None))
    with waiting() as body:
        for batch in rest:
            for row in batch.nodes:
                body.write(writer.node(row, type_of_row(row, types)).encode())
            body.write("".join(map(writer.edge, batch.edges)).encode())
        target.write(
            f'{_HEAD}{writer.keys()}<graph id="lineage" edgedefault="directed">{about}\n'.encode()
        )
        body.seek(0)
        copyfileobj(body, target)
    target.write(b"</graph>\n</graphml>\n")
    return losses.sentences()


class _Writer:
    """Writes elements, and remembers which attributes they have."""

    def __init__(self, losses: Losses) -> None:
        self._attributes = Attributes(losses)

    def graph(self, types: Iterable[AnyType], number: int | None) -> str:
        """Return what says that the file is ours, and what its types are."""
        fields = [Field("format", FORMAT), Field("version", VERSION, ValueType.INT)]
        if number is not None:
            fields.append(Field("transaction", number, ValueType.INT))
        text = json.dumps([type_data(each) for each in types], separators=(",", ":"))
        fields.append(Field("types", text, ValueType.STRUCT))
        return "".join(self._data(field, "the types", on="graph") for field in fields)

    def node(self, row: NodeRow, node_type: AnyType) -> str:
        """Return a node's element."""
        place = str(row.key)
        data = [
            self._data(field, place, on="all" if field.title == "kind" else "node")
            for field in node_fields(row, node_type)
        ]
        return f'<node id="{place}">{"".join(data)}</node>\n'

    def edge(self, row: EdgeRow) -> str:
        """Return an edge's element."""
        place = edge_place(row)
        data = [
            self._data(field, place, on="all" if field.title == "kind" else "edge")
            for field in edge_fields(row)
        ]
        return f'<edge source="{row.source}" target="{row.target}">{"".join(data)}</edge>\n'

    def _data(self, field: Field, place: str, *, on: str) -> str:
        number = self._attributes.number(field, on=on)
        text = self._attributes.escaped(_spelled(field.value), place)
        return f'<data key="d{number}">{text}</data>'

    def keys(self) -> str:
        """Return the elements that declare the attributes; those of properties describe what they stand for."""
        lines = []
        for number, name, attribute in self._attributes.declared():
            about = ""
            if attribute.group:
                stands_for = {
                    "group": attribute.group, "name": attribute.name, "value": attribute.value.value,
                }  # fmt: skip
                about = f"<desc>{escape(json.dumps(stands_for))}</desc>"
            head = f'<key id="d{number}" for="{attribute.on}" attr.name="{name}" attr.type="{attribute.type}"'
            lines.append(f"{head}>{about}</key>\n" if about else f"{head}/>\n")
        return "".join(lines)


def _spelled(value: Plain) -> str:
    """Return a value as XML Schema spells it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "INF" if value > 0 else "-INF"
    return str(value)

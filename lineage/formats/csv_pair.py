"""CSV, as two files: one row a node, one row an edge; for pandas, spreadsheets, Gephi and Neo4j.

A node's row has its fields, then a column for each property that any node has, `properties.<name>`
and `custom_properties.<name>`; structs, messages and paths are texts of JSON. RFC 4180 in UTF-8:
nothing is an empty cell, and an empty text is one in quotes. Columns stand first in the file of the nodes
but are known last, so rows wait in a temporary file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from struct import Struct
from typing import IO

from lineage.answers.names import name_of
from lineage.errors import excerpt
from lineage.formats.flat import Field, Plain, edge_fields, edge_place, node_fields, type_of_row
from lineage.formats.losses import Losses
from lineage.formats.streams import types_first, waiting
from lineage.model.rows import Batch, EdgeRow, NodeRow
from lineage.model.schema import AnyType
from lineage.model.values import ValueType

__all__ = ["PARTS", "dump_parts"]

PARTS = ("nodes", "edges")
_NODE_COLUMNS = (
    "id", "label", "kind", "type", "type_version", "name", "external_id", "uri", "state",
    "create_time", "update_time", "gone", "purged",
)  # fmt: skip
_EDGE_COLUMNS = ("source", "target", "kind", "time", "path", "paths", "order")
_QUOTED = re.compile('[",\r\n]')
_END = "\r\n"
_FRAME = Struct("<QQ")
"""How many cells a waiting row has, and how many bytes."""


def dump_parts(batches: Iterable[Batch], targets: Sequence[IO[bytes]]) -> Collection[str]:
    """Write the nodes to one file and the edges to another; NUL, which CSV's readers stop at, is reported.

    >>> import io, lineage
    >>> from lineage.interchange.exporting import batches
    >>> nodes, edges = io.BytesIO(), io.BytesIO()
    >>> with lineage.connect("memory:") as store:
    ...     model = store.put(lineage.Model(name="churn"))
    ...     lost = dump_parts(batches(store.backend), [nodes, edges])
    >>> nodes.getvalue().splitlines()[1][:30]
    b'artifact:1,churn,artifact,line'
    """
    types, rest = types_first(batches)
    nodes, edges = targets
    writer = _Writer(types)
    edges.write(f"{','.join(_EDGE_COLUMNS)}{_END}".encode())
    with waiting() as body:
        for batch in rest:
            for row in batch.nodes:
                cells = writer.node(row)
                line = ",".join(cells).encode()
                body.write(_FRAME.pack(len(cells), len(line)) + line)
            edges.write("".join(map(writer.edge, batch.edges)).encode())
        header = writer.header()
        nodes.write(f"{','.join(header)}{_END}".encode())
        body.seek(0)
        while frame := body.read(_FRAME.size):
            count, size = _FRAME.unpack(frame)
            nodes.write(body.read(size))
            nodes.write(f"{',' * (len(header) - count)}{_END}".encode())
    return writer.losses.sentences()


class _Writer:
    """Writes rows, and remembers the columns of nodes."""

    def __init__(self, types: Mapping[int, AnyType]) -> None:
        self.losses = Losses()
        self._types = types
        self._columns = {name: place for place, name in enumerate(_NODE_COLUMNS)}

    def node(self, row: NodeRow) -> list[str]:
        """Return the cells of a node, in as many columns as are known by now."""
        place = str(row.key)
        head = [
            Field("id", place),
            Field("label", name_of(row, self._types)),
            Field("gone", row.gone, ValueType.BOOLEAN),
            Field("purged", row.salt is None, ValueType.BOOLEAN),
        ]
        fields = [*head, *node_fields(row, type_of_row(row, self._types))]
        for field in fields:
            self._columns.setdefault(field.title, len(self._columns))
        cells = [""] * len(self._columns)
        for field in fields:
            cells[self._columns[field.title]] = self._cell(field.value, place)
        return cells

    def edge(self, row: EdgeRow) -> str:
        """Return the line of an edge."""
        place = edge_place(row)
        values = {"source": str(row.source), "target": str(row.target)}
        cells = values | {field.title: self._cell(field.value, place) for field in edge_fields(row)}
        return f"{','.join(cells.get(name, '') for name in _EDGE_COLUMNS)}{_END}"

    def header(self) -> list[str]:
        """Return the names of the columns of nodes, no two of which are the same."""
        taken: dict[str, None] = {}
        for title in self._columns:
            name = self._cell(title, f"the column {excerpt(title)}")
            while name in taken:
                name = self._cell(f"{title}_{len(taken)}", f"the column {excerpt(title)}")
            taken[name] = None
        return list(taken)

    def _cell(self, value: Plain, place: str) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, float) and not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        text = str(value)
        if "\0" in text:
            self.losses.note("NUL, at which readers of CSV stop, became U+FFFD", place)
            text = text.replace("\0", "\ufffd")
        if not text or _QUOTED.search(text):
            return '"' + text.replace('"', '""') + '"'
        return text

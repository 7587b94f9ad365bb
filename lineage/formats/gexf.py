"""GEXF 1.3, the notation of Gephi: attributes as in GraphML, colours and shapes by kind.

Nodes are there from when they were made, edges from the time of their event, so that Gephi's
timeline plays how a graph came to be. Attributes stand first in a file but are known last, so nodes
and edges wait in a temporary file.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from itertools import count
from shutil import copyfileobj
from typing import IO

from lineage.answers.names import name_of
from lineage.formats.entries import time_text
from lineage.formats.flat import Field, Plain, edge_fields, edge_place, node_fields, type_of_row
from lineage.formats.losses import Losses
from lineage.formats.markup import Attributes, escape, legal
from lineage.formats.streams import types_first, waiting
from lineage.model.keys import Kind
from lineage.model.rows import Batch, EdgeRow, NodeRow
from lineage.model.schema import AnyType
from lineage.model.times import from_micros

__all__ = ["dump"]

# NetworkX knows the times' format `date` but not `dateTime`; Gephi reads times with either.
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<gexf xmlns="http://gexf.net/1.3" xmlns:viz="http://gexf.net/1.3/viz"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xsi:schemaLocation="http://gexf.net/1.3 http://gexf.net/1.3/gexf.xsd" version="1.3">
<meta><creator>lineage</creator></meta>
<graph defaultedgetype="directed" mode="dynamic" timeformat="date" idtype="string">
"""
_TAIL = b"</edges>\n</graph>\n</gexf>\n"
_GONE = '<viz:color r="187" g="187" b="187"/>'
_COLOURS = {
    Kind.ARTIFACT: '<viz:color r="74" g="126" b="187"/>',
    Kind.EXECUTION: '<viz:color r="224" g="150" b="40"/>',
    Kind.CONTEXT: '<viz:color r="120" g="120" b="120"/>',
}
_SHAPES = {Kind.ARTIFACT: "disc", Kind.EXECUTION: "square", Kind.CONTEXT: "diamond"}


def dump(batches: Iterable[Batch], target: IO[bytes]) -> Collection[str]:
    """Write a graph; what XML cannot hold is reported.

    >>> import lineage
    >>> with lineage.connect("memory:") as store:
    ...     model = store.put(lineage.Model(name="churn"))
    ...     text = store.upstream(model).export("gexf")
    >>> '<node id="artifact:1" label="churn"' in text
    True
    """
    types, rest = types_first(batches)
    losses = Losses()
    writer = _Writer(types, losses)
    turned = False
    with waiting() as body:
        for batch in rest:
            body.write("".join(map(writer.node, batch.nodes)).encode())
            if batch.edges and not turned:
                body.write(_TURN)
                turned = True
            body.write("".join(map(writer.edge, batch.edges)).encode())
        body.write(_TAIL if turned else _TURN + _TAIL)
        target.write(f"{_HEAD}{writer.attributes()}<nodes>\n".encode())
        body.seek(0)
        copyfileobj(body, target)
    return losses.sentences()


_TURN = b"</nodes>\n<edges>\n"


class _Writer:
    """Writes elements, and remembers which attributes they have."""

    def __init__(self, types: Mapping[int, AnyType], losses: Losses) -> None:
        self._types = types
        self._of = {"node": Attributes(losses), "edge": Attributes(losses)}
        self._edges = count()

    def node(self, row: NodeRow) -> str:
        """Return a node's element."""
        place = str(row.key)
        node_type = type_of_row(row, self._types)
        title = escape(legal(name_of(row, self._types)))
        values = self._values("node", node_fields(row, node_type), place)
        colour = _GONE if row.gone or row.salt is None else _COLOURS[row.key.kind]
        return (
            f'<node id="{place}" label="{title}" start="{time_text(from_micros(row.created))}">{values}'
            f'{colour}<viz:shape value="{_SHAPES[row.key.kind]}"/></node>\n'
        )

    def edge(self, row: EdgeRow) -> str:
        """Return an edge's element; its kind tells it from others with the same ends."""
        kind = row.kind.name
        start = "" if row.time is None else f' start="{time_text(from_micros(row.time))}"'
        return (
            f'<edge id="{next(self._edges)}" source="{row.source}" target="{row.target}" type="directed" '
            f'kind="{kind}" label="{kind}"{start}>{self._values("edge", edge_fields(row), edge_place(row))}</edge>\n'
        )

    def _values(self, on: str, fields: Iterable[Field], place: str) -> str:
        of = self._of[on]
        values = [
            f'<attvalue for="{of.number(field, on=on)}" value="{of.escaped(_spelled(field.value), place)}"/>'
            for field in fields
        ]
        return f"<attvalues>{''.join(values)}</attvalues>"

    def attributes(self) -> str:
        """Return the elements that declare the attributes of nodes, and those of edges."""
        parts = []
        for on, of in self._of.items():
            parts.append(f'<attributes class="{on}" mode="static">\n')
            parts += [
                f'<attribute id="{number}" title="{name}" type="{attribute.type}"/>\n'
                for number, name, attribute in of.declared()
            ]
            parts.append("</attributes>\n")
        return "".join(parts)


def _spelled(value: Plain) -> str:
    """Return a value as Gephi reads it, which is how Java spells numbers."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return str(value)

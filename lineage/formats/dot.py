"""DOT, the language of Graphviz: a picture of a graph, data flowing from left to right.

Executions are boxes, artifacts ellipses, contexts folders with dashed edges to what they contain;
what is gone is grey. A picture shows labels: it holds no properties and no times, and long labels
are cut.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import IO

from lineage.formats.pictures import edge_label, is_containment, node_lines
from lineage.formats.streams import types_first
from lineage.model.keys import Kind
from lineage.model.rows import Batch, EdgeRow, NodeRow

__all__ = ["dump"]

_HEAD = b"""digraph lineage {
rankdir=LR;
node [fontname="Helvetica", fontsize=11];
edge [fontname="Helvetica", fontsize=9];
"""
_STYLES = {
    Kind.ARTIFACT: 'shape=ellipse, style=filled, fillcolor="#e3f0ff"',
    Kind.EXECUTION: 'shape=box, style=filled, fillcolor="#fff1d6"',
    Kind.CONTEXT: 'shape=folder, style=filled, fillcolor="#eeeeee"',
}
_GONE = 'style="filled,dashed", fillcolor="#fafafa", fontcolor="#777777"'


def dump(batches: Iterable[Batch], target: IO[bytes]) -> Collection[str]:
    r"""Write a picture.

    >>> import lineage
    >>> with lineage.connect("memory:") as store:
    ...     model = store.put(lineage.Model(name='the "best"'))
    ...     text = store.upstream(model).export("dot")
    >>> r'label="lineage.Model\nthe \"best\""' in text
    True
    """
    types, rest = types_first(batches)
    target.write(_HEAD)
    for batch in rest:
        lines = [_node(row, node_lines(row, types)) for row in batch.nodes]
        lines += map(_edge, batch.edges)
        target.write("".join(lines).encode())
    target.write(b"}\n")
    return ()


def _node(row: NodeRow, lines: list[str]) -> str:
    style = _STYLES[row.key.kind] + (f", {_GONE}" if row.gone else "")
    label = "\\n".join(map(_escape, lines))
    return f'"{row.key}" [label="{label}", {style}];\n'


def _edge(row: EdgeRow) -> str:
    marks = []
    if is_containment(row.kind):
        marks.append("style=dashed, arrowhead=none")
    if said := edge_label(row.kind):
        marks.append(f'label="{said}"')
    attributes = f" [{', '.join(marks)}]" if marks else ""
    return f'"{row.source}" -> "{row.target}"{attributes};\n'


def _escape(text: str) -> str:
    """Write printable text into a quoted label, where backslashes and HTML's entities have a meaning."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")

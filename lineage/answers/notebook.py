"""What answers share when they show themselves in a notebook: nodes as rows, and the fields of their parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from itertools import islice

from typing_extensions import override

from lineage.answers.labels import label
from lineage.model.entities import Node
from lineage.model.keys import NodeKey
from lineage.model.notebook import CELL, ROWS, Shown, html_answer
from lineage.model.texts import shown

__all__ = ["Part", "fields_html", "node_cells", "node_text", "nodes_html"]

PROPERTY_COLUMNS = 8
"""How many properties have a column of their own: those that most of the nodes have."""
LISTED = 5
"""How many items a cell names."""


class Part(Shown):
    """A dataclass that shows itself as a row for each of its fields."""

    __slots__ = ()

    @override
    def _html(self) -> str:
        names = [field.name for field in fields(self) if field.repr]  # type: ignore[arg-type]  # subclasses are dataclasses
        return fields_html(
            type(self).__name__,
            [(name, getattr(self, name)) for name in names if name not in ("notes", "truncated")],
            notes=getattr(self, "notes", ()),
        )


def fields_html(
    caption: str, rows: Iterable[tuple[str, object]], *, notes: Sequence[str] = ()
) -> str:
    """Return a table of names and values, nodes by key and label; what is None, or empty, is left out."""
    kept = [(name, _told(value)) for name, value in rows if value is not None and value != ()]
    return html_answer(caption, ("field", "value"), kept, notes=notes)


def _told(value: object) -> object:
    """Return what a cell shows: the first few of many, and what nodes are called."""
    if isinstance(value, Node):
        return node_text(value)
    if isinstance(value, NodeKey):
        return str(value)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        parts = [_told(each) for each in islice(value, LISTED)]
        more = [f"and {len(value) - LISTED:,} more"] if len(value) > LISTED else []
        return ", ".join([*(shown(part, limit=CELL) for part in parts), *more])
    return value


def nodes_html(
    caption: str, nodes: Sequence[Node], *, more: int = 0, notes: Sequence[str] = ()
) -> str:
    """Return a table of nodes: key, type, label, and a column for each of the commonest properties.

    No more than the first 50 are looked at; the others, and `more`, are counted.
    """
    first = nodes[:ROWS]
    counts = Counter(name for node in first for name in _values(node))
    names = sorted(name for name, _ in counts.most_common(PROPERTY_COLUMNS))
    rows = []
    for node in first:
        values = _values(node)
        rows.append((*node_cells(node), *(values.get(name) for name in names)))
    header = ("key", "type", "label", *(shown(name, limit=CELL) for name in names))
    return html_answer(caption, header, rows, more=more + len(nodes) - len(first), notes=notes)


def _values(node: Node) -> Mapping[str, object]:
    return {**node.custom_properties, **node.properties}


def node_cells(node: Node) -> tuple[str, str, str]:
    """Return what tables show of any node: its key, its type and its label, or that it is gone."""
    called = label(node, limit=CELL)
    if node.gone:
        called = f"{called} (gone)" if called else "(gone)"
    return str(node.key), shown(node.type, limit=CELL), called


def node_text(node: Node) -> str:
    """Return those cells as one text."""
    return " ".join(part for part in node_cells(node) if part)

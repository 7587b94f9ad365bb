"""What pictures show of a graph: a few lines for a node, a word for an edge that is not plain."""

from __future__ import annotations

from collections.abc import Mapping

from lineage.answers.labels import label
from lineage.model.rows import EdgeKind, NodeRow, entity_of
from lineage.model.schema import AnyType
from lineage.model.texts import printable

__all__ = ["PLAIN_EDGES", "edge_label", "is_containment", "node_lines"]

LABEL_LENGTH = 60
PLAIN_EDGES = frozenset({EdgeKind.INPUT, EdgeKind.OUTPUT})
"""What most edges are, and goes without saying."""


def node_lines(row: NodeRow, types: Mapping[int, AnyType]) -> list[str]:
    """Return a node's type, what people call it, and whether it is gone; each line is printable."""
    node = entity_of(row, types)
    lines = [printable(node.type, limit=LABEL_LENGTH), label(node, limit=LABEL_LENGTH)]
    if row.salt is None:
        lines.append("(purged)")
    elif row.gone:
        lines.append("(deleted)")
    return [line for line in lines if line]


def is_containment(kind: EdgeKind) -> bool:
    """Whether an edge says what belongs to a context."""
    return kind >= EdgeKind.ATTRIBUTION


def edge_label(kind: EdgeKind) -> str:
    """Return what is written at an edge; nothing where the ends say it all."""
    return "" if kind in PLAIN_EDGES or is_containment(kind) else kind.name

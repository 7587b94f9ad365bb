"""What MLMD's edges name and its tables do not hold: nodes that come in as gone.

MLMD checks no edge of a run against the artifacts that are there, and people delete rows by hand.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from lineage.model.canonical import encode
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import NodeRow, TypeRow
from lineage.model.schema import TYPE_CLASSES
from lineage.model.values import NO_PROPERTIES

__all__ = ["MISSING", "missing_node", "missing_types"]

MISSING: Final = "mlmd.Missing"
"""The name of the types of nodes of which nothing is known."""
_TYPE_IDS: Final = {kind: 2**31 + place for place, kind in enumerate(Kind, start=1)}
"""Ids that no MLMD will give to types of its own."""
_NONE = encode(NO_PROPERTIES)


def missing_types(kinds: Iterable[Kind]) -> list[TypeRow]:
    """Return the types of missing nodes of some kinds."""
    return [
        TypeRow(TYPE_CLASSES[kind](id=_TYPE_IDS[kind], name=MISSING), 0)
        for kind in sorted(set(kinds))
    ]


def missing_node(key: NodeKey) -> NodeRow:
    """Return a gone node without content."""
    nothing = (None, None, None, None)
    return NodeRow(key, _TYPE_IDS[key.kind], *nothing, _NONE, _NONE, 0, 0, 0, b"", gone=True)

"""What answers keep of the graph that they were found in, so that they can be drawn once the store is closed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from lineage.answers.marks import Graph
from lineage.contract.walking import Cut
from lineage.model.keys import NodeKey
from lineage.model.rows import EdgeRow
from lineage.queries.reader import Reader

__all__ = ["graph_of"]


def graph_of(
    reader: Reader,
    keys: Collection[NodeKey],
    edges: Sequence[EdgeRow],
    *,
    focus: Iterable[NodeKey],
    cuts: Iterable[Cut | None],
) -> Graph:
    """Return nodes that were met and edges among them as a graph; there is no cut where it is None."""
    rows = reader.rows(dict.fromkeys(keys))
    return Graph(
        nodes=rows,
        edges=edges,
        types={row.type_id: reader.types.by_id[row.type_id] for row in rows},
        number=reader.number,
        focus=tuple(dict.fromkeys(focus)),
        cuts=tuple(cut for cut in cuts if cut is not None),
    )

"""Finding nodes of a Neo4j store by the beginnings of their texts, in one statement, by ranges of its indexes.

The indexes hold no long texts, so each has the first characters; the texts themselves are compared, and
sorted where these characters are the same.
"""

from __future__ import annotations

from functools import cache

from lineage.backends.neo4j.connections import RunStatement
from lineage.backends.neo4j.rows import NODE, START_CHARACTERS, name_start, node_row, of_moment
from lineage.contract.beginnings import Beginning
from lineage.model.keys import LARGEST_ID
from lineage.model.rows import NodeRow

__all__ = ["beginning_with"]

_LAST_PART = (
    "split(CASE WHEN n.uri ENDS WITH '/' THEN left(n.uri, size(n.uri) - 1) ELSE n.uri END, '/')[-1]"
)
_TEXTS = {"name": "n.name", "uri": "n.uri", "last": _LAST_PART}
"""The texts by whose beginnings nodes are found, by how the properties that hold their first characters are called."""


def beginning_with(
    run: RunStatement, as_of: int, beginning: Beginning, *, is_past: bool
) -> list[NodeRow]:
    """Return the nodes with a text that begins so, as `Backend.beginning_with` says, as of a transaction.

    `is_past` says that versions may have been replaced since.
    """
    start = beginning.text[:START_CHARACTERS]
    found = run(
        _statement(with_uris=beginning.has_artifacts, is_past=is_past),
        names=[name_start(kind, start) for kind in beginning.kinds],
        starts=[start],
        text=beginning.text,
        as_of=as_of,
        limit=LARGEST_ID if beginning.limit is None else beginning.limit,
    )
    rows = map(node_row, found)
    return beginning.of(row.seen(as_of) if row.gone else row for row in rows)


@cache
def _statement(*, with_uris: bool, is_past: bool) -> str:
    """Return the statement: of each text the first nodes, of the present or of any moment."""
    labels = ("LineageNode", "LineagePast") if is_past else ("LineageNode",)
    arms = [
        f"""
UNWIND {"$names" if which == "name" else "$starts"} AS start
CALL (start) {{
  MATCH (n:{label}) USING INDEX n:{label}(lineage_{which}_start)
  WHERE n.lineage_{which}_start STARTS WITH start AND {text} STARTS WITH $text AND {of_moment("n")}
  RETURN n ORDER BY n.lineage_{which}_start, {text}, n.lineage_key LIMIT $limit
}}
RETURN {NODE}
"""
        for which, text in _TEXTS.items()
        for label in labels
        if with_uris or which == "name"
    ]
    return " UNION ALL ".join(arms)

"""Looking nodes up by name, external id or digest, any number of them in one round trip."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from lineage.backends.neo4j.connections import RunStatement
from lineage.backends.neo4j.rows import (
    NODE,
    external_digest,
    key_of,
    name_digest,
    node_row,
    of_moment,
)
from lineage.contract.backend import Named, Reference
from lineage.model.contents import digest_number, digest_of
from lineage.model.rows import EdgeKey, EdgeKind, NodeRow

__all__ = ["Found", "look_up", "with_digests"]

_LOOK_UP = f"""
CALL () {{
  UNWIND $names AS row
  MATCH (n:LineageNode {{lineage_name: row.digest}}) USING INDEX n:LineageNode(lineage_name) WHERE n.name = row.text
  RETURN row.place AS place, n
UNION ALL
  UNWIND $external_ids AS row
  MATCH (n:LineageNode {{lineage_external: row.digest}}) USING INDEX n:LineageNode(lineage_external) WHERE n.external_id = row.text
  RETURN row.place AS place, n
}}
WITH collect([place, {NODE}]) AS found, collect(n) AS nodes
RETURN found, COLLECT {{
  UNWIND nodes AS n
  MATCH (c)-[r:ATTRIBUTION|ASSOCIATION|PARENT]->(n) WHERE c IN nodes
  RETURN DISTINCT [c.lineage_key, n.lineage_key, type(r)]
}}
"""
_WITH_DIGESTS = f"""
UNWIND $digests AS row
CALL (row) {{
  MATCH (n:LineageNode {{lineage_content: row.number}}) USING INDEX n:LineageNode(lineage_content) WHERE {of_moment("n")}
  RETURN n
UNION ALL
  MATCH (n:LineagePast {{lineage_content: row.number}}) USING INDEX n:LineagePast(lineage_content) WHERE {of_moment("n")}
  RETURN n
}}
WITH row, n ORDER BY row.place, n.lineage_key
WITH row.place AS place, collect(n) AS found
UNWIND found[..coalesce($limit, size(found))] AS n
RETURN place, {NODE}
"""


class Found(NamedTuple):
    """What a look-up found: nodes by what they were asked for, and the edges of contexts among them.

    The edges are there because whoever looks nodes up to join them needs to know next whether they
    are joined.
    """

    rows: dict[Reference, list[NodeRow]]
    edges: set[EdgeKey]


def look_up(run: RunStatement, references: Collection[Reference]) -> Found:
    """Return the live nodes that each reference names, as an open transaction sees them."""
    places = list(dict.fromkeys(references))
    rows: dict[Reference, list[NodeRow]] = {reference: [] for reference in places}
    if not places:
        return Found(rows, set())
    asked: dict[str, list[dict[str, Any]]] = {"names": [], "external_ids": []}
    for place, reference in enumerate(places):
        name, row = _asked(reference)
        asked[name].append({"place": place, **row})
    ((found, joined),) = run(_LOOK_UP, **asked)
    for place, *values in found:
        rows[places[place]].append(node_row(values))
    edges = {
        EdgeKey(key_of(source), key_of(target), EdgeKind[kind]) for source, target, kind in joined
    }
    return Found(rows, edges)


def _asked(reference: Reference) -> tuple[str, dict[str, Any]]:
    """Return in which list a reference is asked for, and how."""
    if isinstance(reference, Named):
        text, digest = reference.name, name_digest(*reference)
        return "names", {"text": text, "digest": digest}
    text, digest = reference.external_id, external_digest(*reference)
    return "external_ids", {"text": text, "digest": digest}


def with_digests(
    run: RunStatement, as_of: int, digests: Collection[str], limit: int | None
) -> dict[str, list[NodeRow]]:
    """Return the artifacts that have each digest, as `Backend.with_digests` says, as of a transaction."""
    places = list(dict.fromkeys(digests))
    rows: dict[str, list[NodeRow]] = {digest: [] for digest in places}
    asked = [{"place": place, "number": digest_number(each)} for place, each in enumerate(places)]
    others = False
    for place, *values in run(_WITH_DIGESTS, digests=asked, limit=limit, as_of=as_of):
        row = node_row(values)
        if digest_of(row) == places[place]:
            rows[places[place]].append(row.seen(as_of) if row.gone else row)
        else:
            others = True
    if others and limit is not None:
        # Others with the same hash took room within the limit.
        return {
            digest: some[:limit] for digest, some in with_digests(run, as_of, places, None).items()
        }
    return rows

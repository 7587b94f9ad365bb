"""Who wrote artifacts and when, in one statement: the facts of `Backend.writings`."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

from lineage.backends.neo4j.connections import RunStatement
from lineage.backends.neo4j.rows import (
    PAST,
    key_of,
    known_at,
    number_of,
    of_moment,
    state_number,
    uri_digest,
)
from lineage.contract.writings import OUTPUT_KINDS, AtUri, Writing
from lineage.model.keys import LARGEST_ID, Kind, NodeKey
from lineage.model.rows import EdgeKind

__all__ = ["writings_at"]

_OF_TYPE = "($types IS NULL OR n.lineage_type IN $types)"
_OF_URI = "n.lineage_uri = $digest AND n.lineage_key >= 0 AND n.uri = $uri"
_AT_URI = f"""
MATCH (n:LineageNode) USING INDEX SEEK n:LineageNode(lineage_uri, lineage_key)
WHERE {_OF_URI} AND {of_moment("n")} AND {_OF_TYPE}
RETURN n, n.state AS state, n.lineage_created AS created
"""
_FORMER_AT_URI = f"""
MATCH (n:LineagePast) USING INDEX SEEK n:LineagePast(lineage_uri, lineage_key)
WHERE {_OF_URI} AND {of_moment("n")} AND {_OF_TYPE}
MATCH (h:LineageNode {{lineage_key: n.lineage_key}})
RETURN h AS n, n.state AS state, n.lineage_created AS created
"""
_GIVEN = """
UNWIND $keys AS key MATCH (n:LineageNode {lineage_key: key}) USING INDEX n:LineageNode(lineage_key)
WHERE n.lineage_since <= $as_of RETURN n, n.state AS state, n.lineage_created AS created
"""
_FORMER_GIVEN = f"""
UNWIND $keys AS key
MATCH (n:LineagePast {{lineage_key: key}}) USING INDEX n:LineagePast(lineage_key) WHERE {known_at("n")}
MATCH (h:LineageNode {{lineage_key: key}}) USING INDEX h:LineageNode(lineage_key)
RETURN h AS n, n.state AS state, n.lineage_created AS created
"""
_FORMER_STATE = f"""
CASE WHEN x.lineage_since <= $as_of THEN x.state ELSE
  head(COLLECT {{ MATCH (p:LineagePast {{lineage_key: x.lineage_key}}) WHERE {known_at("p")} RETURN p.state }}) END
"""
_KIND = "coalesce(r.lineage_kind, type(r))"
_FIRST = "coalesce(r.lineage_first, r.lineage_since)"
_OUTPUTS = sorted(kind.name for kind in OUTPUT_KINDS)
_RANK = f"CASE kind {' '.join(f'WHEN {kind.name!r} THEN {int(kind)}' for kind in sorted(OUTPUT_KINDS))} END"


def writings_at(
    run: RunStatement,
    as_of: int,
    of: AtUri | Collection[NodeKey],
    *,
    now: int | None,
    limit: int | None,
    is_past: bool,
) -> list[Writing]:
    """Return the first writings, or all, as of a transaction.

    `now` is the time of an open transaction, whose events may have none yet; `is_past` says that
    versions may have been replaced since.
    """
    given: dict[str, Any]
    if isinstance(of, AtUri):
        types = None if of.type_ids is None else sorted(of.type_ids)
        given = {"uri": of.uri, "digest": uri_digest(of.uri), "types": types}
    else:
        given = {"keys": [number_of(key) for key in of]}
    rows = run(
        _statement(at_uri=isinstance(of, AtUri), is_past=is_past),
        as_of=as_of,
        now=now,
        limit=LARGEST_ID if limit is None else limit,
        outputs=_OUTPUTS,
        **given,
    )
    return [
        Writing(
            time,
            number,
            key_of(artifact),
            None if execution is None else key_of(execution),
            None if kind is None else EdgeKind[kind],
            state_number(Kind.EXECUTION, state),
            state_number(Kind.ARTIFACT, artifact_state),
        )
        for time, number, artifact, execution, kind, state, artifact_state in rows
    ]


@cache
def _statement(*, at_uri: bool, is_past: bool) -> str:
    """Return the statement for a URI or for keys, of the present or of any moment."""
    present, past = (_AT_URI, _FORMER_AT_URI) if at_uri else (_GIVEN, _FORMER_GIVEN)
    arms = (present, past) if is_past else (present,)
    return f"""
CALL () {{ {" UNION ALL ".join(arms)} }}
OPTIONAL MATCH (x)-[r:{"|".join((*_OUTPUTS, PAST))}]->(n)
WHERE {of_moment("r")} AND (r.lineage_kind IS NULL OR r.lineage_kind IN $outputs)
OPTIONAL MATCH (t:LineageTransaction {{number: {_FIRST}}})
WITH n.lineage_key AS artifact, state, x.lineage_key AS execution, {_KIND} AS kind,
  CASE WHEN r IS NULL THEN 0 ELSE {_FIRST} END AS number,
  CASE WHEN r IS NULL THEN created ELSE coalesce(r.lineage_time, t.time, $now) END AS time,
  {_FORMER_STATE if is_past else "x.state"} AS run_state
RETURN time, number, artifact, execution, kind, run_state, state
ORDER BY time DESC, number DESC, artifact DESC, execution DESC, {_RANK} DESC LIMIT $limit
"""

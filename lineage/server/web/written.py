"""What a request wrote, told from the transaction that wrote it: so it can be told again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lineage.contract.backend import Backend
from lineage.model.entities import Edge
from lineage.model.keys import Kind, NodeKey
from lineage.model.rows import EVENT_KINDS, INPUT_KINDS, EdgeKind, EdgeRow, edge_of

__all__ = ["Written", "written_in"]


@dataclass(frozen=True, slots=True)
class Written:
    """What a request wrote, in transaction `number`, which is None where there was nothing to change.

    The keys of new nodes are in the order of the request, artifacts first, then executions, then contexts. `run` is the one new
    execution; `inputs`, `outputs` and `contexts` are those of the edges that are new, each once, in order.
    """

    number: int | None
    run: NodeKey | None = None
    created: tuple[NodeKey, ...] = ()
    updated: tuple[NodeKey, ...] = ()
    deleted: tuple[NodeKey, ...] = ()
    purged: tuple[NodeKey, ...] = ()
    inputs: tuple[NodeKey, ...] = ()
    outputs: tuple[NodeKey, ...] = ()
    contexts: tuple[NodeKey, ...] = ()
    ended: tuple[Edge, ...] = ()
    """Edges that were taken away; an event's path and time are not repeated."""
    records: int = 0
    notes: tuple[str, ...] = ()


def written_in(backend: Backend, number: int, notes: tuple[str, ...]) -> Written:
    """Return what a transaction wrote."""
    (commit,) = backend.changes(number - 1, until=number)
    created = tuple(row.key for row in commit.batch.nodes)
    runs = [key for key in created if key.kind is Kind.EXECUTION]
    edges = sorted(commit.batch.edges, key=lambda row: row.order)
    events = [row for row in edges if row.kind in EVENT_KINDS]
    return Written(
        number=number,
        run=runs[0] if len(runs) == 1 else None,
        created=created,
        updated=tuple(row.key for row in commit.batch.updates),
        deleted=tuple(commit.deleted),
        purged=tuple(commit.purged),
        inputs=_once(row.source for row in events if row.kind in INPUT_KINDS),
        outputs=_once(row.target for row in events if row.kind not in INPUT_KINDS),
        contexts=_once(row.source for row in edges if row.kind is EdgeKind.ASSOCIATION),
        ended=tuple(edge_of(EdgeRow(*key, None, None, 0, 0, 0)) for key in commit.ended),
        records=commit.head.records,
        notes=notes,
    )


def _once(keys: Iterable[NodeKey]) -> tuple[NodeKey, ...]:
    return tuple(dict.fromkeys(keys))

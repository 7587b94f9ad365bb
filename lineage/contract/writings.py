"""Who wrote artifacts and when: facts, without a word on which of them count.

A writing is an event by which an execution wrote an artifact; what nobody wrote has one of its own,
its creation. `standing` tells which writings count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeAlias

from lineage.model.keys import NodeKey
from lineage.model.rows import EDGE_ENDS, EVENT_KINDS, EdgeKind, EdgeRow, NodeRow

__all__ = ["OUTPUT_KINDS", "AtUri", "Moment", "Writing", "writing_order", "writings_of"]

OUTPUT_KINDS = frozenset(
    kind for kind in EVENT_KINDS if EDGE_ENDS[kind] == EDGE_ENDS[EdgeKind.OUTPUT]
)
"""The kinds of event by which an execution writes an artifact."""


class AtUri(NamedTuple):
    """The live artifacts of a URI: of some types, or of all."""

    uri: str
    type_ids: frozenset[int] | None = None


class Writing(NamedTuple):
    """One event by which an artifact was written, with the states at the moment that was asked about.

    `time` is the event's own, else that of the transaction that first wrote it. What nobody wrote has no execution, no
    event and the transaction 0; its time is that of its creation. States are MLMD's numbers.
    """

    time: int
    transaction: int
    artifact: NodeKey
    execution: NodeKey | None
    event: EdgeKind | None
    state: int | None
    """The execution's."""
    artifact_state: int | None


Moment: TypeAlias = tuple[int, int, NodeKey, tuple[object, ...]]


def writing_order(writing: Writing) -> Moment:
    """Return what writings are sorted by: time, transaction, artifact, then execution and event."""
    return (*writing[:3], writing[3:5])


def writings_of(
    artifacts: Iterable[NodeRow],
    events: Iterable[EdgeRow],
    executions: Mapping[NodeKey, NodeRow],
    time_of: Callable[[int], int],
) -> list[Writing]:
    """Return the writings of artifacts, newest first; `time_of` returns a transaction's time."""
    by_artifact: dict[NodeKey, list[EdgeRow]] = {}
    for event in events:
        by_artifact.setdefault(event.target, []).append(event)
    writings = []
    for row in artifacts:
        for event in by_artifact.get(row.key, ()):
            time = time_of(event.first) if event.time is None else event.time
            state = executions[event.source].state
            writings.append(
                Writing(time, event.first, row.key, event.source, event.kind, state, row.state)
            )
        if row.key not in by_artifact:
            writings.append(Writing(row.created, 0, row.key, None, None, None, row.state))
    return sorted(writings, key=writing_order, reverse=True)

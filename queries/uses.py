"""What data and models were used for, and what that makes of the ways through a lineage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product

from lineage.contract.walking import Direction, Walk
from lineage.model.keys import NodeKey
from lineage.model.purposes import Purpose
from lineage.model.rows import EdgeRow
from lineage.queries.reader import Reader

__all__ = [
    "PRECEDENCE",
    "evaluated_alone",
    "is_evaluated",
    "purpose_in",
    "purposes_upstream",
]

PRECEDENCE = (Purpose.TRAINING, None, Purpose.EVALUATION, Purpose.BASE)
"""Which purpose counts for what is reached in several ways: what may have been training is not hidden."""


def purpose_in(reader: Reader, event: EdgeRow) -> Purpose | None:
    """Return the purpose of an input, whose ends were read."""
    source, target = reader.row(event.source), reader.row(event.target)
    return reader.roles.purpose(event, source.type_id, target.type_id)


def is_evaluated(reader: Reader, event: EdgeRow) -> bool:
    """Whether an event is an input that was read to evaluate and for nothing else."""
    return purpose_in(reader, event) is Purpose.EVALUATION


def evaluated_alone(reader: Reader, walk: Walk) -> frozenset[NodeKey]:
    """Return what a walk downstream, whose nodes were read, met only by way of evaluation."""
    evaluated = {row.key for row in walk.edges if is_evaluated(reader, row)}
    if not evaluated:
        return frozenset()
    return reader.behind(walk, walk.edges, Direction.DOWNSTREAM, lambda row: row.key in evaluated)


def purposes_upstream(
    reader: Reader,
    inputs: Sequence[Sequence[EdgeRow]],
    edges_of: Callable[[], Iterable[EdgeRow]],
) -> Mapping[NodeKey, Purpose | None]:
    """Return the purpose of each node upstream: that of the direct input it leads to.

    `inputs` are groups of the events by which what was asked about, or the runs that wrote it, read: what
    one group says goes before what the next does. Purposes are on few lineages, and `edges_of` is called
    for those alone.
    """
    reader.read(event.source for group in inputs for event in group)
    groups = [[(event.source, purpose_in(reader, event)) for event in group] for group in inputs]
    if not any(purpose for group in groups for _, purpose in group):
        return {}
    before: dict[NodeKey, list[NodeKey]] = {}
    for row in edges_of():
        before.setdefault(row.target, []).append(row.source)
    purposes: dict[NodeKey, Purpose | None] = {}
    for group, purpose in product(groups, PRECEDENCE):
        ahead = [key for key, own in group if own is purpose]
        while ahead:
            key = ahead.pop()
            if key not in purposes:
                purposes[key] = purpose
                ahead += before.get(key, ())
    return purposes

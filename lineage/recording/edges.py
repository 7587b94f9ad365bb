"""The rules of writing edges: which may be, which are new, and how they end."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lineage.contract.backend import Backend
from lineage.contract.transaction import Author, Transaction
from lineage.contract.walking import Direction
from lineage.errors import AlreadyExists, Invalid, NotFound
from lineage.model.entities import Edge
from lineage.model.keys import NodeKey
from lineage.model.rows import (
    EVENT_KINDS,
    Batch,
    EdgeKind,
    EdgeRow,
    edge_key,
    edge_place,
    path_text,
)
from lineage.model.times import to_micros

__all__ = ["edge_row", "end_edges", "new_edges", "put_edges"]


def put_edges(backend: Backend, edges: Sequence[Edge], author: Author) -> list[EdgeRow]:
    """Write edges and return their rows.

    An event that exists is `AlreadyExists`; other edges, which say no more than that they exist,
    may be put again.
    """
    with backend.transaction(actor=author.actor, message=author.message) as transaction:
        transaction.lock()
        rows = [edge_row(transaction, edge) for edge in edges]
        transaction.write(Batch(edges=new_edges(backend, transaction, rows)))
    return rows


def edge_row(transaction: Transaction, edge: Edge) -> EdgeRow:
    """Return an edge's row; an event that says no time happened now."""
    place = edge_place(edge)
    if place[2] not in EVENT_KINDS:
        return EdgeRow(*place, None, None, transaction.number)
    fields = vars(edge)
    time, path = fields["time"], fields["path"]
    micros = transaction.time if time is None else to_micros(time)
    return EdgeRow(*place, micros, path_text(path) if path else None, transaction.number)


def new_edges(
    backend: Backend,
    transaction: Transaction,
    rows: Sequence[EdgeRow],
    fresh: Collection[NodeKey] = (),
) -> list[EdgeRow]:
    """Return the rows that are to be written, after every check that edges need.

    `fresh` are nodes about to be written, which have no edges yet.
    """
    taken: set[tuple[object, ...]] = set()
    unsure = []
    for row in rows:
        if transaction.wrote_edge(row):
            taken.add(row[:3])
        elif not (row.source in fresh or row.target in fresh or transaction.made_end(row)):
            unsure.append(row.key)
    if unsure:
        taken.update(backend.existing_edges(unsure))
    wanted: dict[tuple[object, ...], EdgeRow] = {}
    for row in rows:
        key = row[:3]
        if key not in taken and key not in wanted:
            wanted[key] = row
        elif row.kind < EdgeKind.ATTRIBUTION:
            raise AlreadyExists(
                f"there is an event {row.kind.name} from {row.source} to {row.target} already"
            )
    parents = [row for row in wanted.values() if row.kind is EdgeKind.PARENT]
    if parents:
        _check_acyclic(backend, parents)
    return list(wanted.values())


def _check_acyclic(backend: Backend, rows: Sequence[EdgeRow]) -> None:
    """Raise `Invalid` where new parents would make a context its own ancestor."""
    parents: dict[NodeKey, set[NodeKey]] = {}
    for row in rows:
        parents.setdefault(row.target, set()).add(row.source)
    frontier = {row.source for row in rows}
    seen: set[NodeKey] = set()
    while frontier:
        seen |= frontier
        above = backend.edges(frontier, Direction.UPSTREAM, kinds={EdgeKind.PARENT})
        for row in above:
            parents.setdefault(row.target, set()).add(row.source)
        frontier = {row.source for row in above} - seen
    for row in rows:
        ancestors, reached = {row.source}, [row.source]
        while reached:
            more = parents.get(reached.pop(), set()) - ancestors
            ancestors |= more
            reached.extend(more)
        if row.target in ancestors:
            raise Invalid(
                f"{row.source} cannot be a parent of {row.target}, which is its ancestor or itself"
            )


def end_edges(backend: Backend, edges: Sequence[Edge], author: Author) -> None:
    """End edges; one that does not exist is `NotFound`."""
    with backend.transaction(actor=author.actor, message=author.message) as transaction:
        transaction.lock()
        keys = list(dict.fromkeys(edge_key(edge) for edge in edges))
        there = backend.existing_edges(keys)
        for key in keys:
            if key not in there:
                raise NotFound(
                    f"there is no {key.kind.name} edge from {key.source} to {key.target}"
                )
        transaction.end(keys)

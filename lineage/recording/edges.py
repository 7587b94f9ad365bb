"""The rules of writing edges: which may be, which are new, and how they end."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise, product

from lineage.contract.backend import Backend
from lineage.contract.refusals import no_edge
from lineage.contract.transaction import Author, Transaction
from lineage.contract.walking import Direction
from lineage.errors import AlreadyExists, Corrupt, Invalid, NotFound, excerpt
from lineage.model.entities import Edge, EventType
from lineage.model.keys import Kind, NodeKey
from lineage.model.paths import paths_text
from lineage.model.rows import (
    EDGE_ENDS,
    EDGE_KINDS,
    EVENT_KINDS,
    Batch,
    EdgeKey,
    EdgeKind,
    EdgeRow,
    edge_key,
    edge_of,
)
from lineage.model.times import to_micros

__all__ = [
    "edge_row",
    "end_edge_between",
    "end_edges",
    "find_circle",
    "new_edges",
    "put_edges",
    "stamp_edge",
]


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


def stamp_edge(
    transaction: Transaction, key: EdgeKey, time: int | None = None, paths: str | None = None
) -> EdgeRow:
    """Return the row of a new edge that a locked transaction writes; an event has a time."""
    number = transaction.number
    return EdgeRow(*key, time, paths, number, transaction.next_order(), number)


def edge_row(transaction: Transaction, edge: Edge) -> EdgeRow:
    """Return an edge's row; an event that says no time happened now."""
    key = edge_key(edge)
    if key.kind not in EVENT_KINDS:
        return stamp_edge(transaction, key)
    fields = vars(edge)
    time, paths = fields["time"], fields["paths"]
    micros = transaction.time if time is None else to_micros(time)
    return stamp_edge(transaction, key, micros, paths_text(paths) if paths else None)


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
    """Raise `Invalid` where new parents would make a context its own ancestor.

    Each ancestor is read once and each edge looked at twice: the check is made under the write lock.
    """
    edges = [*rows]
    frontier = {row.source for row in rows}
    seen: set[NodeKey] = set()
    while frontier:
        seen |= frontier
        above = backend.edges(frontier, Direction.UPSTREAM, kinds={EdgeKind.PARENT})
        edges += above
        frontier = {row.source for row in above} - seen
    circle = find_circle(edges)
    if not circle:
        return
    steps = set(pairwise(circle))
    new = [row for row in rows if (row.source, row.target) in steps]
    if not new:
        raise Corrupt(f"{circle[0]} is among its own ancestors; run a check of the store")
    raise Invalid(
        f"{new[0].source} cannot be a parent of {new[0].target}, which is its ancestor or itself"
    )


def find_circle(parents: Iterable[EdgeRow]) -> list[NodeKey]:
    """Return contexts each of which is a parent of the next, the first being the last; none is no circle.

    The work is linear in the edges.
    """
    # Dictionaries for their order: which circle is found must not depend on the hashes of a process.
    above: dict[NodeKey, dict[NodeKey, None]] = {}
    for row in parents:
        above.setdefault(row.target, {})[row.source] = None
    try:
        TopologicalSorter(above).prepare()
    except CycleError as error:
        circle: list[NodeKey] = error.args[1]
        return circle
    return []


def end_edges(backend: Backend, edges: Sequence[Edge], author: Author) -> None:
    """End edges; one that does not exist is `NotFound`."""
    with backend.transaction(actor=author.actor, message=author.message) as transaction:
        transaction.lock()
        keys = list(dict.fromkeys(edge_key(edge) for edge in edges))
        there = backend.existing_edges(keys)
        for key in keys:
            if key not in there:
                raise no_edge(key)
        transaction.end(keys)


def end_edge_between(
    backend: Backend,
    some: Collection[NodeKey],
    others: Collection[NodeKey],
    event: EventType | str | None,
    author: Author,
) -> Edge:
    """End the edge between one of some nodes and one of others, whichever way it points; return it as it was.

    `event` is its type, where it is an event. `Invalid` where there are several, `NotFound` where there is none.
    """
    if event is not None and event not in tuple(EventType):
        raise Invalid(f"{excerpt(event)} is no type of event; there are {', '.join(EventType)}")
    kinds = EDGE_ENDS if event is None else (EDGE_KINDS[EventType(event)],)
    wanted = [
        EdgeKey(*ends, kind)
        for kind in kinds
        for pair in product(some, others)
        for ends in (pair, pair[::-1])
        if (ends[0].kind, ends[1].kind) == EDGE_ENDS[kind]
    ]
    with backend.transaction(actor=author.actor, message=author.message) as transaction:
        transaction.lock()
        there = sorted(backend.existing_edges(wanted))
        if not there:
            named = "edge" if event is None else f"{event} event"
            raise NotFound(f"there is no {named} between {_one_of(some)} and {_one_of(others)}")
        if len(there) > 1:
            listed = ", ".join(f"{key.kind.name} of {key.source} and {key.target}" for key in there)
            raise Invalid(
                f"there are several edges: {listed}; name the nodes by their keys, and the event with "
                "--type, in Python with type="
            )
        (key,) = there
        # A context and a data set may have very many edges; a run and a member of a context have few.
        end = key.source if key.source.kind is Kind.EXECUTION else key.target
        (row,) = (row for row in backend.edges([end], kinds={key.kind}) if row.key == key)
        transaction.end([key])
    return edge_of(row)


def _one_of(keys: Collection[NodeKey]) -> str:
    """Return how nodes that a text named are called; they are many where it was a URI."""
    first, *more = keys
    return f"{first} or another of its versions" if more else str(first)

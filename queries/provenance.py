"""Tells where something came from, and what came of it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

from lineage.answers.subgraph import Subgraph
from lineage.contract.backend import Backend
from lineage.contract.walking import Direction, Limits
from lineage.model.entities import Node
from lineage.model.keys import NodeKey
from lineage.queries.copies import remarks_on_twins
from lineage.queries.members import starts_of
from lineage.queries.notes import deleted_among, inherited
from lineage.queries.reader import Reader
from lineage.queries.walked import not_followed, walked

__all__ = ["downstream", "subgraph", "upstream"]

NodeT = TypeVar("NodeT", bound=Node)


def upstream(
    backend: Backend,
    starts: Collection[NodeKey],
    *,
    type: type[NodeT] | str | None = None,
    limits: Limits = Limits(),
    through_copies: bool = False,
    inputs: bool = False,
    gone: bool = True,
    happened_by: int | None = None,
    as_of: int | None = None,
) -> Subgraph[NodeT]:
    """Return everything the starts were made from, however indirectly, and the starts themselves.

    In place of a context it begins at its members: its executions, and its artifacts that these do not
    merely read, unless `inputs` are wanted. Hops count edges: the inputs of the execution that wrote an artifact are two hops away. Through copies
    the walk goes on from an artifact that nobody wrote to those with its digest that runs wrote, a hop away.

    >>> import lineage
    >>> digest, store = "sha256:" + "0a" * 32, lineage.connect("memory:")
    >>> lake = lineage.Dataset(uri="s3://lake", custom_properties={"digest": digest})
    >>> _ = store.record(lineage.Process(), outputs=lake)
    >>> near = store.put(
    ...     lineage.Dataset(uri="file:///tmp/lake", custom_properties={"digest": digest})
    ... )
    >>> print(*store.upstream(near).keys)
    artifact:2
    >>> print(*store.upstream(near, through_copies=True).keys)
    artifact:2 artifact:1 execution:1
    """
    return subgraph(
        backend,
        starts,
        Direction.UPSTREAM,
        type=type,
        limits=limits,
        through_copies=through_copies,
        inputs=inputs,
        gone=gone,
        happened_by=happened_by,
        as_of=as_of,
    )


def downstream(
    backend: Backend,
    starts: Collection[NodeKey],
    *,
    type: type[NodeT] | str | None = None,
    limits: Limits = Limits(),
    through_copies: bool = False,
    inputs: bool = False,
    gone: bool = True,
    happened_by: int | None = None,
    as_of: int | None = None,
) -> Subgraph[NodeT]:
    """Return everything that was made from the starts, however indirectly, and the starts themselves.

    Through copies the walk goes on from what a run wrote to artifacts with its digest that nobody wrote, a
    hop away, and from a start that is such a copy to what it is a copy of.
    """
    return subgraph(
        backend,
        starts,
        Direction.DOWNSTREAM,
        type=type,
        limits=limits,
        through_copies=through_copies,
        inputs=inputs,
        gone=gone,
        happened_by=happened_by,
        as_of=as_of,
    )


def subgraph(
    backend: Backend,
    starts: Collection[NodeKey],
    direction: Direction,
    *,
    type: type[NodeT] | str | None = None,
    limits: Limits = Limits(),
    through_copies: bool = False,
    inputs: bool = False,
    gone: bool = True,
    happened_by: int | None = None,
    as_of: int | None = None,
) -> Subgraph[NodeT]:
    """Walk in one direction and read what was met, all of one moment.

    Deleted nodes are walked through; without `gone` ones they are not in the answer, unless it began there.
    `NotFound` for the name of a type that the store does not have.
    """
    as_of = backend.pin(as_of)
    reader = Reader(backend, as_of, happened_by)
    types = reader.types
    matching = None
    if type is not None:
        matching = types.meant(type) if isinstance(type, str) else types.ids(type)
    begin = starts_of(reader, starts, limits, inputs=inputs)
    steps = walked(reader, begin.keys, direction, limits, edges=True, through_copies=through_copies)
    rows = backend.nodes(steps.walk.keys, as_of=as_of)
    deleted = [
        key for level in steps.walk.levels[1:] for key in level if key in rows and rows[key].gone
    ]
    left_out = frozenset(() if gone else deleted)
    remarks = remarks_on_twins(
        reader,
        steps.walk,
        steps.copies,
        direction,
        through_copies=through_copies,
        rows_of=lambda keys: filter(None, map(rows.get, keys)),
    )
    apart = inherited(not_followed(reader, steps.walk, direction, limits), followed=False)
    return Subgraph(
        steps.walk.without(left_out) if left_out else steps.walk,
        rows,
        types.by_id,
        number=reader.number,
        matching=matching,
        cls=None if type is None or isinstance(type, str) else type,
        has_writers=direction is Direction.UPSTREAM and not left_out,
        copies=[hop for hop in steps.copies if left_out.isdisjoint(hop)],
        remarks=(*begin.notes, *deleted_among(deleted, listed_too=gone), *remarks, *apart),
    )

"""Tells where something came from, and what came of it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

from lineage.answers.subgraph import Subgraph
from lineage.contract.backend import Backend
from lineage.contract.registry import registry
from lineage.contract.walking import Direction, Limits
from lineage.model.entities import Node
from lineage.model.keys import NodeKey

__all__ = ["downstream", "subgraph", "upstream"]

NodeT = TypeVar("NodeT", bound=Node)


def upstream(
    backend: Backend,
    starts: Collection[NodeKey],
    *,
    type: type[NodeT] | str | None = None,
    limits: Limits = Limits(),
    as_of: int | None = None,
) -> Subgraph[NodeT]:
    """Return everything the starts were made from, however indirectly, and the starts themselves.

    Hops count edges: the inputs of the execution that wrote an artifact are two hops away.
    """
    return subgraph(backend, starts, Direction.UPSTREAM, type=type, limits=limits, as_of=as_of)


def downstream(
    backend: Backend,
    starts: Collection[NodeKey],
    *,
    type: type[NodeT] | str | None = None,
    limits: Limits = Limits(),
    as_of: int | None = None,
) -> Subgraph[NodeT]:
    """Return everything that was made from the starts, however indirectly, and the starts themselves."""
    return subgraph(backend, starts, Direction.DOWNSTREAM, type=type, limits=limits, as_of=as_of)


def subgraph(
    backend: Backend,
    starts: Collection[NodeKey],
    direction: Direction,
    *,
    type: type[NodeT] | str | None = None,
    limits: Limits = Limits(),
    as_of: int | None = None,
) -> Subgraph[NodeT]:
    """Walk in one direction and read what was met, all of one moment.

    `NotFound` for the name of a type that the store does not have.
    """
    as_of = backend.pin(as_of)
    types = registry(backend, as_of)
    matching = None
    if type is not None:
        matching = types.meant(type) if isinstance(type, str) else types.ids(type)
    walk = backend.walk(starts, direction, limits=limits, as_of=as_of)
    return Subgraph(
        walk,
        backend.nodes(walk.keys, as_of=as_of),
        types.by_id,
        number=backend.now() if as_of is None else as_of,
        matching=matching,
        cls=None if type is None or isinstance(type, str) else type,
        has_writers=direction is Direction.UPSTREAM,
    )

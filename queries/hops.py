"""What a hop of a walk is: a step to where no event leads."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol, TypeAlias

from lineage.answers.subgraph import Copy
from lineage.model.keys import NodeKey
from lineage.model.rows import EdgeRow
from lineage.queries.nesting import Inherited

__all__ = ["Hop", "HopFinder", "Hops"]


class Hop(NamedTuple):
    """A hop as an edge in the direction of the flow, and what it is."""

    row: EdgeRow
    what: Copy | Inherited


Hops: TypeAlias = Mapping[tuple[NodeKey, NodeKey], Hop]
"""Hops by where they are and where they lead."""


class HopFinder(Protocol):
    """Says where hops lead from some nodes of a walk."""

    def hops_from(self, nodes: Collection[NodeKey]) -> Hops:
        """Return the hops from some nodes."""

"""The edges of one node by pages, and how many they are: what a hub is asked instead of all its edges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple, TypeAlias

from lineage.contract.walking import Direction
from lineage.errors import Invalid, excerpt
from lineage.model.keys import LARGEST_ID, Kind, NodeKey
from lineage.model.rows import EDGE_ENDS, EdgeKey, EdgeKind, EdgeRow

__all__ = [
    "MOST_COUNTED",
    "RANKS",
    "EdgeCount",
    "EdgeCounts",
    "Page",
    "Place",
    "capped",
    "count_edges",
]

MOST_COUNTED: Final = 1_000
"""How many edges of one kind are counted on one side of a node."""
RANKS: Final = {kind: rank for rank, kind in enumerate(sorted(Kind))}
"""Where the keys of each kind of node stand among all keys."""


class EdgeCount(NamedTuple):
    """How many edges of one kind a node has on one side; where it `is_capped` there are more."""

    number: int
    is_capped: bool = False


EdgeCounts: TypeAlias = Mapping[tuple[Direction, EdgeKind], EdgeCount]
"""Upstream are the edges that end at the node, downstream those that start there; what has none is absent."""


class Place(NamedTuple):
    """A place among the edges on one side of a node.

    There they are in the order of the other end's kind, as its rank, of that end's id, and of their own kind.
    """

    rank: int
    id: int
    kind: int


_BEGINNING = Place(-1, 0, 0)
_END = Place(len(Kind), 0, 0)
_AFTER_ALL_KINDS = max(EdgeKind) + 1


class Page(NamedTuple):
    """Which edges of a node are asked for: of some kinds or all, after one or from the first, some or all."""

    key: NodeKey
    direction: Direction
    kinds: Collection[EdgeKind] | None
    after: EdgeKey | None
    limit: int | None

    def check(self) -> None:
        """Raise `Invalid` for what is neither the key of an edge nor a limit."""
        if self.after is not None and not _is_key(self.after):
            raise Invalid(
                f"after={excerpt(self.after)}: give the key of the last edge of the page before"
            )
        if self.limit is not None and not _is_limit(self.limit):
            raise Invalid(f"limit={excerpt(self.limit)}: give 1 or more, or None for no limit")

    @property
    def sides(self) -> tuple[Direction, ...]:
        """The sides of the node that the direction means, but those whose edges all come before the page."""
        both = Direction.UPSTREAM, Direction.DOWNSTREAM
        sides = both if self.direction is Direction.BOTH else (self.direction,)
        return tuple(side for side in sides if self.place(side) != _END)

    def place(self, side: Direction) -> Place:
        """Return the place on a side after which edges are in the page, or in one that follows."""
        key, after = self.key, self.after
        if after is None:
            return _BEGINNING
        if side is Direction.DOWNSTREAM:
            if key != after.source:
                return _BEGINNING if key > after.source else _END
            return Place(RANKS[after.target.kind], after.target.id, after.kind)
        kind = int(after.kind)
        if key != after.target:
            kind = 0 if key > after.target else _AFTER_ALL_KINDS
        return Place(RANKS[after.source.kind], after.source.id, kind)

    def by_end(self, side: Direction) -> dict[Kind, list[EdgeKind]]:
        """Return the kinds of edge on a side by the other end's kind, in the order of keys."""
        own, other = (1, 0) if side is Direction.UPSTREAM else (0, 1)
        by_end: dict[Kind, list[EdgeKind]] = {each: [] for each in RANKS}
        for each in EdgeKind if self.kinds is None else sorted(set(self.kinds)):
            ends = EDGE_ENDS[each]
            if ends[own] is self.key.kind:
                by_end[ends[other]].append(each)
        return {end: some for end, some in by_end.items() if some}

    def of(self, rows: Iterable[EdgeRow]) -> list[EdgeRow]:
        """Return the page of edges of both sides, where one from the node to itself may be met twice."""
        after = self.after
        rows = {row[:3]: row for row in rows if after is None or row[:3] > after}.values()
        return sorted(rows)[: self.limit]


def _is_key(after: object) -> bool:
    return (
        isinstance(after, EdgeKey)
        and all(map(isinstance, after, (NodeKey, NodeKey, EdgeKind)))
        and all(0 < end.id < LARGEST_ID for end in after[:2])
    )


def _is_limit(limit: object) -> bool:
    return type(limit) is int and 1 <= limit < LARGEST_ID


def count_edges(upstream: Iterable[EdgeRow], downstream: Iterable[EdgeRow]) -> EdgeCounts:
    """Count the edges on both sides of a node."""
    sides = ((Direction.UPSTREAM, upstream), (Direction.DOWNSTREAM, downstream))
    return capped(Counter((side, row.kind) for side, rows in sides for row in rows))


def capped(counts: Mapping[tuple[Direction, EdgeKind], int]) -> EdgeCounts:
    """Return counts that say where they stop."""
    return {
        place: EdgeCount(min(count, MOST_COUNTED), count > MOST_COUNTED)
        for place, count in counts.items()
    }

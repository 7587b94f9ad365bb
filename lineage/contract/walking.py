"""The reference walk: breadth first over any source of edges, exact about its limits."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Literal, NamedTuple, overload

from lineage.errors import Invalid
from lineage.model.keys import LARGEST_ID, NodeKey
from lineage.model.rows import EdgeRow

__all__ = ["Cut", "Direction", "LaterEdges", "Limits", "Walk", "check_limits", "walk_levels"]


class Direction(StrEnum):
    """Which way a walk goes over the edges of events."""

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"
    BOTH = "both"


class Limits(NamedTuple):
    """How far a walk may go: edges from the start, nodes in the answer, seconds; None is no limit.

    The start counts among the nodes. Seconds are looked at between levels.
    """

    hops: int | None = None
    nodes: int | None = 10_000
    seconds: float | None = None


class Cut(NamedTuple):
    """Why an answer is not whole: the limit that was met, and the kept nodes that lead further."""

    limit: Literal["hops", "nodes", "seconds"]
    frontier: tuple[NodeKey, ...]


class Walk(NamedTuple):
    """What a walk met: its keys level by level, the edges among them, and where it was cut.

    The start is level 0; within a level keys are in order. Edges are in order of source, target
    and kind. `cut` is None where the answer is whole.
    """

    levels: Sequence[Sequence[NodeKey]]
    edges: Sequence[EdgeRow]
    cut: Cut | None = None

    @property
    def keys(self) -> list[NodeKey]:
        """Every key, nearest first."""
        return [key for level in self.levels for key in level]


class LaterEdges(Sequence[EdgeRow]):
    """Edges of a known number that are made when they are first looked at."""

    __slots__ = ("_length", "_made")

    def __init__(self, length: int, make: Callable[[], Sequence[EdgeRow]]) -> None:
        self._length = length
        self._made: Sequence[EdgeRow] | Callable[[], Sequence[EdgeRow]] = make

    def _rows(self) -> Sequence[EdgeRow]:
        made = self._made  # read once: another thread may replace it
        if callable(made):
            made = self._made = made()
        return made

    @overload
    def __getitem__(self, index: int) -> EdgeRow: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[EdgeRow]: ...
    def __getitem__(self, index: int | slice) -> EdgeRow | Sequence[EdgeRow]:
        return self._rows()[index]

    def __iter__(self) -> Iterator[EdgeRow]:
        return iter(self._rows())

    def __len__(self) -> int:
        return self._length

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and [*self] == [*other]

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._rows())

    def __reduce__(self) -> tuple[type[list[EdgeRow]], tuple[list[EdgeRow]]]:
        return list, ([*self],)


def check_limits(limits: Limits) -> None:
    """Raise `Invalid` for limits that make no sense."""
    if not _are_limits(limits):
        raise Invalid(
            f"{limits!r:.80}: give Limits(hops=…, nodes=…, seconds=…), each a number or None, the first two whole"
        )
    if limits.hops is not None and limits.hops < 0:
        raise Invalid(f"hops={limits.hops}: give 0 or more, or None for no limit")
    if limits.nodes is not None and not 1 <= limits.nodes < LARGEST_ID:
        raise Invalid(f"nodes={limits.nodes}: give 1 or more, or None for no limit")
    if limits.seconds is not None and not limits.seconds >= 0:
        raise Invalid(f"seconds={limits.seconds}: give 0 or more, or None for no limit")


def _are_limits(given: object) -> bool:
    wanted = (int | None, int | None, int | float | None)
    return isinstance(given, Limits) and all(map(isinstance, given, wanted))


def walk_levels(
    starts: Collection[NodeKey],
    expand: Callable[[Collection[NodeKey]], Iterable[EdgeRow]],
    direction: Direction,
    *,
    limits: Limits,
    edges: bool,
) -> Walk:
    """Walk from the starts, level by level; `expand` returns the edges at some nodes.

    A node that was not expanded, or whose neighbours were not all kept, is looked at once more at
    the end: its edges to kept nodes belong to the answer, and an unvisited neighbour makes it part
    of the cut's frontier.
    """
    check_limits(limits)
    deadline = None if limits.seconds is None else time.monotonic() + limits.seconds
    first = sorted(set(starts))
    levels = [first[: limits.nodes]]
    dropped = len(first) - len(levels[0])
    cut: Literal["hops", "nodes", "seconds"] | None = "nodes" if dropped else None
    seen = set(levels[0])
    met: dict[tuple[object, ...], EdgeRow] = {}
    unexpanded = levels[0]
    while unexpanded and cut is None:
        if limits.hops is not None and len(levels) > limits.hops:
            cut = "hops"
        elif deadline is not None and time.monotonic() >= deadline:
            cut = "seconds"
        else:
            rows = list(expand(unexpanded))
            met.update((row[:3], row) for row in rows)
            found = sorted(_ends(rows, direction) - seen)
            room = len(found) if limits.nodes is None else limits.nodes - len(seen)
            if len(found) > room:
                cut = "nodes"
            else:
                unexpanded = []
            kept = found[:room]
            seen.update(kept)
            if kept:
                levels.append(kept)
            unexpanded = [*unexpanded, *kept]
    last = list(expand(unexpanded)) if unexpanded else []
    met.update((row[:3], row) for row in last)
    frontier = _leading_on(last, direction, unexpanded, seen)
    return Walk(
        levels=levels,
        edges=sorted(row for row in met.values() if row.source in seen and row.target in seen)
        if edges
        else [],
        cut=None if cut is None or not (frontier or dropped) else Cut(cut, tuple(frontier)),
    )


def _ends(rows: Iterable[EdgeRow], direction: Direction) -> set[NodeKey]:
    """Return the nodes that the edges lead to."""
    if direction is Direction.UPSTREAM:
        return {row.source for row in rows}
    if direction is Direction.DOWNSTREAM:
        return {row.target for row in rows}
    return {end for row in rows for end in (row.source, row.target)}


def _leading_on(
    rows: Iterable[EdgeRow],
    direction: Direction,
    candidates: Collection[NodeKey],
    seen: Collection[NodeKey],
) -> list[NodeKey]:
    """Return the candidates that have a neighbour which was not visited."""
    leading = set()
    for row in rows:
        if direction is not Direction.DOWNSTREAM and row.source not in seen:
            leading.add(row.target)
        if direction is not Direction.UPSTREAM and row.target not in seen:
            leading.add(row.source)
    return sorted(leading.intersection(candidates))

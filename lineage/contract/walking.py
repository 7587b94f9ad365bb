"""The reference walk: breadth first over any source of edges, exact about its limits."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from typing import Literal

from lineage.answers.subgraph import Cut, Direction, Limits, Walk
from lineage.errors import Invalid
from lineage.model.entities import LARGEST_ID, NodeKey
from lineage.model.rows import EdgeRow

__all__ = ["check_limits", "walk_levels"]


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

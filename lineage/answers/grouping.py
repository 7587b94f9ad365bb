"""Groups of alike nodes: colour refinement with a budget, and the edges between groups, over whole numbers.

Nodes are places in a list, from 0 on. A colour says that nodes are alike so far. One round of refinement
tells nodes of one colour apart where the colours before them, or after them, differ as sets. A partition
that no round splits any more is exact: of every member of a group edges lead to each group that edges of
any member lead to, so that every way from group to group is one of each member.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

__all__ = ["Bundle", "Links", "Partition", "bundles", "distances", "refined"]


class Links(NamedTuple):
    """The neighbours of each node: those that edges lead to, and those that edges come from."""

    after: Sequence[Sequence[int]]
    before: Sequence[Sequence[int]]

    @classmethod
    def of(cls, count: int, sources: Sequence[int], targets: Sequence[int]) -> Links:
        """Read the edges once."""
        after: list[list[int]] = [[] for _ in range(count)]
        before: list[list[int]] = [[] for _ in range(count)]
        for source, target in zip(sources, targets, strict=True):
            after[source].append(target)
            before[target].append(source)
        return cls(after, before)


class Partition(NamedTuple):
    """The group of each node, numbered from 0, and whether it is exact: no round splits a group any more."""

    groups: list[int]
    is_exact: bool


def refined(
    colours: Sequence[int], links: Links, budget: int, uncounted: Collection[int] = ()
) -> Partition:
    """Split groups of one colour, round after round, while there are no more groups than the budget.

    Colours are numbered from 0 without gaps. Groups that were split off the `uncounted` ones do not count.
    The groups are those of the last whole round within the budget, or the colours themselves.
    """
    groups = list(colours)
    members: list[set[int]] = [set() for _ in range(max(groups, default=-1) + 1)]
    for node, group in enumerate(groups):
        members[group].add(node)
    counts = [group not in uncounted for group in range(len(members))]
    room = budget - sum(counts)
    waiting: Iterable[int] = range(len(groups))
    while True:
        apart = _split(groups, members, links, waiting)
        room -= sum(counts[group] for group, _ in apart)
        if not apart or room < 0:
            return Partition(groups, not apart)
        for group, some in apart:
            for node in some:
                groups[node] = len(members)
            members[group].difference_update(some)
            members.append(set(some))
            counts.append(counts[group])
        after, before = links
        waiting = {
            near for _, some in apart for node in some for near in (*after[node], *before[node])
        }


def _split(
    groups: Sequence[int], members: Sequence[set[int]], links: Links, waiting: Iterable[int]
) -> list[tuple[int, Collection[int]]]:
    """Return what one round splits off, and off which group; the largest part of a group stays what it was.

    Only nodes beside those that were split off in the round before are looked at. The others of their group
    are still alike, and differ from these, which have a neighbour of a new colour. So a node is looked at as often
    as a smaller part of a group is beside it, and long chains cost no more than their nodes.
    """
    after, before = links
    colour_of = groups.__getitem__
    parts: dict[tuple[int, frozenset[int], frozenset[int]], list[int]] = defaultdict(list)
    for node in waiting:
        colours = frozenset(map(colour_of, after[node])), frozenset(map(colour_of, before[node]))
        parts[groups[node], *colours].append(node)
    by_group: dict[int, list[Collection[int]]] = defaultdict(list)
    for (group, _, _), some in parts.items():
        by_group[group].append(some)
    apart: list[tuple[int, Collection[int]]] = []
    for group, every in by_group.items():
        largest = max(every, key=len)
        left = len(members[group]) - sum(map(len, every))
        if left < len(largest):
            every.remove(largest)
            if left:
                every.append(members[group].difference(largest, *every))
        apart += [(group, some) for some in every]
    return apart


class Bundle(NamedTuple):
    """The edges from one group to another: how many, of how many members, and the kinds as bits of a mask."""

    source: int
    target: int
    edges: int
    sources: int
    targets: int
    kinds: int


def bundles(
    groups: Sequence[int], sources: Sequence[int], targets: Sequence[int], kinds: Sequence[int]
) -> list[Bundle]:
    """Return the edges between groups, by source and target; an edge's kind is below 64."""
    counts: Counter[tuple[int, int]] = Counter()
    from_: dict[tuple[int, int], set[int]] = defaultdict(set)
    to: dict[tuple[int, int], set[int]] = defaultdict(set)
    masks: dict[tuple[int, int], int] = defaultdict(int)
    for source, target, kind in zip(sources, targets, kinds, strict=True):
        pair = groups[source], groups[target]
        counts[pair] += 1
        from_[pair].add(source)
        to[pair].add(target)
        masks[pair] |= 1 << kind
    return [
        Bundle(*pair, counts[pair], len(from_[pair]), len(to[pair]), masks[pair])
        for pair in sorted(counts)
    ]


def distances(links: Links, starts: Iterable[int]) -> list[int]:
    """Return how many edges, in either direction, each node is away from the nearest start.

    What no edges join to a start comes after everything else; without starts all are as far.
    """
    after, before = links
    level = list(dict.fromkeys(starts))
    unreached = len(after)
    far = [unreached] * unreached
    hops = 0
    while level:
        for node in level:
            far[node] = hops
        hops += 1
        near = {other for node in level for other in (*after[node], *before[node])}
        level = [node for node in near if far[node] == unreached]
    return far

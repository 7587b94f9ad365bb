"""Groups of alike nodes: colour refinement with a budget, and the edges between groups, over whole numbers.

Nodes are places in a list, from 0 on. A colour says that nodes are alike so far. One round of refinement
tells nodes of one colour apart where the colours before them, or after them, differ as sets. A partition
that no round splits any more is exact: of every member of a group edges lead to each group that edges of
any member lead to, so that every way from group to group is one of each member.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

__all__ = [
    "Bundle",
    "Bundles",
    "Links",
    "Partition",
    "circles",
    "distances",
    "has_circle",
    "refined",
]


class Links(NamedTuple):
    """The neighbours of each node: those that edges lead to, and those that edges come from."""

    after: Sequence[list[int]]
    before: Sequence[list[int]]

    @classmethod
    def of(cls, count: int, sources: Iterable[int], targets: Iterable[int]) -> Links:
        """Read the edges once."""
        after: list[list[int]] = [[] for _ in range(count)]
        before: list[list[int]] = [[] for _ in range(count)]
        for source, target in zip(sources, targets, strict=True):
            after[source].append(target)
            before[target].append(source)
        return cls(after, before)

    def moved(self, order: Sequence[int], moved: Sequence[int]) -> Links:
        """Return the links of nodes in another order, which has each at the place where it was `moved`.

        The lists are taken over: to make as many anew is most of the time that a large graph takes.
        """
        for near in (*self.after, *self.before):
            near[:] = map(moved.__getitem__, near)
        return Links([self.after[old] for old in order], [self.before[old] for old in order])


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
    """The edges from one group to another: how many, of how many members, and the kinds as bits of a mask.

    `through` are the nodes that are not shown and that join the two.
    """

    source: int
    target: int
    edges: int
    sources: int
    targets: int
    kinds: int
    through: Collection[int]


class Bundles:
    """Counts the edges between groups; a node of no group has -1."""

    def __init__(self, groups: Sequence[int]) -> None:
        self._groups = groups
        self._counts: Counter[tuple[int, int]] = Counter()
        self._sources: dict[tuple[int, int], set[int]] = defaultdict(set)
        self._targets: dict[tuple[int, int], set[int]] = defaultdict(set)
        self._kinds: dict[tuple[int, int], int] = defaultdict(int)
        self._through: dict[tuple[int, int], set[int]] = defaultdict(set)

    def add(self, edges: Iterable[tuple[int, int, int]]) -> None:
        """Count edges by source, target and kind, which is below 64; those of a node of no group are left out."""
        groups, counts, kinds = self._groups, self._counts, self._kinds
        from_, to = self._sources, self._targets
        for source, target, kind in edges:
            pair = groups[source], groups[target]
            if pair[0] < 0 or pair[1] < 0:
                continue
            counts[pair] += 1
            from_[pair].add(source)
            to[pair].add(target)
            kinds[pair] |= 1 << kind

    def join(self, node: int, before: Collection[int], after: Collection[int], kinds: int) -> None:
        """Count a node that is not shown as edges from all before it to all after it, by the groups of these."""
        ends: tuple[dict[int, list[int]], ...] = (defaultdict(list), defaultdict(list))
        for side, nodes in zip(ends, (before, after), strict=True):
            for each in nodes:
                if self._groups[each] >= 0:
                    side[self._groups[each]].append(each)
        for source, some in ends[0].items():
            for target, others in ends[1].items():
                pair = source, target
                self._counts[pair] += len(some) * len(others)
                self._sources[pair].update(some)
                self._targets[pair].update(others)
                self._kinds[pair] |= kinds
                self._through[pair].add(node)

    def __iter__(self) -> Iterator[Bundle]:
        """Yield what was counted, by source and target."""
        for pair in sorted(self._counts):
            yield Bundle(
                *pair,
                self._counts[pair],
                len(self._sources[pair]),
                len(self._targets[pair]),
                self._kinds[pair],
                self._through.get(pair, ()),
            )


def distances(links: Links, starts: Iterable[int]) -> list[int]:
    """Return how many edges, in either direction, each node is away from the nearest start.

    What no edges join to a start is as far as there are nodes; without starts all are.
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


def circles(after: Sequence[Collection[int]]) -> list[list[int]]:
    """Return the groups of nodes each of which leads to all of its group, those that lead to themselves included.

    Tarjan's algorithm, without recursion.
    """
    index = [-1] * len(after)
    low = [0] * len(after)
    stack: list[int] = []
    is_waiting = [False] * len(after)
    found: list[list[int]] = []
    met = 0
    for root in range(len(after)):
        ways = [(root, iter(after[root]))] if index[root] < 0 else []
        while ways:
            node, ahead = ways[-1]
            if index[node] < 0:
                index[node] = low[node] = met
                met += 1
                stack.append(node)
                is_waiting[node] = True
            following = next((each for each in ahead if index[each] < 0 or is_waiting[each]), -1)
            if following >= 0 and index[following] < 0:
                ways.append((following, iter(after[following])))
            elif following >= 0:
                low[node] = min(low[node], index[following])
            else:
                ways.pop()
                if ways:
                    low[ways[-1][0]] = min(low[ways[-1][0]], low[node])
                if low[node] == index[node]:
                    group = _taken(stack, node)
                    for each in group:
                        is_waiting[each] = False
                    if len(group) > 1 or node in after[node]:
                        found.append(sorted(group))
    return found


def _taken(stack: list[int], last: int) -> list[int]:
    """Take what is on top of a stack off it, down to a node."""
    taken = [stack.pop()]
    while taken[-1] != last:
        taken.append(stack.pop())
    return taken


def has_circle(links: Links, nodes: Collection[int]) -> bool:
    """Whether edges among some nodes lead from one of them back to it."""
    inside = set(nodes)
    waits = {node: sum(each in inside for each in links.before[node]) for node in inside}
    free = [node for node, count in waits.items() if not count]
    left = len(inside)
    while free:
        node = free.pop()
        left -= 1
        for following in links.after[node]:
            if following in inside:
                waits[following] -= 1
                if not waits[following]:
                    free.append(following)
    return left > 0
